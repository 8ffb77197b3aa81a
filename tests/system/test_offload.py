# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests that leave segmentation and checksums to others, as VMs do.

    guest-alpha      alpha                            beta      guest-beta
    eth0 ------ port0 [br0] lan0 ~~ wire0 -- wire0 ~~ lan0 [br0] port0 ------ eth0

Where a test switches port0's offloads off, the host has to cut and to compute before a frame leaves
for the guest: so what is seen at the guest's eth0 is what a real card would put on a wire.
"""
import hashlib
import random
import socket
import struct
import threading

import pytest
from lib import frames
from lib.fabric import Fabric
from lib.net import run

MIB = 1 << 20
SO_RCVBUFFORCE = 33


@pytest.fixture(params=["v4", "v6"])
def guests(request, net):
    fabric = Fabric(net)
    fabric.up()
    fabric.joined()
    addresses = ["10.77.0.11", "10.77.0.12"]
    if request.param == "v6":
        addresses = ["fd77::11", "fd77::12"]
        for guest, address in zip(fabric.guests, addresses):
            guest.ip("addr", "add", f"{address}/64", "dev", "eth0", "nodad")
    return fabric, fabric.guests, addresses


def no_offloads(fabric, number):
    run("ip", "netns", "exec", fabric.hosts[number].space, "ethtool", "-K", "port0", "tx", "off", "tso", "off",
        "gso", "off")


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


@pytest.mark.limit(180)
def test_content_is_the_same_by_hash(guests):
    """Both ways, in writes of many sizes, through a host that cuts by itself and one that need not."""
    fabric, (here, there), addresses = guests
    no_offloads(fabric, 1)
    for sizes, size in (([MIB], 40 * MIB), ([1, 3000, 70000, 17, 1400], 8 * MIB)):
        for sender, receiver, address in ((here, there, addresses[1]), (there, here, addresses[0])):
            text, hashes = text_of(size, size), []
            with listen(receiver, address) as server:
                taker = threading.Thread(target=hash_of, args=(server, hashes))
                taker.start()
                push(sender, address, text, sizes)
                taker.join(60)
            assert hashes == [hashlib.sha256(text).hexdigest()]


@pytest.mark.limit(120)
def test_every_checksum_and_size_is_right_at_the_far_end(guests):
    fabric, (here, there), addresses = guests
    no_offloads(fabric, 1)
    watch, text, hashes = Watch(there), text_of(1, 6 * MIB), []
    with listen(there, addresses[1]) as server:
        taker = threading.Thread(target=hash_of, args=(server, hashes))
        taker.start()
        push(here, addresses[1], text, [MIB, 999])
        taker.join(60)
    watch.end()
    assert hashes == [hashlib.sha256(text).hexdigest()]
    assert watch.wrong == []
    assert watch.seen > 1000 and watch.longest <= 1514
    print(f"{watch.seen} packets of at most {watch.longest} bytes")


def test_datagrams_that_are_cut_keep_their_sizes(guests):
    """UDP_SEGMENT in the guest: a super-frame of UDP (USO), whose segments are the datagrams."""
    fabric, (here, there), addresses = guests
    no_offloads(fabric, 1)
    segment, family = 103, family_of(addresses[1])
    with there.entered():
        receiver = socket.socket(family, socket.SOCK_DGRAM)
    with here.entered():
        sender = socket.socket(family, socket.SOCK_DGRAM)
    with receiver, sender:
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 * MIB)
        receiver.bind((addresses[1], 7000))
        receiver.settimeout(10)
        sender.connect((addresses[1], 7000))
        sender.send(b"first")
        assert receiver.recv(2000) == b"first"
        for size in (1200, 100, 1372, 1452, 9):
            if family == socket.AF_INET6 and size == 1452:
                continue
            text = text_of(size, size * 40 + size // 2)
            sender.setsockopt(socket.IPPROTO_UDP, segment, size)
            sender.send(text)
            got = [receiver.recv(2000) for _ in range(41 if size // 2 else 40)]
            assert [len(one) for one in got[:40]] == [size] * 40
            assert b"".join(got) == text


def test_small_datagrams_stay_in_order(guests):
    _, (here, there), addresses = guests
    family = family_of(addresses[1])
    with there.entered():
        receiver = socket.socket(family, socket.SOCK_DGRAM)
    with here.entered():
        sender = socket.socket(family, socket.SOCK_DGRAM)
    with receiver, sender:
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 * MIB)
        receiver.bind((addresses[1], 7000))
        receiver.settimeout(10)
        sender.connect((addresses[1], 7000))
        lengths = random.Random(7)
        for burst in range(40):
            sent = [struct.pack("!II", burst, number) + bytes(lengths.choice((0, 10, 10, 10, 1300)))
                    for number in range(100)]
            for one in sent:
                sender.send(one)
            assert [receiver.recv(2000) for _ in sent] == sent
