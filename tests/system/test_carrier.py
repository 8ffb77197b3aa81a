# SPDX-License-Identifier: LGPL-2.1-or-later
"""keep-carrier: a TAP or TUN that has a carrier while nobody has it open, and what that means for who opens it.

    alpha: br0 (port tap0)   tun0     inner: a namespace
"""
import contextlib
import fcntl
import json
import os
import shutil
import signal
import struct
import subprocess

import pytest
from lib import frames, snapshot
from lib.net import LANLOOM, ROOT, run, until

QEMU = shutil.which("qemu-system-x86_64") or "qemu-system-x86_64"
TAP, TUN, NO_PI, VNET_HDR, SEVERAL = 2, 1, 0x1000, 0x4000, 0x100
TUNSETIFF, TUNGETIFF = 0x400454CA, 0x800454D2
TEXT = """
name: lab
bridges: {br0: {interfaces: [tap0]}}
taps: {tap0: {keep-carrier: true}}
tuns: {tun0: {keep-carrier: true, addresses: [10.8.0.1/24]}}
"""


@contextlib.contextmanager
def opened(host, name, flags):
    """A queue of the device, and the flags that it really has."""
    with host.entered():
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    try:
        with host.entered():
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
        yield fd, struct.unpack_from("H", fcntl.ioctl(fd, TUNGETIFF, bytes(40)), 16)[0]
    finally:
        os.close(fd)


def carries(host, name):
    return "LOWER_UP" in host.link(name)["flags"]


def blinks(host, name):
    """How often its carrier came or went."""
    return json.loads(host.ip("-j", "-s", "-s", "link", "show", "dev", name))[0]["stats64"]["tx"]["carrier_changes"]


def device(host, name):
    found, = (one for space in host.loom_json("show", name)["namespaces"] for one in space["devices"])
    return found


@pytest.fixture
def lab(net, host):
    path = net.file("lab.yaml", TEXT)
    host.loom("up", path)
    return path


def test_without_a_guest(net, host):
    """Running, forwarding, with link-local addresses; a second `up` empty; `down` leaves nothing."""
    before = snapshot.take(host)
    path = net.file("lab.yaml", TEXT)
    host.loom("up", path)
    assert host.loom_json("up", path)["result"] == "unchanged"
    for name in ("tap0", "tun0", "br0"):
        until(lambda name=name: host.link(name)["operstate"] == "UP", 10, f"{name} is up")
        until(lambda name=name: any(one["local"].startswith("fe80") for one in
                                    host.json("addr", "show", "dev", name)[0]["addr_info"]), 10, "a link-local address")
    assert host.link("tap0")["linkinfo"]["info_slave_data"]["state"] == "forwarding"
    shown = device(host, "tap0")
    assert shown["keep-carrier"] and shown["carrier"]
    assert "holders" not in shown, shown["holders"]
    words = " ".join(host.loom("show").stdout.split())
    assert "carrier kept by lanloomd; multi-queue: QEMU opens it with queues=2 or more" in words
    host.loom("down", path)
    snapshot.assert_same(before, snapshot.take(host))
    until(lambda: not host.pids(), 10, "the keeper ends")


def test_guests_come_and_go(host, lab):
    """The carrier never blinks, frames reach who is there, and what nobody reads is dropped."""
    for name, flags in (("tap0", TAP | NO_PI | VNET_HDR | SEVERAL), ("tun0", TUN | NO_PI | SEVERAL)):
        until(lambda name=name: host.link(name)["operstate"] == "UP", 10, f"{name} is up")
        changes = blinks(host, name)
        for _ in range(2):
            with opened(host, name, flags) as (fd, got):
                assert got & flags == flags, "what the keeper's queue decided is what the guest asked for"
                assert [one["pid"] for one in device(host, name)["holders"]] == [os.getpid()]
                read = frames.Port(lambda packet: b"here I am" in packet)
                read.fileno, read.take = lambda fd=fd: fd, lambda fd=fd: os.read(fd, 65536)
                host.ping("10.8.0.2", check=False, wait=1) if name == "tun0" else None
                if name == "tap0":
                    with frames.Packet(host, "br0") as wire:
                        wire.socket.send(b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x88\xb5" + b"here I am".ljust(50))
                        assert read.receive(1, 10)
            assert carries(host, name)
        assert blinks(host, name) == changes
        with pytest.raises(OSError):
            with opened(host, name, flags & ~SEVERAL):
                pass
    assert host.loom_json("up", lab)["result"] == "unchanged"


@pytest.mark.limit(120)
def test_qemu(host, lab):
    """The plain line fails; `show` and the manual say why; with queues it runs on it, headers and all."""
    plain = "-net nic -net tap,ifname=tap0,script=no,downscript=no"
    several = "-netdev tap,id=n,ifname=tap0,script=no,downscript=no,queues=2 -device virtio-net-pci,netdev=n,mq=on"

    def qemu(line):
        return host.start(QEMU, "-display", "none", "-serial", "none", "-monitor", "none", "-S", *line.split(),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    machine = qemu(plain)
    said, _ = machine.communicate(timeout=60)
    assert machine.returncode and "could not configure /dev/net/tun (tap0): Invalid argument" in said
    manual = " ".join((ROOT / "doc" / "man" / "lanloom.1").read_text().replace("\\-", "-").split())
    assert "keep-carrier" in manual and "vnet_hdr=off" in manual
    machine = qemu(several)
    until(lambda: device(host, "tap0").get("holders") or machine.poll() is not None, 30, "QEMU opens the TAP")
    assert machine.poll() is None, machine.stdout.read()
    assert [one["pid"] for one in device(host, "tap0")["holders"]] == [machine.pid]
    assert host.link("tap0")["linkinfo"]["info_data"]["vnet_hdr"]
    machine.kill()
    machine.wait()
    until(lambda: not device(host, "tap0").get("holders"), 10, "QEMU is gone")
    assert carries(host, "tap0")


def test_what_others_do_is_mended(host, lab):
    """A carrier taken away, a device deleted: both come back, with the carrier, within two seconds or so."""
    host.ip("link", "set", "tap0", "carrier", "off")
    until(lambda: carries(host, "tap0"), 10, "the carrier is given back")
    number = host.link("tap0")["ifindex"]
    host.ip("link", "delete", "tap0")
    until(lambda: host.link("tap0") and carries(host, "tap0"), 10, "the TAP is made anew, with its carrier")
    assert host.link("tap0")["ifindex"] == number
    until(lambda: host.link("tap0").get("master") == "br0", 10, "in its bridge")
    until(lambda: host.loom("plan", lab, check=False).returncode == 0, 10, "nothing is left to do")
    host.ip("link", "set", "tun0", "down")
    until(lambda: "UP" in host.link("tun0")["flags"] and carries(host, "tun0"), 10, "set up again")


def test_a_killed_keeper(host, lab):
    """Its carriers go with it; the next command brings both back, a guest that stayed and one that went."""
    keeper, = host.pids()
    with opened(host, "tap0", TAP | NO_PI | VNET_HDR | SEVERAL):
        os.kill(keeper, signal.SIGKILL)
        until(lambda: not host.pids(), 10, "the keeper is dead")
        assert carries(host, "tap0")
        until(lambda: not carries(host, "tun0"), 10, "nobody holds the TUN")
        done = host.loom_json("plan", lab, check=False)
        assert {(step["action"], step["kind"]) for step in done["steps"]} == {("create", "carrier")}
        host.loom("up", lab)
        assert carries(host, "tun0")
    assert carries(host, "tap0")


def test_set_and_undone(net, host):
    """On a multi-queue TAP it is a change; on one of one queue the TAP is made anew; `undo` takes it back."""
    path = net.file("lab.yaml", "name: lab\ntaps: {tap0: {multi-queue: true}, tap1: {}}\n")
    host.loom("up", path)
    before = {name: host.link(name)["ifindex"] for name in ("tap0", "tap1")}
    path.write_text("name: lab\ntaps: {tap0: {keep-carrier: true}, tap1: {keep-carrier: true}}\n")
    steps = {(step["action"], step["kind"], step["name"]) for step in host.loom_json("plan", path, check=False)["steps"]}
    assert steps == {("create", "carrier", "tap0"), ("replace", "tap", "tap1"), ("create", "carrier", "tap1")}
    host.loom("up", path)
    assert carries(host, "tap0") and carries(host, "tap1")
    assert host.link("tap0")["ifindex"] == before["tap0"] and host.link("tap1")["ifindex"] != before["tap1"]
    host.loom("undo")
    assert not carries(host, "tap0") and not carries(host, "tap1") and not host.pids()
    assert not host.link("tap1")["linkinfo"]["info_data"]["multi_queue"]
    host.loom("add", "tap", "tap2", "keep-carrier=true")
    assert carries(host, "tap2")
    host.loom("set", "tap2", "keep-carrier=false")
    assert not carries(host, "tap2")
    host.loom("del", "tap2")


def test_headers_are_said_once(net, host):
    """With it vnet-hdr and packet-info last: a change of them, and a program that has it open otherwise."""
    path = net.file("lab.yaml", "")
    text = "name: lab\ntaps: {tap0: {keep-carrier: true, vnet-hdr: %s, packet-info: %s}}\n"
    for headers, packet_info in (("true", "true"), ("false", "false"), ("false", "true")):
        path.write_text(text % (headers, packet_info))
        host.loom("up", path)
        data = host.link("tap0")["linkinfo"]["info_data"]
        assert (data["vnet_hdr"], data["pi"]) == (headers == "true", packet_info == "true")
        assert carries(host, "tap0") and host.loom_json("up", path)["result"] == "unchanged"
        imported = host.loom("import", "live").stdout
        assert f"vnet-hdr: {headers}" in imported and f"packet-info: {packet_info}" in imported
    path.write_text("name: lab\ntaps: {tap0: {multi-queue: true}}\n")
    host.loom("up", path)
    with opened(host, "tap0", TAP | NO_PI | SEVERAL):
        path.write_text("name: lab\ntaps:\n  tap0: {keep-carrier: true}\n")
        done = host.loom("up", path, check=False)
        assert done.returncode == 1 and "lab.yaml:3" in done.stderr
        assert "a process holds tap0 open with vnet-hdr: false" in " ".join(done.stderr.split())
    host.loom("up", path)
    assert carries(host, "tap0")


def test_in_a_namespace_and_of_others(net, host):
    inner = net.space("inner")
    path = net.file("lab.yaml", f"name: lab\nnamespaces: {{{inner}: {{taps: {{tap0: {{keep-carrier: true}}}}}}}}\n")
    host.loom("up", path)
    assert "LOWER_UP" in run("ip", "-n", inner, "link", "show", "dev", "tap0").stdout
    host.loom("down", path)
    host.ip("tuntap", "add", "their0", "mode", "tap", "user", "daemon", "multi_queue")
    host.ip("tuntap", "add", "their1", "mode", "tap", "user", "daemon")
    host.ip("link", "set", "their0", "up")
    before = host.ip("tuntap")
    for name, code in (("their1", 1), ("their0", 0)):
        path.write_text(f"name: lab\ntaps: {{{name}: {{existing: true, keep-carrier: true}}}}\n")
        done = host.loom("up", path, check=False)
        assert done.returncode == code, done.stderr
        if code:
            assert "multi-queue cannot change on a device that lanloom did not make" in " ".join(done.stderr.split())
    assert carries(host, "their0")
    host.loom("down", path)
    assert not carries(host, "their0") and host.ip("tuntap").replace(" vnet_hdr", "") == before


@pytest.mark.parametrize("text,words", [
    ("taps: {tap0: {keep-carrier: true, multi-queue: false}}", "keep-carrier needs a queue for lanloom, and multi-queue is false"),
    ("tunnels: {tap0: {mode: lan, key: /k, keep-carrier: true}}", "is the device of a tunnel, which keeps its carrier itself"),
    ("guests: {web: {network: br0, queues: 1}}\nbridges: {br0: {}}\ntaps: {tap-web: {keep-carrier: true, multi-queue: false}}",
     "multi-queue is false, and its guest web (line 2) wants true"),
])
def test_mistakes(net, host, text, words):
    errors = host.loom_json("check", net.file("lab.yaml", f"name: lab\n{text}\n"), check=False)["errors"]
    assert words in json.dumps(errors), errors


def test_of_a_guest(net, host):
    """A declared guest's TAP: `lanloom vm` opens it with one queue; a second start is refused as ever."""
    path = net.file("lab.yaml", "name: lab\nbridges: {br0: {}}\nguests: {web: {network: br0}}\ntaps: {tap-web: {keep-carrier: true}}\n")
    host.loom("up", path)
    assert carries(host, "tap-web") and host.link("tap-web")["master"] == "br0"
    words = ["vm", "br0", "--guest", "web", "--", "sh", "-c", "exec sleep 100 #{fds}"]
    held = host.start(LANLOOM, *words)
    until(lambda: device(host, "tap-web").get("holders") or held.poll() is not None, 20, "it runs")
    assert held.poll() is None
    assert "runs already" in host.loom(*words, check=False).stderr
    held.kill()
    held.wait()
    until(lambda: not device(host, "tap-web").get("holders"), 10, "it is gone")
    assert carries(host, "tap-web")
