# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever a guest may send to find out whether its host listens: the same frames for the same seed.

Each frame ends in MARK, behind what its own headers say is its end: no answer brings that back, so a probe that is
flooded to a neighbour can be told from what a host says.
"""
import random
import socket
import struct

from .frames import checksum, mac

MARK = b"probe of lanloom"
BROADCAST = b"\xff" * 6
OPEN, CLOSED = 7, 9  # ports that the host has a server on, and has not


class Place:
    """What there is to be asked: the MACs and addresses of a host, and who asks."""

    def __init__(self, own, macs, four, six, sources, pretend=True):
        self.own, self.macs, self.four, self.six, self.sources = mac(own), [mac(one) for one in macs], four, six, sources
        self.pretended = self.macs if pretend else []  # whether some come in the host's name


def four_of(text):
    return socket.inet_aton(text)


def six_of(text):
    return socket.inet_pton(socket.AF_INET6, text)


def pseudo(source, target, payload, protocol):
    if len(source) == 4:
        return source + target + struct.pack("!BBH", 0, protocol, len(payload))
    return source + target + struct.pack("!IHBB", len(payload), 0, 0, protocol)


def summed(head, payload, at):
    """The payload with its checksum, which stands `at` these bytes."""
    total = checksum(head + payload)
    return payload[:at] + struct.pack("!H", total) + payload[at + 2:]


class Probes:
    def __init__(self, place, seed):
        self.place, self.random = place, random.Random(seed)
        self.strangers = [bytes([2, 0x77, 0, 0, 0, i]) for i in range(32)]
        self.kinds = [self.arp] * 3 + [self.over_four] * 6 + [self.over_six] * 5 + [self.neighbour] * 3 + [self.other]

    def one(self, *of):
        return self.random.choice(of[0] if len(of) == 1 else of)

    # Ethernet

    def target(self, wanted):
        """Mostly the bridge's own MAC, or the multicast one of the address."""
        dice = self.random.random()
        if dice < 0.5:
            return self.place.macs[0]
        if dice < 0.7:
            return wanted
        if dice < 0.8:
            return BROADCAST
        if dice < 0.9:
            return b"\x01\x80\xc2\0\0" + bytes([self.random.randrange(16)])
        return self.one([*self.place.macs, b"\x33\x33\0\0\0\1", b"\1\0\x5e\0\0\1"])

    def frame(self, kind, body, wanted=BROADCAST):
        source = self.place.own if self.random.random() < 0.8 else \
            self.one([*self.strangers, *self.place.pretended, bytes(6), b"\1\0\x5e\0\0\1"])
        head = self.target(wanted) + source
        tags = b""
        if self.random.random() < 0.12:
            tags = self.one(b"\x81\0\0\0", b"\x81\0\0\1", b"\x81\0\xe0\7", b"\x81\0\x0f\xff", b"\x88\xa8\0\0",
                            b"\x88\xa8\0\7\x81\0\0\7", b"\x81\0\0\0\x81\0\0\0")
        return head + tags + struct.pack("!H", kind) + body + bytes(max(0, 46 - len(body))) + MARK

    # ARP

    def arp(self):
        asked, source = four_of(self.one(self.place.four)), four_of(self.one(["0.0.0.0", *self.place.sources[0]]))
        sender = self.place.own if self.random.random() < 0.8 else self.one(self.strangers)
        if self.random.random() < 0.1:
            source = asked
        operation = self.one(1, 1, 1, 1, 1, 2, 3, 8)
        body = b"\0\1\x08\0\6\4" + struct.pack("!H", operation) + sender + source + \
            self.one(bytes(6), self.place.macs[0]) + asked
        return [self.frame(0x8035 if operation == 3 else 0x0806, body)]

    # IP

    def inner(self, source, target, six):
        """(protocol, bytes) of what a packet carries."""
        which = self.random.randrange(8)
        port = self.one(OPEN, OPEN, CLOSED, 22, 53, 67, 68, 547, 546, 4789, 5353)
        if which < 2:
            kind = self.one(128, 128, 129, 139) if six else self.one(8, 8, 8, 13, 15, 17, 10, 0, 5)
            payload = bytes([kind, 0, 0, 0, 0, 1, 0, 1]) + b"echo....."
            return (58 if six else 1), summed(pseudo(source, target, payload, 58) if six else b"", payload, 2)
        if which < 4:
            payload = struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 5 << 4, self.one(2, 2, 2, 0x10, 4, 0x12, 1, 0), 1024, 0, 0)
            return 6, summed(pseudo(source, target, payload, 6), payload, 16)
        if which < 7:
            body = self.one(b"hello", b"\1\1\6\0" + bytes(232) + b"\x63\x82\x53\x63\x35\1\1\xff",
                            b"\0\7\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1")
            payload = struct.pack("!HHHH", self.one(40000, 68, 546, 5353), port, 8 + len(body), 0) + body
            return 17, summed(pseudo(source, target, payload, 17), payload, 6)
        if six:
            return self.one(59, 41, 47, 132, 200), bytes(40)
        payload = b"\x11\x0a\0\0" + bytes(4) + self.one(b"", b"\0\0\0\0")  # who listens to multicast
        return self.one((2, summed(b"", payload, 2)), (2, summed(b"", payload, 2)), (4, bytes(40)), (47, bytes(24)), (132, bytes(24)),
                        (200, bytes(24)))

    def over_four(self):
        source = four_of(self.one(["0.0.0.0", *self.place.sources[0], *self.place.sources[0]]))
        target = four_of(self.one([*self.place.four, "224.0.0.1", "224.0.0.251", "255.255.255.255"]))
        protocol, payload = self.inner(source, target, False)
        option = self.one(b"", b"", b"", b"", b"\x94\4\0\0", b"\x07\x07\4\0\0\0\0\0", b"\x83\x07\4" + target + b"\0", b"\xbb\4\0\0")
        life = self.one(64, 64, 64, 255, 1, 0)
        wanted = b"\1\0\x5e" + bytes([target[1] & 127]) + target[2:] if target[0] == 224 else BROADCAST
        number = self.random.randrange(1, 65536)

        def packet(part, fragment):
            head = struct.pack("!BBHHHBBH", 0x45 + len(option) // 4, 0, 20 + len(option) + len(part), number, fragment, life,
                               protocol, 0) + source + target + option
            return self.frame(0x0800, summed(b"", head, 10) + part, wanted)
        cut = self.random.random()
        if cut < 0.8 or len(payload) <= 8:
            return [packet(payload, 0)]
        if cut < 0.9:  # all of it in two
            return [packet(payload[:8], 0x2000), packet(payload[8:], 1)]
        return [packet(payload[:8], self.one(0x2000, 0x2001, 5, 0x3fff))]

    def packet_six(self, source, target, protocol, payload, hops=64):
        head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, hops) + source + target
        wanted = b"\x33\x33" + target[12:] if target[0] == 0xff else BROADCAST
        return self.frame(0x86dd, head + payload, wanted)

    def over_six(self):
        source = six_of(self.one(["::", *self.place.sources[1], *self.place.sources[1]]))
        target = six_of(self.one([*self.place.six, "ff02::1", "ff02::2", "ff05::2", "ff02::fb", "ff02::1:2", "ff01::1"]))
        protocol, payload = self.inner(source, target, True)
        ahead = self.one(None, None, None, None, None, (0, b"\5\2\0\0\1\0"), (43, b"\0\0\0\0\0\0"), (60, b"\xc7\4\0\0\0\0"),
                         (44, b""), (44, b""))
        if not ahead:
            return [self.packet_six(source, target, protocol, payload, self.one(64, 64, 255, 1, 0))]
        if ahead[0] != 44:
            return [self.packet_six(source, target, ahead[0], bytes([protocol, 0]) + ahead[1] + payload)]
        number = self.random.randrange(1 << 32)
        if len(payload) <= 16 or self.random.random() < 0.4:
            return [self.packet_six(source, target, 44, struct.pack("!BBHI", protocol, 0, self.one(0, 1, 8, 0xfff9), number) + payload)]
        return [self.packet_six(source, target, 44, struct.pack("!BBHI", protocol, 0, 1, number) + payload[:16]),
                self.packet_six(source, target, 44, struct.pack("!BBHI", protocol, 0, 16, number) + payload[16:])]

    def neighbour(self):
        """What routers and neighbours say."""
        source = six_of(self.one(["::", *self.place.sources[1]]))
        asked = six_of(self.one(self.place.six))
        link = b"\1\1" + self.place.own
        kind = self.one(135, 135, 135, 136, 133, 134, 134, 137, 130, 130)
        if kind == 135:
            target, payload = b"\xff\2" + bytes(9) + b"\1\xff" + asked[13:], bytes(4) + asked + link
        elif kind == 136:
            target, payload = self.one(asked, six_of("ff02::1")), b"\xe0\0\0\0" + asked + b"\2\1" + self.place.own
        elif kind == 133:
            target, payload = six_of("ff02::2"), bytes(4) + link
        elif kind == 134:
            target = six_of("ff02::1")
            payload = b"\x40\0\x07\x08" + bytes(8) + b"\3\4\x40\xc0" + b"\0\0\7\x08" * 2 + bytes(4) + six_of("2001:db8:bad::") + link
        elif kind == 137:
            target, payload = asked, bytes(4) + source + six_of("2001:db8::1")
        else:
            target, payload = six_of("ff02::1"), b"\0\1\0\0" + bytes(16) + self.one(b"", b"\2\x7d\0\0")
        payload = bytes([kind, 0, 0, 0]) + payload
        target = target if self.random.random() < 0.7 else asked
        payload = summed(pseudo(source, target, payload, 58), payload, 2)
        if kind == 130:
            return [self.packet_six(source, target, 0, b"\x3a\0\5\2\0\0\1\0" + payload, 1)]
        return [self.packet_six(source, target, 58, payload, 255)]

    def other(self):
        """LLDP, EAPOL start, PPPoE discovery, loop test, MPLS, BPDU, LLC test, what nobody knows."""
        kind, body = self.one((0x88cc, b"\2\7\4" + self.place.own + b"\4\2\7x\6\2\0\x78\0\0"), (0x888e, b"\1\1\0\0"),
                              (0x8863, b"\x11\x09\0\0\0\4\1\1\0\0"), (0x9000, b"\0\0\2\0" + self.place.own), (0x8847, bytes(8)),
                              (38, b"\x42\x42\3" + bytes(35)), (3, b"\0\1\xf3"), (3, b"\0\1\xaf"), (0x88b5, b"?"), (0x8906, bytes(20)))
        return [self.frame(kind, body)]

    def some(self, count):
        """Frames; a cut packet is one behind the other."""
        found = []
        while len(found) < count:
            found += self.one(self.kinds)()
        return found


def sort_of(frame):
    """In a word, what an answer is."""
    kind = struct.unpack("!H", frame[12:14])[0]
    if kind == 0x0806:
        return "arp"
    if kind == 0x0800:
        return {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp"}.get(frame[23], "ip")
    if kind != 0x86dd:
        return f"{kind:04x}"
    if frame[20] == 0:
        return "mld"
    if frame[20] != 58:
        return {6: "tcp6", 17: "udp6", 44: "fragment6"}.get(frame[20], "ip6")
    return {133: "rs", 134: "ra", 135: "ns", 136: "na"}.get(frame[54], "icmp6")
