# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest's side of DHCP (RFC 2131) and DNS (RFC 1035), and a DHCP server that is none of ours.

Run as a program inside a guest:

    dhcp.py ask DEVICE [MAC [NAME [SECONDS [ID [SENDER]]]]]    a lease, as JSON: address, server, options; null: none
    dhcp.py serve DEVICE ADDRESS                 answers every question with ADDRESS, until it is ended
    dhcp.py six DEVICE [MAC]                     an address by DHCPv6 (RFC 8415), as JSON; null: none
    dhcp.py name SERVER NAME                     its IPv4 addresses by DNS, as JSON; null: no answer
"""
import fcntl
import json
import os
import pathlib
import select
import socket
import struct
import sys
import time

MAGIC = b"\x63\x82\x53\x63"
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
FILE = pathlib.Path(__file__)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame(mac, source, target_mac, target, ports, payload):
    udp = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, source, target)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return target_mac + mac + b"\x08\x00" + head + udp


def message(op, xid, mac, options, yiaddr=bytes(4)):
    """Broadcast answers are asked for."""
    fixed = struct.pack("!BBBBIHH4s4s4s4s16s192x", op, 1, 6, 0, xid, 0, 0x8000, bytes(4), yiaddr,
                        bytes(4), bytes(4), mac)
    return fixed + MAGIC + b"".join(bytes([k, len(v)]) + v for k, v in options) + b"\xff"


def parse(data, port):
    """(xid, op, chaddr, yiaddr, options) of a frame with DHCP for this port; None: it is another."""
    if len(data) < 282 or data[12:14] != b"\x08\x00" or data[23] != 17:
        return None
    udp = data[14 + (data[14] & 15) * 4:]
    if struct.unpack("!H", udp[2:4])[0] != port or udp[8 + 236:8 + 240] != MAGIC:
        return None
    body, options, at = udp[8:], {}, 240
    while at + 1 < len(body) and body[at] != 255:
        if body[at] == 0:
            at += 1
            continue
        options[body[at]] = body[at + 2:at + 2 + body[at + 1]]
        at += 2 + body[at + 1]
    return struct.unpack("!I", body[4:8])[0], body[0], body[28:34], body[16:20], options


def raw(device):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((device, 0))
    return sock


def mac_of(device):
    """By ioctl(2): /sys is that of another namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        return fcntl.ioctl(any_socket, 0x8927, struct.pack("256s", device.encode()))[18:24]


def hear(sock, xid, kinds, seconds):
    end = time.monotonic() + seconds
    while select.select([sock], [], [], max(0, end - time.monotonic()))[0]:
        found = parse(sock.recv(2000), 68)
        if found and found[0] == xid and found[4].get(53, b"\0")[0] in kinds:
            return found
    return None


def ask(device, mac=None, name=None, seconds=12, client=None, sender=None):
    """The first server that offers something is asked for it, as clients do; sender: a MAC that is not asked for."""
    own = bytes.fromhex(mac.replace(":", "")) if mac else mac_of(device)
    sock, xid = raw(device), int.from_bytes(os.urandom(4), "big")
    options = [(55, bytes([1, 3, 6, 15, 26, 51, 54])), *([(12, name.encode())] if name else []),
               *([(61, b"\0" + client.encode())] if client else [])]
    source = bytes.fromhex(sender.replace(":", "")) if sender else own
    end, offer = time.monotonic() + float(seconds), None

    def send(kind, more=()):
        body = message(1, xid, own, [(53, bytes([kind])), *more, *options])
        sock.send(frame(source, bytes(4), b"\xff" * 6, b"\xff" * 4, (68, 67), body))

    while not offer and time.monotonic() < end:
        send(DISCOVER)
        offer = hear(sock, xid, {OFFER}, 4)
    while offer and time.monotonic() < end:
        send(REQUEST, [(50, offer[3]), (54, offer[4][54])])
        done = hear(sock, xid, {ACK, NAK}, 3)
        if done and done[4][53][0] == ACK:
            return {"address": socket.inet_ntoa(done[3]), "server": socket.inet_ntoa(done[4][54]),
                    "options": {str(k): v.hex() for k, v in done[4].items()}}
        if done:
            return None
    return None


def serve(device, address):
    sock, own = raw(device), mac_of(device)
    print("ready", flush=True)
    while True:
        found = parse(sock.recv(2000), 67)
        if not found or found[1] != 1:
            continue
        kind = {DISCOVER: OFFER, REQUEST: ACK}.get(found[4].get(53, b"\0")[0])
        if not kind:
            continue
        given = socket.inet_aton(address)
        body = message(2, found[0], found[2], [(53, bytes([kind])), (54, given), (1, b"\xff\xff\xff\0"),
                                               (3, given), (6, given), (51, struct.pack("!I", 600))], given)
        sock.send(frame(own, given, b"\xff" * 6, b"\xff" * 4, (67, 68), body))


def options_of(data):
    while len(data) >= 4:
        kind, size = struct.unpack("!HH", data[:4])
        yield kind, data[4:4 + size]
        data = data[4 + size:]


def ask_six(device, mac=None):
    """In one exchange: with the option rapid-commit the answer to the first question is the lease."""
    own = bytes.fromhex(mac.replace(":", "")) if mac else mac_of(device)
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    sock.bind(("::", 546))
    sock.settimeout(2)
    xid = os.urandom(3)
    wanted = [(1, b"\x00\x03\x00\x01" + own), (3, own[2:] + bytes(8)), (8, bytes(2)), (14, b""), (6, b"\x00\x17")]
    text = b"\x01" + xid + b"".join(struct.pack("!HH", k, len(v)) + v for k, v in wanted)
    for _ in range(6):
        sock.sendto(text, ("ff02::1:2", 547, 0, socket.if_nametoindex(device)))
        try:
            answer = sock.recv(2000)
        except TimeoutError:
            continue
        if answer[0] != 7 or answer[1:4] != xid:
            continue
        for kind, value in options_of(answer[4:]):
            for inner, address in options_of(value[12:] if kind == 3 else b""):
                if inner == 5:
                    return socket.inet_ntop(socket.AF_INET6, address[:16])
    return None


def name(server, wanted):
    query = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + \
        b"".join(bytes([len(part)]) + part.encode() for part in wanted.split(".")) + b"\0\0\1\0\1"
    sock = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(1.5)
    for _ in range(3):
        try:
            sock.sendto(query, (server, 53))
            answer = sock.recv(1500)
            break
        except TimeoutError:
            continue
        except OSError:
            return None
    else:
        return None
    found, at = [], len(query)
    for _ in range(struct.unpack("!H", answer[6:8])[0]):
        at += 2 if answer[at] & 0xc0 else answer[at:].index(0) + 1
        kind, size = struct.unpack("!H6xH", answer[at:at + 10])
        if kind == 1:
            found.append(socket.inet_ntoa(answer[at + 10:at + 14]))
        at += 10 + size
    return sorted(found)


def lease(guest, *words, device="eth0"):
    """From a test: a lease for a guest, or None."""
    done = guest.run("python3", FILE, "ask", device, *words, timeout=40)
    return json.loads(done.stdout)


def lease_six(guest, *words, device="eth0"):
    return json.loads(guest.run("python3", FILE, "six", device, *words, timeout=40).stdout)


def resolve(guest, server, wanted):
    return json.loads(guest.run("python3", FILE, "name", server, wanted).stdout)


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        print(json.dumps(ask(*sys.argv[2:])))
    elif sys.argv[1] == "serve":
        serve(*sys.argv[2:])
    elif sys.argv[1] == "six":
        print(json.dumps(ask_six(*sys.argv[2:])))
    else:
        print(json.dumps(name(*sys.argv[2:])))
