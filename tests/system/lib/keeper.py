# SPDX-License-Identifier: LGPL-2.1-or-later
"""The keeper's protocol as its header describes it (src/world/keeper_door.h), for tests that say what
lanloom never would."""
import array
import pathlib
import socket
import struct

PING, LIST, APPLY, STATUS, NOTICE = range(5)
HEAD = struct.Struct("<IBBBBi")
MAGIC = 0x6D6F6F6C
PROTOCOL = 1
PIECE = 64 << 10


def head(request, more=0, protocol=PROTOCOL, magic=MAGIC, zero=0, code=0):
    return HEAD.pack(magic, protocol, request, more, zero, code)


def connect(folder):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.connect(str(pathlib.Path(folder) / "control"))
    sock.settimeout(10)
    return sock


def send(sock, request, text="", fds=()):
    """A whole request, in pieces."""
    data = text.encode()
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    while True:
        piece, data = data[:PIECE], data[PIECE:]
        sock.sendmsg([head(request, bool(data)), piece], ancillary)
        ancillary = []
        if not data:
            return


def receive(sock):
    """The code and text of an answer; None if there came none."""
    text = b""
    while True:
        message = sock.recv(HEAD.size + PIECE)
        if not message:
            return None
        _, _, _, more, _, code = HEAD.unpack_from(message)
        text += message[HEAD.size:]
        if not more:
            return code, text.decode()


def ask(folder, request, text="", fds=()):
    with connect(folder) as sock:
        send(sock, request, text, fds)
        return receive(sock)


def folder_of(host):
    """The state folder of a host whose keeper runs: the one its command line names."""
    for pid in host.pids():
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if words[0] == b"lanloomd" and len(words) > 1:
            return pathlib.Path(words[1].decode())
    raise AssertionError("no keeper runs")
