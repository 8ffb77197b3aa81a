# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each kind and each of its fields on the kernel: set at creation, changed, read back by `ip`.

Below plans and descriptions, through tests/kind/driver.c. A field without a line here fails the run.

    alpha:  br0  tap0 (port)  tun0  v0 == v1        ns: inner
"""
import grp
import json
import os
import pwd
import subprocess

import pytest
from lib.driver import Driver, Refused, escape
from lib.net import LANLOOM, run

OWN = "02:00:00:00:00:0"


def kernel(link, path):
    """A value of `ip -j -d link`: "mtu", "linkinfo.info_data.priority", "up"."""
    if path == "up":
        return "UP" in link["flags"]
    for word in path.split("."):
        link = (link or {}).get(word)
    return link


def truth(value):
    return {True: True, False: False, 1: True, 0: False, "on": True, "off": False}[value]


def router(value):
    return ("never", "auto", "always", "for-now")[value]


# key: (at creation, changed to, where `ip` shows it, as what `ip` shows it)
LINK = {
    "up": (False, True, "up", bool),
    "mtu": (1400, 1300, "mtu", int),
    "macaddress": (OWN + "1", OWN + "2", "address", str),
    "txqueuelen": (500, 700, "txqlen", int),
    "link-group": (7, 19535, "group", int),
    "alias": ("one word", "two = words", "ifalias", str),
}
DATA = "linkinfo.info_data."
BRIDGE = LINK | {
    "parameters.stp": (True, False, DATA + "stp_state", truth),
    "parameters.forward-delay": (5, 7, DATA + "forward_delay", lambda v: v // 100),
    "parameters.hello-time": (3, 4, DATA + "hello_time", lambda v: v // 100),
    "parameters.max-age": (10, 11, DATA + "max_age", lambda v: v // 100),
    "parameters.ageing-time": (200, 100, DATA + "ageing_time", lambda v: v // 100),
    "parameters.priority": (4096, 8192, DATA + "priority", int),
    "parameters.multicast-snooping": (False, True, DATA + "mcast_snooping", truth),
    "parameters.multicast-querier": (True, False, DATA + "mcast_querier", truth),
    "parameters.group-address": ("01:80:c2:00:00:0a", "01:80:c2:00:00:00", DATA + "group_addr", str),
    "parameters.no-link-local-learning": (True, False, DATA + "no_linklocal_learn", truth),
    "parameters.multicast-router": ("always", "never", DATA + "mcast_router", router),
    "parameters.multicast-query-use-address": (True, False, DATA + "mcast_query_use_ifaddr", truth),
    "parameters.multicast-hash-max": (1024, 2048, DATA + "mcast_hash_max", int),
    "parameters.multicast-last-member-count": (3, 4, DATA + "mcast_last_member_cnt", int),
    "parameters.multicast-startup-query-count": (3, 4, DATA + "mcast_startup_query_cnt", int),
    "parameters.multicast-last-member-interval": (2, 3, DATA + "mcast_last_member_intvl", lambda v: v // 100),
    "parameters.multicast-membership-interval": (100, 200, DATA + "mcast_membership_intvl", lambda v: v // 100),
    "parameters.multicast-querier-interval": (100, 200, DATA + "mcast_querier_intvl", lambda v: v // 100),
    "parameters.multicast-query-interval": (50, 60, DATA + "mcast_query_intvl", lambda v: v // 100),
    "parameters.multicast-query-response-interval":
        (5, 6, DATA + "mcast_query_response_intvl", lambda v: v // 100),
    "parameters.multicast-startup-query-interval":
        (7, 8, DATA + "mcast_startup_query_intvl", lambda v: v // 100),
    "parameters.multicast-stats": (True, False, DATA + "mcast_stats_enabled", truth),
    "parameters.multicast-igmp-version": (3, 2, DATA + "mcast_igmp_version", int),
    "parameters.multicast-mld-version": (2, 1, DATA + "mcast_mld_version", int),
    "parameters.call-iptables": (True, False, DATA + "nf_call_iptables", truth),
    "parameters.call-ip6tables": (True, False, DATA + "nf_call_ip6tables", truth),
    "parameters.call-arptables": (True, False, DATA + "nf_call_arptables", truth),
    "parameters.group-forward-mask": (16, 8, DATA + "group_fwd_mask", lambda v: int(str(v), 0)),
}
BRIDGE_NEEDS = {  # refused by kernels without VLAN filtering; there they are skipped by name
    "parameters.vlan-filtering": (True, False, DATA + "vlan_filtering", truth),
    "parameters.vlan-default-pvid": (5, 7, DATA + "vlan_default_pvid", int),
    "parameters.vlan-protocol": ("802.1ad", "802.1q", DATA + "vlan_protocol", str.lower),
    "parameters.vlan-stats": (True, False, DATA + "vlan_stats_enabled", truth),
    "parameters.vlan-stats-per-port": (True, False, DATA + "vlan_stats_per_port", truth),
    "parameters.multicast-vlan-snooping": (True, False, DATA + "mcast_vlan_snooping", truth),
}
SLAVE = "linkinfo.info_slave_data."
PORT = {
    "cost": (55, 66, SLAVE + "cost", int),
    "priority": (20, 21, SLAVE + "priority", int),
    "isolated": (True, False, SLAVE + "isolated", truth),
    "hairpin": (True, False, SLAVE + "hairpin", truth),
    "learning": (False, True, SLAVE + "learning", truth),
    "flood": (False, True, SLAVE + "flood", truth),
    "multicast-flood": (False, True, SLAVE + "mcast_flood", truth),
    "broadcast-flood": (False, True, SLAVE + "bcast_flood", truth),
    "multicast-to-unicast": (True, False, SLAVE + "mcast_to_unicast", truth),
    "fast-leave": (True, False, SLAVE + "fastleave", truth),
    "neighbour-suppression": (True, False, SLAVE + "neigh_suppress", truth),
    "proxy-arp": (True, False, SLAVE + "proxy_arp", truth),
    "proxy-arp-wifi": (True, False, SLAVE + "proxy_arp_wifi", truth),
    "multicast-router": ("always", "never", SLAVE + "multicast_router", router),
    "vlan-tunnel": (True, False, SLAVE + "vlan_tunnel", truth),
    "locked": (True, False, SLAVE + "locked", truth),
    "backup-port": ("tap1", "tap2", SLAVE + "backup_port", str),
    "guard": (True, False, SLAVE + "guard", truth),
    "root-block": (True, False, SLAVE + "root_block", truth),
    "group-forward-mask": (16, 8, SLAVE + "group_fwd_mask", lambda v: int(str(v), 0)),
}


def user(value):
    return value if isinstance(value, str) else pwd.getpwuid(value).pw_name


def group(value):
    return value if isinstance(value, str) else grp.getgrgid(value).gr_name


TUNTAP = {
    "owner": ("nobody", "daemon", DATA + "user", user),
    "group": ("nogroup", "daemon", DATA + "group", group),
    # fixed, or of no interest afterwards: the second value is only for a second device
    "multi-queue": (True, None, DATA + "multi_queue", truth),
    "vnet-hdr": (True, None, DATA + "vnet_hdr", truth),
    "packet-info": (True, None, DATA + "pi", truth),
}
ELSEWHERE = {  # what tests below set and read back
    "bridge": {"uplink", "pvid", "pvid-tagged"}, "veth": {"peer"}, "tap": {"keep-carrier"}, "tun": {"keep-carrier"},  # test_carrier.py
    "ethernet": {"home"},
    "port": {"device", "bridge", "pvid", "pvid-tagged", "source-guard"},  # test_portvlan.py, test_guard.py
    "portvlan": {"device", "id", "to", "untagged", "tunnel-id"},
    "selfvlan": {"device", "id", "to", "untagged", "tunnel-id"},
    "pvid": {"device", "id", "tagged", "self"},
    "address": {"device", "address", "label", "peer", "lifetime", "metric", "no-prefix-route", "scope"},
    "route": {"to", "table", "metric", "device", "via", "type", "scope", "from", "mtu", "on-link",
              "congestion-window", "advertised-receive-window", "protocol"},
    "sysctl": {"name", "value", "device"},
    "neighbour": {"device", "address", "proxy", "macaddress", "router"},
    "rule": {"priority", "from", "to", "family", "iif", "oif", "mark", "mark-mask", "type-of-service",
             "ip-protocol", "source-port", "destination-port", "users", "invert", "type", "table",
             "suppress-prefix-length", "device", "protocol"},
    "queue": {"device", "discipline", "rate"}, "inflow": {"device", "through"},
    "fdb": {"device", "macaddress", "master", "vlan", "destination", "port", "id", "source-id", "via", "type",
            "sticky"},
    "namespace": {"name"},
}
TABLES = {
    "bridge": BRIDGE | BRIDGE_NEEDS, "veth": LINK, "tap": LINK | TUNTAP,
    "tun": {key: line for key, line in (LINK | TUNTAP).items() if key != "macaddress"},
    "ethernet": LINK, "port": PORT, "address": {}, "route": {}, "sysctl": {}, "namespace": {},
    "neighbour": {}, "rule": {}, "fdb": {}, "queue": {}, "inflow": {},
    "portvlan": {}, "selfvlan": {}, "pvid": {},
}


@pytest.fixture
def driver(host):
    return Driver(host)


def words(keys):
    return " ".join(f"{key}={escape(value)}" for key, value in keys.items())


def go(driver, word, kind, keys):
    if word != "create":
        driver.read()
    driver.say(word, f"{kind} / {words(keys)}")
    driver.say("go")


def spellings(value, shape):
    """A value as lanloom's own records have it: users and groups are numbers there."""
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if shape is user:
        return [str(pwd.getpwnam(value).pw_uid)]
    if shape is group:
        return [str(grp.getgrnam(value).gr_gid)]
    return [str(value)]


def agree(host, driver, kind, name, keys, table, key_field="name"):
    """Every key as `ip` has it, and as lanloom reads it."""
    link = host.link(name)
    read = driver.find(kind, **{key_field: name})
    for key, value in keys.items():
        _, _, path, shape = table[key]
        assert shape(kernel(link, path)) == value, (key, link)
        assert read[key] in spellings(value, shape), key


def both(host, driver, kind, name, table, key_field="name", extra=None):
    """All fields at creation, then each alone changed, then all back in one step."""
    extra = extra or {}
    first = {key: line[0] for key, line in table.items()}
    go(driver, "create", kind, {key_field: name} | extra | first)
    agree(host, driver, kind, name, first, table, key_field)
    now = dict(first)
    for key, (_, second, _, _) in table.items():
        if second is None:
            continue
        go(driver, "change", kind, {key_field: name} | extra | {key: second})
        now[key] = second
        agree(host, driver, kind, name, now, table, key_field)
    changed = {key: line[0] for key, line in table.items() if line[1] is not None}
    go(driver, "change", kind, {key_field: name} | extra | changed)
    agree(host, driver, kind, name, first, table, key_field)


def test_every_field_has_a_line():
    """What users can write and what is read back stands in a table here."""
    done = run(LANLOOM, "kinds", "--json", check=False)
    if done.returncode != 0:
        pytest.fail(f"lanloom kinds: {done.stderr}")
    missing = []
    for kind in json.loads(done.stdout)["kinds"]:
        if kind["name"] not in TABLES:
            continue
        for field in kind["keys"]:
            key = field["key"]
            # bare: test_tunctl.py; the others have tests of their own names
            if field.get("read-only") or key in ("name", "existing", "bare", "proxy-arp", "shape.egress",
                                                 "shape.ingress"):
                continue
            if key not in TABLES[kind["name"]] and key not in ELSEWHERE[kind["name"]]:
                missing.append(f"{kind['name']}.{key}")
    missing = [one for one in missing if one != "tun.macaddress"]  # a TUN has none
    assert not missing


def test_bridge(host, driver):
    both(host, driver, "bridge", "br0", BRIDGE)
    driver.delete("bridge", name="br0")
    assert host.links() == {"lo"}


def test_bridge_vlan_fields(host, driver):
    try:
        driver.create("bridge", name="probe", parameters__vlan_filtering=True)
    except Refused as refused:
        # the kernel says no more than EOPNOTSUPP: the field was found by asking one after the other
        assert refused.field == "parameters.vlan-filtering"
        assert refused.object == "probe"
        assert host.links() == {"lo"}
        return
    both(host, driver, "bridge", "br0", BRIDGE_NEEDS)


def test_bridge_said_without_words(host, driver):
    """Up, and forwarding at once, unless the text says otherwise."""
    driver.create("bridge", name="br0")
    link = host.link("br0")
    assert "UP" in link["flags"]
    assert link["linkinfo"]["info_data"]["forward_delay"] == 0


@pytest.mark.parametrize("mtu", [68, 1400, 1500, 9000])
def test_bridge_keeps_its_mtu(host, driver, mtu):
    """The kernel lets it follow the smallest port until it is changed once."""
    driver.create("bridge", name="br0", mtu=mtu)
    driver.create("tap", name="tap0", mtu=1280)
    driver.create("port", device="tap0", bridge="br0")
    assert host.link("br0")["mtu"] == mtu
    host.ip("link", "set", "tap0", "mtu", "1200")
    assert host.link("br0")["mtu"] == mtu


def test_bridge_without_mtu_follows(host, driver):
    driver.create("bridge", name="br0")
    driver.create("tap", name="tap0", mtu=1280)
    driver.create("port", device="tap0", bridge="br0")
    assert host.link("br0")["mtu"] == 1280


def test_bridge_again_after_undo_follows(host, driver):
    """A bridge that was deleted and is made again by undoing has not become one of fixed MTU."""
    driver.create("bridge", name="br0")
    number = host.link("br0")["ifindex"]
    driver.delete("bridge", name="br0")
    driver.say("undo")
    assert host.link("br0")["ifindex"] == number
    driver.create("tap", name="tap0", mtu=1280)
    driver.create("port", device="tap0", bridge="br0")
    assert host.link("br0")["mtu"] == 1280


def test_port(host, driver):
    driver.create("bridge", name="br0")
    for tap in ("tap0", "tap1", "tap2"):
        driver.create("tap", name=tap)
    for tap in ("tap1", "tap2"):  # a backup is a port of the same bridge
        driver.create("port", device=tap, bridge="br0")
    both(host, driver, "port", "tap0", PORT, "device", {"bridge": "br0"})
    driver.delete("port", device="tap0")
    assert "master" not in host.link("tap0")
    driver.say("undo")
    assert host.link("tap0")["master"] == "br0"
    assert kernel(host.link("tap0"), SLAVE + "cost") == PORT["cost"][0]


def test_port_does_not_give_its_mac(host, driver):
    """A bridge takes the lowest MAC of its ports, and all its neighbour entries go: ours are high."""
    host.ip("link", "add", "fbr0", "type", "bridge")
    host.ip("link", "add", "fv0", "type", "veth", "peer", "name", "fv1")
    host.ip("link", "set", "fv0", "address", "f2:ff:ff:ff:ff:ff", "master", "fbr0")
    driver.create("tap", name="tap0")
    driver.step("create", "veth", name="v0", peer="v1")
    driver.step("create", "veth", name="v1", peer="v0")
    driver.say("go")
    for device in ("tap0", "v0", "v1"):
        driver.create("port", device=device, bridge="fbr0")
        assert host.link(device)["address"].startswith("fe:")
    assert host.link("fbr0")["address"] == "f2:ff:ff:ff:ff:ff"


def test_empty_bridge_of_others_keeps_its_mac(host, driver):
    host.ip("link", "add", "fbr0", "type", "bridge")
    before = host.link("fbr0")["address"]
    driver.create("tap", name="tap0")
    driver.create("port", device="tap0", bridge="fbr0")
    assert host.link("fbr0")["address"] == before
    driver.delete("port", device="tap0")
    assert host.link("fbr0")["address"] == before


def test_port_changes_bridges(host, driver):
    driver.create("bridge", name="br0")
    driver.create("bridge", name="br1")
    driver.create("tap", name="tap0")
    driver.create("port", device="tap0", bridge="br0", cost=77)
    driver.change("port", device="tap0", bridge="br1")
    assert host.link("tap0")["master"] == "br1"
    assert kernel(host.link("tap0"), SLAVE + "cost") == 77
    driver.say("undo")
    assert host.link("tap0")["master"] == "br0"


def test_port_is_not_stolen(host, driver):
    driver.create("bridge", name="br0")
    driver.create("tap", name="tap0")
    host.ip("link", "add", "other", "type", "bridge")
    host.ip("link", "set", "tap0", "master", "other")
    with pytest.raises(Refused, match="port of other already"):
        driver.create("port", device="tap0", bridge="br0")
    assert host.link("tap0")["master"] == "other"


def test_port_refused_leaves_it_outside(host, driver):
    """priority 64 is beyond the table, so a bad mask of forwarding stands in: the port is out again."""
    driver.create("bridge", name="br0")
    driver.create("tap", name="tap0")
    with pytest.raises(Refused) as refused:
        driver.create("port", device="tap0", bridge="br0", cost=9, group_forward_mask=7)
    assert refused.value.field == "group-forward-mask"
    assert "master" not in host.link("tap0")


@pytest.mark.parametrize("kind", ["tap", "tun"])
def test_tuntap(host, driver, kind):
    table = TABLES[kind] | {"up": (False, True, "up", bool)}
    both(host, driver, kind, "dev0", table)
    assert host.link("dev0")["linkinfo"]["info_data"]["type"] == kind
    assert host.link("dev0")["linkinfo"]["info_data"]["persist"] is True
    driver.delete(kind, name="dev0")
    assert host.links() == {"lo"}


def test_tap_number(host, driver):
    driver.create("tap", name="tap0", ifindex=345678)
    assert host.link("tap0")["ifindex"] == 345678
    driver.delete("tap", name="tap0")
    driver.say("undo")
    assert host.link("tap0")["ifindex"] == 345678


def test_tap_name_in_use(host, driver):
    """A TAP of somebody's is not opened in place of a new one."""
    host.ip("tuntap", "add", "tap0", "mode", "tap")
    before = host.json("link")
    with pytest.raises(Refused) as refused:
        driver.create("tap", name="tap0", owner="nobody")
    assert refused.value.code == 17
    assert host.json("link") == before


def test_tap_refused_is_gone(host, driver):
    """What comes after its making is refused: no TAP is left."""
    with pytest.raises(Refused) as refused:
        driver.create("tap", name="tap0", mtu=65535)
    assert refused.value.field == "mtu"
    assert host.links() == {"lo"}


HOLD = """
import fcntl, struct, sys, time
fd = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH14x", sys.argv[1].encode(), 0x1002))
print("held", flush=True)
time.sleep(60)
"""


def test_tap_holder_is_named(net, host, driver):
    other = net.host("beta")
    for one in (host, other):  # of the same name in two namespaces
        one.ip("tuntap", "add", "tap0", "mode", "tap")
    held = other.start("/usr/bin/python3", "-c", HOLD, "tap0", stdout=subprocess.PIPE)
    assert held.stdout.readline() == "held\n"
    driver.read()
    assert driver.say("holders", "tap / name=tap0") == ["holders "]
    there = Driver(other)
    there.read()
    assert there.say("holders", "tap / name=tap0") == [f"holders python3 ({held.pid})"]
    there.read()
    there.say("change", "tap / name=tap0 owner=nobody")
    with pytest.raises(Refused, match="holds tap0 open"):
        there.say("go")


def test_veth(host, driver):
    """Both ends with all they can have, in one step; then each changed."""
    first = {key: line[0] for key, line in LINK.items()} | {"up": True}
    driver.say("create", f"veth / name=v0 peer=v1 {words(first)}")
    driver.say("create", f"veth / name=v1 peer=v0 {words(first | {'macaddress': OWN + '5'})}")
    driver.say("go")
    agree(host, driver, "veth", "v0", first, LINK)
    agree(host, driver, "veth", "v1", first | {"macaddress": OWN + "5"}, LINK)
    assert driver.find("veth", name="v0")["peer"] == "v1"
    assert driver.find("veth", name="v1")["peer"] == "v0"
    for name in ("v0", "v1"):
        second = {key: line[1] for key, line in LINK.items()} | {"up": False}
        go(driver, "change", "veth", {"name": name} | second)
        agree(host, driver, "veth", name, second, LINK)
    driver.read()
    driver.step("delete", "veth", name="v0")
    driver.step("delete", "veth", name="v1")
    driver.say("go")
    assert host.links() == {"lo"}


def test_veth_numbers_and_namespaces(net, host, driver):
    inner = net.host("inner")
    driver.step("create", "veth", name="v0", peer=f"{inner.space}/v1", ifindex=200001)
    driver.step("create", "veth", inner.space, name="v1", peer="/v0", ifindex=200002, mtu=1400,
                alias="far")
    driver.say("go")
    assert host.link("v0")["ifindex"] == 200001
    assert inner.link("v1")["ifindex"] == 200002
    assert inner.link("v1")["mtu"] == 1400 and inner.link("v1")["ifalias"] == "far"
    assert "UP" in inner.link("v1")["flags"] and "UP" in host.link("v0")["flags"]
    driver.want("namespace", name=inner.space)
    assert driver.find("veth", name="v0")["peer"] == f"{inner.space}/v1"
    assert driver.find("veth", name="v1")["peer"] == "/v0"


def test_veth_name_in_use_there(net, host, driver):
    """The far end's name is taken: neither end is made."""
    inner = net.host("inner")
    inner.ip("link", "add", "v1", "type", "bridge")
    driver.step("create", "veth", name="v0", peer=f"{inner.space}/v1")
    driver.step("create", "veth", inner.space, name="v1", peer="/v0")
    with pytest.raises(Refused) as refused:
        driver.say("go")
    assert refused.value.code == 17
    assert host.links() == {"lo"} and inner.links() == {"lo", "v1"}


def test_ethernet(net, host, driver):
    """A NIC that is a veth in truth: declared is declared. Configured, and given back by undoing."""
    net.wire(host, "eth1", net.host("beta"), "eth1")
    host.ip("link", "set", "eth1", "txqueuelen", "1000")
    driver.want("ethernet", name="eth1")
    before = host.link("eth1")
    for key, (first, second, path, shape) in LINK.items():
        for value in (first, second):
            go(driver, "change", "ethernet", {"name": "eth1", key: value})
            assert shape(kernel(host.link("eth1"), path)) == value
        driver.say("undo")
        assert shape(kernel(host.link("eth1"), path)) == first
    go(driver, "change", "ethernet", {"name": "eth1", "up": True, "mtu": 1500, "txqueuelen": 1000, "alias": "",
                                      "link-group": 0, "macaddress": before["address"]})
    assert host.link("eth1") == before


def test_ethernet_moves_and_comes_home(net, host, driver):
    inner = net.host("inner")
    net.wire(host, "eth1", net.host("beta"), "eth1")
    number = host.link("eth1")["ifindex"]
    driver.want("ethernet", inner.space, name="eth1", home="/eth1")
    driver.read()
    driver.create("ethernet", inner.space, name="eth1", home="/eth1", up=True, mtu=1400)
    assert host.link("eth1") is None
    assert inner.link("eth1")["mtu"] == 1400 and "UP" in inner.link("eth1")["flags"]
    driver.say("undo")
    assert host.link("eth1")["ifindex"] == number and inner.link("eth1") is None


def test_ethernet_name_in_use_there(net, host, driver):
    inner = net.host("inner")
    inner.ip("link", "add", "eth1", "type", "bridge")
    net.wire(host, "eth1", net.host("beta"), "eth1")
    with pytest.raises(Refused, match="another device of the name"):
        driver.create("ethernet", inner.space, name="eth1", home="/eth1", up=True)
    assert "UP" in host.link("eth1")["flags"]


def test_namespace(net, host, driver):
    name = net.space("made")
    driver.create("namespace", name=name)
    try:
        assert name in run("ip", "netns").stdout
        lo = json.loads(run("ip", "-n", name, "-j", "link", "show", "dev", "lo").stdout)[0]
        assert "UP" in lo["flags"]
        driver.want("namespace", name=name)
        assert int(driver.find("namespace", name=name)["cookie"]) > 0
        with pytest.raises(Refused) as refused:
            driver.create("namespace", name=name)
        assert refused.value.code == 17
        driver.delete("namespace", name=name)
        assert name not in run("ip", "netns").stdout
        assert not os.path.exists(f"/run/netns/{name}")
    finally:
        run("ip", "netns", "del", name, check=False)


def test_namespace_of_that_name_but_another(net, host, driver):
    """Deleted and made again by somebody else meanwhile: it is not ours, and stays."""
    name = net.space("made")
    driver.create("namespace", name=name)
    try:
        driver.want("namespace", name=name)
        driver.read()
        driver.step("delete", "namespace", name=name)
        run("ip", "netns", "del", name)
        run("ip", "netns", "add", name)
        driver.say("go")
        assert name in run("ip", "netns").stdout
    finally:
        run("ip", "netns", "del", name, check=False)
