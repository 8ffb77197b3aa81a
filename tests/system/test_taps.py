# SPDX-License-Identifier: LGPL-2.1-or-later
"""TAPs as people have them: under QEMU, in another namespace, with addresses that end and routes to hosts.

    alpha: br0 (ports tap0 … tap9)     inner: a namespace
"""
import os
import random
import shutil
import socket
import struct
import subprocess

import pytest
from lib import frames, snapshot
from lib.net import ROOT, run, until

QEMU = shutil.which("qemu-system-x86_64") or "qemu-system-x86_64"
PLAIN = "-net nic -net tap,ifname=tap0,script=no,downscript=no"
QUEUES = "-netdev tap,id=n,ifname=tap0,script=no,downscript=no,queues=2 -device virtio-net-pci,netdev=n,mq=on"


def qemu(host, line):
    return host.start(QEMU, "-display", "none", "-serial", "none", "-monitor", "none", "-S", *line.split(),
                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def runs_on_it(host, line):
    """A carrier on tap0, and who gives it; the machine's clock stands still."""
    machine = qemu(host, line)
    until(lambda: "LOWER_UP" in host.link("tap0")["flags"] or machine.poll() is not None, 30, "QEMU opens the TAP")
    assert machine.poll() is None, machine.stdout.read()
    tap, = (one for space in host.loom_json("show", "tap0")["namespaces"] for one in space["devices"])
    assert tap["carrier"] and [one["pid"] for one in tap["holders"]] == [machine.pid]
    machine.kill()
    machine.wait()


@pytest.mark.limit(120)
def test_qemu_on_a_declared_tap(net, host):
    """QEMU's own line, unchanged; the TAP stays when QEMU goes."""
    path = net.file("lab.yaml", "name: lab\nbridges: {br0: {interfaces: [tap0]}}\ntaps: {tap0: {}}\n")
    host.loom("up", path)
    number = host.link("tap0")["ifindex"]
    for _ in range(2):
        runs_on_it(host, PLAIN)
        assert host.link("tap0")["ifindex"] == number and host.link("tap0")["master"] == "br0"
    assert host.loom_json("up", path)["result"] == "unchanged"


@pytest.mark.limit(120)
def test_qemu_on_several_queues(net, host):
    """The plain line fails there; `show` and the manual say why, and what does it."""
    path = net.file("lab.yaml", "name: lab\ntaps: {tap0: {multi-queue: true}}\n")
    host.loom("up", path)
    machine = qemu(host, PLAIN)
    said, _ = machine.communicate(timeout=60)
    assert machine.returncode and "could not configure /dev/net/tun (tap0): Invalid argument" in said
    assert "multi-queue: QEMU opens it with queues=2 or more" in " ".join(host.loom("show").stdout.split())
    manual = " ".join((ROOT / "doc" / "man" / "lanloom.1").read_text().replace("\\-", "-").split())
    assert "could not configure /dev/net/tun (tap0): Invalid argument" in manual and "queues=2" in manual
    runs_on_it(host, QUEUES)


def test_what_the_holder_decides_is_not_compared(net, host):
    """vnet-hdr and packet-info are set at creation; whoever opens the TAP says anew."""
    path = net.file("lab.yaml", "name: lab\ntaps: {tap0: {vnet-hdr: true, packet-info: true}}\n")
    host.loom("up", path)
    data = host.link("tap0")["linkinfo"]["info_data"]
    assert data["vnet_hdr"] and data["pi"]
    number = host.link("tap0")["ifindex"]
    with frames.Tap(host, "tap0"):
        data = host.link("tap0")["linkinfo"]["info_data"]
        assert not data["vnet_hdr"] and not data["pi"]
        assert host.loom_json("up", path)["result"] == "unchanged"
    assert host.loom_json("up", path)["result"] == "unchanged" and host.link("tap0")["ifindex"] == number


def test_queues_are_fixed(net, host):
    """Another number of queues is another TAP: said, and asked for where somebody holds it."""
    path = net.file("lab.yaml", "name: lab\ntaps: {tap0: {}}\n")
    host.loom("up", path)
    path.write_text("name: lab\ntaps: {tap0: {multi-queue: true}}\n")
    assert [step["action"] for step in host.loom_json("plan", path, check=False)["steps"]] == ["replace"]
    with frames.Tap(host, "tap0"):
        done = host.loom("up", path, check=False)
        assert done.returncode == 1 and "--force" in done.stderr
        assert not host.link("tap0")["linkinfo"]["info_data"]["multi_queue"]
    host.loom("up", path)
    assert host.link("tap0")["linkinfo"]["info_data"]["multi_queue"]


def test_from_one_namespace_to_another(net, host):
    inner = net.space("inner")
    keys = "{owner: nobody, macaddress: '02:00:00:00:00:07', addresses: [10.1.0.1/24]}"
    here = f"name: lab\nnamespaces: {{{inner}: {{}}}}\ntaps: {{tap0: {keys}}}\n"
    there = f"name: lab\nnamespaces: {{{inner}: {{taps: {{tap0: {keys}}}}}}}\n"
    path = net.file("lab.yaml", here)
    host.loom("up", path)
    for text, words, gone in ((there, ("ip", "-n", inner), host.words("ip")), (here, host.words("ip"), ("ip", "-n", inner))):
        path.write_text(text)
        host.loom("up", path)
        shown = run(*words, "-d", "addr", "show", "dev", "tap0").stdout
        assert "user nobody" in shown and "10.1.0.1/24" in shown and "02:00:00:00:00:07" in shown
        assert run(*gone, "link", "show", "dev", "tap0", check=False).returncode
        assert host.loom_json("up", path)["result"] == "unchanged"
    host.loom("down", path)
    assert host.links() == {"lo"}


def test_addresses_that_end(net, host):
    """A lifetime counts down, is no difference, and ends; the one without stays."""
    path = net.file("lab.yaml", "name: lab\ntaps:\n  tap0:\n    addresses:\n"
                    "      - 10.1.0.1/24: {lifetime: 0}\n      - 10.2.0.1/24\n      - '2001:db8::1/64': {lifetime: 0}\n")
    host.loom("up", path)
    told = {one["local"]: one for one in host.json("addr", "show", "dev", "tap0")[0]["addr_info"]}
    assert told["10.1.0.1"].get("deprecated") and told["2001:db8::1"].get("deprecated")
    assert not told["10.2.0.1"].get("deprecated")
    assert host.loom_json("up", path)["result"] == "unchanged"
    path.write_text(path.read_text().replace("{lifetime: 0}", "{lifetime: forever}"))
    host.loom("up", path)
    assert not any(one.get("deprecated") for one in host.json("addr", "show", "dev", "tap0")[0]["addr_info"])


def test_host_routes_to_a_tap(net, host):
    """One guest behind each TAP, without a bridge: the routed way, with proxied neighbours."""
    path = net.file("lab.yaml", """
name: lab
taps:
  tap0: {addresses: [192.0.2.1/32], routes: [{to: 192.0.2.10/32}, {to: "2001:db8::10/128"}], proxy-arp: true}
  tap1: {addresses: [192.0.2.1/32], routes: [{to: 192.0.2.11/32}], proxy-arp: true}
sysctls: {net.ipv4.ip_forward: 1}
""")
    host.loom("up", path)
    ways = {one["dst"]: one["dev"] for one in host.json("route") + host.json("-6", "route")}
    assert ways["192.0.2.10"] == "tap0" and ways["192.0.2.11"] == "tap1" and ways["2001:db8::10"] == "tap0"
    with frames.Tap(host, "tap0") as one, frames.Tap(host, "tap1") as other:
        until(lambda: all("LOWER_UP" in host.link(name)["flags"] for name in ("tap0", "tap1")), 20, "carriers")
        mine, his = b"\x52\x54\0\0\0\x10", b"\x52\x54\0\0\0\x11"
        ask = mine + socket.inet_aton("192.0.2.10") + bytes(6) + socket.inet_aton("192.0.2.11")
        one.wanted = other.wanted = lambda frame: frame[12:14] == b"\x08\x06"
        one.send(b"\xff" * 6 + mine + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + ask + bytes(18))
        answer, = one.receive(1, 20)  # the host answers for the other guest
        assert answer[20:22] == b"\0\2" and answer[28:32] == socket.inet_aton("192.0.2.11")
        assert his not in answer
    assert host.loom_json("up", path)["result"] == "unchanged"
    host.loom("down", path)
    assert host.links() == {"lo"}


@pytest.mark.parametrize("way", ["existing", "adopt"])
def test_of_others_and_given_back(net, host, way):
    """A bridge and a TAP of somebody's: a port, a second segment and keys on them go back."""
    host.ip("link", "add", "virbr9", "address", "02:00:00:00:00:21", "mtu", "1400", "type", "bridge")
    host.ip("tuntap", "add", "vnet9", "mode", "tap", "user", "daemon")
    host.ip("link", "set", "vnet9", "master", "virbr9", "up", "txqueuelen", "77")
    host.ip("link", "set", "virbr9", "up")
    host.ip("addr", "add", "192.168.122.1/24", "dev", "virbr9")
    before = snapshot.take(host)
    keys = "existing: true, " if way == "existing" else ""
    path = net.file("lab.yaml", f"""
name: lab
bridges: {{virbr9: {{{keys}mtu: 1300, interfaces: [tap0], addresses: [172.16.99.1/24]}}}}
taps: {{tap0: {{}}, vnet9: {{{keys}owner: daemon, txqueuelen: 500}}}}
""")
    if way == "adopt":
        assert "--adopt" in host.loom("up", path, check=False).stderr
        snapshot.assert_same(before, snapshot.take(host))
    host.loom("up", path, *(["--adopt"] if way == "adopt" else []))
    assert host.link("tap0")["master"] == "virbr9" and host.link("vnet9")["txqlen"] == 500
    assert host.link("virbr9")["mtu"] == 1300 and host.link("virbr9")["address"] == "02:00:00:00:00:21"
    host.loom("down", path)
    snapshot.assert_same(before, snapshot.take(host))


@pytest.mark.limit(120)
def test_a_bridge_keeps_its_mac_through_a_thousand_ports(net, host):
    """Ports come and go at random, by others and by lanloom, with lower and higher MACs than its own."""
    rng = random.Random(int(os.environ.get("LANLOOM_SEED", "4")))
    text = "name: lab\nbridges: {br0: {interfaces: [%s]}}\ntaps: {%s}\n"
    names = [f"tap{i}" for i in range(10)]
    taps = ", ".join(f'{name}: {{macaddress: "{rng.choice(("00", "02", "fe"))}:00:00:00:00:{i + 1:02x}"}}'
                     for i, name in enumerate(names))
    path = net.file("lab.yaml", text % ("", taps))
    host.loom("up", path)
    mac, inside, lines, done = host.link("br0")["address"], set(), [], 0
    assert not mac.startswith("00:00")
    while done < 1000:
        for _ in range(96):
            name = rng.choice(names)
            inside ^= {name}
            lines += [f"link set {name} " + ("master br0" if name in inside else "nomaster"), "link show dev br0"]
        shown = host.ip("-batch", net.file("batch", "\n".join(lines) + "\n"))
        told = [line.split()[1] for line in shown.splitlines() if "link/ether" in line]
        assert len(told) == 96 and set(told) == {mac}
        chosen = rng.sample(names, rng.randrange(11))
        path.write_text(text % (", ".join(chosen), taps))
        host.loom("up", path)
        assert host.link("br0")["address"] == mac
        inside, lines = {name for name in names if (host.link(name) or {}).get("master") == "br0"}, []
        done += 100


def test_of_others_without_an_owner(net, host):
    """Taken over it stays as it is: no owner that nobody wrote, no carrier for a moment. One that is written stays, and is told."""
    host.ip("tuntap", "add", "vnet9", "mode", "tap")
    host.ip("link", "set", "vnet9", "up")

    def taken():
        until(lambda: host.link("vnet9")["operstate"] == "DOWN", 10, "the kernel has seen to the carrier")
        return host.ip("-j", "-s", "-s", "-d", "link", "show", "dev", "vnet9"), host.ip("tuntap"), host.ip("addr")

    before = taken()
    path = net.file("lab.yaml", "name: lab\ntaps: {vnet9: {}}\n")
    host.loom("up", path, "--adopt")
    assert taken() == before and host.loom_json("up", path)["result"] == "unchanged"
    host.loom("down", path)
    assert taken() == before
    path.write_text("name: lab\ntaps: {vnet9: {owner: nobody}}\n")
    done = host.loom_json("up", path, "--adopt")
    assert "the kernel cannot take owner away again" in done["warnings"][0]["message"]
    assert "user nobody" in host.ip("-d", "link", "show", "dev", "vnet9")
    assert taken()[0].replace(',"user":"nobody"', "") == before[0]
    host.loom("down", path)
    assert "user nobody" in host.ip("-d", "link", "show", "dev", "vnet9")
