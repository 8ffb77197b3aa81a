# SPDX-License-Identifier: LGPL-2.1-or-later
"""tunctl and brctl under LANLOOM_LEDGER=1: the same state as without, and all of it can be undone.

    alpha: one host, to begin with empty but for the wire v0 ---- v1
"""
import os
import shutil

import pytest

from lib import snapshot
from lib.net import LANLOOM, run

LINES = ("brctl addbr br0", "tunctl -t t0 -u nobody", "tunctl -n -t u0 -g nogroup", "brctl addif br0 v0 t0",
         "brctl setfd br0 4", "brctl setageing br0 100.5", "brctl sethello br0 3", "brctl setmaxage br0 12",
         "brctl stp br0 on", "brctl setbridgeprio br0 77", "brctl hairpin br0 t0 on", "brctl setpathcost br0 t0 55",
         "brctl setportprio br0 t0 5", "brctl delif br0 v0")


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Runs a line on a host by the old names."""
    for name in ("tunctl", "brctl"):
        (tmp_path / name).symlink_to(LANLOOM)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert shutil.which("brctl") == str(tmp_path / "brctl")
    # with a /sys of its own, as brctl looks there first
    return lambda host, line, **options: run("ip", "netns", "exec", host.space, *line.split(), **options)


def facts(host):
    """What brctl and tunctl can set; a bridge under the ledger keeps its MAC, so that is left out."""
    keys = ("forward_delay", "ageing_time", "hello_time", "max_age", "stp_state", "priority", "hairpin", "cost",
            "type", "user", "group", "pi")
    found = {}
    for link in host.json("link"):
        info = link.get("linkinfo", {})
        data = {**info.get("info_data", {}), **info.get("info_slave_data", {})}
        found[link["ifname"]] = {key: data[key] for key in keys if key in data} | {
            "master": link.get("master"), "up": "UP" in link["flags"], "mtu": link["mtu"]}
    return found


def test_the_same_state_with_and_without(net, call, monkeypatch):
    states = []
    for name in ("plain", "ledger"):
        host = net.host(name)
        host.ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
        if name == "ledger":
            monkeypatch.setenv("LANLOOM_LEDGER", "1")
        said = [call(host, line).stdout for line in LINES]
        assert bool(host.state_folders()) == (name == "ledger")
        states.append((said, facts(host)))
    assert states[0] == states[1]


def test_each_is_a_change_of_the_history_and_is_undone(host, call, monkeypatch):
    monkeypatch.setenv("LANLOOM_LEDGER", "1")
    host.ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
    seen = []
    for line in LINES:
        seen.append(facts(host))
        call(host, line)
    changes = [entry for entry in host.loom_json("log")["changes"] if not entry["command"].startswith("undo")]
    assert {entry["command"] for entry in changes} == set(LINES)
    assert len(changes) == len(LINES)
    for number, before in zip(range(len(LINES), 0, -1), reversed(seen), strict=True):
        host.loom("undo", str(number))
        assert facts(host) == before, number
    host.loom("down", "--all")
    assert host.links() == {"lo", "v0", "v1"}


def test_what_is_set_up_by_others_stays_up(host, call, monkeypatch):
    """The ledger promises what was said and nothing else: `ip link set up` is nobody's business."""
    monkeypatch.setenv("LANLOOM_LEDGER", "1")
    call(host, "brctl addbr br0")
    call(host, "tunctl -t t0")
    assert not facts(host)["br0"]["up"]
    for name in ("br0", "t0"):
        host.ip("link", "set", name, "up")
    call(host, "brctl addif br0 t0")
    call(host, "brctl stp br0 on")
    assert all(facts(host)[name]["up"] for name in ("br0", "t0"))
    assert facts(host)["br0"]["forward_delay"] == 1500


def test_what_is_refused_changes_nothing(host, call, monkeypatch):
    monkeypatch.setenv("LANLOOM_LEDGER", "1")
    host.ip("link", "add", "f0", "type", "bridge")
    host.ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
    host.ip("link", "set", "v0", "master", "f0")
    before = snapshot.take(host)
    for line, word in (("brctl addbr f0", "already exists"), ("brctl delbr f0", "neither"),
                       ("brctl delif f0 v0", "by hand"), ("brctl addif nosuch v0", "nosuch"),
                       ("brctl addif f0 nosuch", "nosuch"), ("brctl setfd f0 100", "forward-delay"),
                       ("tunctl -d v0", "neither"), ("brctl setfd f0 x", "bad forward delay value")):
        done = call(host, line, check=False)
        assert done.returncode == 1 and word in done.stderr, (line, done.stderr)
    snapshot.assert_same(before, snapshot.take(host))


def test_a_foreign_bridge_is_changed_and_given_back(host, call, monkeypatch):
    monkeypatch.setenv("LANLOOM_LEDGER", "1")
    for bridge, wire in (("f0", "v"), ("f1", "w")):
        host.ip("link", "add", bridge, "type", "bridge")
        host.ip("link", "add", f"{wire}0", "type", "veth", "peer", "name", f"{wire}1")
        call(host, f"brctl stp {bridge} on")
        call(host, f"brctl addif {bridge} {wire}0")
    for bridge in ("f0", "f1"):
        link = host.link(bridge)
        # the MAC it had is kept, and it is known by that one
        assert link["linkinfo"]["info_data"]["bridge_id"] == "8000." + ":".join(
            f"{int(byte, 16):x}" for byte in link["address"].split(":"))
    host.loom("down", "--all")
    assert {"f0", "f1", "v0"} <= host.links()
    assert not host.link("v0").get("master") and facts(host)["f0"]["stp_state"] == 0


def test_lists_grow_and_shrink(host):
    """What the ledger stands on: KEY+=NAMES and KEY-=NAMES."""
    host.loom("add", "bridge", "br0", "addresses=[10.0.1.1/24]")
    host.loom("add", "tap", "t0")
    host.loom("add", "tap", "t1")
    host.loom("set", "br0", "interfaces+=t0", "addresses+=10.0.2.1/24")
    host.loom("set", "br0", "interfaces+=t1")
    assert [host.link(name)["master"] for name in ("t0", "t1")] == ["br0", "br0"]
    host.loom("set", "br0", "interfaces-=t0", "addresses-=10.0.1.1/24")
    assert not host.link("t0").get("master") and host.link("t1")["master"] == "br0"
    addresses = host.ip("-4", "-o", "addr", "show", "dev", "br0")
    assert "10.0.2.1/24" in addresses and "10.0.1.1/24" not in addresses
    for words, told in ((("interfaces-=t0",), "t0"), (("mtu+=5",), "no list"), (("interfaces+=nosuch",), "nosuch"),
                        (("interfaces+",), "KEY=VALUE")):
        done = host.loom("set", "br0", *words, check=False)
        assert done.returncode and told in done.stderr, (words, done.stderr)
