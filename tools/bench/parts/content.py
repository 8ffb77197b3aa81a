# SPDX-License-Identifier: LGPL-2.1-or-later
"""Is it the same at the other end? Gigabytes of mixed traffic, compared by hash

At once, in both directions: four TCP connections each that write in sizes from 1 byte to 1 MiB, and numbered
datagrams of many sizes. SHA-256 of each connection's bytes is compared; datagrams have to be as they were
sent, in order, and none twice (lost ones are allowed, and counted). With four rounds and the one that warms up
more than ten gigabytes.
"""
import hashlib
import random
import socket
import struct
import threading

import lan
from frame import Ratio

ROUNDS = 4
EACH = 280 << 20  # bytes of a connection
CONNECTIONS = 4
SIZES = (1, 1448, 65536, 17, 1 << 20, 4096, 300000, 1400)
UNITS = {"carried": "GB", "connections that differ": "", "datagrams": "", "wrong datagrams": "", "lost": "%"}
stage = lan.stage
FACTS = lan.facts
RATIOS = [
    Ratio("connections whose content differs", ("lanloom", "connections that differ"), most=0, unit=""),
    Ratio("datagrams that are changed, doubled or out of order", ("lanloom", "wrong datagrams"), most=0, unit=""),
]
BLOCK = random.Random(1).randbytes(4 << 20)


def opened(guest, sort):
    with guest.entered():
        return socket.socket(socket.AF_INET, sort)


def push(guest, address, port, digests):
    digest, at, left = hashlib.sha256(), 0, EACH
    with opened(guest, socket.SOCK_STREAM) as sender:
        sender.settimeout(120)
        sender.connect((address, port))
        while left:
            size = min(SIZES[at % len(SIZES)], left)
            start = at * 4099 % (len(BLOCK) - size)
            text = memoryview(BLOCK)[start:start + size]
            sender.sendall(text)
            digest.update(text)
            left -= size
            at += 1
    digests[port] = digest.hexdigest()


def pull(server, port, digests):
    digest = hashlib.sha256()
    taken, _ = server.accept()
    with server, taken:
        taken.settimeout(120)
        while text := taken.recv(1 << 20):
            digest.update(text)
    digests[port] = digest.hexdigest()


def datagram(number):
    size = 20 + number * 7919 % (1372 - 20) if number % 3 else 60
    start = number * 4099 % (len(BLOCK) - size)
    return struct.pack("!I", number) + BLOCK[start:start + size - 4]


def shoot(guest, address, port, ended, count):
    with opened(guest, socket.SOCK_DGRAM) as sender:
        sender.connect((address, port))
        while not ended.wait(0.001):
            for _ in range(8):
                sender.send(datagram(count[0]))
                count[0] += 1


def catch(receiver, ended, found):
    last = -1
    receiver.settimeout(0.3)
    while True:
        try:
            text = receiver.recv(65536)
        except TimeoutError:
            if ended.is_set():
                return
            continue
        number = struct.unpack("!I", text[:4])[0]
        found["came"] += 1
        found["wrong"] += text != datagram(number) or number <= last
        last = number


def measure(the):
    sent, came, threads, ends = {}, {}, [], threading.Event()
    found, counts = {"came": 0, "wrong": 0}, []
    with lan.Lanloom(the):
        for here, there, address, base in ((*the.guests, "10.77.0.2", 7100), (*the.guests[::-1], "10.77.0.1", 7200)):
            for port in range(base, base + CONNECTIONS):
                server = opened(there, socket.SOCK_STREAM)
                server.bind((address, port))
                server.listen()
                server.settimeout(60)
                threads += [threading.Thread(target=pull, args=(server, port, came)),
                            threading.Thread(target=push, args=(here, address, port, sent))]
            receiver, count = opened(there, socket.SOCK_DGRAM), [0]
            receiver.bind((address, base))
            counts.append(count)
            small = [threading.Thread(target=catch, args=(receiver, ends, found)),
                     threading.Thread(target=shoot, args=(here, address, base, ends, count))]
            for thread in small:
                thread.start()
            threads += small
        streams = [thread for thread in threads if not thread.ident]
        for thread in streams:
            thread.start()
        for thread in streams:
            thread.join(200)
        ends.set()
        for thread in threads:
            thread.join(10)
    shot = sum(count[0] for count in counts)
    return {"carried": 2 * CONNECTIONS * EACH / 1e9, "datagrams": shot, "wrong datagrams": found["wrong"],
            "connections that differ": sum(sent[port] != came.get(port) for port in sent) + 8 - len(sent),
            "lost": 100 * (1 - found["came"] / shot)}


WAYS = {"lanloom": measure}
