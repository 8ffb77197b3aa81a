# SPDX-License-Identifier: LGPL-2.1-or-later
"""What hangs on devices in tables of the kernel: neighbours, routing rules, forwarding entries.

    alpha:  br0 (ports tap0, fv0)  vxx, a VXLAN of others       fv0 == fv1
"""
import json

import pytest

@pytest.fixture
def lab(net, host):
    path = net.file("lab.yaml", "")

    def up(on_bridge="", on_tap="", word="up", **options):
        path.write_text(f"name: lab\nbridges:\n  br0:\n    interfaces: [tap0]\n"
                        f"    addresses: [10.0.0.1/24, 'fd00::1/64']\n{on_bridge}\n"
                        f"taps:\n  tap0:\n    up: true\n{on_tap}\n")
        return host.loom_json(word, path, **options)

    up.path = path
    return up


def neighbours(host, *words):
    return {(one["dst"], one.get("lladdr"), one["dev"], "router" in one)
            for one in host.json("neigh", "show", *words)
            if words or "PERMANENT" in one["state"]}


def keys(steps):
    return [(step["action"], step["kind"]) for step in steps["steps"]]


def test_neighbours(lab, host):
    text = """    neighbours:
    - {address: 10.0.0.7, macaddress: "02:00:00:00:00:07"}
    - {address: "fd00::7", macaddress: "02:00:00:00:00:08", router: true}
    - {address: 10.0.0.8, proxy: true}
    - {address: "fd00::8", proxy: true}
"""
    lab(text)
    assert neighbours(host) == {("10.0.0.7", "02:00:00:00:00:07", "br0", False),
                                ("fd00::7", "02:00:00:00:00:08", "br0", True)}
    assert {one[0] for one in neighbours(host, "proxy")} == {"10.0.0.8", "fd00::8"}
    assert host.sysctl("net.ipv6.conf.br0.proxy_ndp") == "1"
    assert lab(text)["result"] == "unchanged"
    steps = lab(text.replace("00:07", "00:17").replace("router: true", "router: false"))
    assert keys(steps) == [("change", "neighbour")] * 2
    assert neighbours(host) == {("10.0.0.7", "02:00:00:00:00:17", "br0", False),
                                ("fd00::7", "02:00:00:00:00:08", "br0", False)}
    lab()
    assert not neighbours(host) and not neighbours(host, "proxy")
    assert host.sysctl("net.ipv6.conf.br0.proxy_ndp") == "0"


def test_a_neighbour_that_was_learned_gives_way(lab, host):
    lab()
    host.ip("neigh", "add", "10.0.0.7", "lladdr", "02:00:00:00:00:99", "dev", "br0", "nud", "reachable")
    lab("    neighbours: [{address: 10.0.0.7, macaddress: '02:00:00:00:00:07'}]\n")
    assert neighbours(host) == {("10.0.0.7", "02:00:00:00:00:07", "br0", False)}


def test_a_foreign_neighbour_stays(lab, host):
    lab()
    host.ip("neigh", "add", "10.0.0.9", "lladdr", "02:00:00:00:00:99", "dev", "br0", "nud", "permanent")
    text = "    neighbours: [{address: 10.0.0.9, macaddress: '02:00:00:00:00:07'}]\n"
    assert "--adopt" in lab(text, check=False)["errors"][0]["try"]
    lab("    neighbours: [{address: 10.0.0.8, macaddress: '02:00:00:00:00:07'}]\n")
    lab()
    assert neighbours(host) == {("10.0.0.9", "02:00:00:00:00:99", "br0", False)}


def test_neighbours_come_back_when_the_device_went_down_on_the_way(lab, host):
    """A device that takes its new MAC loses even fixed neighbours, ours and others'."""
    text = "    neighbours: [{address: 10.0.0.7, macaddress: '02:00:00:00:00:07'}]\n"
    lab(text)
    host.ip("neigh", "add", "10.0.0.9", "lladdr", "02:00:00:00:00:99", "dev", "br0", "nud", "permanent")
    lab(text + "    macaddress: 02:00:00:00:01:01\n")
    assert {one[0] for one in neighbours(host)} == {"10.0.0.7", "10.0.0.9"}


@pytest.mark.parametrize("text,words", [
    ("{address: 10.0.0.7}", "macaddress is missing"),
    ("{address: 10.0.0.7, proxy: true, macaddress: '02:00:00:00:00:01'}", "expected proxy or macaddress")])
def test_half_a_neighbour_is_refused(lab, text, words):
    answer = lab(f"    neighbours: [{text}]\n", word="check", check=False)
    assert words in answer["errors"][0]["message"]


def rules(host, family):
    found = [one for one in host.json(family, "rule") if one.get("protocol") != "kernel"]
    for one in found:
        one.pop("protocol")
    return found


RULES = [  # as written; as `ip -j rule` shows it
    ("{from: 10.0.0.0/24, table: 100}", "-4",
     {"priority": 30000, "src": "10.0.0.0", "srclen": 24, "table": "100"}),
    ("{to: 10.9.0.0/16, table: 101, priority: 50, mark: 7, type-of-service: 16}", "-4",
     {"priority": 50, "src": "all", "dst": "10.9.0.0", "dstlen": 16, "tos": "0x10", "fwmark": "0x7",
      "table": "101"}),
    ("{family: ipv6, iif: br0, table: 102, suppress-prefix-length: 0, users: 1000-2000}", "-6",
     {"priority": 30000, "src": "all", "iif": "br0", "uid_start": 1000, "uid_end": 2000, "table": "102",
      "suppress_prefixlen": 0}),
    ("{from: 'fd00::/64', type: prohibit, invert: true, oif: br0, ip-protocol: 6, source-port: 80,"
     " destination-port: 1000-2000}", "-6",
     {"priority": 30000, "not": None, "src": "fd00::", "srclen": 64, "oif": "br0", "ipproto": "tcp", "sport": 80,
      "dport_start": 1000, "dport_end": 2000, "action": "prohibit"}),
    ("{from: all4, mark: 1, mark-mask: 15, type: blackhole}", "-4",
     {"priority": 30000, "src": "all", "fwmark": "0x1", "fwmask": "0xf", "action": "blackhole"}),
]


@pytest.mark.parametrize("text,family,shown", RULES)
def test_a_rule(lab, host, text, family, shown):
    text = text.replace("all4", "0.0.0.0/0")
    lab(f"    routing-policy: [{text}]\n")
    assert rules(host, family) == [shown]
    assert lab(f"    routing-policy: [{text}]\n")["result"] == "unchanged"
    # another of its kind comes before this one goes
    changed = lab(f"    routing-policy: [{text[:-1]}, priority: 77}}]\n".replace("priority: 50, ", ""))
    assert keys(changed) == [("create", "rule"), ("delete", "rule")]
    assert rules(host, family) == [shown | {"priority": 77}]
    host.loom("undo")
    assert rules(host, family) == [shown]
    lab()
    assert not rules(host, family)


def test_foreign_rules_stay(lab, host):
    host.ip("rule", "add", "from", "10.5.0.0/16", "lookup", "100", "priority", "30000")
    host.ip("rule", "add", "from", "10.6.0.0/16", "goto", "32766")
    before = rules(host, "-4")
    lab("    routing-policy: [{from: 10.5.0.0/16, table: 100}, {from: 10.6.0.0/16, table: 100}]\n")
    assert len(rules(host, "-4")) == 3  # one stood there just so, and is shared
    lab()
    assert rules(host, "-4") == before


def test_a_rule_that_says_what_has_no_word_here_is_another(lab, host):
    """Found in this kernel's own list it is not taken for the one of the text."""
    if host.run("ip", "rule", "add", "from", "10.5.0.0/16", "dscp", "8", "lookup", "100", "priority", "30000",
                check=False).returncode:
        host.ip("rule", "add", "from", "10.5.0.0/16", "suppress_ifgroup", "7", "lookup", "100", "priority", "30000")
    lab("    routing-policy: [{from: 10.5.0.0/16, table: 100}]\n")
    assert len(rules(host, "-4")) == 2
    lab()
    assert len(rules(host, "-4")) == 1


def test_rules_outlive_a_device_made_anew(lab, host):
    text = "    routing-policy: [{from: 10.0.0.0/24, table: 100}]\n"
    lab("", text + "    multi-queue: false\n")
    before = rules(host, "-4")
    lab("", text + "    multi-queue: true\n")
    assert rules(host, "-4") == before
    lab()
    assert not rules(host, "-4")


def fdb(host, *words):
    found = json.loads(host.run("bridge", "-j", "-d", "fdb", "show", *words).stdout)
    return [one for one in found if one["mac"].startswith(("02:00:00", "00:00")) or "dst" in one]


def entry(mac, state, *flags, **more):
    return {"mac": mac, "flags": list(flags), "state": state} | more


def test_fdb_of_a_bridge(lab, host):
    text = """    fdb:
    - {macaddress: "02:00:00:00:00:09", sticky: true}
    - {macaddress: "02:00:00:00:00:0a", type: local}
    - {macaddress: "02:00:00:00:00:0b", master: false}
"""
    lab("", text)
    there = {one["mac"]: one for one in fdb(host, "dev", "tap0")}
    assert there["02:00:00:00:00:09"]["state"] == "static" and "sticky" in there["02:00:00:00:00:09"]["flags"]
    assert there["02:00:00:00:00:0a"]["state"] == "permanent" and there["02:00:00:00:00:0a"]["master"] == "br0"
    assert "self" in there["02:00:00:00:00:0b"]["flags"]
    assert lab("", text)["result"] == "unchanged"
    lab("", text.replace("sticky: true", "sticky: false").replace("type: local", "type: static"))
    there = {one["mac"]: one for one in fdb(host, "dev", "tap0")}
    assert "sticky" not in there["02:00:00:00:00:09"]["flags"]
    assert there["02:00:00:00:00:0a"]["state"] == "static"
    lab()
    assert not fdb(host, "dev", "tap0")


def test_fdb_comes_back_with_its_port(lab, host):
    """A port that is plugged in anew loses what the bridge held for it."""
    text = "    fdb: [{macaddress: '02:00:00:00:00:09'}]\n"
    lab("    ports: {tap0: {cost: 5}}\n", text)
    lab("", text)
    assert [one["mac"] for one in fdb(host, "dev", "tap0")] == ["02:00:00:00:00:09"]


def test_fdb_of_a_vxlan(net, host):
    host.ip("link", "add", "vxx", "type", "vxlan", "external", "dstport", "4789")
    host.ip("link", "add", "vxy", "type", "vxlan", "id", "7", "remote", "10.0.0.5", "dstport", "4788", "nolearning")
    far = "{macaddress: '00:00:00:00:00:00', destination: 10.0.0.%d}"
    path = net.file("lab.yaml", f"""
name: lab
bridges: {{br0: {{}}}}
ethernets:
  vxx: {{fdb: [{{macaddress: "02:00:00:00:00:01", destination: "10.0.0.2", port: 4790, id: 9, via: br0, source-id: 5}}]}}
  vxy: {{fdb: [{far % 1}, {far % 2}]}}
""")
    host.loom("up", path)
    assert fdb(host, "dev", "vxx") == [entry("02:00:00:00:00:01", "permanent", "self", dst="10.0.0.2", port=4790,
                                             vni=9, viaIf="br0", src_vni=5)]
    assert sorted(one["dst"] for one in fdb(host, "dev", "vxy")) == ["10.0.0.1", "10.0.0.2", "10.0.0.5"]
    assert host.loom_json("up", path)["result"] == "unchanged"
    host.loom("down", path)
    assert not fdb(host, "dev", "vxx") and [one["dst"] for one in fdb(host, "dev", "vxy")] == ["10.0.0.5"]


def test_proxy_arp(lab, host):
    lab("    proxy-arp: true\n")
    assert host.sysctl("net.ipv4.conf.br0.proxy_arp") == "1"
    lab()
    assert host.sysctl("net.ipv4.conf.br0.proxy_arp") == "0"


@pytest.mark.needs("vxlan")
def test_far_ends_of_a_vxlan(net, host):
    """One of a machine's address, which moves in place; several of all others', each by itself; `undo` takes both back."""
    path = net.file("far.yaml", "")

    def far(one, others, port=""):
        many = "".join(f", {{macaddress: '00:00:00:00:00:00', destination: {other}}}" for other in others)
        path.write_text("name: far\ntunnels: {vx0: {mode: vxlan, id: 42, port: 4789, fdb: "
                        f"[{{macaddress: '02:00:00:00:00:07', destination: {one}{port}}}{many}]}}}}\n")
        steps = [(step["action"], step["kind"]) for step in host.loom_json("plan", path, check=False)["steps"]]
        host.loom("up", path)
        assert host.loom_json("up", path)["result"] == "unchanged"
        return steps, ends()

    def ends():
        told = json.loads(host.run("bridge", "-j", "fdb", "show", "dev", "vx0").stdout)
        return sorted(f"{one['mac'][-2:]} {one['dst']} {one.get('port', '')}".strip() for one in told)

    assert far("10.0.0.2", ["10.0.0.2", "10.0.0.3"])[1] == ["00 10.0.0.2", "00 10.0.0.3", "07 10.0.0.2"]
    steps, there = far("10.0.0.3", ["10.0.0.2", "10.0.0.4"], ", port: 4790, id: 42")
    assert there == ["00 10.0.0.2", "00 10.0.0.4", "07 10.0.0.3 4790"]
    assert steps == [("create", "fdb"), ("change", "fdb"), ("delete", "fdb")]
    assert far("10.0.0.3", [], ", port: 4789")[1] == ["07 10.0.0.3"]
    host.loom("undo")
    assert ends() == there
    host.loom("undo")  # and that one
    host.loom("down", path)
    assert host.links() == {"lo"}
