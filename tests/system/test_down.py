# SPDX-License-Identifier: LGPL-2.1-or-later
"""`down` takes away what `up` made, and nothing else.

    alpha, before: foreign bridge fbr0 (10.8.0.1/24) with port fveth0, foreign TAP ftap0, address and
    neighbour on fveth0, nft table, qdisc, rule, route. Ours comes and goes beside and on top of it.
"""
import pytest
from lib import snapshot, trace
from lib.fabric import Fabric
from lib.net import until
from lib.still import take_still

FOREIGN = """
set -e
ip link add fbr0 type bridge ageing_time 12300
ip link add fveth0 type veth peer name fveth1
ip link set fveth0 master fbr0
ip tuntap add ftap0 mode tap
ip link set fbr0 up; ip link set fveth0 up; ip link set fveth1 up; ip link set ftap0 up
ip addr add 10.8.0.1/24 dev fbr0
ip addr add 10.8.9.1/24 dev fveth1
ip route add 10.200.0.0/16 via 10.8.0.77 dev fbr0 metric 9
ip rule add from 10.8.0.0/24 lookup 100 priority 500
ip route add 10.201.0.0/16 dev fbr0 table 100
ip neigh add 10.8.0.77 lladdr 02:00:00:00:07:77 dev fbr0 nud permanent
bridge fdb add 02:00:00:00:07:78 dev fveth0 master static
tc qdisc add dev fveth1 ingress
nft add table inet keepme
nft add chain inet keepme forward '{ type filter hook forward priority 0; }'
nft add rule inet keepme forward counter accept
"""

OURS = """
name: lab
bridges:
  br0:
    interfaces: [tap0, v0]
    addresses: [10.0.1.1/24, "fd00:1::1/64"]
    routes: [{{to: 10.5.0.0/16, via: 10.0.1.254}}]
  fbr0:
    existing: true
    interfaces: [tap1, v0b]
    addresses: [10.8.1.1/24]
    routes: [{{to: 10.6.0.0/16, via: 10.8.0.254}}]
    parameters: {{ageing-time: 50}}
taps:
  tap0: {{}}
  tap1: {{}}
virtual-ethernets:
  v0: {{peer: {inner}/v1}}
  v0b: {{peer: v0c}}
sysctls:
  net.ipv4.ip_forward: 1
  net.ipv4.conf.fveth0.rp_filter: 2
namespaces:
  {inner}:
    virtual-ethernets: {{v1: {{addresses: [10.0.1.2/24]}}}}
"""


@pytest.fixture
def foreign(host):
    host.run("sh", "-c", FOREIGN)
    trace.settled(host)
    return host


def test_down_restores_everything(net, foreign):
    before = take_still(foreign)
    path = net.file("lab.yaml", OURS.format(inner=net.space("inner")))
    foreign.loom("up", path)
    assert {"br0", "tap0", "tap1", "v0", "v0b"} <= foreign.links()
    assert foreign.link("tap1")["master"] == "fbr0"
    assert foreign.link("fbr0")["linkinfo"]["info_data"]["ageing_time"] == 5000
    foreign.loom("down", path)
    snapshot.assert_same(before, take_still(foreign))


def test_down_leaves_what_came_later(net, foreign):
    """Somebody adds ports, addresses and rules while ours is up; they stay."""
    path = net.file("lab.yaml", OURS.format(inner=net.space("inner")))
    foreign.loom("up", path)
    foreign.run("sh", "-c", """
        set -e
        ip link set ftap0 master fbr0
        ip addr add 10.8.2.1/24 dev fbr0
        ip link add late0 type bridge; ip link set late0 up
        ip addr add 10.44.0.1/24 dev late0
        nft add table ip late
        """)
    foreign.loom("down", path)
    assert foreign.link("ftap0")["master"] == "fbr0"
    addresses = foreign.ip("addr", "show", "dev", "fbr0")
    assert "10.8.2.1/24" in addresses and "10.8.0.1/24" in addresses
    assert "10.8.1.1/24" not in addresses
    assert "late0" in foreign.links() and "br0" not in foreign.links()
    assert "table ip late" in foreign.run("nft", "list", "ruleset").stdout
    assert foreign.link("fbr0")["linkinfo"]["info_data"]["ageing_time"] == 12300


def test_a_smaller_text_removes_what_it_lacks(net, foreign):
    before = take_still(foreign)
    text = OURS.format(inner=net.space("inner"))
    path = net.file("lab.yaml", text)
    foreign.loom("up", path)
    path.write_text("name: lab\ntaps:\n  tap0: {}\n")
    foreign.loom("up", path)
    assert foreign.links() >= {"tap0", "fbr0"} and not foreign.links() & {"br0", "v0", "tap1"}
    assert foreign.link("fbr0")["linkinfo"]["info_data"]["ageing_time"] == 12300
    assert foreign.sysctl("net.ipv4.ip_forward") == "0"
    foreign.loom("down", path)
    snapshot.assert_same(before, take_still(foreign))


def test_a_foreign_port_makes_up_ask_before_its_bridge_goes(net, host):
    path = net.file("lab.yaml", "name: lab\nbridges: {br0: {}}\n")
    host.loom("up", path)
    host.ip("tuntap", "add", "ftap0", "mode", "tap")
    host.ip("link", "set", "ftap0", "master", "br0")
    # The port itself does not die with the bridge, so this is no case for --force: it stays, free.
    host.loom("down", path)
    assert "ftap0" in host.links() and "br0" not in host.links()
    assert "master" not in host.link("ftap0")


def test_down_of_a_fabric_restores_everything(net):
    fabric = Fabric(net)
    before = [take_still(host) for host in fabric.hosts]
    fabric.up()
    fabric.guests[0].ping("10.77.0.12", wait=3)
    fabric.down()
    for host, earlier in zip(fabric.hosts, before):
        until(lambda host=host: not host.pids(), 5, f"{host.name}'s processes have ended")
        snapshot.assert_same(earlier, take_still(host))


def test_down_all_takes_every_description(net, foreign):
    before = take_still(foreign)
    foreign.loom("up", net.file("one.yaml", "bridges: {br1: {addresses: [10.1.0.1/24]}}\n"))
    foreign.loom("up", net.file("two.yaml", "bridges: {br2: {addresses: [10.2.0.1/24]}}\n"))
    foreign.loom("add", "tap", "tap9")
    foreign.loom("down", "--all")
    snapshot.assert_same(before, take_still(foreign))


def test_down_twice_is_no_error(net, host):
    path = net.file("one.yaml", "name: one\nbridges: {br1: {}}\n")
    host.loom("up", path)
    host.loom("down", path)
    done = host.loom("down", path, check=False)
    assert done.returncode in (0, 1)
    if done.returncode:
        assert "one" in done.stderr


def test_routes_that_a_secondary_takes_along_come_back(net, host):
    """Removing a primary address takes its secondaries along; the foreign one is put back."""
    host.ip("link", "add", "fd0", "type", "bridge")
    host.ip("link", "set", "fd0", "up")
    path = net.file("one.yaml", "name: one\nbridges:\n  fd0:\n    existing: true\n"
                                "    addresses: [10.3.0.1/24]\n")
    host.loom("up", path)
    host.ip("addr", "add", "10.3.0.2/24", "dev", "fd0")
    host.loom("down", path)
    addresses = host.ip("addr", "show", "dev", "fd0")
    assert "10.3.0.2/24" in addresses and "10.3.0.1/24" not in addresses
