# SPDX-License-Identifier: LGPL-2.1-or-later
"""What each key of a kind of device is to the kernel: a line for each.

    key: Line(at creation, changed to, where `ip -j -d link` shows it, as what)

A kind's lines are in variants where keys exclude each other. `changed to` may be ANEW(value): the
device is made anew for it; or None: the key is of creation only. A place "text:WORDS" is a truth:
whether `ip -d link` says so, for what its JSON leaves out; "sysctl:NAME" is a variable of the kernel.
"""
from dataclasses import dataclass, field

DATA = "linkinfo.info_data."
SLAVE = "linkinfo.info_slave_data."


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
    """`around`: other sections; `base`: what the device itself needs in any case."""
    lines: dict
    base: dict = field(default_factory=dict)
    around: dict = field(default_factory=dict)


def truth(value):
    return {None: False, True: True, False: False, 1: True, 0: False, "on": True, "off": False}[value]


def there(value):
    """A word that `ip` prints without a value, or not at all."""
    return value is not False and value != "off"


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


KINDS = {
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
OF_BASE = {(kind, "link") for kind in ("vlan", "macvlan", "macvtap", "ipvlan", "ipvtap")}
