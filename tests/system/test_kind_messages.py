# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kinds with messages of their own: addresses, routes, sysctls; and what others do meanwhile.

    alpha:  br0 10.0.0.1/24   tap0
"""
import time

import pytest
from lib.driver import Driver, Refused
from lib.net import until


@pytest.fixture
def driver(host):
    made = Driver(host)
    made.create("bridge", name="br0", macaddress="02:00:00:00:00:01")
    made.create("tap", name="tap0")
    return made


def addresses(host, device="br0"):
    """What `ip` shows, by "address/length"."""
    found = host.json("addr", "show", "dev", device)[0]["addr_info"]
    return {f"{one['local']}/{one['prefixlen']}": one for one in found
            if not one["local"].startswith("fe80")}


def routes(host, family="-4", table="main"):
    found = host.json(family, "route", "show", "table", table)
    return [one for one in found if one.get("protocol") != "kernel"]


@pytest.mark.parametrize("address,broadcast", [
    ("10.0.0.1/24", "10.0.0.255"), ("10.0.0.1/8", "10.255.255.255"), ("10.0.0.1/30", "10.0.0.3"),
    ("10.0.0.1/31", None), ("10.0.0.1/32", None), ("fd00::1/64", None)])
def test_address(host, driver, address, broadcast):
    driver.create("address", device="br0", address=address)
    made = addresses(host)[address]
    assert made.get("broadcast") == broadcast
    assert made["scope"] == "global"
    assert driver.find("address", device="br0", address=address)["lifetime"] == "forever"
    driver.delete("address", device="br0", address=address)
    assert not addresses(host)
    driver.say("undo")
    made.pop("tentative", None)
    again = addresses(host)[address]
    again.pop("tentative", None)
    assert again == made


def test_address_fields(host, driver):
    driver.create("address", device="br0", address="172.16.99.108/24", label="br0:0")
    driver.create("address", device="br0", address="10.1.0.1/24", no_prefix_route=True)
    driver.create("address", device="br0", address="10.2.0.1/24", metric=77, scope="link")
    driver.create("address", device="br0", address="10.3.0.1/32", peer="10.3.0.2")
    driver.create("address", device="br0", address="fd00::1/64", no_prefix_route=True, lifetime="0")
    there = addresses(host)
    assert there["172.16.99.108/24"]["label"] == "br0:0"
    assert there["10.1.0.1/24"]["noprefixroute"] is True
    assert there["10.2.0.1/24"]["metric"] == 77 and there["10.2.0.1/24"]["scope"] == "link"
    assert there["10.3.0.1/32"]["address"] == "10.3.0.2"
    assert there["fd00::1/64"]["noprefixroute"] is True and there["fd00::1/64"]["deprecated"] is True
    networks = {one["dst"] for one in host.json("-4", "route")}
    assert networks == {"172.16.99.0/24", "10.2.0.0/24", "10.3.0.2"}
    read = {one["address"]: one for one in driver.read() if one["kind"] == "address" and not one["auto"]}
    assert read["172.16.99.108/24"]["label"] == "br0:0" and "label" not in read["10.1.0.1/24"]
    assert read["10.1.0.1/24"]["no-prefix-route"] == "true"
    assert read["10.2.0.1/24"]["metric"] == "77" and read["10.2.0.1/24"]["scope"] == "link"
    assert read["10.3.0.1/32"]["peer"] == "10.3.0.2"
    assert read["fd00::1/64"]["lifetime"] == "0"


@pytest.mark.parametrize("address", ["10.0.0.1/24", "fd00::1/64"])
def test_address_changes_in_place(host, driver, address):
    """Never taken away in between: the kernel keeps it while it changes."""
    driver.create("address", device="br0", address=address)
    driver.change("address", device="br0", address=address, lifetime="0")
    assert addresses(host)[address]["deprecated"] is True
    driver.change("address", device="br0", address=address, lifetime="forever", metric=55)
    assert "deprecated" not in addresses(host)[address]
    assert addresses(host)[address]["metric"] == 55


def test_address_of_the_kernel_is_marked(host, driver):
    # a TAP that nobody holds has no carrier, and so gets no link-local address
    host.ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
    host.ip("link", "set", "v1", "up")
    host.ip("link", "set", "v0", "up")

    def marked():
        return {one["address"] for one in driver.read() if one["kind"] == "address" and one["auto"]}

    until(lambda: any(one.startswith("fe80") for one in marked()), 10, "the link-local address is there")
    assert "127.0.0.1/8" in marked()
    driver.create("address", device="v0", address="fe80::7/64")
    assert not driver.find("address", address="fe80::7/64")["auto"]


def test_address_secondary(host, driver):
    driver.create("address", device="br0", address="10.0.0.1/24")
    driver.create("address", device="br0", address="10.0.0.2/24")
    assert driver.find("address", address="10.0.0.1/24")["secondary"] == "false"
    assert driver.find("address", address="10.0.0.2/24")["secondary"] == "true"


def test_address_refused(host, driver):
    driver.create("address", device="br0", address="10.0.0.1/24")
    with pytest.raises(Refused, match="one already") as refused:
        driver.create("address", device="br0", address="10.0.0.1/24")
    assert refused.value.object == "address 10.0.0.1/24 on br0"


def test_route_fields(host, driver):
    driver.create("address", device="br0", address="10.0.0.1/24")
    driver.create("address", device="br0", address="10.0.0.9/24")
    driver.create("route", to="10.1.0.0/16", table=254, metric=50, device="br0", via="10.0.0.254", mtu=1300,
                  congestion_window=20, advertised_receive_window=30, **{"from": "10.0.0.9"})
    driver.create("route", to="10.2.0.0/16", table=100, metric=0, device="br0")
    driver.create("route", to="10.3.0.0/16", table=254, metric=0, device="br0", via="192.0.2.1", on_link=True)
    driver.create("route", to="10.4.0.0/16", table=254, metric=0, device="br0", scope="link", protocol=201)
    driver.create("route", to="10.5.0.0/16", table=254, metric=0, device="br0", via="fe80::1")
    main = {one["dst"]: one for one in routes(host)}
    one = main["10.1.0.0/16"]
    assert one["gateway"] == "10.0.0.254" and one["metric"] == 50 and one["prefsrc"] == "10.0.0.9"
    assert one["metrics"] == [{"mtu": 1300, "initcwnd": 20, "initrwnd": 30}]
    assert one["protocol"] == "static"
    assert routes(host, table="100")[0]["dst"] == "10.2.0.0/16"
    assert routes(host, table="100")[0]["scope"] == "link"
    assert "onlink" in main["10.3.0.0/16"]["flags"]
    assert str(main["10.4.0.0/16"]["protocol"]) == "201"
    assert main["10.5.0.0/16"]["via"] == {"family": "inet6", "host": "fe80::1"}
    read = {one["to"]: one for one in driver.read() if one["kind"] == "route"}
    for key, value in {"via": "10.0.0.254", "metric": "50", "from": "10.0.0.9", "mtu": "1300",
                       "congestion-window": "20", "advertised-receive-window": "30", "device": "br0",
                       "type": "unicast", "table": "254", "on-link": "false"}.items():
        assert read["10.1.0.0/16"][key] == value, key
    assert read["10.2.0.0/16"]["table"] == "100" and read["10.3.0.0/16"]["on-link"] == "true"
    assert read["10.4.0.0/16"]["scope"] == "link" and read["10.5.0.0/16"]["via"] == "fe80::1"
    assert read["10.4.0.0/16"]["protocol"] == "201"


@pytest.mark.parametrize("kind", ["blackhole", "unreachable", "prohibit", "throw"])
@pytest.mark.parametrize("to,metric", [("10.9.0.0/16", 0), ("2001:db8::/32", 1024)])
def test_route_that_leads_nowhere(host, driver, kind, to, metric):
    driver.create("route", to=to, table=254, metric=metric, type=kind)
    assert driver.find("route", to=to)["type"] == kind
    assert "device" not in driver.find("route", to=to)
    shown = routes(host, "-6" if ":" in to else "-4")
    assert [one["type"] for one in shown if one["dst"] == to] == [kind]
    driver.delete("route", to=to, table=254, metric=metric)
    assert not driver.find("route", to=to)


@pytest.mark.parametrize("own,via,other,to,metric", [
    ("10.0.0.1/24", "10.0.0.254", "10.0.0.253", "default", 0),
    ("fd00::1/64", "fd00::fe", "fd00::fd", "::/0", 1024)])
def test_route_changes_in_place(host, driver, own, via, other, to, metric):
    driver.create("address", device="br0", address=own)
    driver.create("route", to=to, table=254, metric=metric, device="br0", via=via, mtu=1400)
    driver.change("route", to=to, table=254, metric=metric, via=other)
    read = driver.find("route", to=to)
    assert read["via"] == other and read["mtu"] == "1400" and read["device"] == "br0"
    driver.say("undo")
    assert driver.find("route", to=to)["via"] == via
    driver.create("address", device="tap0", address="10.7.0.1/24" if "." in own else "fd07::1/64")
    driver.change("route", to=to, table=254, metric=metric, device="tap0",
                  via="10.7.0.2" if "." in own else "fd07::2")
    assert driver.find("route", to=to)["device"] == "tap0"


@pytest.mark.parametrize("keys,field", [
    ({"device": "br0", "via": "192.0.2.1"}, "via"),
    ({"device": "br0", "via": "10.0.0.254", "from": "192.0.2.9"}, "from"),
    ({"device": "nix", "via": "10.0.0.254"}, "device")])
def test_route_refused_at_its_field(host, driver, keys, field):
    driver.create("address", device="br0", address="10.0.0.1/24")
    with pytest.raises(Refused) as refused:
        driver.create("route", to="10.1.0.0/16", table=254, metric=0, **keys)
    assert refused.value.field == field
    assert not routes(host)


def test_routes_of_the_kernel_are_not_read(host, driver):
    driver.create("address", device="br0", address="10.0.0.1/24")
    host.ip("route", "add", "10.6.0.0/16", "tos", "8", "dev", "br0")
    assert not [one for one in driver.read() if one["kind"] == "route"]


def test_sysctl(host, driver):
    name = "net.ipv4.conf.br0.forwarding"
    host.sysctl(name, 0)
    driver.want("sysctl", name=name)
    assert driver.find("sysctl", name=name) == {"kind": "sysctl", "ns": "", "auto": False, "name": name,
                                                "value": "0", "device": "br0"}
    driver.change("sysctl", name=name, value="1")
    assert host.sysctl(name) == "1"
    driver.say("undo")
    assert host.sysctl(name) == "0"


def test_sysctl_of_a_namespace(net, host, driver):
    inner = net.host("inner")
    before = host.sysctl("net.ipv4.ip_forward")
    driver.want("sysctl", inner.space, name="net.ipv4.ip_forward")
    driver.change("sysctl", inner.space, name="net.ipv4.ip_forward", value="1")
    assert inner.sysctl("net.ipv4.ip_forward") == "1"
    assert host.sysctl("net.ipv4.ip_forward") == before


def test_sysctl_refused(host, driver):
    driver.want("sysctl", name="net.ipv4.ip_forward")
    with pytest.raises(Refused) as refused:
        driver.change("sysctl", name="net.ipv4.ip_forward", value="banana")
    assert refused.value.field == "value"
    driver.want("sysctl", name="net.ipv4.no_such_thing")
    assert driver.find("sysctl", name="net.ipv4.no_such_thing") is None


def test_own_steps_do_not_disturb(host, driver):
    driver.read()
    driver.create("bridge", name="br1", mtu=1400)
    driver.create("tap", name="tap1")
    driver.create("port", device="tap1", bridge="br1")
    driver.create("address", device="br1", address="10.5.0.1/24")
    driver.create("address", device="br1", address="fd05::1/64")
    driver.create("route", to="10.55.0.0/16", table=254, metric=0, device="br1", via="10.5.0.2")
    assert driver.disturbed() is None
    time.sleep(2.2)  # duplicate address detection ends, carriers settle
    assert driver.disturbed() is None


@pytest.mark.parametrize("words,expected", [
    (("link", "set", "br0", "mtu", "1300"), ("bridge", "br0")),
    (("link", "set", "br0", "down"), ("bridge", "br0")),
    (("link", "set", "br0", "type", "bridge", "ageing_time", "10000"), ("bridge", "br0")),
    (("link", "set", "tap0", "master", "br0"), ("port", "tap0")),
    (("link", "set", "tap0", "name", "tapx"), ("tap", "tapx")),
    (("link", "del", "tap0"), ("tap", "tap0")),
    (("link", "add", "new0", "type", "bridge"), ("bridge", "new0")),
    (("addr", "add", "10.8.0.1/24", "dev", "br0"), ("address", "br0")),
    (("addr", "add", "fd08::1/64", "dev", "br0"), ("address", "br0")),
    (("route", "add", "blackhole", "10.88.0.0/16"), ("route", "10.88.0.0/16")),
])
def test_others_do(host, driver, words, expected):
    driver.read()
    time.sleep(0.1)
    driver.disturbed()
    host.ip(*words)
    assert expected in driver.disturbed()
    assert driver.disturbed() is None


def test_others_do_on_a_port(host, driver):
    driver.create("port", device="tap0", bridge="br0")
    driver.read()
    host.ip("link", "set", "tap0", "type", "bridge_slave", "isolated", "on")
    assert ("port", "tap0") in driver.disturbed()


def test_many_events_are_not_missed(host, driver):
    """More than a socket's buffer holds: told as a disturbance, not as silence."""
    driver.read()
    host.run("sh", "-c", "for i in $(seq 300); do echo link add b$i type bridge; echo link del b$i; done"
             " | ip -batch -")
    assert driver.disturbed() is not None
