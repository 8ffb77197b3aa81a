# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real worker (tunnel_node.c) and a twin with a socket that talks to it, for the tests.

    node = Node(peers=[...])      its frames: put, get; its counters: drops
    host = Host(node.public, ...) a Twin; pump() lets time pass until something is so
"""
import json
import os
import pathlib
import select
import socket
import struct
import subprocess
import tempfile
import time

import lan_noise
from lan_crypto import SUITES, ZERO_KEY, public_of
from lan_inner import Frame, completed
from lan_twin import Twin, ip_overhead

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("BUILD", ROOT / "build")) / "tests" / "interop" / "tunnel_node"
NODE_KEY, TWIN_KEY = bytes([0xA1]) * 32, bytes([0xB2]) * 32
NODE_MAC, TWIN_MAC = bytes.fromhex("02000000000a"), bytes.fromhex("02000000000b")
VNET_NONE = bytes(10)
PATIENCE = 10  # seconds that an answer may take on a busy machine


def frame_of(size, seed=0, dst=NODE_MAC, src=TWIN_MAC):
    """Bytes that tell their seed and place."""
    head = dst + src + struct.pack(">HI", 0x88B5, seed & 0xFFFFFFFF)
    return (head + bytes((seed * 31 + i * 7 + (i >> 8)) & 255 for i in range(size - len(head))))[:size]


def from_node(size, seed=0):
    return frame_of(size, seed, TWIN_MAC, NODE_MAC)


def peer_words(key=TWIN_KEY, **words):
    """A --peer argument; key: the peer's private half. True: the bare word."""
    more = [name if value is True else f"{name}={value}" for name, value in words.items()]
    return ",".join([public_of(key).hex(), *more])


def text_of(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Node:
    """keep_tap: hold a copy of what it reads frames from, as a keeper does."""

    def __init__(self, *peers, key=NODE_KEY, cipher="auto", mtu=1500, segment=0, address="127.0.0.1",
                 keep_tap=False, lanes=1):
        self.tap, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [PROGRAM, "--key", key.hex(), "--cipher", cipher, "--mtu", str(mtu),
                   "--segment", str(segment), "--lanes", str(lanes), "--listen", text_of(address, 0), "--frames", str(far.fileno())]
        for peer in peers:
            command += ["--peer", peer]
        self.stderr = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.stderr, text=True, pass_fds=[far.fileno()])
        self.far = far if keep_tap else far.close()
        word, public, port = self.process.stdout.readline().split()
        assert word == "ready"
        self.public = bytes.fromhex(public)
        self.address = (address, int(port))

    def close(self):
        """It must end by itself, and well."""
        self.process.stdin.close()
        try:
            assert self.process.wait(PATIENCE) == 0, self.said()
        finally:
            self.process.kill()
            for one in (self.tap, self.far, self.process.stdout, self.stderr):
                if one:
                    one.close()

    def said(self):
        """All it wrote to stderr."""
        return os.pread(self.stderr.fileno(), 1 << 20, 0).decode()

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def status(self):
        return json.loads(self.ask("status"))

    def peer(self):
        return self.status()["peers"][0]

    def drops(self, name):
        return self.status()["tunnel"]["drops"].get(name, 0)

    def put(self, frame, vnet=VNET_NONE):
        """A frame from its own side."""
        self.tap.send(vnet + frame)

    def has_frame(self):
        return bool(select.select([self.tap], [], [], 0)[0])

    def get(self, timeout=PATIENCE):
        """A frame to its own side with a complete checksum, or None."""
        if not select.select([self.tap], [], [], timeout)[0]:
            return None
        message = self.tap.recv(70000)
        flags, _, _, _, start, offset = struct.unpack("<BBHHHH", message[:10])
        return completed(Frame(message[10:], start=start, offset=offset)) if flags & 1 else message[10:]


class Host:
    """path: no IP packet larger than this goes through, in either direction."""

    def __init__(self, node_public=public_of(NODE_KEY), key=TWIN_KEY, suites=SUITES, psk=ZERO_KEY,
                 path=65535, address="127.0.0.1", mtu=1500, segment=0, lanes=1):
        self.path = path
        self.socket = self.open_socket(address)
        self.address = self.socket.getsockname()[:2]
        # Timestamps must grow from test to test of one process only; a wall clock does.
        self.twin = Twin(key, suites, mtu=mtu, segment=segment, lanes=lanes, wall=lambda now: time.time())
        self.peer = self.twin.add_peer(node_public, psk=psk)
        self.heard = []  # every datagram that came, also those the path swallows
        self.oversized = []

    @staticmethod
    def open_socket(address):
        made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((address, 0))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        return made

    def roam(self):
        """Another port from now on; the old socket stays open, unheard."""
        self.old_socket, self.socket = self.socket, self.open_socket(self.address[0])
        self.address = self.socket.getsockname()[:2]

    def close(self):
        self.socket.close()

    def words(self, **more):
        """The node's --peer argument for this host."""
        return peer_words(self.twin.private, **more)

    def endpoint(self):
        return text_of(*self.address)

    def knows(self, node):
        self.peer.locate(node.address)

    def raw(self, datagram, to=None):
        self.socket.sendto(datagram, to or self.peer.endpoint)

    def flush(self):
        for datagram, to in self.twin.sent:
            if len(datagram) + ip_overhead(to[0]) <= self.path:
                self.socket.sendto(datagram, to)
        self.twin.sent.clear()

    def take(self, timeout=0.0):
        """One datagram off the wire: (bytes, source), or None."""
        if not select.select([self.socket], [], [], timeout)[0]:
            return None
        datagram, source = self.socket.recvfrom(70000)
        self.heard.append(datagram)
        if len(datagram) + ip_overhead(source[0]) > self.path:
            self.oversized.append(datagram)
            return self.take(timeout)
        return datagram, source[:2]

    def pump(self, until, timeout=PATIENCE):
        """Lives until `until()` is true; false when that took too long."""
        end = time.monotonic() + timeout
        while True:
            self.twin.tick(time.monotonic())
            self.flush()
            if until():
                return True
            if time.monotonic() > end:
                return False
            while got := self.take(0.02):
                self.twin.feed(*got, time.monotonic())
                self.flush()
                if until():
                    return True

    def settle(self, seconds=0.05):
        """Hears what there is to hear."""
        self.pump(lambda: False, seconds)

    def initiate(self):
        """A new initiation at once, whatever the timers say; the datagram, not sent."""
        self.twin.initiate(self.peer, time.monotonic())
        return self.twin.sent.pop()[0]

    def connect(self):
        """A new session that this side initiated, confirmed; False if there was no answer."""
        before = self.peer.current
        self.raw(self.initiate())
        return self.pump(lambda: self.peer.current is not before)

    def answer(self, seconds=0.05):
        """The next response or cookie reply; None when there is none in that time."""
        end = time.monotonic() + seconds
        while got := self.take(max(0, end - time.monotonic())):
            if got[0][0] in (lan_noise.RESPONSE, lan_noise.COOKIE):
                return got[0]
        return None

    def now(self):
        return time.monotonic()

    def send_frame(self, frame):
        self.twin.send_frame(self.peer, frame, time.monotonic())
        self.flush()

    def send_inner(self, inner, session=None, lane=0):
        """An inner message as it stands, right or wrong."""
        session = session or self.peer.current
        datagram = session.seal(inner, lane)
        self.raw(datagram)
        return datagram

    def frame(self, timeout=PATIENCE):
        """The next frame that came, as bytes, or None."""
        if not self.pump(lambda: self.twin.frames, timeout):
            return None
        return completed(self.twin.frames.pop(0)[1])


class Made:
    """Nodes and hosts that are closed together."""

    def __init__(self):
        self.nodes, self.hosts = [], []

    def node(self, *peers, **words):
        assert PROGRAM.exists(), f"there is no {PROGRAM}; run ./dev build first"
        self.nodes.append(Node(*peers, **words))
        return self.nodes[-1]

    def host(self, **words):
        self.hosts.append(Host(**words))
        return self.hosts[-1]

    def pair(self, suites=None, cipher="auto", host=None, node=None, **peer_words):
        """(host, node) that know each other, with a session the host initiated."""
        host = self.host(**{"suites": suites} if suites else {}, **(host or {}))
        node = self.node(host.words(**peer_words), cipher=cipher, **(node or {}))
        host.knows(node)
        assert host.connect(), "no answer to a good initiation"
        return host, node

    def close(self):
        errors = []
        for node in self.nodes:
            try:
                node.close()
            except Exception as error:  # noqa: BLE001 - all are closed, then the first is told
                errors.append(error)
        for host in self.hosts:
            host.close()
        if errors:
            raise errors[0]


def until(condition, what, timeout=PATIENCE):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.005)
