# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `ip link help TYPE` offers for each kind: a key of ours, or a reason in doc/design/kinds.md why there is none."""
import json
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LANLOOM = os.environ.get("LANLOOM", ROOT / "build" / "lanloom")
NAMES = {"bridge_slave": "port", "bond_slave": "bond-port"}
# A word of ip's is a key of the same spelling (with `-`), below `parameters` or not, or one of these.
KEYS = {
    "vlan": {"reorder_hdr": "reorder-header"},
    "macvlan": {"flag": "no-promiscuous", "bcqueuelen": "broadcast-queue"},
    "macvtap": {"flag": "no-promiscuous", "bcqueuelen": "broadcast-queue"},
    "vxlan": {
        "tos": "type-of-service", "df": "do-not-fragment", "flowlabel": "flow-label", "dev": "link", "dstport": "port",
        "srcport": "port-range", "learning": "mac-learning", "proxy": "arp-proxy", "rsc": "short-circuit",
        "l2miss": "notifications.l2-miss", "l3miss": "notifications.l3-miss", "maxaddress": "limit",
        "udpcsum": "checksums.udp", "udp6zerocsumtx": "checksums.zero-udp6-tx", "udp6zerocsumrx": "checksums.zero-udp6-rx",
        "remcsumtx": "checksums.remote-tx", "remcsumrx": "checksums.remote-rx", "gbp": "extensions.group-policy",
        "gpe": "extensions.generic-protocol", "vnifilter": "vni-filter", "group": "remote"},
    "geneve": {
        "tos": "type-of-service", "df": "do-not-fragment", "flowlabel": "flow-label", "dstport": "port",
        "udpcsum": "checksums.udp", "udp6zerocsumtx": "checksums.zero-udp6-tx", "udp6zerocsumrx": "checksums.zero-udp6-rx",
        "innerprotoinherit": "inner-protocol"},
    "gretap": {
        "seq": "sequence.output", "key": "keys.output", "csum": "checksums.output", "tos": "type-of-service",
        "pmtudisc": "path-mtu-discovery", "dev": "link", "fwmark": "mark", "encap": "encapsulation.type",
        "noencap": "encapsulation.type", "encap-sport": "encapsulation.source-port", "encap-dport": "encapsulation.port",
        "encap-csum": "encapsulation.checksum", "encap-csum6": "encapsulation.checksum6",
        "encap-remcsum": "encapsulation.remote-checksum"},
    "bond": {
        "miimon": "parameters.mii-monitor-interval", "updelay": "parameters.up-delay", "downdelay": "parameters.down-delay",
        "peer_notify_delay": "parameters.peer-notify-delay", "arp_ip_target": "parameters.arp-ip-targets",
        "ns_ip6_target": "parameters.ns-ip6-targets", "primary_reselect": "parameters.primary-reselect-policy",
        "fail_over_mac": "parameters.fail-over-mac-policy", "xmit_hash_policy": "parameters.transmit-hash-policy",
        "num_grat_arp": "parameters.gratuitous-arp", "all_slaves_active": "parameters.all-members-active",
        "lp_interval": "parameters.learn-packet-interval", "packets_per_slave": "parameters.packets-per-member",
        "tlb_dynamic_lb": "parameters.dynamic-load-balance", "ad_actor_sys_prio": "parameters.ad-actor-system-priority"},
    "bond_slave": {"queue_id": "queue", "prio": "priority"},
    "bridge": {
        "stp_state": "parameters.stp", "group_fwd_mask": "parameters.group-forward-mask",
        "no_linklocal_learn": "parameters.no-link-local-learning", "vlan_stats_enabled": "parameters.vlan-stats",
        "mcast_query_use_ifaddr": "parameters.multicast-query-use-address", "mcast_stats_enabled": "parameters.multicast-stats",
        "nf_call_iptables": "parameters.call-iptables", "nf_call_ip6tables": "parameters.call-ip6tables",
        "nf_call_arptables": "parameters.call-arptables"},
    "bridge_slave": {
        "fastleave": "fast-leave", "mcast_fast_leave": "fast-leave", "bcast_flood": "broadcast-flood",
        "group_fwd_mask": "group-forward-mask", "neigh_suppress": "neighbour-suppression", "nobackup_port": "backup-port"},
}
LEFT_OUT = {  # told with their reasons in doc/design/kinds.md and bridge.md
    "bridge": {"fdb_flush", "mcast_hash_elasticity"}, "bridge_slave": {"fdb_flush", "state"},
    "bond": {"active_slave", "clear_active_slave"},
}
VALUES = {"i", "o", "no", "on", "off", "fou", "gue", "none", "num_unsol_na", "mode"}  # ip's own, or `mode` itself


def options(kind):
    told = subprocess.run(["ip", "link", "help", kind], capture_output=True, text=True, check=False)
    usage = re.split(r"\n\s*\n|\nMODE|\nVLANID|\nWhere", told.stdout + told.stderr)[0]
    plain = re.sub(r"\[\s*no\s*\]|\[[io|]+\]|no\[[^\]]*\]", "", usage)
    return {word for word in re.findall(r"(?<![A-Za-z0-9_-])[a-z][a-z0-9_-]+", plain)
            if word not in VALUES | {kind, "sage", "ip", "link"}}


@pytest.mark.parametrize("kind", ["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "vxlan", "geneve", "gretap", "vrf",
                                  "bond", "bond_slave", "bridge", "bridge_slave", "ifb", "dummy"])
def test_what_ip_offers(kind):
    told = subprocess.run([LANLOOM, "kinds", NAMES.get(kind, kind), "--json"], capture_output=True, text=True, check=True)
    keys = {key["key"] for key in json.loads(told.stdout)["kinds"][0]["keys"]}
    reasons = "".join((ROOT / "doc" / "design" / name).read_text() for name in ("kinds.md", "bridge.md"))
    for word in sorted(options(kind)):
        if word in LEFT_OUT.get(kind, ()):
            assert word in reasons or word.replace("_", "-") in reasons, word
            continue
        plain = word.replace("_", "-").replace("mcast", "multicast")
        assert {KEYS.get(kind, {}).get(word), plain, f"parameters.{plain}"} & keys, f"{word} of ip link help {kind}"
