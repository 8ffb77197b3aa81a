# SPDX-License-Identifier: LGPL-2.1-or-later
"""A key that the earlier text set and this one lacks goes back: to its prior value, default, or none.

    alpha:  br0 10.0.0.1/24   tap0   eth1 (somebody's)
"""
import json
import pathlib
import re

import pytest
from lib import addresses, snapshot
from lib.net import LANLOOM, until

ALL = """
name: lab
bridges:
  br0:
    addresses: [{10.0.0.1/24: {metric: 7}}]
    routes: [{to: 10.7.0.0/16, via: 10.0.0.2, mtu: 1300, from: 10.0.0.1}]
    parameters: {ageing-time: 100, priority: 4096}
taps:
  tap0: {alias: x, txqueuelen: 50, mtu: 1400}
ethernets:
  eth1: {alias: hello, mtu: 1400, txqueuelen: 77}
"""
LESS = """
name: lab
bridges: {br0: {addresses: [10.0.0.1/24], routes: [{to: 10.7.0.0/16}]}}
taps: {tap0: {}}
ethernets: {eth1: {}}
"""


@pytest.fixture
def wired(net, host):
    net.wire(host, "eth1", net.host("beta"), "eth1")
    host.ip("link", "set", "eth1", "txqueuelen", "900")
    return host


def test_keys_go_back(net, wired):
    before = wired.link("eth1")
    path = net.file("lab.yaml", ALL)
    wired.loom("up", path)
    assert wired.link("eth1")["ifalias"] == "hello" and wired.link("eth1")["txqlen"] == 77
    path.write_text(LESS)
    wired.loom("up", path)
    assert wired.link("eth1") == before
    tap = wired.link("tap0")
    assert "ifalias" not in tap and tap["txqlen"] == 1000 and tap["mtu"] == 1500
    data = wired.link("br0")["linkinfo"]["info_data"]
    assert data["ageing_time"] == 30000 and data["priority"] == 32768
    route = wired.json("route", "show", "10.7.0.0/16")[0]
    assert "gateway" not in route and "prefsrc" not in route and "metrics" not in route
    assert route["scope"] == "link"
    assert "metric" not in wired.json("addr", "show", "dev", "br0")[0]["addr_info"][0]
    assert "nothing to do" in wired.loom("up", path).stdout


def test_a_refused_step_gives_all_of_them_back(net, wired):
    """The last step fails: the keys of the others, set or taken away, are as they were."""
    path = net.file("lab.yaml", ALL)
    wired.loom("up", path)

    def shown():
        return [wired.link(name) for name in ("br0", "tap0", "eth1")] + \
            wired.json("route", "show", "10.7.0.0/16") + wired.json("addr", "show", "dev", "br0")

    before = shown()
    for one in (part for part in before if "linkinfo" in part):
        one["linkinfo"].get("info_data", {}).pop("gc_timer", None)
    path.write_text(LESS.replace("routes: [", "routes: [{to: 10.8.0.0/16, via: 192.0.2.1}, "))
    done = wired.loom("up", path, check=False)
    assert done.returncode == 1 and "via 192.0.2.1" in done.stderr
    after = shown()
    for one in (part for part in after if "linkinfo" in part):
        one["linkinfo"].get("info_data", {}).pop("gc_timer", None)
    assert after == before


SETTINGS = {"net.ipv6.conf.eth1.accept_dad": "0", "net.ipv6.conf.eth1.accept_ra": "0",
            "net.ipv6.neigh.eth1.ucast_solicit": "7"}


@pytest.mark.parametrize("text, named", [
    ("eth1: {mtu: 1200}", {"address fd78::1/64", "address fd78::3/64", "address fd78::4/64", "route fd20::/32", *(f"sysctl {key}" for key in SETTINGS)}),
    ("eth1: {up: false}", {"route 10.201.0.0/16", "route fd20::/32"}),
])
def test_what_a_card_cannot_carry_is_named_and_comes_back(net, wired, text, named):
    """Below 1280 bytes there is no IPv6, on a card that is down no route: somebody else's, here."""
    for key, value in SETTINGS.items():
        wired.sysctl(key, value)
    for words in ("addr add 10.78.0.1/24 dev eth1", "addr add 10.78.0.2/24 dev eth1",
                  "addr add fd78::1/64 dev eth1", "addr add fd78::3/64 dev eth1 home mngtmpaddr", "route add 10.201.0.0/16 via 10.78.0.77",
                  "route add fd20::/32 via fd78::77"):
        wired.ip(*words.split())
    addresses.add(wired, "eth1", "fd78::4/64", 77)
    addresses.add(wired, "eth1", "10.78.0.3/24", 78)

    def foreign():
        """Without what the kernel makes of a carrier."""
        lines = [line for family in ("-4", "-6") for words in ("addr show dev eth1", "route show table all")
                 for line in wired.ip(family, *words.split()).splitlines()
                 if "fe80:" not in line and "ff00:" not in line and "valid_lft" not in line]
        kept = {address: mark for address, mark in addresses.protos(wired).items() if mark > 3}
        return [*lines, *snapshot.sysctls(wired.space), kept]

    until(lambda: any("local fd78::1" in line for line in foreign()), 10, "the address is usable")
    before = foreign()
    path = net.file("lab.yaml", f"name: lab\nethernets: {{{text}}}\n")
    plan = json.loads(wired.loom("plan", path, "--json", check=False).stdout)
    assert {" ".join(cut.split()[:2]) for cut in plan["cuts"]} == named
    told = wired.loom("up", path).stdout
    assert all(f"cuts {what}" in told for what in named)
    assert foreign() != before
    assert "nothing to do" in wired.loom("up", path).stdout
    wired.loom("down", path)
    until(lambda: foreign() == before, 10, "all is back")


@pytest.mark.needs("bond")
@pytest.mark.limit(120)
def test_a_card_is_never_left_down_by_a_kill(net, wired):
    """A bond takes in what is down, and sets down what leaves it: a card that was up is up in all that is left."""
    fire, log = pathlib.Path(LANLOOM).parent / "tests/fire/fire", net.folder / "fire.log"
    path = net.file("bond.yaml", "name: bond\nbonds: {bond0: {interfaces: [eth1], parameters: {mode: active-backup}}}\n")
    number = wired.link("eth1")["ifindex"]

    def struck(command, *words):
        wired.run(fire, "-o", log, *words, "--", LANLOOM, command, path, check=False, timeout=60)
        return re.findall(rf"^(?:call|hit) (\d+) \w+ send NEWLINK {number}$", log.read_text(), re.M)

    def up():
        return "UP" in wired.link("eth1")["flags"]

    wired.loom("up", path)
    assert wired.link("eth1")["master"] == "bond0"
    [leaves] = struck("down")
    assert up()
    [enters] = struck("up")
    assert struck("down", "-m", "all", "-n", leaves) == [leaves]
    wired.loom("down", "--all")  # which finishes that first
    assert up()
    assert struck("up", "-m", "all", "-n", enters) == [enters]
    wired.loom("down", "--all")
    assert up() and "master" not in wired.link("eth1")


HOP = "net.ipv6.conf.eth1.hop_limit"
OURS = f"name: lab\nethernets: {{eth1: {{mtu: 1500}}}}\nsysctls: {{{HOP}: 33}}\n"
LOW = "name: lab\nethernets: {eth1: {mtu: 1200}}\n"
REFUSED = "name: lab\nethernets: {eth1: {mtu: 1200, routes: [{to: 10.8.0.0/16, via: 192.0.2.1}]}}\n"


def test_a_value_of_ours_goes_with_the_ipv6_of_its_card(net, wired):
    """One change takes the value out of the text and the card below 1280: what was there before lanloom
    (50) waits until the card has IPv6 again; a refusal on the way leaves ours (33)."""
    wired.sysctl(HOP, "50")
    path = net.file("lab.yaml", OURS)
    wired.loom("up", path)
    path.write_text(REFUSED)
    done = wired.loom("up", path, check=False)
    assert done.returncode == 1 and "all is as before" in done.stderr
    assert wired.sysctl(HOP) == "33" and wired.link("eth1")["mtu"] == 1500
    path.write_text(LOW)
    assert f"cuts sysctl {HOP} on eth1, which eth1 cannot carry then" in wired.loom("up", path).stdout
    assert wired.link("eth1")["mtu"] == 1200 and "nothing to do" in wired.loom("up", path).stdout
    path.write_text(OURS)
    wired.loom("up", path)
    assert wired.sysctl(HOP) == "33"
    path.write_text(LOW)
    wired.loom("up", path)
    wired.loom("down", path)
    assert wired.sysctl(HOP) == "50"


def test_a_value_of_ours_goes_back_from_where_it_came_again(net, wired):
    """Low in between, and then our value once more: `down` still knows what was there before lanloom."""
    wired.sysctl(HOP, "50")
    path = net.file("lab.yaml", OURS)
    for text in (OURS, LOW, OURS):
        path.write_text(text)
        wired.loom("up", path)
    wired.loom("down", path)
    assert wired.sysctl(HOP) == "50"


def test_a_value_made_with_the_ipv6_of_a_card_goes_with_it(net, wired):
    wired.ip("link", "set", "eth1", "mtu", "1200")
    path = net.file("lab.yaml", OURS)
    wired.loom("up", path)
    assert wired.sysctl(HOP) == "33"
    assert "cuts" not in wired.loom("down", path).stdout
    assert wired.link("eth1")["mtu"] == 1200
