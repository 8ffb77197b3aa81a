# SPDX-License-Identifier: LGPL-2.1-or-later
"""A card that moves into a bridge with all it has, while others talk to it; and back.

    alpha: eth0 (10.0.0.1/24, fd00::1/64, default routes) == beta: eth0 (10.0.0.2/24, fd00::2/64)

LANLOOM_UPLINK_ROUNDS says how often `up` and `undo` are done under traffic (50 by hand).
"""
import contextlib
import json
import os
import subprocess
import time

import pytest
from lib import snapshot
from lib.net import SLOWNESS

pytestmark = pytest.mark.limit(180)
ROUNDS = int(os.environ.get("LANLOOM_UPLINK_ROUNDS", "5"))
TEXT = "name: lab\nbridges: {br0: {uplink: eth0}}\n"

# One flow: UDP datagrams with a number every millisecond, or a TCP connection that counts bytes.
TALK = """
import json, select, socket, sys, time
proto, family, role, address, port = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
family = {"4": socket.AF_INET, "6": socket.AF_INET6}[family]
kind = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}[proto]
sock = socket.socket(family, kind)
stop = lambda: bool(select.select([sys.stdin], [], [], 0)[0])
result = {"sent": 0, "got": 0, "error": "", "gaps": []}
last = -1
try:
    if role == "listen":
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)  # SO_RCVBUFFORCE: a listener may have to wait
        sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
        if proto == "tcp":
            sock.listen()
        print("ready", flush=True)
        if proto == "tcp":
            sock, _ = sock.accept()
        sock.settimeout(0.2 if proto == "udp" else 20)
        while True:
            try:
                data = sock.recv(65536)
                if proto == "tcp" and not data:
                    break
                result["got"] += len(data) if proto == "tcp" else 1
                if proto == "udp" and int(data[:12]) > last + 1:
                    result["gaps"].append(int(data[:12]) - last - 1)
                last = max(last, int(data[:12])) if proto == "udp" else last
            except TimeoutError:
                if stop():
                    break
    else:
        sock.connect((address, port))
        print("ready", flush=True)
        while not stop():
            sock.send(b"%012d" % result["sent"] + b"x" * 88)
            result["sent"] += 100 if proto == "tcp" else 1
            time.sleep(0.001)
        sock.close()
except OSError as error:
    result["error"] = str(error)
print(json.dumps(result), flush=True)
"""


@pytest.fixture
def pair(net):
    alpha, beta = net.host("alpha"), net.host("beta")
    net.wire(alpha, "eth0", beta, "eth0")
    for host, number in ((alpha, 1), (beta, 2)):
        host.ip("addr", "add", f"10.0.0.{number}/24", "dev", "eth0")
        host.ip("addr", "add", f"fd00::{number}/64", "dev", "eth0", "nodad")
    alpha.ip("route", "add", "default", "via", "10.0.0.2", "metric", "77", "mtu", "1400")
    alpha.ip("-6", "route", "add", "default", "via", "fd00::2", "metric", "88")
    alpha.ip("route", "add", "10.9.0.0/16", "via", "10.0.0.2", "src", "10.0.0.1")
    time.sleep(2.5)  # link-local addresses are there: nothing settles later by itself
    return alpha, beta


class Flow:
    def __init__(self, listener, talker, proto, family, address, port):
        def begin(host, role):
            process = host.start("/usr/bin/python3", "-c", TALK, proto, family, role, address, port,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            assert process.stdout.readline() == "ready\n"
            return process

        self.name = f"{proto} over IPv{family} to {address}"
        self.far, self.near = begin(listener, "listen"), begin(talker, "talk")

    def end(self):
        """What was sent, and what came."""
        def last(process):
            with contextlib.suppress(BrokenPipeError):  # one whose other end closed has ended
                process.stdin.write("\n")
                process.stdin.flush()
            return json.loads(process.stdout.readline())

        sent = last(self.near)
        time.sleep(0.3)
        got = last(self.far)
        assert not sent["error"] and not got["error"], (self.name, sent, got)
        self.gaps = got["gaps"]
        return sent["sent"], got["got"]


def lost_in_moves(alpha, beta, path):
    """Of a datagram a millisecond each way; no connection may break."""
    flows = [Flow(listener, talker, proto, family, address, 5000 + number)
             for number, (listener, talker, four, six) in enumerate(
                 ((alpha, beta, "10.0.0.1", "fd00::1"), (beta, alpha, "10.0.0.2", "fd00::2")))
             for proto in ("tcp", "udp") for family, address in (("4", four), ("6", six))]
    for _ in range(ROUNDS):
        alpha.loom("up", path)
        time.sleep(0.3)
        alpha.loom("undo")
        time.sleep(0.3)
    ends = [(flow, *flow.end()) for flow in flows]
    for flow, sent, got in ends:
        print(f"{flow.name}: {sent} sent, {sent - got} lost in {2 * ROUNDS} moves, at once {flow.gaps}")
    lost = 0
    for flow, sent, got in ends:
        if flow.name.startswith("tcp"):
            assert got == sent, flow.name
        else:
            lost += sent - got
    return lost


def test_under_traffic(net, pair):
    """At most 200 are lost in all. Where others keep the processors from a move for long, it is tried once more."""
    alpha, beta = pair
    path = net.file("lab.yaml", TEXT)
    assert lost_in_moves(alpha, beta, path) <= 200 or lost_in_moves(alpha, beta, path) <= 200


test_under_traffic = pytest.mark.limit(120 + 12 * ROUNDS)(test_under_traffic)


def test_all_moves_and_comes_back(net, pair):
    alpha, _ = pair
    alpha.ip("addr", "add", "172.16.99.1/24", "dev", "eth0", "label", "eth0:0")
    alpha.ip("link", "set", "eth0", "mtu", "1450")
    time.sleep(0.2)
    before = snapshot.take(alpha.space)
    path = net.file("lab.yaml", TEXT)
    mac = alpha.link("eth0")["address"]
    alpha.loom("up", path)
    assert alpha.link("br0")["address"] == mac and alpha.link("br0")["mtu"] == 1450
    on = {one["local"]: one for link in alpha.json("addr", "show", "br0") for one in link["addr_info"]}
    assert {"10.0.0.1", "172.16.99.1", "fd00::1"} <= set(on)
    assert not on["fd00::1"].get("tentative") and on["172.16.99.1"]["label"] == "eth0:0"
    left = [one["local"] for link in alpha.json("addr", "show", "eth0") for one in link["addr_info"]]
    assert all(one.startswith("fe80") for one in left)
    routes = {one["dst"]: one for one in alpha.json("route") if one.get("protocol") != "kernel"}
    assert routes["default"]["dev"] == "br0" and routes["default"]["metric"] == 77
    assert routes["default"]["metrics"] == [{"mtu": 1400}] and routes["10.9.0.0/16"]["prefsrc"] == "10.0.0.1"
    assert [one["dev"] for one in alpha.json("-6", "route", "show", "default")] == ["br0"]
    assert alpha.loom_json("up", path)["result"] == "unchanged"
    alpha.loom("down", path)
    assert alpha.links() == {"lo", "eth0"}
    snapshot.assert_same(before, snapshot.take(alpha.space))


def test_the_text_may_say_the_same_and_more(net, pair):
    """Addresses that stand in the text too are the same ones; others join them."""
    alpha, beta = pair
    path = net.file("lab.yaml", "name: lab\nbridges: {br0: {uplink: eth0, interfaces: [tap0], addresses:"
                    " [10.0.0.1/24, 10.0.5.1/24], routes: [{to: default, via: 10.0.0.2, metric: 77}]}}\n"
                    "taps: {tap0: {}}\n")
    alpha.loom("up", path)
    on = [one["local"] for link in alpha.json("-4", "addr", "show", "br0") for one in link["addr_info"]]
    assert sorted(on) == ["10.0.0.1", "10.0.5.1"]
    assert alpha.ping("10.0.0.2")
    assert alpha.loom_json("up", path)["result"] == "unchanged"
    path.write_text(TEXT)
    alpha.loom("up", path)
    on = [one["local"] for link in alpha.json("-4", "addr", "show", "br0") for one in link["addr_info"]]
    assert on == ["10.0.0.1"] and "tap0" not in alpha.links()
    assert alpha.ping("10.0.0.2") and beta.ping("10.0.0.1")
    alpha.loom("down", path)
    assert alpha.ping("10.0.0.2") and beta.ping("10.0.0.1")


def test_the_uplink_alone_goes_home(net, pair):
    """The bridge stays, the card leaves it with what it brought."""
    alpha, _ = pair
    path = net.file("lab.yaml", TEXT)
    alpha.loom("up", path)
    path.write_text("name: lab\nbridges: {br0: {}}\n")
    alpha.loom("up", path)
    assert "master" not in alpha.link("eth0")
    assert alpha.ping("10.0.0.2")
    on = [one["local"] for link in alpha.json("-4", "addr", "show", "br0") for one in link["addr_info"]]
    assert not on
    assert {one["dev"] for one in alpha.json("route", "show", "default")} == {"eth0"}


def test_it_is_one_step(net, pair):
    alpha, _ = pair
    plan = alpha.loom_json("plan", net.file("lab.yaml", TEXT), check=False)
    leaders = [(step["action"], step["kind"]) for step in plan["steps"] if not step.get("rides")]
    assert leaders == [("create", "bridge"), ("create", "port")]
    assert any("eth0" in cut for cut in plan["cuts"])


def test_refused_in_the_middle_all_is_as_before(net, pair):
    """A route that cannot be added on the bridge: addresses, port and routes are where they were."""
    alpha, _ = pair
    before = (alpha.json("addr", "show", "eth0")[0]["addr_info"], alpha.ip("route"))
    path = net.file("lab.yaml", "name: lab\nbridges: {br0: {uplink: eth0, routes:"
                    " [{to: 10.77.0.0/16, via: 192.0.2.1}]}}\n")
    assert alpha.loom("up", path, check=False).returncode == 1
    assert alpha.links() == {"lo", "eth0"}
    assert (len(alpha.json("addr", "show", "eth0")[0]["addr_info"]), alpha.ip("route")) == (len(before[0]), before[1])
    assert alpha.ping("10.0.0.2")


def test_of_a_bridged_network(net, pair):
    """The uplink of a network that is bridged moves with all it has, too."""
    alpha, beta = pair
    path = net.file("lab.yaml", "name: lab\nnetworks: {br0: {mode: bridged, uplink: eth0}}\n")
    before, mac = snapshot.take(alpha), alpha.link("eth0")["address"]
    alpha.loom("up", path)
    on = {one["local"] for link in alpha.json("addr", "show", "br0") for one in link["addr_info"]}
    assert {"10.0.0.1", "fd00::1"} <= on and alpha.link("br0")["address"] == mac
    assert {one["dev"] for one in alpha.json("route", "show", "default")} == {"br0"}
    assert alpha.ping("10.0.0.2") and beta.ping("fd00::1")
    assert alpha.loom_json("up", path)["result"] == "unchanged"
    alpha.loom("down", path)
    snapshot.assert_same(before, snapshot.take(alpha))


@pytest.mark.needs("vlan")
def test_a_vlan_over_the_card(net, pair):
    """The VLAN moves into the bridge, the card stays as it is."""
    alpha, beta = pair
    for host, number in ((alpha, 1), (beta, 2)):
        host.ip("link", "add", "eth0.5", "link", "eth0", "mtu", "1450", "type", "vlan", "id", "5")
        host.ip("link", "set", "eth0.5", "up")
        host.ip("addr", "add", f"10.5.0.{number}/24", "dev", "eth0.5", "metric", "55")
        host.ip("addr", "add", f"fd05::{number}/64", "dev", "eth0.5", "nodad")
    alpha.ip("route", "add", "10.55.0.0/16", "via", "10.5.0.2", "metric", "44")
    time.sleep(2.5 * SLOWNESS)
    before, mac = snapshot.take(alpha), alpha.link("eth0.5")["address"]
    path = net.file("lab.yaml", "name: lab\nbridges: {br0: {uplink: eth0.5}}\n")
    alpha.loom("up", path)
    on = {one["local"]: one for link in alpha.json("addr", "show", "br0") for one in link["addr_info"]}
    assert on["10.5.0.1"]["metric"] == 55 and not on["fd05::1"].get("tentative")
    assert alpha.link("br0")["address"] == mac and alpha.link("br0")["mtu"] == 1450
    route, = alpha.json("route", "show", "10.55.0.0/16")
    assert route["dev"] == "br0" and route["metric"] == 44
    for address in ("10.5.0.2", "fd05::2", "10.0.0.2"):
        assert alpha.ping(address, wait=5)
    assert alpha.loom_json("up", path)["result"] == "unchanged"
    alpha.loom("undo")
    assert alpha.ping("10.5.0.2", wait=5) and beta.ping("fd05::1", wait=5)
    snapshot.assert_same(before, snapshot.take(alpha))
