# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tables of test_kinds.py once more, from the text: every key set, changed, taken out, brought down.

    alpha:  br0  tap0 (port)  tap1, tap2 (ports)  tun0  v0 == v1
"""
import json
import os

import pytest
from test_kinds import BRIDGE, LINK, PORT, SLAVE, TUNTAP, kernel, truth

NO_MAC = {key: line for key, line in (LINK | TUNTAP).items() if key != "macaddress"}
PORTS = "  br0:\n    interfaces: [tap0, tap1, tap2]\n"
TAPS = "taps: {tap0: {}, tap1: {}, tap2: {}}\n"
# kind: (text around, where its keys stand, device that shows them, table)
CASES = {
    "bridge": ("bridges:\n  br0: %s\n", "br0", BRIDGE),
    "veth": ("virtual-ethernets:\n  v0: %s\n  v1: {peer: v0}\n", "v0", LINK),
    "tap": ("taps:\n  tap0: %s\n", "tap0", LINK | TUNTAP),
    "tun": ("tuns:\n  tun0: %s\n", "tun0", NO_MAC),
    "port": (TAPS + "bridges:\n" + PORTS + "    ports: {tap0: %s}\n", "tap0", PORT),
}
# what the kernel draws by chance, counts, or reckons from what was set before
CHANCE = ("address", "permaddr", "ifindex", "link_index", "linkinfo.info_data.bridge_id", "linkinfo.info_data.root_id",
          "linkinfo.info_slave_data.bridge_id", "linkinfo.info_slave_data.root_id", "ifalias", "operstate", "flags")


def nested(keys):
    """Keys with dots as maps in maps, in YAML's (and JSON's) short form."""
    tree = {}
    for key, value in keys.items():
        *maps, last = key.split(".")
        at = tree
        for word in maps:
            at = at.setdefault(word, {})
        at[last] = value
    return json.dumps(tree)


def flat(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value


def shown(host, device):
    """All that `ip` says of a device, but what is chance or time."""
    return {path: value for path, value in flat(host.link(device))
            if not path.endswith("timer") and not path.startswith(CHANCE)}


def up(host, path, text, keys):
    path.write_text("name: lab\n" + text % nested(keys))
    return host.loom_json("up", path)["result"]


@pytest.mark.parametrize("kind", CASES)
def test_every_key_from_the_text(net, host, kind):
    """Set at creation, a second up is empty, changed, taken out again, and nothing is left."""
    text, device, table = CASES[kind]
    path = net.file("lab.yaml", "")
    first = {key: line[0] for key, line in table.items()}
    second = {key: line[0] if line[1] is None else line[1] for key, line in table.items()}
    assert up(host, path, text, {}) == "applied"
    bare = shown(host, device)
    for keys in (first, second, first):
        assert up(host, path, text, keys) == "applied"
        link = host.link(device)
        for key, value in keys.items():
            assert table[key][3](kernel(link, table[key][2])) == value, (key, link)
        assert up(host, path, text, keys) == "unchanged"
    assert up(host, path, text, {}) == "applied"
    assert shown(host, device) == bare
    assert up(host, path, text, {}) == "unchanged"
    host.loom("down", path)
    assert host.links() == {"lo"}
    print(f"{kind}: {len(table)} keys on kernel {os.uname().release}")


@pytest.mark.parametrize("kind", CASES)
def test_every_key_refused_beside_the_others(net, host, kind):
    """Taken back with undo: what `up` changed is as it was."""
    text, device, table = CASES[kind]
    path = net.file("lab.yaml", "")
    first = {key: line[0] for key, line in table.items()}
    up(host, path, text, {})
    before = shown(host, device)
    up(host, path, text, first)
    host.loom("undo")
    assert shown(host, device) == before


def test_a_port_without_its_cost_has_the_kernels_own(net, host):
    """The kernel forgets its own reckoning once it was told a cost: the port is plugged in anew."""
    path = net.file("lab.yaml", "name: lab\ntaps: {tap0: {}}\nbridges: {br0: {ports: {tap0: {cost: 7}}}}\n")
    host.loom("up", path)
    assert kernel(host.link("tap0"), SLAVE + "cost") == 7
    path.write_text("name: lab\ntaps: {tap0: {}}\nbridges: {br0: {interfaces: [tap0]}}\n")
    plan = host.loom_json("plan", path, check=False)
    assert [(step["action"], step["kind"]) for step in plan["steps"]] == [("replace", "port")]
    assert any("tap0" in cut for cut in plan["cuts"])
    host.loom("up", path)
    host.ip("link", "add", "fbr0", "type", "bridge")
    host.ip("tuntap", "add", "ftap0", "mode", "tap")
    host.ip("link", "set", "ftap0", "master", "fbr0")
    assert kernel(host.link("tap0"), SLAVE + "cost") == kernel(host.link("ftap0"), SLAVE + "cost")


@pytest.mark.parametrize("first,then,user,group", [
    ("owner: nobody, group: nogroup", "owner: nobody", "nobody", None),
    ("owner: nobody, group: nogroup", "group: nogroup", None, "nogroup"),
    ("owner: nobody", "group: nogroup", None, "nogroup"),
    ("group: nogroup", "", "root", None),
    ("owner: nobody", "", "root", None)])
def test_owner_and_group_can_be_taken_away(net, host, first, then, user, group):
    """The kernel can only change them, so a TAP that has to lose one is made anew."""
    path = net.file("lab.yaml", f"name: lab\ntaps: {{tap0: {{{first}}}}}\n")
    host.loom("up", path)
    path.write_text(f"name: lab\ntaps: {{tap0: {{{then}}}}}\n")
    host.loom("up", path)
    data = host.link("tap0")["linkinfo"]["info_data"]
    assert data.get("user") == user and data.get("group") == group
    assert host.loom_json("up", path)["result"] == "unchanged"


def test_the_bridge_keeps_its_mac(net, host):
    """Ports come and go, at random; the bridge's own address is not touched by any of them."""
    import random

    names = [f"t{number}" for number in range(8)]
    taps = "".join(f"  {name}: {{}}\n" for name in names)
    path = net.file("lab.yaml", f"name: lab\ntaps:\n{taps}bridges: {{br0: {{}}}}\n")
    host.loom("up", path)
    mac = host.link("br0")["address"]
    draw = random.Random(4)
    for _ in range(int(os.environ.get("LANLOOM_PORT_ROUNDS", "12"))):
        ports = draw.sample(names, draw.randrange(len(names)))
        path.write_text(f"name: lab\ntaps:\n{taps}bridges: {{br0: {{interfaces: [{', '.join(ports)}]}}}}\n")
        host.loom("up", path)
        assert host.link("br0")["address"] == mac
        there = {link["ifname"] for link in host.json("link") if link.get("master") == "br0"}
        assert there == set(ports)
    assert truth(kernel(host.link("br0"), "up"))
