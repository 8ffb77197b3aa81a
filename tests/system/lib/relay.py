#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bad wire: carries datagrams between two hosts, and does to them what it is told.

    one (its address) ---- near [relay] near ---- other (its address)

    relay.py SEED NEAR:PORT ONE:PORT NEAR:PORT OTHER:PORT

To each of the two it stands at the address where the other one is thought to be. A line of JSON on
stdin sets faults, {} none, and is answered by a line: how many datagrams of each length were let
through unharmed so far, copies not counted, for each direction. It ends with its stdin. Which
datagram is hit follows from the seed and its place in its direction.

    loss, double, corrupt   of a thousand
    delay, reorder          ms for all; up to so many ms more for each
    mtu                     larger packets vanish, nobody is told
    cut                     nothing passes
"""
import collections
import heapq
import json
import random
import select
import socket
import sys
import time

HEADERS = 28  # IPv4 and UDP
BUFFER = 4 << 20
SO_RCVBUFFORCE = 33


class Way:
    """One direction."""

    def __init__(self, seed, take, give, to):
        self.random = random.Random(seed)
        self.take, self.give, self.to = take, give, to
        self.passed = collections.Counter()

    def fate(self, datagram, faults):
        """When, after now, and what arrives: a list of pairs."""
        drawn = [self.random.randrange(1000) for _ in range(3)]
        jitter = [self.random.random() for _ in range(2)]
        bit = self.random.randrange(8 * len(datagram))
        if faults.get("cut") or drawn[0] < faults.get("loss", 0):
            return []
        if len(datagram) + HEADERS > faults.get("mtu", 65535):
            return []
        if drawn[1] < faults.get("corrupt", 0):
            datagram = bytearray(datagram)
            datagram[bit // 8] ^= 1 << bit % 8
        else:
            self.passed[len(datagram)] += 1
        copies = 2 if drawn[2] < faults.get("double", 0) else 1
        base, spread = faults.get("delay", 0), faults.get("reorder", 0)
        return [((base + spread * jitter[copy]) / 1000, datagram) for copy in range(copies)]


class Relay:
    def __init__(self, seed, near_one, one, near_other, other):
        left, right = self.open(near_one), self.open(near_other)
        self.ways = [Way(2 * seed, left, right, other), Way(2 * seed + 1, right, left, one)]
        self.faults, self.waiting, self.order = {}, [], 0

    @staticmethod
    def open(address):
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        opened.bind(address)
        opened.setblocking(False)
        return opened

    def take_all(self, way):
        while True:
            try:
                datagram = way.take.recv(65535)
            except BlockingIOError:
                return
            except ConnectionRefusedError:  # nobody listens at the other end just now
                continue
            for after, bytes_then in way.fate(datagram, self.faults) if datagram else []:
                self.order += 1
                heapq.heappush(self.waiting, (time.monotonic() + after, self.order, way, bytes_then))

    def give_due(self):
        """Seconds until something is due; None: nothing waits."""
        while self.waiting:
            left = self.waiting[0][0] - time.monotonic()
            if left > 0:
                return left
            _, _, way, datagram = heapq.heappop(self.waiting)
            try:
                way.give.sendto(datagram, way.to)
            except OSError:
                pass  # a full queue, or nobody there: lost, as on any wire
        return None

    def obey(self, line):
        self.faults = json.loads(line)
        print(json.dumps([way.passed for way in self.ways]), flush=True)

    def run(self):
        sockets = {way.take: way for way in self.ways}
        while True:
            ready = select.select([sys.stdin, *sockets], [], [], self.give_due())[0]
            for way in (sockets[one] for one in ready if one in sockets):
                self.take_all(way)
            if sys.stdin in ready:
                line = sys.stdin.readline()
                if not line:
                    return
                self.obey(line)


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


if __name__ == "__main__":
    Relay(int(sys.argv[1]), *map(address, sys.argv[2:6])).run()
