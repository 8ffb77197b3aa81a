# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each option that `ip link help KIND` offers has a key here, or a reason why it has none."""
import json
import re

import pytest
from lib.net import LANLOOM, run

BOND = {
    "mode": "mode", "miimon": "mii-monitor-interval", "updelay": "up-delay", "downdelay": "down-delay",
    "peer_notify_delay": "peer-notify-delay", "use_carrier": "use-carrier", "arp_interval": "arp-interval",
    "arp_validate": "arp-validate", "arp_all_targets": "arp-all-targets", "arp_ip_target": "arp-ip-targets",
    "ns_ip6_target": "ns-ip6-targets", "primary": "primary", "primary_reselect": "primary-reselect-policy",
    "fail_over_mac": "fail-over-mac-policy", "xmit_hash_policy": "transmit-hash-policy", "resend_igmp": "resend-igmp",
    "num_grat_arp": "gratuitous-arp", "num_unsol_na": "gratuitous-arp", "all_slaves_active": "all-members-active",
    "min_links": "min-links", "lp_interval": "learn-packet-interval", "packets_per_slave": "packets-per-member",
    "tlb_dynamic_lb": "dynamic-load-balance", "lacp_rate": "lacp-rate", "lacp_active": "lacp-active",
    "ad_select": "ad-select", "ad_user_port_key": "ad-user-port-key", "ad_actor_sys_prio": "ad-actor-system-priority",
    "ad_actor_system": "ad-actor-system", "arp_missed_max": "arp-missed-max",
}
MACVLAN = {"mode": "mode", "nopromisc": "no-promiscuous", "nodst": "no-destination", "macaddr": "source-macs",
           "bcqueuelen": "broadcast-queue"}
IPVLAN = {"mode": "mode", "bridge": "flags", "private": "flags", "vepa": "flags"}
UDP = {"id": "id", "remote": "remote", "ttl": "ttl", "tos": "type-of-service", "df": "do-not-fragment",
       "flowlabel": "flow-label", "dstport": "port", "external": "external", "udpcsum": "checksums.udp",
       "udp6zerocsumtx": "checksums.zero-udp6-tx", "udp6zerocsumrx": "checksums.zero-udp6-rx"}
KEYS = {
    "vlan": {"id": "id", "protocol": "protocol", "reorder_hdr": "reorder-header", "gvrp": "gvrp", "mvrp": "mvrp",
             "loose_binding": "loose-binding", "bridge_binding": "bridge-binding", "ingress-qos-map": "ingress-qos-map",
             "egress-qos-map": "egress-qos-map"},
    "macvlan": MACVLAN, "macvtap": MACVLAN, "ipvlan": IPVLAN, "ipvtap": IPVLAN, "ifb": {}, "dummy": {},
    "vxlan": UDP | {"group": "remote", "local": "local", "dev": "link", "srcport": "port-range",
                    "learning": "mac-learning", "proxy": "arp-proxy", "rsc": "short-circuit",
                    "l2miss": "notifications.l2-miss", "l3miss": "notifications.l3-miss", "ageing": "ageing",
                    "maxaddress": "limit", "remcsumtx": "checksums.remote-tx", "remcsumrx": "checksums.remote-rx",
                    "gbp": "extensions.group-policy", "gpe": "extensions.generic-protocol", "vnifilter": "vni-filter"},
    "geneve": UDP | {"innerprotoinherit": "inner-protocol"},
    "gretap": {"remote": "remote", "local": "local", "seq": "sequence.input", "key": "keys.input",
               "csum": "checksums.input", "ttl": "ttl", "tos": "type-of-service", "pmtudisc": "path-mtu-discovery",
               "ignore-df": "ignore-df", "dev": "link", "fwmark": "mark", "external": "external",
               "encap": "encapsulation.type", "encap-sport": "encapsulation.source-port",
               "encap-dport": "encapsulation.port", "encap-csum": "encapsulation.checksum",
               "encap-csum6": "encapsulation.checksum6", "encap-remcsum": "encapsulation.remote-checksum"},
    "vrf": {"table": "table"},
    "bond": {word: f"parameters.{key}" for word, key in BOND.items()},
    "bond_slave": {"queue_id": "queue", "prio": "priority"},
}
# Values of options; and what a key's other value says.
WORDS = {"on", "off", "fou", "gue", "none", "noencap", "flag", "null", "add", "del", "set", "flush", "source", "for"}
# The kernel changes the active one by itself; `primary` is what lasts.
WITHOUT = {"bond": {"active_slave", "clear_active_slave"}}


def offered(kind):
    """The words of the usage, without the lines that say what its placeholders stand for."""
    done = run("ip", "link", "help", kind, check=False)
    text = re.sub(r"^Usage: \.\.\. \S+", "", done.stderr + done.stdout)
    usage = [line for line in text.splitlines() if not re.match(r"\s*(Where:?\s|MODE:|\(|[A-Z_ -]+:[= ]|\t+[A-Z]+\s*:=)", line)]
    flags = [line for line in text.splitlines() if re.match(r"MODE_FLAG|MODE_OPTS|\t*macaddr|FLAGS:", line)]
    plain = re.sub(r"\[no\]|\[i\|o\]|no\[i\|o\]\w+|<\w+>", " ", "\n".join(usage + flags))
    return {word for word in re.findall(r"(?<![A-Za-z_<-])[a-z][a-z0-9_-]+", plain)}


@pytest.mark.parametrize("kind", sorted(KEYS))
def test_each_option_has_a_key(kind):
    kinds = {one["name"]: one for one in json.loads(run(LANLOOM, "kinds", "--json").stdout)["kinds"]}
    keys = {key["key"] for key in kinds[{"bond_slave": "bond-port"}.get(kind, kind)]["keys"]}
    words = offered(kind) - WORDS - WITHOUT.get(kind, set())
    assert words == set(KEYS[kind]), "options and the table above"
    assert set(KEYS[kind].values()) <= keys
