# SPDX-License-Identifier: LGPL-2.1-or-later
"""Much traffic between two hosts, and what must hold of it: the same content, right checksums and sizes."""
import contextlib
import hashlib
import random
import socket
import struct
import threading

from . import frames
from .net import run

MIB = 1 << 20
SO_RCVBUFFORCE = 33


def no_offloads(host):
    """At port0: the host has to cut and to compute."""
    run("ip", "netns", "exec", host.space, "ethtool", "-K", "port0", "tx", "off", "tso", "off", "gso", "off")


def text_of(seed, size):
    return random.Random(seed).randbytes(size)


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def listen(guest, address):
    with guest.entered():
        server = socket.socket(family_of(address), socket.SOCK_STREAM)
    server.bind((address, 7000))
    server.listen()
    server.settimeout(60)
    return server


def hash_of(server, hashes):
    taken, _ = server.accept()
    with taken:
        taken.settimeout(60)
        digest = hashlib.sha256()
        while block := taken.recv(MIB):
            digest.update(block)
    hashes.append(digest.hexdigest())


def carry(sender, receiver, address, text, sizes):
    """Sends a text over TCP, in writes of these sizes; is it the same there?"""
    hashes = []
    with listen(receiver, address) as server:
        taker = threading.Thread(target=hash_of, args=(server, hashes))
        taker.start()
        push(sender, address, text, sizes)
        taker.join(60)
    return hashes == [hashlib.sha256(text).hexdigest()]


def push(guest, address, text, sizes):
    """Sends the text in writes of these sizes, in turn."""
    with guest.entered():
        sender = socket.socket(family_of(address), socket.SOCK_STREAM)
    with sender:
        sender.settimeout(60)
        sender.connect((address, 7000))
        at, turn = 0, 0
        while at < len(text):
            size = sizes[turn % len(sizes)]
            sender.sendall(text[at:at + size])
            at += size
            turn += 1


class Watch(threading.Thread):
    """Takes every TCP packet that comes to eth0 and looks at what must hold of it."""

    def __init__(self, guest):
        super().__init__()
        with guest.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 * MIB)
        self.socket.bind(("eth0", 0))
        self.socket.settimeout(0.2)
        self.ended = False
        self.seen, self.wrong, self.longest = 0, [], 0
        self.start()

    def run(self):
        while True:
            try:
                frame, place = self.socket.recvfrom(70000)
            except TimeoutError:
                if self.ended:
                    return
                continue
            if place[2] != socket.PACKET_OUTGOING and self.is_tcp(frame):
                self.look(frame)

    @staticmethod
    def is_tcp(frame):
        return (frame[12:14] == b"\x08\x00" and frame[23] == 6) or (frame[12:14] == b"\x86\xdd" and frame[20] == 6)

    def look(self, frame):
        self.seen += 1
        self.longest = max(self.longest, len(frame))
        if frame[12:14] == b"\x08\x00":
            head, size = 14 + (frame[14] & 15) * 4, struct.unpack("!H", frame[16:18])[0] + 14
            pseudo = frame[26:34]
            if frames.checksum(frame[14:head]):
                self.wrong.append("IPv4 checksum")
        else:
            head, size, pseudo = 54, struct.unpack("!H", frame[18:20])[0] + 54, frame[22:54]
        body = frame[head:size]
        if size > len(frame) or frames.checksum(pseudo + struct.pack("!HH", 6, len(body)) + body):
            self.wrong.append(f"TCP checksum of {len(frame)} bytes")

    def end(self):
        self.ended = True
        self.join()
        self.socket.close()
        return self


@contextlib.contextmanager
def datagrams(here, there, address):
    """Sockets that send from one host and receive on the other, which loses none for want of room."""
    family = family_of(address)
    with there.entered():
        receiver = socket.socket(family, socket.SOCK_DGRAM)
    with here.entered():
        sender = socket.socket(family, socket.SOCK_DGRAM)
    with receiver, sender:
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 * MIB)
        receiver.bind((address, 7000))
        receiver.settimeout(10)
        sender.connect((address, 7000))
        # Before the neighbour is known the kernel keeps datagrams, and later ones may pass those.
        sender.send(b"first")
        assert receiver.recv(2000) == b"first"
        yield sender, receiver


def datagrams_keep_sizes(here, there, address, sizes):
    """UDP_SEGMENT in the sender: a super-frame of UDP (USO), whose segments are the datagrams."""
    segment = 103
    with datagrams(here, there, address) as (sender, receiver):
        for size in sizes:
            text = text_of(size, size * 40 + size // 2)
            sender.setsockopt(socket.IPPROTO_UDP, segment, size)
            sender.send(text)
            got = [receiver.recv(2000) for _ in range(41 if size // 2 else 40)]
            assert [len(one) for one in got[:40]] == [size] * 40
            assert b"".join(got) == text
