# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many devices at once, and what one TAP costs the kernel.

    alpha: 8 bridges with 300 TAPs and 87 or 88 veth ends each; the other ends a half in alpha, a half
           in the namespace "inner"; 288 TUNs: 4096 devices in all
"""
import collections

import pytest
from lib import trace
from lib.net import NETNS, run, until

BRIDGES, TAPS, PAIRS, TUNS = 8, 2400, 700, 288


def many(inner):
    ports = collections.defaultdict(list)
    for i in range(TAPS):
        ports[i % BRIDGES].append(f"t{i}")
    for i in range(PAIRS):
        ports[i % BRIDGES].append(f"a{i}")
    text = ["name: many", "bridges:"]
    text += [f"  br{b}: {{interfaces: [{', '.join(ports[b])}], addresses: [10.{b}.0.1/16]}}"
             for b in range(BRIDGES)]
    text += ["taps:", *(f"  t{i}: {{}}" for i in range(TAPS))]
    text += ["tuns:", *(f"  u{i}: {{owner: nobody}}" for i in range(TUNS))]
    text += ["virtual-ethernets:",
             *(f"  a{i}: {{peer: {f'{inner}/' if i % 2 else ''}b{i}}}" for i in range(PAIRS))]
    text += ["namespaces:", f"  {inner}: {{}}"]
    return "\n".join(text) + "\n"


def kinds(host, inner):
    links = host.json("link")
    assert len({link["ifname"] for link in links if link.get("master")}) == TAPS + PAIRS
    counts = collections.Counter(link.get("linkinfo", {}).get("info_kind", "none") for link in links)
    return counts, run("ip", "-n", inner, "-o", "link").stdout.count(": b")


@pytest.mark.limit(400)
def test_4096_devices_come_stay_and_go(net, host):
    inner = net.space("inner")
    path = net.file("many.yaml", many(inner))
    host.loom("up", path, timeout=300)
    here, there = kinds(host, inner)
    assert here == {"none": 1, "bridge": BRIDGES, "tun": TAPS + TUNS, "veth": PAIRS * 3 // 2}
    assert there == PAIRS // 2 and sum(here.values()) - 1 + there == 4096
    trace.settled(host)
    sent, done = trace.changes(host, "up", path)
    assert sent == [] and "nothing to do" in done.stdout
    host.loom("down", path, timeout=300)
    assert host.links() == {"lo"} and not (NETNS / inner).exists()
    assert "nothing to do" in host.loom("down", path).stdout


def test_a_tap_gets_nothing_while_it_is_made(net, host):
    """The maker's descriptor is no carrier: no addresses, no routes that come and go."""
    path = net.file("taps.yaml", "name: taps\nbridges: {br0: {interfaces: [tap0, tap1]}}\n"
                                 "taps: {tap0: {}, tap1: {}}\n")
    with trace.Monitor(host, ("address", "route")) as monitor:
        host.loom("up", path)
        trace.settled(host)
    assert "tap" not in monitor.text, monitor.text
    for name in ("tap0", "tap1"):
        link = host.link(name)
        assert "UP" in link["flags"] and "NO-CARRIER" in link["flags"] and link["qdisc"] != "noop"


def test_who_opens_a_tap_gives_it_a_carrier(net, host):
    path = net.file("tap.yaml", "name: tap\ntaps: {tap0: {}}\n")
    host.loom("up", path)
    host.start("/usr/bin/python3", "-c", """
import fcntl, os, struct, time
fd = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", b"tap0", 0x1002))
time.sleep(60)""")
    until(lambda: "LOWER_UP" in host.link("tap0")["flags"], 20, "tap0 has a carrier")
