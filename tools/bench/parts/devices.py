# SPDX-License-Identifier: LGPL-2.1-or-later
"""1000 TAPs in one bridge: lanloom beside ip -batch

Each round makes them in a fresh namespace and takes them away again. `ip -batch` reads a file that ends
in the same state (owner, MAC, port, up), which is compared once; "ip -batch, bare" leaves out owner and
MAC. It deletes one by one, as one does without lanloom. "up, CPU" is the processor's time of the same run.
"""
import contextlib
import itertools
import json

from frame import Ratio, timed
from lib.net import LANLOOM, run

COUNT = 1000
ROUNDS = 5
UNITS = {"up": "s", "up, CPU": "s", "second up": "s", "down": "s"}
RATIOS = [
    Ratio("up over ip -batch", ("lanloom", "up"), ("ip -batch", "up"), most=1.5),
    Ratio("the processor's time of up over ip -batch's", ("lanloom", "up, CPU"), ("ip -batch", "up, CPU")),
    Ratio("up over ip -batch, bare", ("lanloom", "up"), ("ip -batch, bare", "up")),
    Ratio("empty second up over ip -batch's up", ("lanloom", "second up"), ("ip -batch", "up"), most=0.2),
    Ratio("ip -batch's down over down", ("ip -batch", "down"), ("lanloom", "down"), least=8),
]
# What a device has from chance or from the order of things.
OWN = {"ifindex", "address", "link_index", "addr_info", "port_id", "port_no", "designated_port", "no", "id"}
numbers = itertools.count(1)


def names():
    return [f"t{i}" for i in range(COUNT)]


def mac(i):
    return f"fe:00:00:00:{i >> 8:02x}:{i & 255:02x}"


def description():
    return ("name: bench\n"
            f"bridges: {{br0: {{interfaces: [{', '.join(names())}], macaddress: 02:00:00:00:00:01}}}}\n"
            "taps:\n" + "".join(f"  {name}: {{}}\n" for name in names()))


def batch(bare):
    yield "link add br0 address 02:00:00:00:00:01 type bridge stp_state 0 forward_delay 0"
    yield "link set br0 up"
    for i, name in enumerate(names()):
        yield f"tuntap add {name} mode tap" + ("" if bare else " user root")
        yield f"link set {name} {'' if bare else f'address {mac(i)} '}master br0 up"


class Stage:
    def __init__(self, net):
        self.net = net
        self.yaml = net.file("bench.yaml", description())
        self.full = net.file("full.batch", "".join(f"{line}\n" for line in batch(False)))
        self.bare = net.file("bare.batch", "".join(f"{line}\n" for line in batch(True)))
        self.delete = net.file("delete.batch",
                               "".join(f"link del {name}\n" for name in ["br0", *names()]))
        self.states = {}

    @contextlib.contextmanager
    def host(self):
        host = self.net.host(f"devices{next(numbers)}")
        try:
            yield host
        finally:
            run("ip", "netns", "del", host.space)


def settled(value):
    """A device without what differs from one run to the next."""
    if isinstance(value, dict):
        return {key: settled(its) for key, its in value.items()
                if key not in OWN and not key.endswith(("_timer", "timer"))}
    return [settled(its) for its in value] if isinstance(value, list) else value


def state(host):
    return {link["ifname"]: settled(link) for link in host.json("link")}


def lanloom(stage):
    with stage.host() as host:
        up, used = timed(host, LANLOOM, "up", "-q", stage.yaml)
        stage.states.setdefault("lanloom", state(host))
        second, _ = timed(host, LANLOOM, "up", "-q", stage.yaml)
        down, _ = timed(host, LANLOOM, "down", "-q", stage.yaml)
        assert host.links() == {"lo"}
        return {"up": up, "up, CPU": used, "second up": second, "down": down}


def by_ip(stage):
    with stage.host() as host:
        up, used = timed(host, "ip", "-batch", stage.full)
        stage.states.setdefault("ip", state(host))
        down, _ = timed(host, "ip", "-batch", stage.delete)
        assert host.links() == {"lo"}
        return {"up": up, "up, CPU": used, "down": down}


def by_ip_bare(stage):
    with stage.host() as host:
        up, used = timed(host, "ip", "-batch", stage.bare)
        return {"up": up, "up, CPU": used}


WAYS = {
    "lanloom": lanloom,
    "ip -batch": by_ip,
    "ip -batch, bare": by_ip_bare,
}


@contextlib.contextmanager
def stage(net):
    yield Stage(net)


def differences(one, other):
    """The names of devices that are not the same, and the keys that make the difference."""
    found, keys = set(), set()
    for name in one.keys() | other.keys():
        a, b = one.get(name, {}), other.get(name, {})
        apart = {key for key in a.keys() | b.keys()
                 if json.dumps(a.get(key), sort_keys=True) != json.dumps(b.get(key), sort_keys=True)}
        if apart:
            found.add(name)
            keys |= apart
    return found, keys


def FACTS(stage):
    apart, keys = differences(stage.states["lanloom"], stage.states["ip"])
    version = run("ip", "-V").stdout.strip()
    return {"devices": f"{COUNT} TAPs, 1 bridge",
            "beside": version,
            "the same end state": f"{COUNT + 2 - len(apart)} of {COUNT + 2} devices read the same"
                                  + (f"; others differ in {', '.join(sorted(keys))}" if apart else "")}
