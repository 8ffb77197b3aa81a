# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every key of every kind of device, by descriptions: lib/kind_lines.py has a line for each.

At creation, changed (or made anew), read back, each time with an empty second plan; then without
all that can be left out; then `down`. A key without a line fails the run.

    alpha:  v0 == v1  v2 == v3   the device x0 on v0, or with v0 and v2 as its members
"""
import functools
import grp
import json
import os
import pathlib
import platform
import pwd

import pytest
from lib import snapshot
from lib.kind_lines import ANEW, KINDS, MISSING, OF_BASE, there_or_not
from lib.net import LANLOOM, ROOT, SLOWNESS, run
from lib.still import take_still

VARIANTS = [pytest.param(kind, name, id=f"{kind}-{name}",
                         marks=pytest.mark.guest if variant.guest else pytest.mark.needs(kind))
            for kind, variants in KINDS.items() for name, variant in variants.items()]


@functools.cache
def described():
    """The kinds as the program has them, by name."""
    return {kind["name"]: kind for kind in json.loads(run(LANLOOM, "kinds", "--json").stdout)["kinds"]}


def nested(keys):
    """{"parameters.mode": x} as {"parameters": {"mode": x}}"""
    tree = {}
    for key, value in keys.items():
        *path, last = key.split(".")
        inner = tree
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return tree


class Device:
    def __init__(self, net, host, kind, variant):
        self.net, self.host, self.variant = net, host, variant
        self.table = described()[kind]
        self.device = described()[variant.of or kind]

    def apply(self, keys):
        mode = {"mode": self.device["mode"]} if "mode" in self.device else {}
        if self.variant.wrap:
            own = nested(mode | self.variant.base) | self.variant.wrap(keys)
        else:
            own = nested(mode | self.variant.base | keys)
        if self.variant.root:
            own = self.variant.base
        text = {"name": "lines", **self.variant.around, **(self.variant.root(keys) if self.variant.root else {})}
        text[self.device["section"]] = text.get(self.device["section"], {}) | {"x0": own}
        self.path = self.net.file("lines.yaml", json.dumps(text))
        self.host.loom("up", self.path)
        plan = self.host.loom("plan", self.path, check=False)
        assert plan.returncode == 0, f"a second plan of {own}:\n{plan.stdout}{plan.stderr}"

    def node(self):
        shown = self.host.loom_json("show", "x0")
        path = [device["node"] for space in shown["namespaces"] for device in space["devices"]
                if device["name"] == "x0"][0]
        there = os.stat(path)
        assert os.major(there.st_rdev) > 0
        return {"owner": pwd.getpwuid(there.st_uid).pw_name, "group": grp.getgrgid(there.st_gid).gr_name}

    def kernel(self):
        link = self.host.link("x0")
        assert link is not None
        link["up"] = "UP" in link["flags"]
        if any(line.path.startswith("node.") for line in self.variant.lines.values()):
            link["node"] = self.node()
        return link

    def found(self, link, path):
        """What the kernel has at a line's place."""
        if path.startswith("text:"):
            return path[5:] in self.host.ip("-d", "link", "show", "dev", "x0")
        if path.startswith("sysctl:"):
            return self.host.sysctl(path[7:])
        for word in path.split(".") if path else ():
            link = link.get(word, MISSING) if isinstance(link, dict) else MISSING
        return link

    def agree(self, keys):
        link = self.kernel()
        there = self.variant.look(self.host) if self.variant.look else link
        for key, value in keys.items():
            line = self.variant.lines[key]
            found = self.found(there, line.path)
            if found is MISSING and line.shape is not there_or_not:
                found = None
            assert line.shape(found) == value, (key, value, found, there)
        return link["ifindex"]


def steps(table):
    """Whether it is made anew, and the keys that change: one by one, in the slow guest all of a sort."""
    sorts = {anew: [key for key, line in table.items()
                    if line.second is not None and isinstance(line.second, ANEW) == anew]
             for anew in (False, True)}
    if SLOWNESS > 1:
        return [(anew, keys) for anew, keys in sorts.items() if keys]
    return [(anew, [key]) for anew, keys in sorts.items() for key in keys]


def warm(host, kind):
    """What modules make in every namespace, or with the first of theirs, is the kernel's and stays: gre0, a rule."""
    for module in {"gretap": ("ip_gre", "fou"), "vrf": ("vrf",)}.get(kind["name"], ()):
        host.run("modprobe", "-q", module, check=False)
    if kind["name"] == "vrf":
        host.ip("link", "add", "warm", "type", "vrf", "table", "9")
        host.ip("link", "del", "warm")


@pytest.mark.limit(240)
@pytest.mark.parametrize("kind,variant", VARIANTS)
def test_lines(net, host, kind, variant, record_property):
    table = KINDS[kind][variant]
    device = Device(net, host, kind, table)
    warm(host, device.table)
    if table.prepare:
        table.prepare(host)
    # a card's carrier is worked up once a second
    look = take_still if kind == "ethernet" else snapshot.take
    before = look(host)
    now = {key: line.first for key, line in table.lines.items()}
    device.apply(now)
    number = device.agree(now)
    for anew, keys in steps(table.lines):
        now |= {key: table.lines[key].second.value if anew else table.lines[key].second for key in keys}
        device.apply(now)
        again = device.agree(now)
        assert (again != number) == anew, f"{keys}: made anew or not"
        number = again
    device.apply({key: value for key, value in now.items() if not can_go(device, key)})
    host.loom("down", device.path)
    snapshot.assert_same(before, look(host))
    record_property("lines", len(table.lines))
    record_property("kernel", platform.release())


def can_go(device, key):
    return not [one for one in device.table["keys"] if one["key"] == key][0].get("needed") and \
        key not in ("id", "remote", "external", "parameters.mode") and key not in device.variant.keep


def test_every_key_has_a_line():
    missing, elsewhere = [], {
        "bridge.uplink", "port.source-guard",  # test_uplink.py, test_guard.py: not the kernel's
        "bridge.pvid", "bridge.pvid-tagged", "port.pvid", "port.pvid-tagged",  # test_portvlan.py: VLANs, not fields
        "tun.macaddress", "ipvlan.macaddress", "ipvtap.macaddress"}  # they have none of their own
    for name, variants in KINDS.items():
        lines = {key for variant in variants.values() for key in variant.lines}
        for key in described()[name]["keys"]:
            # what all devices have in common by other means than their own: once, for veth
            if key.get("read-only") or key["key"] in ("name", "existing", "bare") or \
                    (key["key"].startswith("shape.") and name != "veth") or (name, key["key"]) in OF_BASE:
                continue
            if key["key"] not in lines and f"{name}.{key['key']}" not in elsewhere:
                missing.append(f"{name}.{key['key']}")
    assert not missing


def test_every_kind_of_device_has_lines():
    """Two are only bases."""
    devices = {name for name, kind in described().items()
               if any(key["key"] == "txqueuelen" for key in kind["keys"])}
    assert devices - {"link", "tuntap"} == {name for name, variants in KINDS.items()
                                                        if not variants["all"].of}


@pytest.mark.parametrize("kind", sorted(kind for kind, variants in KINDS.items()
                                        if not variants["all"].of and not variants["all"].prepare))
def test_a_kind_the_kernel_lacks_is_refused(net, host, kind):
    """By plan and up, with module and option, before anything changes."""
    table = described()[kind]
    variant = next(iter(KINDS[kind].values()))
    keys = {"link": "v0"} if "link" in variant.base else {"peer": "x1"} if kind == "veth" else {}
    keys |= {"table": 9} if kind == "vrf" else {"id": 5} if kind in ("vlan", "vxlan", "geneve") else {}
    keys |= {"mode": table["mode"]} if "mode" in table else {}
    path = net.file("lacks.yaml", json.dumps(
        {"name": "lacks", "virtual-ethernets": {"v0": {"peer": "v1"}}, table["section"]: {"x0": keys}}))
    plan = host.loom("plan", path, check=False)
    if table["kernel"] != "lacks":
        assert plan.returncode == 3
        return
    before = snapshot.take(host)
    for word in ("plan", "up"):
        done = host.loom(word, path, check=False)
        assert done.returncode == 1
        assert f"module {table['module']}" in done.stderr and table["config"] in done.stderr
        assert pathlib.Path(path).name in done.stderr
    snapshot.assert_same(before, snapshot.take(host))


@pytest.mark.guest
@pytest.mark.limit(120)
def test_the_example(host):
    """Devices on devices, one of them in another namespace; all of it goes again."""
    for module in ("8021q", "bonding", "vrf", "dummy", "ip_gre"):  # the last makes gre0 in each namespace
        run("modprobe", "-q", module)
    host.ip("link", "add", "warm", "type", "vrf", "table", "9")  # the rule of VRFs comes with the first
    host.ip("link", "del", "warm")
    before = snapshot.take(host)
    path = ROOT / "examples" / "devices.yaml"
    host.loom("up", path)
    assert host.loom("plan", path).returncode == 0
    assert host.link("bond0.1000")["link"] == "bond0"
    inner = json.loads(run("ip", "-n", "guest", "-j", "-d", "link", "show", "dev", "eth0").stdout)[0]
    assert inner["linkinfo"]["info_kind"] == "macvlan" and inner["link_index"] == host.link("bond0")["ifindex"]
    host.loom("down", path)
    snapshot.assert_same(before, snapshot.take(host))


def test_on_a_device_of_another_namespace(net, host):
    """A macvlan in one namespace, its wire in the caller's: second plan empty, and it dies with the wire."""
    inner = net.space("inner")
    text = {"name": "far", "virtual-ethernets": {"v0": {"peer": "v1"}},
            "namespaces": {inner: {"macvlans": {"m0": {"link": "/v0", "mode": "bridge"}}}}}
    before = snapshot.take(host)
    path = net.file("far.yaml", json.dumps(text))
    host.loom("up", path)
    assert host.loom("plan", path).returncode == 0
    link = json.loads(run("ip", "-n", inner, "-j", "-d", "link", "show", "dev", "m0").stdout)[0]
    assert link["link_index"] == host.link("v0")["ifindex"]
    host.ip("link", "del", "v0")
    done = host.loom("plan", path, "--json", check=False)
    assert {step["name"] for step in json.loads(done.stdout)["steps"]} == {"v0", "v1", "m0"}
    host.loom("up", path)
    host.loom("down", path)
    snapshot.assert_same(before, snapshot.take(host))
