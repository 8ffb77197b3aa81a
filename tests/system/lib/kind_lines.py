# SPDX-License-Identifier: LGPL-2.1-or-later
"""What each key of a kind is to the kernel, of devices and of what hangs on them: a line for each.

    key: Line(at creation, changed to, where `ip -j -d` shows it, as what)

A kind's lines are in variants where keys exclude each other. `changed to` may be ANEW(value): the
device is made anew for it; or None: the key is of creation only. A place "text:WORDS" is a truth:
whether `ip -d link` says so, for what its JSON leaves out; "sysctl:NAME" is a variable of the kernel.
"""
import json
from dataclasses import dataclass, field

from test_kinds import BRIDGE as BRIDGE_BELOW, BRIDGE_NEEDS, PORT as PORT_BELOW, TUNTAP as TUNTAP_BELOW

DATA = "linkinfo.info_data."
SLAVE = "linkinfo.info_slave_data."


MISSING = object()  # in place of what the kernel does not say, to a shape that asks for it


@dataclass
class ANEW:
    value: object


@dataclass
class Line:
    first: object
    second: object
    path: str
    shape: object = lambda value: value


@dataclass
class Variant:
    """`around`: other sections; `base`: what the device itself needs in any case.

    Of what is no device: `of`, the kind of the device x0 that it hangs on; `wrap`, the keys as x0 has
    them; `look`, what the kernel shows of it. `guest`: this kernel may have the kind, but not all of this.
    """
    lines: dict
    base: dict = field(default_factory=dict)
    around: dict = field(default_factory=dict)
    of: str = ""
    wrap: object = None
    look: object = None
    guest: bool = False
    keep: tuple = ()  # what cannot be left out in the end
    prepare: object = None  # what has to be there before, by hand
    root: object = None  # the keys as sections of their own, where they do not hang on x0


def truth(value):
    return {None: False, True: True, False: False, 1: True, 0: False, "on": True, "off": False}[value]


def there(value):
    """A word that `ip` prints without a value, or not at all."""
    return value is not False and value != "off"


def there_or_not(value):
    """A word that stands in the JSON as a key without a value, or does not."""
    return value is not MISSING


def pairs(value):
    return [f"{one['from']}:{one['to']}" for one in value or []]


def flag(name):
    return lambda flags: name in flags


def word(*words):
    """Those that `ip` spells in another way, or as numbers."""
    table = dict(words)
    return lambda value: table.get(value, value)


def flags(data):
    return [name for name in ("bridge", "private", "vepa") if data.get(name)][0]


def number(value):
    return int(str(value), 0)


OWN = "02:00:00:00:00:0"
OTHERS = "00:00:00:00:00:00"  # in a VXLAN's table: all that it does not know
WIRE = {"virtual-ethernets": {"v0": {"peer": "v1"}}}
LINK = {
    "up": Line(False, True, "up"),
    "mtu": Line(1400, 1300, "mtu"),
    "macaddress": Line(OWN + "1", OWN + "2", "address"),
    "txqueuelen": Line(500, 700, "txqlen"),
    "alias": Line("one word", "two = words", "ifalias"),
    "link-group": Line(7, 19535, "group", int),
    "proxy-arp": Line(True, False, "sysctl:net.ipv4.conf.x0.proxy_arp", lambda value: value == "1"),
}
NO_MAC = {key: line for key, line in LINK.items() if key != "macaddress"}


def lines(*rows):
    """(key, first, second, word of info_data[, shape])"""
    return {row[0]: Line(row[1], row[2], (DATA + row[3]).rstrip("."), *row[4:]) for row in rows}


def lines_at(*rows):
    """(key, first, second, path[, shape])"""
    return {row[0]: Line(*row[1:]) for row in rows}


CARRIER = {"keep-carrier": Line(True, False, "flags", lambda flags: "LOWER_UP" in flags)}
VLAN = lines(
    ("id", 7, ANEW(8), "id"),
    ("protocol", "802.1ad", ANEW("802.1q"), "protocol", str.lower),
    ("reorder-header", False, True, "flags", flag("REORDER_HDR")),
    ("gvrp", False, True, "flags", flag("GVRP")),
    ("mvrp", False, True, "flags", flag("MVRP")),
    ("loose-binding", True, False, "flags", flag("LOOSE_BINDING")),
    ("bridge-binding", False, True, "flags", flag("BRIDGE_BINDING")),
    ("ingress-qos-map", ["1:3", "2:5"], ["2:6", "7:1"], "ingress_qos", pairs),
    ("egress-qos-map", ["0:1", "1000:2"], ["0:4"], "egress_qos", pairs),
)
MACVLAN = lines(
    ("mode", "bridge", "private", "mode"),
    ("broadcast-queue", 500, 2000, "bcqueuelen"),
)
MACVLAN_PASSTHRU = lines(("no-promiscuous", True, False, "nopromisc", truth))
MACVLAN_SOURCE = lines(
    ("source-macs", [OWN + "3", OWN + "4"], [OWN + "4", OWN + "5"], "macaddr_data", sorted),
    ("no-destination", True, False, "nodst", truth),
)
NODE = {"owner": Line("nobody", "daemon", "node.owner"), "group": Line("nogroup", "daemon", "node.group")}
IPVLAN = lines(
    ("mode", "l2", "l3s", "mode"),
    ("flags", "private", "vepa", "", flags),
)
VXLAN = lines(
    ("id", 42, ANEW(43), "id"),
    ("link", "v0", ANEW("v1"), "link"),
    ("local", "10.0.0.1", "10.0.0.2", "local"),
    ("remote", "10.0.0.3", "10.0.0.4", "remote"),
    ("port", 4790, ANEW(4791), "port"),
    ("port-range", [1000, 2000], ANEW([1000, 3000]), "port_range", lambda v: [v["low"], v["high"]]),
    ("ttl", 9, 10, "ttl"),
    ("type-of-service", 16, 32, "tos", number),
    ("do-not-fragment", "set", "inherit", "df"),
    ("mac-learning", False, True, "learning", truth),
    ("ageing", 200, 100, "ageing"),
    ("limit", 1000, ANEW(2000), "limit"),
    ("arp-proxy", True, ANEW(False), "proxy", truth),
    ("short-circuit", True, ANEW(False), "rsc", truth),
    ("notifications.l2-miss", True, ANEW(False), "l2miss", truth),
    ("notifications.l3-miss", True, ANEW(False), "l3miss", truth),
    ("checksums.udp", False, ANEW(True), "udp_csum", truth),
    ("checksums.zero-udp6-tx", True, ANEW(False), "udp_zero_csum6_tx", truth),
    ("checksums.zero-udp6-rx", True, ANEW(False), "udp_zero_csum6_rx", truth),
    ("checksums.remote-tx", True, ANEW(False), "remcsum_tx", truth),
    ("checksums.remote-rx", True, ANEW(False), "remcsum_rx", truth),
    ("extensions.group-policy", True, ANEW(False), "gbp", truth),
)
VXLAN6 = lines(
    ("local", "fd00::1", "fd00::2", "local6"),
    ("remote", "fd00::3", "fd00::4", "remote6"),
    ("flow-label", 5, 6, "label", number),
) | {"ttl-inherit": Line(True, ANEW(False), "text:ttl inherit")}
VXLAN_EXTERNAL = lines(
    ("external", True, None, "external", truth),
    ("vni-filter", True, ANEW(False), "vnifilter", truth),
    ("extensions.generic-protocol", True, ANEW(False), "gpe", truth),
)
GENEVE = lines(
    ("id", 42, ANEW(43), "id"),
    ("remote", "10.0.0.3", ANEW("10.0.0.4"), "remote"),
    ("port", 6082, ANEW(6083), "port"),
    ("ttl", 9, 10, "ttl"),
    ("type-of-service", 16, 32, "tos", number),
    ("do-not-fragment", "set", "inherit", "df"),
    ("checksums.udp", True, ANEW(False), "udp_csum", truth),
)
GENEVE6 = lines(
    ("remote", "fd00::3", ANEW("fd00::4"), "remote6"),
    ("flow-label", 5, 6, "label", number),
    ("checksums.zero-udp6-tx", True, ANEW(False), "udp_zero_csum6_tx", truth),
    ("checksums.zero-udp6-rx", True, ANEW(False), "udp_zero_csum6_rx", truth),
) | {"ttl-inherit": Line(True, False, "text:ttl inherit")}
GENEVE_EXTERNAL = lines(
    ("external", True, None, "external", truth),
    ("inner-protocol", True, ANEW(False), "inner_proto_inherit", truth),
)


def dotted(value):
    """`ip` spells a GRE key as an IPv4 address."""
    parts = [int(part) for part in str(value or "0.0.0.0").split(".")]
    return sum(part << 8 * (3 - i) for i, part in enumerate(parts)) if len(parts) == 4 else int(value)


GRETAP = lines(
    ("link", "v0", ANEW("v1"), "link"),
    ("local", "10.0.0.1", "10.0.0.2", "local"),
    ("remote", "10.0.0.3", "10.0.0.4", "remote"),
    ("keys.input", 5, 6, "ikey", dotted),
    ("keys.output", 7, 0, "okey", dotted),
    ("checksums.input", True, False, "icsum", truth),
    ("checksums.output", False, True, "ocsum", truth),
    ("sequence.input", False, True, "iseq", truth),
    ("sequence.output", True, False, "oseq", truth),
    ("ttl", 9, 10, "ttl"),
    ("type-of-service", 16, 32, "tos", number),
    ("mark", 5, 6, "fwmark", number),
)
GRETAP_DF = lines(
    ("path-mtu-discovery", False, True, "pmtudisc", truth),
)
GRETAP_CUT = lines(
    ("ignore-df", True, False, "ignore_df", truth),
)
GRETAP_UDP = lines(
    ("encapsulation.type", "gue", "fou", "encap.type"),
    ("encapsulation.source-port", 5000, 5001, "encap.sport"),
    ("encapsulation.port", 6000, 6001, "encap.dport"),
    ("encapsulation.checksum", True, False, "encap.csum", truth),
    ("encapsulation.checksum6", True, False, "encap.csum6", truth),
    ("encapsulation.remote-checksum", True, False, "encap.remcsum", truth),
)
GRETAP_EXTERNAL = lines(("external", True, None, "external", truth))
BOND = lines(
    ("parameters.mode", "active-backup", None, "mode"),
    ("parameters.mii-monitor-interval", 100, 200, "miimon"),
    ("parameters.use-carrier", False, True, "use_carrier", truth),
    ("parameters.up-delay", 400, 200, "updelay"),
    ("parameters.down-delay", 200, 400, "downdelay"),
    ("parameters.peer-notify-delay", 200, 400, "peer_notify_delay"),
    ("parameters.primary", "v0", "v2", "primary"),
    ("parameters.primary-reselect-policy", "better", "failure", "primary_reselect"),
    ("parameters.fail-over-mac-policy", "active", ANEW("follow"), "fail_over_mac"),
    ("parameters.resend-igmp", 3, 4, "resend_igmp"),
    ("parameters.gratuitous-arp", 3, 4, "num_peer_notif"),
    ("parameters.all-members-active", True, False, "all_slaves_active", truth),
    ("parameters.min-links", 1, 2, "min_links"),
    ("parameters.learn-packet-interval", 3, 4, "lp_interval"),
)
BOND_ARP = lines(
    ("parameters.arp-interval", 500, 600, "arp_interval"),
    ("parameters.arp-ip-targets", ["10.0.0.2", "10.0.0.3"], ["10.0.0.3"], "arp_ip_target"),
    ("parameters.ns-ip6-targets", ["fd00::2"], ["fd00::2", "fd00::3"], "ns_ip6_target"),
    ("parameters.arp-validate", "active", "filter-backup", "arp_validate",
     word(("filter_active", "filter-active"), ("filter_backup", "filter-backup"))),
    ("parameters.arp-all-targets", "all", "any", "arp_all_targets"),
    ("parameters.arp-missed-max", 3, 4, "arp_missed_max"),
)
BOND_RR = {"macaddress": LINK["macaddress"]} | lines(("parameters.packets-per-member", 3, 4, "packets_per_slave"))
BOND_XOR = lines(("parameters.transmit-hash-policy", "layer3+4", "vlan+srcmac", "xmit_hash_policy"))
BOND_LACP = lines(
    ("parameters.lacp-active", False, ANEW(True), "ad_lacp_active", truth),
    ("parameters.lacp-rate", "fast", ANEW("slow"), "ad_lacp_rate"),
    ("parameters.ad-select", "bandwidth", ANEW("count"), "ad_select"),
    ("parameters.ad-actor-system-priority", 100, 200, "ad_actor_sys_prio"),
    ("parameters.ad-actor-system", OWN + "8", OWN + "9", "ad_actor_system"),
    ("parameters.ad-user-port-key", 5, ANEW(6), "ad_user_port_key"),
)
BOND_TLB = lines(("parameters.dynamic-load-balance", False, ANEW(True), "tlb_dynamic_lb", truth))
PAIRS = {"virtual-ethernets": {"v0": {"peer": "v1"}, "v2": {"peer": "v3"}}}
MEMBERS = {"interfaces": ["v0", "v2"]}


def bond(own, mode, **base):
    mode = {} if "parameters.mode" in own else {"parameters.mode": mode}
    return Variant(own, mode | base)


def below(table):
    """The tables of test_kinds.py: the same values and places, below descriptions."""
    return {key: Line(*line) for key, line in table.items()}


PORTS = {"taps": {"tap0": {}, "tap1": {}, "tap2": {}}}


def port(keys):
    return {"interfaces": ["tap0", "tap1", "tap2"], "ports": {"tap0": keys}}


def member(keys):
    return {"interfaces": ["v0", "v2"], "ports": {"v0": keys}}


def shown(device):
    return lambda host: host.link(device)


def query(program, *words, wanted=lambda one: True):
    """The one that is ours of those which `ip -j -d` or `bridge -j -d` lists."""
    def look(host):
        found = [one for one in json.loads(host.run(program, "-j", "-d", *words).stdout or "[]") if wanted(one)]
        assert len(found) == 1, found
        return found[0]
    return look


def address(host):
    found = [one for one in host.json("addr", "show", "dev", "x0")[0]["addr_info"] if one["family"] == "inet"]
    assert len(found) == 1, found
    return found[0]


def plugged(host):
    """A NIC in place of one that nobody makes; without the addresses that the kernel makes of a MAC address."""
    host.ip("link", "add", "x0", "type", "veth", "peer", "name", "x1")
    for device in ("x0", "x1"):
        host.ip("link", "set", device, "addrgenmode", "none", "up")


def shaped(host):
    """Bits per second that leave x0, and the ifb that comes in through."""
    rates = {}
    for key, device in (("egress", "x0"), ("ingress", "in-x0")):
        found = json.loads(host.run("tc", "-j", "qdisc", "show", "dev", device).stdout)
        rates[key] = [f"{one['options']['rate'] * 8 // 1000000}mbit" for one in found if one["kind"] == "tbf"][0]
    return rates


def addressed(keys):
    keys = {"address": "10.0.0.1/24"} | keys
    own = {key: value for key, value in keys.items() if key != "address"}
    return {"addresses": [{keys["address"]: own} if own else keys["address"]]}


def listed(name, addresses=(), **needs):
    """One entry of a list of x0, with what it needs."""
    return lambda keys: {name: [needs | keys]} | ({"addresses": list(addresses)} if addresses else {})


def metric(name):
    return lambda metrics: metrics[0].get(name) if metrics else None


def net(name):
    return lambda one: f"{one[name]}/{one[name + 'len']}"


def both(low, high):
    return lambda one: f"{one[low]}-{one[high]}"


END = {"of": "veth", "base": {"peer": "x1"}}
HOME = ["10.0.0.1/24", "10.0.0.5/24", "fd00::1/64"]
SHAPE = lines_at(("shape.egress", "100mbit", "50mbit", "egress"), ("shape.ingress", "40mbit", "30mbit", "ingress"))
ADDRESS = lines_at(
    ("address", "10.0.0.1/24", "10.0.0.2/25", "", lambda one: f"{one['local']}/{one['prefixlen']}"),
    ("label", "x0:1", "x0:2", "label"),
    ("lifetime", 0, "forever", "deprecated", lambda value: 0 if value else "forever"),
    ("metric", 5, 6, "metric"),
    ("no-prefix-route", True, False, "noprefixroute", truth),
    ("scope", "link", "site", "scope"),
)
ADDRESS_PEER = lines_at(("peer", "10.0.0.2", "10.0.0.3", "address"))
ROUTE = lines_at(
    ("to", "10.9.0.0/16", "10.8.0.0/16", "dst"),
    ("table", 100, 101, "table", int),
    ("metric", 5, 6, "metric"),
    ("via", "10.0.0.2", "10.0.0.3", "gateway"),
    ("from", "10.0.0.1", "10.0.0.5", "prefsrc"),
    ("mtu", 1400, 1300, "metrics", metric("mtu")),
    ("congestion-window", 10, 12, "metrics", metric("initcwnd")),
    ("advertised-receive-window", 20, 22, "metrics", metric("initrwnd")),
    ("on-link", True, False, "flags", flag("onlink")),
)
ROUTE_TYPE = lines_at(("type", "local", "broadcast", "type"))
ROUTE_SCOPE = lines_at(("scope", "link", "global", "scope", lambda value: value or "global"))
NEIGHBOUR = lines_at(
    ("address", "fd00::7", "fd00::8", "dst"),
    ("macaddress", OWN + "7", OWN + "8", "lladdr"),
    ("router", True, False, "router", there_or_not),
)
NEIGHBOUR_PROXY = lines_at(("proxy", True, None, "proxy", there_or_not))
RULE = lines_at(
    ("priority", 50, 60, "priority"),
    ("from", "10.0.0.0/24", "10.0.1.0/24", "", net("src")),
    ("to", "10.9.0.0/16", "10.8.0.0/16", "", net("dst")),
    ("iif", "v0", "v1", "iif"),
    ("oif", "v1", "v0", "oif"),
    ("mark", 7, 8, "fwmark", number),
    ("mark-mask", 15, 31, "fwmask", number),
    ("type-of-service", 16, 8, "tos", number),
    ("ip-protocol", 6, 17, "ipproto", word(("tcp", 6), ("udp", 17))),
    ("source-port", 80, 81, "sport"),
    ("destination-port", "1000-2000", "1000-3000", "", both("dport_start", "dport_end")),
    ("users", "1000-2000", "1000-3000", "", both("uid_start", "uid_end")),
    ("invert", True, False, "not", there_or_not),
    ("table", 100, 101, "table", int),
    ("suppress-prefix-length", 0, 1, "suppress_prefixlen"),
)
RULE_SORT = lines_at(
    ("type", "blackhole", "prohibit", "action"),
    ("family", "ipv6", "ipv4", "family"),
)


def rule(host):
    found = [one | {"family": family} for family, word in (("ipv4", "-4"), ("ipv6", "-6"))
             for one in host.json(word, "rule") if one.get("protocol") != "kernel"]
    assert len(found) == 1, found
    return found[0] | {key: found[0][key] for key in ("not", "router") if key in found[0]}


def entry(mac=OWN):
    return query("bridge", "fdb", "show", "dev", "x0", wanted=lambda one: one["mac"].startswith(mac))


def place(one):
    return "self" not in one["flags"]


FDB = lines_at(
    ("macaddress", OWN + "7", OWN + "8", "mac"),
    ("type", "local", "static", "state", word(("permanent", "local"))),
    ("master", True, None, "", place),
)
FDB_STICKY = lines_at(("sticky", True, False, "flags", flag("sticky")))
FDB_SELF = lines_at(("master", False, None, "", place))
FDB_VLAN = lines_at(("vlan", 1, None, "vlan"))  # that of the bridge
FDB_VXLAN = lines_at(
    ("destination", "10.0.0.2", "10.0.0.3", "dst"),
    ("port", 4790, 4791, "port"),
    ("id", 9, 10, "vni"),
    ("source-id", 5, 6, "src_vni"),
    ("via", "v0", "v1", "viaIf"),
)
FDB_FAR = lines_at(
    ("destination", "10.0.0.2", "10.0.0.3", "dst"),
    ("port", 4790, 4791, "port"),
    ("id", 9, 10, "vni"),
    ("via", "v0", "v1", "viaIf"),
)
BRIDGED = {"bridges": {"br0": {"interfaces": ["x0"]}}}
FILTERED = {"bridges": {"br0": {"interfaces": ["x0"], "parameters": {"vlan-filtering": True}}}}


KINDS = {
    "bridge": {
        "all": Variant(LINK | below(BRIDGE_BELOW)),
        "vlans": Variant(below(BRIDGE_NEEDS), guest=True),
    },
    "port": {"all": Variant(below(PORT_BELOW), {}, PORTS, of="bridge", wrap=port, look=shown("tap0"))},
    "veth": {
        "all": Variant(LINK, {"peer": "x1"}),
        "shape": Variant(SHAPE, {"peer": "x1"}, look=shaped),
    },
    "ethernet": {"all": Variant(LINK, prepare=plugged)},
    "sysctl": {"all": Variant(
        lines_at(("value", 1, 0, "", int)), root=lambda keys: {"sysctls": {"net.ipv4.ip_forward": keys["value"]}},
        look=lambda host: host.sysctl("net.ipv4.ip_forward"), keep=("value",), **END)},
    "tap": {"all": Variant(LINK | below(TUNTAP_BELOW)), "carrier": Variant(CARRIER, {"multi-queue": True})},
    "tun": {"all": Variant(NO_MAC | below(TUNTAP_BELOW)), "carrier": Variant(CARRIER, {"multi-queue": True})},
    "address": {
        "all": Variant(ADDRESS, wrap=addressed, look=address, **END),
        "peer": Variant(ADDRESS_PEER, wrap=addressed, look=address, **END),
    },
    "route": {
        "all": Variant(ROUTE, wrap=listed("routes", HOME), look=query(
            "ip", "route", "show", "table", "all", "proto", "static"), **END),
        "type": Variant(ROUTE_TYPE, wrap=listed("routes", HOME, to="10.9.0.0/16"), look=query(
            "ip", "route", "show", "table", "all", "10.9.0.0/16"), **END),
        "scope": Variant(ROUTE_SCOPE, wrap=listed("routes", HOME, to="10.9.0.0/16"), look=query(
            "ip", "route", "show", "table", "all", "10.9.0.0/16"), **END),
    },
    "neighbour": {
        "all": Variant(NEIGHBOUR, wrap=listed("neighbours", HOME), look=query(
            "ip", "neigh", "show", "dev", "x0", "nud", "permanent"), keep=("address", "macaddress"), **END),
        "proxy": Variant(NEIGHBOUR_PROXY, wrap=listed("neighbours", HOME, address="10.0.0.7"), look=query(
            "ip", "neigh", "show", "proxy"), keep=("proxy",), **END),
    },
    "rule": {
        "all": Variant(RULE, {"peer": "x1"}, WIRE, of="veth", wrap=listed("routing-policy"), look=rule),
        "sort": Variant(RULE_SORT, wrap=listed("routing-policy", mark=1), look=rule, **END),
    },
    "fdb": {
        "all": Variant(FDB, {"peer": "x1"}, BRIDGED, of="veth", wrap=listed("fdb"), look=entry()),
        "sticky": Variant(FDB_STICKY, {"peer": "x1"}, BRIDGED, of="veth",
                          wrap=listed("fdb", macaddress=OWN + "7"), look=entry()),
        "self": Variant(FDB_SELF, {"peer": "x1"}, BRIDGED, of="veth",
                        wrap=listed("fdb", macaddress=OWN + "7"), look=entry()),
        "vlan": Variant(FDB_VLAN, {"peer": "x1"}, FILTERED, of="veth",
                        wrap=listed("fdb", macaddress=OWN + "7"), look=entry(), guest=True),
        "vxlan": Variant(FDB_VXLAN, {"external": True, "mac-learning": False}, WIRE, of="vxlan",
                         wrap=listed("fdb", macaddress=OTHERS), look=entry(OTHERS), keep=("destination",)),
        "far": Variant(FDB_FAR, {"id": 5}, WIRE, of="vxlan",
                       wrap=listed("fdb", macaddress=OWN + "7"), look=entry(), keep=("destination",)),
    },
    "bond-port": {"all": Variant(lines_at(
        ("priority", 3, 4, SLAVE + "prio"), ("queue", 5, 6, SLAVE + "queue_id")),
        {"parameters.mode": "active-backup"}, PAIRS, of="bond", wrap=member, look=shown("v0"))},
    "dummy": {"all": Variant(LINK)},
    "ifb": {"all": Variant(LINK | {"macaddress": Line(OWN + "1", ANEW(OWN + "2"), "address")})},
    "vlan": {"all": Variant(LINK | VLAN, {"link": "v0"}, WIRE)},
    "macvlan": {
        "all": Variant(LINK | MACVLAN, {"link": "v0"}, WIRE),
        "passthru": Variant(MACVLAN_PASSTHRU, {"link": "v0", "mode": "passthru"}, WIRE),
        "source": Variant(MACVLAN_SOURCE, {"link": "v0", "mode": "source"}, WIRE),
    },
    "macvtap": {
        "all": Variant(LINK | MACVLAN | NODE, {"link": "v0"}, WIRE),
        "passthru": Variant(MACVLAN_PASSTHRU, {"link": "v0", "mode": "passthru"}, WIRE),
        "source": Variant(MACVLAN_SOURCE, {"link": "v0", "mode": "source"}, WIRE),
    },
    "ipvlan": {"all": Variant(NO_MAC | IPVLAN, {"link": "v0"}, WIRE)},
    "ipvtap": {"all": Variant(NO_MAC | IPVLAN | NODE, {"link": "v0"}, WIRE)},
    "vrf": {"all": Variant(LINK | lines(("table", 1000, ANEW(1001), "table")))},
    "vxlan": {
        "all": Variant(LINK | VXLAN, {}, WIRE),
        "six": Variant(VXLAN6, {"id": 5}),
        "external": Variant(VXLAN_EXTERNAL, {"mac-learning": False}),
    },
    "geneve": {
        "all": Variant(LINK | GENEVE),
        "six": Variant(GENEVE6, {"id": 5}),
        "external": Variant(GENEVE_EXTERNAL),
    },
    "gretap": {
        "all": Variant(LINK | GRETAP, {}, WIRE),
        "whole": Variant(GRETAP_DF, {"remote": "10.0.0.3", "local": "10.0.0.1"}),
        "cut": Variant(GRETAP_CUT, {"remote": "10.0.0.3", "path-mtu-discovery": False}),
        "udp": Variant(GRETAP_UDP, {"remote": "10.0.0.3"}),
        "external": Variant(GRETAP_EXTERNAL),
    },
    "bond": {
        "all": Variant(NO_MAC | BOND, MEMBERS, PAIRS),
        "arp": bond(BOND_ARP, "active-backup"),
        "rr": bond(BOND_RR, "balance-rr"),
        "xor": bond(BOND_XOR, "balance-xor"),
        "lacp": bond(BOND_LACP, "802.3ad"),
        "tlb": bond(BOND_TLB, "balance-tlb"),
    },
}
# Keys that stand in `base` of every variant, so have no line: what the tests of the kind do with them.
OF_BASE = {(kind, "link") for kind in ("vlan", "macvlan", "macvtap", "ipvlan", "ipvtap")} | {("veth", "peer")} | \
    {(kind, "device") for kind in ("port", "address", "route", "neighbour", "rule", "fdb", "bond-port")} | \
    {("port", "bridge"), ("bond-port", "bond")}
