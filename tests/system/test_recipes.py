# SPDX-License-Identifier: LGPL-2.1-or-later
"""The classic recipes for two hosts: one bridge on each, the wire between them as a port, a VM's TAP beside it.

    outside (198.51.100.9) == eth0  first   eth1 ==== eth1  second
                                    br0: 10.0.1.1, 172.16.99.1   br0: 10.0.1.2, 172.16.99.2
                                    tap0 <> vm1 10.0.1.11        tap0 <> vm2 10.0.1.12

examples/two-hosts.yaml, and over VLAN 1000 examples/two-hosts-vlan.yaml.
"""
import contextlib
import re
import select
import threading

import pytest
from lib import frames, snapshot
from lib.net import ROOT, until

FLAT = (ROOT / "examples" / "two-hosts.yaml").read_text()
OVER_VLAN = (ROOT / "examples" / "two-hosts-vlan.yaml").read_text()
BOTH = [pytest.param(FLAT, id="flat"), pytest.param(OVER_VLAN, id="vlan", marks=pytest.mark.needs("vlan"))]
TARGETS = {"first": "10.0.1.1", "second": "10.0.1.2", "vm1": "10.0.1.11", "vm2": "10.0.1.12",
           "first, second segment": "172.16.99.1", "second, second segment": "172.16.99.2",
           "first, outer address": "198.51.100.1", "outside": "198.51.100.9"}


class Vm:
    """A machine whose card is the host's TAP: a namespace, and somebody who carries frames both ways."""

    def __init__(self, net, host, name, address, mac):
        self.host = net.host(name)
        self.host.ip("tuntap", "add", "eth0", "mode", "tap")
        self.host.ip("link", "set", "eth0", "address", mac, "up")
        self.host.ip("addr", "add", address, "dev", "eth0")
        self.ends = frames.Tap(host, "tap0"), frames.Tap(self.host, "eth0")
        self.host.ip("route", "add", "default", "via", "10.0.1.1")
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.carry)
        self.thread.start()

    def carry(self):
        one, other = self.ends
        while not self.stopped.is_set():
            for end in select.select(self.ends, [], [], 0.2)[0]:
                with contextlib.suppress(OSError):  # a card that is down takes nothing
                    (other if end is one else one).send(end.take())

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stopped.set()
        self.thread.join()
        for end in self.ends:
            end.close()


@pytest.fixture
def hosts(net):
    first, second, outside = net.host("first"), net.host("second"), net.host("outside")
    net.wire(first, "eth1", second, "eth1")
    net.wire(first, "eth0", outside, "eth0")
    first.ip("addr", "add", "198.51.100.1/24", "dev", "eth0")
    outside.ip("addr", "add", "198.51.100.9/24", "dev", "eth0")
    ends = ((first, "eth0"), (first, "eth1"), (second, "eth1"))
    until(lambda: all(settled(host, device) for host, device in ends), 20, "the wires are settled")
    return first, second


def settled(host, device):
    told = host.json("-6", "addr", "show", "dev", device)
    return bool(told) and bool(told[0].get("addr_info")) and \
        not any("tentative" in one for one in told[0]["addr_info"])


def state_of(host):
    """Without the variables of connection tracking: the module comes with the first NAT."""
    return {what: [line for line in lines if "/net/netfilter/" not in line]
            for what, lines in snapshot.take(host).items()}


@pytest.mark.limit(120)
@pytest.mark.parametrize("text", BOTH)
def test_all_reach_all(net, hosts, text):
    """16 of 16 pings: from a VM on each host to everything there is."""
    first, second = hosts
    path = net.file("recipe.yaml", text)
    before = [state_of(host) for host in hosts]
    for name, host in zip(("first", "second"), hosts):
        host.loom("up", path, "--host", name)
        assert host.loom_json("up", path, "--host", name)["result"] == "unchanged"
    with Vm(net, first, "vm1", "10.0.1.11/24", "52:54:00:00:01:11") as one, \
            Vm(net, second, "vm2", "10.0.1.12/24", "52:54:00:00:01:12") as two:
        lost = [(vm.host.name, what) for vm in (one, two) for what, address in TARGETS.items()
                if not any(vm.host.ping(address, wait=3, check=False) for _ in range(3))]
    assert not lost, lost
    for host in hosts:
        host.loom("down", path)
    for host, state in zip(hosts, before):
        snapshot.assert_same(state, state_of(host))


MISTAKES = {
    "guest's MAC": (r"  second:\n", '  second:\n    taps: {tap0: {macaddress: "52:54:00:00:01:11"}}\n', "tap0",
                    "macaddress is that of the guest vm1"),
    "one MAC": (r"br0:\n(        m.*\n        u.*\n|)(        macaddress.*\n|)",
                'br0:\n\\1        macaddress: "02:00:00:00:01:01"\n', "br0", "has the macaddress 02:00:00:00:01:01"),
    "one letter off": (r"tap0\]", "tpa0]", "tpa0", "tap0"),
    "via oneself": (r"via: 10.0.1.1}", "via: 10.0.1.2}", "default", "via is this host's own address"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("text", BOTH)
def test_the_usual_mistakes(net, hosts, text, mistake):
    """Each is named by check and refused by up, before anything changes."""
    pattern, instead, thing, words = MISTAKES[mistake]
    wrong, count = re.subn(pattern, instead, text)
    assert count
    path = net.file("wrong.yaml", wrong)
    _, second = hosts
    before = snapshot.take(second)
    for word in ("check", "up"):
        done = second.loom(word, path, "--host", "second", check=False)
        assert done.returncode == 1, (word, done.stdout)
        assert thing in done.stderr and words in done.stderr, done.stderr
    snapshot.assert_same(before, snapshot.take(second))
