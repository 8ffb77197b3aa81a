# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who reaches whom over macvlans, ipvlans and VLANs: by frames, as the manual's tables say.

    alpha: eth1 --.                        the devices stand on alpha's eth1; their host is alpha
    beta:  eth1 --+-- br0 of `switch`      the switch may send frames back where they came from
    gamma: eth1 --'

The devices are in namespaces of their own: a packet socket on eth1 hears what comes for a device above it, if that is
beside it. A row of a table is several pairs here; every pair of ends belongs to one row, so nothing is left out.
"""
import contextlib
import itertools
import json
import re
import socket
import time

import pytest
from lib.frames import EVERYBODY, Ear
from lib.net import ROOT, SLOWNESS

MANUAL = ROOT / "doc" / "man" / "lanloom.1"
QUIET = 0.3  # seconds in which what should not come has time to come
PLAIN, REFLECTING = "plain", "reflecting"


def table(first):
    """The manual's table with this first column: {column: {(from, to): word}}"""
    text = MANUAL.read_text().replace("\\-", "-")
    for block in re.findall(r"^\.nf\n(.*?)^\.fi$", text, re.M | re.S):
        head, *rows = [re.split(r"\s{2,}", line.strip()) for line in block.strip().splitlines()]
        if head[2:3] == [first]:
            assert all(len(row) == len(head) for row in rows), rows
            return {column: {(row[0], row[1]): row[i] for row in rows} for i, column in enumerate(head) if i > 1}
    raise AssertionError(f"the manual has no table of {first}")


def expected(words, rows, listed, switch):
    """The pairs that reach each other."""
    pairs = set()
    for row, word in words.items():
        for pair in rows.get(row, ()):
            if word == "yes" or (word == "switch" and switch == REFLECTING) or \
                    (word == "listed" and pair[0] in listed):
                pairs.add(pair)
    return pairs


def heard(hear, wanted):
    """What comes: until all that is wanted has come, and a while longer."""
    end, found = time.monotonic() + 5 * SLOWNESS, set()
    while not wanted <= found and time.monotonic() < end:
        time.sleep(0.02)
        found |= hear()
    time.sleep(QUIET * SLOWNESS)
    return found | hear()


def by_frames(ears, wanted):
    """The pairs of which both a frame for its address and one for everybody came: ARP needs both."""
    pairs = list(itertools.permutations(ears, 2))
    for ear in ears.values():
        ear.heard()
    for number, (one, other) in enumerate(pairs):
        ears[one].send(ears[other].mac, 2 * number)
        ears[one].send(EVERYBODY, 2 * number + 1)

    def hear():
        return {(name, number) for name, ear in ears.items() for number in ear.heard()}
    need = {(pair[1], 2 * pairs.index(pair) + i) for pair in wanted for i in (0, 1)}
    found = heard(hear, need)
    return {pair for number, pair in enumerate(pairs)
            if {(pair[1], 2 * number), (pair[1], 2 * number + 1)} <= found}


@pytest.fixture
def wire(net):
    """alpha, beta and gamma at a switch; switch(REFLECTING) has it send frames back."""
    alpha, switch, *others = [net.host(name) for name in ("alpha", "switch", "beta", "gamma")]
    switch.ip("link", "add", "br0", "up", "type", "bridge")
    for i, host in enumerate((alpha, *others)):
        net.wire(host, "eth1", switch, f"p{i}")
        switch.ip("link", "set", f"p{i}", "master", "br0")
    net.switch = lambda how: switch.ip("link", "set", "p0", "type", "bridge_slave", "hairpin",
                                       "on" if how == REFLECTING else "off")
    return alpha, *others


def all_pairs(rows, ends, but=()):
    """Each pair of ends belongs to one row, or is none of the table's."""
    told = [pair for pairs in rows.values() for pair in pairs] + list(but)
    assert sorted(told) == sorted(itertools.permutations(ends, 2))


MACVLAN_ROWS = {
    ("a device", "another"): [("m1", "m2"), ("m2", "m1")],
    ("a device", "the host"): [("m1", "host"), ("m2", "host")],
    ("the host", "a device"): [("host", "m1"), ("host", "m2")],
    ("a device", "outside"): [(m, far) for m in ("m1", "m2") for far in ("beta", "gamma")],
    ("outside", "a device"): [(far, m) for m in ("m1", "m2") for far in ("beta", "gamma")],
    ("the host", "outside"): [("host", "beta"), ("host", "gamma")],
    ("outside", "the host"): [("beta", "host"), ("gamma", "host")],
}
OUTSIDE = [("beta", "gamma"), ("gamma", "beta")]


def test_the_macvlan_table_is_whole():
    words = table("private")
    assert set(words) == {"private", "vepa", "bridge", "passthru", "source"}
    assert all(set(column) == set(MACVLAN_ROWS) for column in words.values())
    all_pairs(MACVLAN_ROWS, ("host", "m1", "m2", "beta", "gamma"), OUTSIDE)


@pytest.mark.needs("macvlan")
@pytest.mark.parametrize("mode", ["private", "vepa", "bridge", "passthru", "source"])
def test_macvlan(net, wire, mode):
    alpha, beta, gamma = wire
    words = table("private")[mode]
    macs = {"m1": "02:00:00:00:00:01", "m2": "02:00:00:00:00:02"}
    if mode == "passthru":  # it is alone
        macs.pop("m2")
    listed = {"host": alpha, "beta": beta}
    sources = [host.link("eth1")["address"] for host in listed.values()] + list(macs.values())
    more = {"source-macs": sources} if mode == "source" else {}
    inner = {name: net.host(name) for name in macs}
    path = net.file("macvlans.yaml", json.dumps({"name": "macvlans", "namespaces": {
        inner[name].space: {"macvlans": {"eth0": {"link": "/eth1", "mode": mode, "macaddress": mac, **more}}}
        for name, mac in macs.items()}}))
    alpha.loom("up", path, "--adopt")
    places = {"host": (alpha, "eth1"), "beta": (beta, "eth1"), "gamma": (gamma, "eth1")} | \
             {name: (host, "eth0") for name, host in inner.items()}
    rows = {row: [pair for pair in pairs if set(pair) <= set(places)] for row, pairs in MACVLAN_ROWS.items()}
    assert [row for row, word in words.items() if word == "-"] == [row for row in rows if not rows[row]]
    with contextlib.ExitStack() as stack:
        ears = {name: stack.enter_context(contextlib.closing(Ear(*place))) for name, place in places.items()}
        for ear in ears.values():
            ear.send("02:00:00:00:00:99", 0)  # the switch learns
        for switch in (PLAIN, REFLECTING):
            net.switch(switch)
            wanted = expected(words, rows, {"host", "beta", "m1", "m2"}, switch)
            assert by_frames(ears, wanted) - set(OUTSIDE) == wanted, switch


VLANS = {"q7": (7, "802.1q"), "q8": (8, "802.1q"), "a7": (7, "802.1ad"), "a8": (8, "802.1ad")}


def vlan_rows():
    """Both hosts have the same VLANs; an end is (host, device)."""
    rows = {("a VLAN", "the same outside"): [], ("a VLAN", "another"): [], ("a VLAN", "the device"): [],
            ("the device", "a VLAN"): [], ("the device", "outside"): []}
    ends = list(itertools.product(("alpha", "beta"), ("eth1", *VLANS)))
    for one, other in itertools.permutations(ends, 2):
        if one[1] == other[1]:
            row = ("the device", "outside") if one[1] == "eth1" else ("a VLAN", "the same outside")
        elif one[1] == "eth1":
            row = ("the device", "a VLAN")
        else:
            row = ("a VLAN", "the device" if other[1] == "eth1" else "another")
        rows[row].append((one, other))
    return rows


@pytest.mark.needs("vlan")
@pytest.mark.limit(120)
def test_vlan(net, wire):
    hosts = {"alpha": wire[0], "beta": wire[1]}
    places = {}
    for name, host in hosts.items():
        inner = net.host(f"in-{name}")
        host.loom("up", net.file("vlans.yaml", json.dumps({"name": "vlans", "namespaces": {inner.space: {"vlans": {
            device: {"link": "/eth1", "id": number, "protocol": protocol}
            for device, (number, protocol) in VLANS.items()}}}})), "--adopt")
        places |= {(name, "eth1"): host} | {(name, device): inner for device in VLANS}
    words, rows = table("802.1q"), vlan_rows()
    assert set(words) == {"802.1q", "802.1ad"} and all(set(column) == set(rows) for column in words.values())
    with contextlib.ExitStack() as stack:
        ears = {end: stack.enter_context(contextlib.closing(Ear(host, end[1]))) for end, host in places.items()}
        wanted = set()
        for protocol, column in words.items():
            its = {row: [pair for pair in pairs if protocol in
                         [VLANS[device][1] for _, device in pair if device in VLANS] or ["802.1q", "802.1ad"]]
                   for row, pairs in rows.items()}
            wanted |= expected(column, its, (), PLAIN)
        assert by_frames(ears, wanted) == wanted


IPVLAN_ROWS = {
    ("a device", "another"): [("a", "b"), ("b", "a")],
    ("a device", "the host"): [("a", "host"), ("b", "host")],
    ("the host", "a device"): [("host", "a"), ("host", "b")],
    ("a device", "outside"): [("a", "beta"), ("b", "beta")],
    ("outside", "a device"): [("beta", "a"), ("beta", "b")],
    ("the host", "outside"): [("host", "beta")],
    ("outside", "the host"): [("beta", "host")],
}
MODES = ("l2", "l3", "l3s")
FLAGS = ("bridge", "private", "vepa")


class Datagrams:
    """A UDP socket in each namespace; IPVLANs look at IP addresses, as they all have one MAC address."""

    def __init__(self, places):
        self.places = places
        self.sockets = {}
        for name, (host, address) in places.items():
            with host.entered():
                self.sockets[name] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sockets[name].bind((address, 7000))
            self.sockets[name].setblocking(False)

    def close(self):
        for one in self.sockets.values():
            one.close()

    def hear(self):
        pairs = set()
        for name, one in self.sockets.items():
            with contextlib.suppress(BlockingIOError):
                while True:
                    with contextlib.suppress(ConnectionRefusedError):
                        pairs.add((one.recv(100).decode(), name))
        return pairs

    def reached(self, wanted):
        self.hear()
        for one, other in itertools.permutations(self.places, 2):
            with contextlib.suppress(OSError):  # unreachable
                self.sockets[one].sendto(one.encode(), (self.places[other][1], 7000))
        return heard(self.hear, wanted)


def ipvlan_table():
    """The modes l3 and l3s are alike in this: one table."""
    words = table("l2 bridge") | table("l3 bridge")
    return words | {f"l3s {flags}": words[f"l3 {flags}"] for flags in FLAGS}


def test_the_ipvlan_tables_are_whole():
    words = ipvlan_table()
    assert set(words) == {f"{mode} {flags}" for mode in MODES for flags in FLAGS}
    assert all(set(column) == set(IPVLAN_ROWS) for column in words.values())
    all_pairs(IPVLAN_ROWS, ("host", "a", "b", "beta"))


@pytest.mark.needs("ipvlan")
@pytest.mark.limit(240)
@pytest.mark.parametrize("mode", MODES)
def test_ipvlan(net, wire, mode):
    alpha, beta, _ = wire
    a, b = net.host("a"), net.host("b")
    places = {"host": (alpha, "10.0.0.1"), "beta": (beta, "10.0.0.9"),
              "a": (a, "10.0.0.11" if mode == "l2" else "10.0.9.11"),
              "b": (b, "10.0.0.12" if mode == "l2" else "10.0.9.12")}
    alpha.ip("addr", "add", "10.0.0.1/24", "dev", "eth1")
    beta.ip("addr", "add", "10.0.0.9/24", "dev", "eth1")
    if mode != "l2":
        beta.ip("route", "add", "10.0.9.0/24", "via", "10.0.0.1")
        alpha.ip("route", "add", "10.0.9.0/24", "dev", "eth1")
    problems = []
    for flags in FLAGS:
        path = net.file("ipvlans.yaml", json.dumps({"name": "ipvlans", "namespaces": {
            places[name][0].space: {"ipvlans": {"eth0": {
                "link": "/eth1", "mode": mode, "flags": flags, "addresses": [places[name][1] + "/24"],
                "routes": [] if mode == "l2" else [{"to": "default"}]}}} for name in "ab"}}))
        alpha.loom("up", path, "--adopt")
        for switch in (PLAIN, REFLECTING):
            net.switch(switch)
            for host in (alpha, beta, a, b):
                host.ip("neigh", "flush", "all")
            wanted = expected(ipvlan_table()[f"{mode} {flags}"], IPVLAN_ROWS, (), switch)
            with contextlib.closing(Datagrams(places)) as datagrams:
                found = datagrams.reached(wanted)
            if found != wanted:
                problems.append((flags, switch, "more", sorted(found - wanted), "less", sorted(wanted - found)))
    assert not problems
