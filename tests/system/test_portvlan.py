# SPDX-License-Identifier: LGPL-2.1-or-later
"""VLANs of a bridge's ports: which a port is in, with and without tags, and who reaches whom by that.

    alpha:  br0 (looks at VLANs)  ports t1 t2 t3 t4, each held open by a guest of its own
"""
import contextlib
import json
import struct
import time

import pytest
from lib import frames, snapshot
from lib.net import until
from lib.still import take_still


LACKS = "CONFIG_BRIDGE_VLAN_FILTERING"


@pytest.fixture
def lab(net, host):
    path = net.file("lab.yaml", "")

    def up(ports="{}", bridge="", word="up", filtering="vlan-filtering: true", **options):
        path.write_text(f"""
name: lab
bridges:
  br0:
    interfaces: [t1, t2, t3, t4]
    parameters: {{{filtering}}}
    ports: {ports}
    {bridge}
taps: {{t1: {{}}, t2: {{}}, t3: {{}}, t4: {{}}}}
""")
        return host.loom_json(word, path, **options)

    up.path = path
    return up


def vlans(host, device):
    """{number: flags} as `bridge -j vlan` has it."""
    told = json.loads(host.run("bridge", "-j", "vlan", "show", "dev", device).stdout)
    found = {}
    for one in told[0]["vlans"] if told else []:
        for number in range(one["vlan"], one.get("vlanEnd", one["vlan"]) + 1):
            found[number] = set(one.get("flags", []))
    return found


PVID, PLAIN = {"PVID", "Egress Untagged"}, {"Egress Untagged"}


@pytest.mark.needs("portvlan")
def test_set_changed_read_and_taken_back(lab, host):
    """Each key of `pvid`, `pvid-tagged` and `vlans`, at creation, changed, dropped and undone."""
    ports = "{t1: {pvid: 10}, t2: {vlans: [10, {20: {untagged: true}}, {30: {to: 33}}]}, t3: {pvid: 0, vlans: [5]}," \
            " t4: {pvid: 7, pvid-tagged: true}}"
    lab(ports)
    assert vlans(host, "t1") == {10: PVID}
    assert vlans(host, "t2") == {1: PVID, 10: set(), 20: PLAIN} | {number: set() for number in range(30, 34)}
    assert vlans(host, "t3") == {5: set()}
    assert vlans(host, "t4") == {7: {"PVID"}}
    assert lab(ports)["result"] == "unchanged"
    lab("{t1: {pvid: 11, vlans: [10]}, t2: {vlans: [{10: {untagged: true}}, 20]}, t3: {vlans: [5, 6]}, t4: {pvid: 7}}")
    assert vlans(host, "t1") == {10: set(), 11: PVID}
    assert vlans(host, "t2") == {1: PVID, 10: PLAIN, 20: set()}
    assert vlans(host, "t3") == {1: PVID, 5: set(), 6: set()}  # nobody says, so the bridge's own
    assert vlans(host, "t4") == {7: PVID}
    host.loom("undo")
    assert vlans(host, "t1") == {10: PVID} and vlans(host, "t3") == {5: set()} and vlans(host, "t4") == {7: {"PVID"}}
    assert set(vlans(host, "t2")) == {1, 10, 20, 30, 31, 32, 33} and vlans(host, "t2")[20] == PLAIN
    lab()
    for port in ("t1", "t2", "t3", "t4"):
        assert vlans(host, port) == {1: PVID}
    host.loom("down", lab.path)
    assert host.links() == {"lo"}


@pytest.mark.needs("portvlan")
def test_the_bridge_itself(lab, host):
    lab(bridge="pvid: 10\n    vlans: [20, {30: {to: 31}}]")
    assert vlans(host, "br0") == {10: PVID, 20: set(), 30: set(), 31: set()}
    assert lab(bridge="pvid: 10\n    vlans: [20, {30: {to: 31}}]")["result"] == "unchanged"
    lab(bridge="pvid: 0")
    assert vlans(host, "br0") == {}
    lab()
    assert vlans(host, "br0") == {1: PVID}


@pytest.mark.needs("portvlan")
def test_a_port_that_nobody_declared_comes_back_with_its_vlans(net, host):
    """The bridge is deleted, and the keeper makes it anew: what was plugged in by hand is as it was."""
    host.loom("up", net.file("lab.yaml", "name: lab\nkeep: true\nbridges: {br0: {parameters: {vlan-filtering: true}}}\n"))
    host.ip("link", "add", "wire", "type", "veth", "peer", "far")
    host.ip("link", "set", "wire", "master", "br0")
    host.run("bridge", "vlan", "del", "dev", "wire", "vid", "1")
    host.run("bridge", "vlan", "add", "dev", "wire", "vid", "10", "pvid", "untagged")
    host.run("bridge", "vlan", "add", "dev", "wire", "vid", "20-22")
    wanted = {10: PVID} | {number: set() for number in range(20, 23)}
    assert vlans(host, "wire") == wanted
    time.sleep(2)  # the keeper has seen it
    host.ip("link", "del", "br0")
    until(lambda: vlans(host, "wire") == wanted, 20, "the port is as it was")


@pytest.mark.needs("portvlan")
def test_another_default(lab, host):
    """Ports of which nobody speaks get the bridge's own, or none."""
    lab("{t1: {pvid: 10}}", filtering="vlan-filtering: true, vlan-default-pvid: 9")
    assert vlans(host, "t1") == {10: PVID} and vlans(host, "t2") == {9: PVID}
    lab("{t2: {vlans: [5]}}", filtering="vlan-filtering: true, vlan-default-pvid: 0")
    assert vlans(host, "t1") == {} and vlans(host, "t2") == {5: set()}


@pytest.mark.needs("portvlan")
def test_one_port_becomes_a_trunk_and_back(lab, host):
    """A VLAN that was a member becomes the untagged one, and the other way round, in one run."""
    one, other = "{t1: {pvid: 10, vlans: [20]}}", "{t1: {pvid: 20, vlans: [10]}}"
    lab(one)
    for text, expected in ((other, {10: set(), 20: PVID}), (one, {10: PVID, 20: set()}), (other, {10: set(), 20: PVID})):
        lab(text)
        assert vlans(host, "t1") == expected
        assert lab(text)["result"] == "unchanged"
    host.loom("undo")
    assert vlans(host, "t1") == {10: PVID, 20: set()}


@pytest.mark.needs("portvlan")
def test_on_the_bridge_of_others(net, host):
    """What their port had comes back; their VLANs stay; a port of ours joins."""
    host.ip("link", "add", "fbr0", "type", "bridge", "vlan_filtering", "1")
    host.ip("link", "set", "fbr0", "up")
    for device in ("f0", "f1"):
        host.ip("tuntap", "add", device, "mode", "tap")
        host.ip("link", "set", device, "master", "fbr0", "up")
    for words in ("add dev f0 vid 7 pvid untagged", "del dev f0 vid 1", "add dev f0 vid 8", "add dev f1 vid 9"):
        host.run("bridge", "vlan", *words.split())
    before = {device: vlans(host, device) for device in ("f0", "f1", "fbr0")}
    state = take_still(host)
    path = net.file("lab.yaml", """
name: lab
bridges:
  fbr0: {existing: true, interfaces: [f0, f1, t1], ports: {f0: {pvid: 10}, f1: {vlans: [20]}, t1: {pvid: 10}}}
taps: {t1: {}, f0: {existing: true}, f1: {existing: true}}
""")
    host.loom("up", path)
    assert vlans(host, "f0") == {8: set(), 10: PVID}
    assert vlans(host, "f1") == {1: PVID, 9: set(), 20: set()} and vlans(host, "t1") == {10: PVID}
    assert host.loom_json("up", path)["result"] == "unchanged"
    host.loom("down", path)
    assert {device: vlans(host, device) for device in ("f0", "f1", "fbr0")} == before
    snapshot.assert_same(state, take_still(host))


def tagged(number, seed):
    plain = frames.plain("ff:ff:ff:ff:ff:ff", "02:00:00:00:00:01", 100, seed)
    return plain if number is None else plain[:12] + struct.pack("!HH", 0x8100, number) + plain[12:]


def tag_of(frame):
    return struct.unpack("!H", frame[14:16])[0] & 0xFFF if frame[12:14] == b"\x81\x00" else None


def seed_of(frame):
    body = frame[16:] if frame[12:14] == b"\x81\x00" else frame[12:]
    return struct.unpack("!I", body[2:6])[0] if body[:2] == b"\x88\xb5" else None


@pytest.mark.needs("portvlan")
def test_who_reaches_whom(lab, host):
    """Every frame from every port: where it comes out, and with which tag, is the table of IEEE 802.1Q."""
    lab("{t1: {pvid: 10}, t2: {pvid: 10}, t3: {pvid: 20}, t4: {pvid: 0, vlans: [10, 20]}}")
    inside = {"t1": {10}, "t2": {10}, "t3": {20}, "t4": {10, 20}}
    pvid = {"t1": 10, "t2": 10, "t3": 20, "t4": None}
    with contextlib.ExitStack() as stack:
        taps = {name: stack.enter_context(frames.Tap(host, name)) for name in inside}
        until(lambda: all(host.link(name)["linkinfo"]["info_slave_data"]["state"] == "forwarding" for name in taps),
              30, "all ports forward")
        tried, wrong = 0, []
        for seed, (source, number) in enumerate((name, tag) for name in taps for tag in (None, 10, 20, 30)):
            vlan = pvid[source] if number is None else number if number in inside[source] else None
            taps[source].send(tagged(number, seed))
            for name, tap in taps.items():
                meant = [] if name == source or vlan is None or vlan not in inside[name] else \
                    [None if pvid[name] == vlan else vlan]
                tap.wanted = lambda frame, seed=seed: seed_of(frame) == seed
                told = [tag_of(one) for one in tap.receive(1, 20 if meant else 0.2)]
                tried += 1
                if told != meant:
                    wrong.append((source, number, name, told, meant))
    assert not wrong and tried == 64


@pytest.mark.needs("portvlan")
def test_shown_and_imported(lab, host):
    ports = "{t1: {pvid: 10}, t2: {vlans: [10, {20: {untagged: true}}]}}"
    lab(ports, bridge="vlans: [10]")
    shown = {one["name"]: one for space in host.loom_json("show")["namespaces"] for one in space["devices"]}
    assert shown["br0"]["ports"]["t1"]["pvid"] == 10
    assert {one["id"] for one in shown["br0"]["ports"]["t2"]["vlans"]} == {10, 20}
    text = host.loom("import", "live").stdout
    host.loom("down", lab.path)
    lab.path.write_text("name: again\n" + "\n".join(line for line in text.splitlines()
                                                    if not line.startswith("name:")) + "\n")
    host.loom("up", lab.path)
    assert vlans(host, "t1") == {10: PVID} and vlans(host, "t2") == {1: PVID, 10: set(), 20: PLAIN}
    assert vlans(host, "br0") == {1: PVID, 10: set()} and vlans(host, "t3") == {1: PVID}


@pytest.mark.needs("portvlan")
def test_vlans_that_are_tunnels(net, host):
    """Each VLAN of a VXLAN's port is a network of its own there: set, changed, dropped, undone, as one range and singly."""
    path = net.file("lab.yaml", "")

    def up(vlans):
        path.write_text("name: lab\ntunnels: {vx0: {mode: vxlan, external: true, mac-learning: false, port: 4789}}\n"
                        "bridges: {br0: {interfaces: [vx0], parameters: {vlan-filtering: true}, "
                        f"ports: {{vx0: {{vlan-tunnel: true, vlans: {vlans}}}}}}}}}\n")
        host.loom("up", path)
        assert host.loom_json("up", path)["result"] == "unchanged"
        return tunnels()

    def tunnels():
        told = json.loads(host.run("bridge", "-j", "vlan", "tunnelshow", "dev", "vx0").stdout or "[]")
        return {number: one["tunid"] + number - one["vlan"] for port in told for one in port["tunnels"]
                for number in range(one["vlan"], one.get("vlanEnd", one["vlan"]) + 1)}

    assert up("[{10: {tunnel-id: 1010}}, {20: {to: 22, tunnel-id: 2020}}, 30]") == {10: 1010, 20: 2020, 21: 2021, 22: 2022}
    assert up("[{10: {tunnel-id: 1011}}, 20, {21: {tunnel-id: 2021}}, {30: {tunnel-id: 5}}]") == {10: 1011, 21: 2021, 30: 5}
    assert {10, 20, 21, 30} <= set(vlans(host, "vx0"))
    host.loom("undo")
    assert tunnels() == {10: 1010, 20: 2020, 21: 2021, 22: 2022}
    assert "tunnel-id: 1010" in host.loom("import", "live").stdout
    host.loom("down", path)


@pytest.mark.parametrize("ports,filtering,words", [
    ("{t1: {vlans: [{10: {tunnel-id: 5}}]}}", "vlan-filtering: true", "tunnel-id is of a port whose VLANs are tunnels"),
    ("{t1: {pvid: 10}}", "stp: false", "br0 does not look at VLANs"),
    ("{t1: {vlans: [10]}}", "stp: false", "br0 does not look at VLANs"),
    ("{t1: {pvid: 10, vlans: [10]}}", "vlan-filtering: true", "VLAN 10 is the pvid already (line 7)"),
    ("{t1: {vlans: [{10: {to: 9}}]}}", "vlan-filtering: true", "to is below 10"),
    ("{t1: {vlans: [4095]}}", "vlan-filtering: true", "4095"),
    ("{t1: {pvid: 5000}}", "vlan-filtering: true", "5000"),
    ("{t1: {vlans: [10, 10]}}", "vlan-filtering: true", "twice"),
])
def test_mistakes(lab, ports, filtering, words):
    errors = lab(ports, filtering=filtering, word="check", check=False)["errors"]
    assert len(errors) == 1 and words in errors[0]["message"] and errors[0]["line"] == 7, errors


def test_where_the_kernel_has_none(lab, host):
    """Named by plan and up, before anything changes."""
    kernel = {kind["name"]: kind["kernel"] for kind in json.loads(host.loom("kinds", "--json").stdout)["kinds"]}["portvlan"]
    for ports in ("{t1: {pvid: 10}}", "{t1: {vlans: [10]}}"):
        for word in ("plan", "up"):
            answer = lab(ports, word=word, check=False)
            if kernel == "lacks":
                assert LACKS in json.dumps(answer["errors"]) and host.links() == {"lo"}
