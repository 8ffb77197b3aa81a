# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library's door to TUN and TAP, and the echo responders of examples/ that stand on it.

    alpha: br0 10.0.1.1/24 with tap0, behind it echo-tap as 10.0.1.9; tun0 10.8.0.1/24, behind it echo-tun
"""
import contextlib
import ctypes
import json
import os
import pathlib
import select
import socket
import subprocess
import threading

import pytest

from lib.net import LANLOOM, ROOT, run

BUILD = pathlib.Path(LANLOOM).parent
LIBRARY = BUILD / "src" / "liblanloom.so"
PLAIN, CHECKSUM, SUPER = 0, 1, 2


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """The programs, compiled as their comments say."""
    folder = tmp_path_factory.mktemp("examples")
    for name in ("echo-tun", "echo-tap"):
        run("cc", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include", ROOT / "examples" / f"{name}.c",
            f"-L{LIBRARY.parent}", f"-Wl,-rpath,{LIBRARY.parent}", "-llanloom", "-o", folder / name)
    return folder


def ready(process):
    assert select.select([process.stdout], [], [], 20)[0] and process.stdout.readline() == "ready\n"


def sanitized():
    return b"__asan_init" in LIBRARY.read_bytes()


needs_plain = pytest.mark.skipif(LIBRARY.exists() and sanitized(),
                                 reason="a program that is not sanitized cannot load a library that is")


@needs_plain
def test_echo_behind_a_tun(host, examples):
    host.loom("add", "tun", "tun0", "addresses=10.8.0.1/24")
    echo = host.start(examples / "echo-tun", "tun0", stdout=subprocess.PIPE)
    ready(echo)
    for address in ("10.8.0.2", "10.8.0.99"):
        assert host.ping(address, count=3, wait=5)
    assert host.ping("10.8.0.2", size=1400, wait=5)
    host.loom("del", "tun0", "--force")
    assert echo.wait(20) == 0


@needs_plain
def test_echo_behind_a_tap(host, examples):
    host.loom("add", "bridge", "br0", "addresses=10.0.1.1/24")
    host.loom("add", "tap", "tap0")
    host.loom("set", "br0", "interfaces+=tap0")
    echo = host.start(examples / "echo-tap", "tap0", "10.0.1.9", stdout=subprocess.PIPE)
    ready(echo)
    assert host.ping("10.0.1.9", count=3, wait=5) and host.ping("10.0.1.9", size=1472, wait=5)
    assert "02:45:43:48:4f:01" in host.ip("neigh", "show", "10.0.1.9")
    assert not host.ping("10.0.1.8", check=False)
    # bytes that mean nothing, and TCP, do no harm
    with host.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind(("br0", 0))
        for size in (14, 20, 33, 34, 60):
            for kind in (b"\x08\x00", b"\x08\x06"):
                raw.send(b"\xff" * 6 + b"\x02" * 6 + kind + b"\x4f" * (size - 14))
    assert host.ping("10.0.1.9", wait=5) and echo.poll() is None


@needs_plain
def test_what_cannot_be_opened_is_told(host, examples, net):
    host.loom("add", "tap", "tap0")
    host.ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
    for device, told in (("nosuch", "there is no device"), ("v0", "is no TAP or TUN"), ("lo", "is no TAP or TUN"),
                         ("nowhere-at-all/tap0", "nowhere-at-all")):
        done = host.run(examples / "echo-tap", device, "10.0.0.1", check=False)
        error = json.loads(done.stderr)["errors"][0]
        assert done.returncode == 1 and told in error["message"] + error.get("object", ""), (device, error)
    first = host.start(examples / "echo-tap", "tap0", "10.0.0.1", stdout=subprocess.PIPE)
    ready(first)
    done = host.run(examples / "echo-tap", "tap0", "10.0.0.2", check=False)
    assert done.returncode == 1 and "holds tap0 open" in done.stderr
    inner = net.space("inner")
    host.loom("add", "namespace", inner)
    host.loom("add", "tap", f"{inner}/tap0", "multi-queue=true")
    for _ in range(2):
        ready(host.start(examples / "echo-tap", f"{inner}/tap0", "10.0.0.1", stdout=subprocess.PIPE))


class Packet(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_void_p), ("size", ctypes.c_size_t), ("checksum_start", ctypes.c_size_t),
                ("checksum_offset", ctypes.c_size_t), ("super", ctypes.c_int), ("segment", ctypes.c_size_t),
                ("headers", ctypes.c_size_t)]


class Tap:
    """A queue, opened by the library."""

    def __init__(self, library, host, name, offloads):
        self.library, self.room = library, ctypes.create_string_buffer(65536 + 64)
        self.handle, document = ctypes.c_void_p(), ctypes.c_void_p()
        with host.entered():
            status = library.loom_tap_open(library.loom_new(), name.encode(), offloads, ctypes.byref(self.handle),
                                           ctypes.byref(document))
        assert status == 0
        self.fd = library.loom_tap_fd(self.handle)

    def read(self, packet, size=65536 + 64):
        return self.library.loom_tap_read(self.handle, self.room, ctypes.c_size_t(size), ctypes.byref(packet))

    def write(self, packet):
        return self.library.loom_tap_write(self.handle, ctypes.byref(packet))


@pytest.fixture
def library():
    if sanitized():
        pytest.skip("a program that is not sanitized cannot load a library that is")
    loaded = ctypes.CDLL(str(LIBRARY))
    loaded.loom_new.restype = ctypes.c_void_p
    loaded.loom_tap_open.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p]
    for name in ("fd", "read", "write", "close"):
        getattr(loaded, f"loom_tap_{name}").argtypes = {
            "fd": [ctypes.c_void_p], "close": [ctypes.c_void_p], "write": [ctypes.c_void_p, ctypes.c_void_p],
            "read": [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]}[name]
    return loaded


@contextlib.contextmanager
def carried(one, other, seen):
    """What is read from one queue is written to the other, just so."""
    end_read, end_write = os.pipe()

    def carry():
        packet = Packet()
        while True:
            for fd in select.select([one.fd, other.fd, end_read], [], [])[0]:
                if fd == end_read:
                    return
                here, there = (one, other) if fd == one.fd else (other, one)
                while here.read(packet) > 0:
                    seen.append((packet.size, packet.super, packet.segment, packet.checksum_start))
                    there.write(packet)

    thread = threading.Thread(target=carry)
    thread.start()
    yield
    os.close(end_write)
    thread.join()
    os.close(end_read)


@pytest.mark.parametrize("offloads", [PLAIN, CHECKSUM, SUPER])
@pytest.mark.parametrize("kind", ["tap", "tun"])
def test_two_hosts_through_two_queues(net, library, kind, offloads):
    """TCP between two hosts, carried by hand: byte-equal, and by super-packets where these were asked for."""
    hosts = [net.host(name) for name in ("alpha", "beta")]
    for number, host in enumerate(hosts, 1):
        host.loom("add", kind, "t0", f"addresses=10.0.0.{number}/24")
    taps = [Tap(library, host, "t0", offloads) for host in hosts]
    seen, data, got = [], os.urandom(1 << 20), bytearray()
    with hosts[1].entered():
        listener = socket.create_server(("10.0.0.2", 7000))
    with hosts[0].entered():
        sender = socket.socket()
    with carried(*taps, seen), listener, sender:
        sender.settimeout(20)
        listener.settimeout(20)
        sender.connect(("10.0.0.2", 7000))
        taker, _ = listener.accept()
        thread = threading.Thread(target=lambda: (sender.sendall(data), sender.shutdown(socket.SHUT_WR)))
        thread.start()
        with taker:
            taker.settimeout(20)
            while part := taker.recv(1 << 16):
                got += part
        thread.join()
    assert got == data
    largest = max(size for size, *_ in seen)
    assert any(start for *_, start in seen) == (offloads != PLAIN)
    assert any(one[1] for one in seen) == (offloads == SUPER) == (largest > 1514)
    for tap in taps:
        library.loom_tap_close(tap.handle)


def test_edges_of_reading_and_writing(host, library):
    host.loom("add", "tap", "t0", "addresses=10.0.0.1/24")
    plain = Tap(library, host, "t0", PLAIN)
    packet = Packet()
    while plain.read(packet) > 0:
        pass
    assert plain.read(packet) == 0
    host.ping("10.0.0.2", check=False)
    assert plain.read(packet, 20) == -90  # EMSGSIZE
    frame = ctypes.create_string_buffer(b"\xff" * 60, 60)
    whole = Packet(bytes=ctypes.addressof(frame), size=60)
    assert plain.write(whole) == 0
    for wrong in ({"checksum_start": 14}, {"super": 1, "segment": 1000}, {"super": 9}):
        bad = Packet(bytes=ctypes.addressof(frame), size=60, **wrong)
        assert plain.write(bad) == -22, wrong
    host.loom("del", "t0", "--force")
    assert plain.read(packet) == -77  # EBADFD
    library.loom_tap_close(plain.handle)
    library.loom_tap_close(None)
