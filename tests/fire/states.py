# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random descriptions of one host: bridges, TAPs, veth pairs, namespaces, ports, addresses, routes.

The same words as tests/unit/apply_random.c has for the world in memory, as YAML.
"""
import random

SPACES = ["", "r1", "r2"]


class Space:
    """One namespace of a description: its sections."""

    def __init__(self):
        self.sections = {}

    def add(self, section, name, **keys):
        self.sections.setdefault(section, {})[name] = {key.replace("_", "-"): value
                                                       for key, value in keys.items()}
        return self.sections[section][name]

    def devices(self):
        return [(section, name, keys) for section, names in self.sections.items()
                for name, keys in names.items()]


def looks(dice):
    """What any device may say of itself."""
    keys = {}
    if dice.random() < 0.3:
        keys["mtu"] = dice.choice([1300, 1400, 1500])
    if dice.random() < 0.2:
        keys["alias"] = dice.choice(["note one", "note two"])
    if dice.random() < 0.12:
        keys["up"] = False
    return keys


def addresses(dice, number, keys):
    """Addresses, and routes over them where the device is up."""
    found, routes = [], []
    for net in dice.sample(range(1, 5), dice.choice([0, 0, 1, 1, 2])):
        hosts = dice.sample(range(1, 4), dice.choice([1, 1, 2]))
        found += [f"10.{net}.{number}.{host}/24" for host in hosts]
        if dice.random() < 0.4 and keys.get("up", True):
            routes.append({"to": f"10.{100 + net}.{number}.0/24",
                           "via": f"10.{net}.{number}.{dice.choice([253, 254])}"})
    if dice.random() < 0.25:
        net = dice.randrange(1, 4)
        found.append(f"fd00:{net}::{number + 1}/64")
    if found and dice.random() < 0.9:
        keys["addresses"] = found
        if routes:
            keys["routes"] = routes


def one_space(dice, space, number):
    names = []
    for name in ("tap0", "tap1", "tap2"):
        if dice.random() < 0.5:
            space.add("taps", name, **looks(dice))
            names.append(name)
    if dice.random() < 0.75:
        keys = looks(dice)
        if dice.random() < 0.4:
            keys["parameters"] = {"ageing-time": dice.choice([100, 200, 300])}
        space.add("bridges", "br0", **keys)
    return names


def wires(dice, spaces, names):
    """Pairs between two namespaces or within one."""
    for n in range(2):
        if dice.random() < 0.5:
            continue
        a, b = dice.randrange(3), dice.randrange(3)
        left, right = f"v{n}{dice.randrange(2)}", f"w{n}{dice.randrange(2)}"
        at = {True: right, False: f"{SPACES[b]}/{right}"}[a == b]
        spaces[a].add("virtual-ethernets", left, peer=at)
        names[a].append(left)
        if a != b:
            spaces[b].add("virtual-ethernets", right, peer=f"{SPACES[a]}/{left}")
            names[b].append(right)


def description(seed):
    """{namespace: {section: {device: keys}}}, with the namespaces' bare names."""
    dice = random.Random(seed)
    spaces = [Space() for _ in SPACES]
    names = [one_space(dice, space, n) for n, space in enumerate(spaces)]
    wires(dice, spaces, names)
    for n, space in enumerate(spaces):
        ports = [name for name in names[n] if dice.random() < 0.4]
        bridge = space.sections.get("bridges", {}).get("br0")
        if bridge is not None and ports:
            bridge["interfaces"] = ports
        for number, (_, _, keys) in enumerate(space.devices()):
            addresses(dice, number + 10 * n, keys)
    # A namespace may be there without anything in it, or not at all.
    found = {SPACES[0]: spaces[0].sections}
    for name, space in zip(SPACES[1:], spaces[1:]):
        if space.sections or dice.random() < 0.5:
            found[name] = space.sections
    if not found[""] and len(found) == 1:
        found[""] = {"taps": {"tap0": {}}}
    return found


def text_of(found, prefix):
    """As JSON, which is YAML; the namespaces get the test's prefix."""
    import json

    def named(value):
        if isinstance(value, dict):
            return {key: prefix + inner if key == "peer" and "/" in inner and not inner.startswith("/")
                    else named(inner) for key, inner in value.items()}
        return value

    whole = {"name": "random", **named(found[""])}
    inner = {prefix + name: named(sections) for name, sections in found.items() if name}
    if inner:
        whole["namespaces"] = inner
    return json.dumps(whole, indent=1)
