# SPDX-License-Identifier: LGPL-2.1-or-later
"""A key that the earlier text set and this one lacks goes back: to its prior value, default, or none.

    alpha:  br0 10.0.0.1/24   tap0   eth1 (somebody's)
"""
import pytest

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
