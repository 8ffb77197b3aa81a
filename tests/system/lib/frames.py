# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames made, sent, received and compared byte for byte."""
import fcntl
import os
import select
import socket
import struct
import time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
SIOCETHTOOL = 0x8946
ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO = 0x17, 0x1F, 0x24, 0x2C
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
SO_RCVBUFFORCE = 33
ETH_P_ALL = 3
TEST_TYPE = 0x88B5  # IEEE 802 local experimental
EVERYBODY = "ff:ff:ff:ff:ff:ff"


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def pattern(seed, size):
    """Bytes that tell their seed and place: a swapped or shifted piece does not go unnoticed."""
    return bytes((seed * 31 + i * 7 + (i >> 8)) & 0xFF for i in range(size))


def plain(dst, src, size, seed):
    """A frame of a type nobody interprets; size counts the header, as 60 to 1514 does."""
    return mac(dst) + mac(src) + struct.pack("!HI", TEST_TYPE, seed) + pattern(seed, size - 18)


def tcp(dst, src, saddr, daddr, sequence, payload, flags=0x10, ident=0):
    """A complete TCP segment with right checksums."""
    source, target = socket.inet_aton(saddr), socket.inet_aton(daddr)
    head = struct.pack("!HHIIBBHHH", 40000, 50000, sequence & 0xFFFFFFFF, 1, 5 << 4, flags, 65535, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, 6, len(head) + len(payload))
    total = checksum(pseudo + head + payload)
    head = head[:16] + struct.pack("!H", total) + head[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), ident & 0xFFFF, 0x4000, 64, 6, 0,
                     source, target)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    frame = mac(dst) + mac(src) + b"\x08\x00" + ip + head + payload
    return frame + bytes(max(0, 60 - len(frame)))


def offloads_off(host, device):
    """The device then gets every frame as it would be on a wire: cut, and with its checksum."""
    with host.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in (ETHTOOL_SGRO, ETHTOOL_SGSO, ETHTOOL_STSO, ETHTOOL_STXCSUM):
            value = bytearray(struct.pack("=II", command, 0))
            address = (ctypes_address(value))
            request = struct.pack("16sP", device.encode(), address)
            fcntl.ioctl(control, SIOCETHTOOL, request)


def ctypes_address(buffer):
    import ctypes
    return ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer))


class Port:
    """Sends and receives whole frames; `wanted(frame)` picks those that receive() answers."""

    def __init__(self, wanted=None):
        self.wanted = wanted or (lambda frame: True)

    def receive(self, count, seconds):
        """Up to count frames, as many as come within the time."""
        found, end = [], time.monotonic() + seconds
        while len(found) < count:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fileno()], [], [], left)[0]:
                break
            frame = self.take()
            if frame is not None and self.wanted(frame):
                found.append(frame)
        return found

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


class Tap(Port):
    """Holds a TAP open without offloads, as the plainest VM would."""

    def __init__(self, host, name, wanted=None):
        super().__init__(wanted)
        with host.entered():
            self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            with host.entered():
                fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH22x", name.encode(),
                                                            IFF_TAP | IFF_NO_PI))
        except OSError:
            os.close(self.fd)
            raise

    def fileno(self):
        return self.fd

    def send(self, frame):
        assert os.write(self.fd, frame) == len(frame)

    def take(self):
        return os.read(self.fd, 65536)

    def close(self):
        os.close(self.fd)


class Packet(Port):
    """An AF_PACKET socket on a device: sees frames as they are on that wire."""

    def __init__(self, host, device, wanted=None, outgoing=False):
        super().__init__(wanted)
        with host.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        if not outgoing:
            self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.socket.bind((device, ETH_P_ALL))
        self.socket.setblocking(False)

    def fileno(self):
        return self.socket.fileno()

    def send(self, frame):
        self.socket.setblocking(True)
        assert self.socket.send(frame) == len(frame)
        self.socket.setblocking(False)

    def take(self):
        try:
            return self.socket.recv(65536)
        except BlockingIOError:
            return None

    def close(self):
        self.socket.close()


class Ear:
    """What reaches a device's own host, of TEST_TYPE: neither what others take before it nor what is for others."""

    def __init__(self, host, device):
        with host.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(TEST_TYPE))
        self.socket.bind((device, TEST_TYPE))
        self.socket.setblocking(False)
        self.mac = host.link(device)["address"]

    def send(self, dst, number):
        self.socket.send(plain(dst, self.mac, 60, number))

    def heard(self):
        """The numbers of the frames that have come since."""
        numbers = set()
        while True:
            try:
                frame, address = self.socket.recvfrom(2000)
            except BlockingIOError:
                return numbers
            if address[2] in (socket.PACKET_HOST, socket.PACKET_BROADCAST):
                numbers.add(struct.unpack("!I", frame[14:18])[0])

    def close(self):
        self.socket.close()


def describe(frame):
    return f"{len(frame)} bytes {frame[:20].hex()}…"


def assert_carried(sender, receiver, frames, window=16, seconds=5):
    """Sends frames, a few at a time, and wants each of them back byte-equal, once and in order."""
    for start in range(0, len(frames), window):
        batch = frames[start:start + window]
        for frame in batch:
            sender.send(frame)
        got = receiver.receive(len(batch), seconds)
        for i, frame in enumerate(batch):
            assert i < len(got), f"lost after {start + i} frames: {describe(frame)}"
            assert got[i] == frame, (f"frame {start + i} came otherwise: sent {describe(frame)}, "
                                     f"got {describe(got[i])}")
