# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fast path over TUN devices: IP packets without Ethernet, cut, sealed, opened and joined.

    guest-alpha      alpha                              beta      guest-beta
    eth0 ------ port0 (routes) tun0 ~~ wire0 -- wire0 ~~ tun0 (routes) port0 ------ eth0
    10.77.1.2   10.77.1.1          192.0.2.1  192.0.2.2          10.77.2.1   10.77.2.2

What carries is tun_path.c: the tunnel's own files without its engine. The guests leave segmentation and
checksums to others; beta's port0 has no offloads, so what guest-beta sees is what a card would put on a wire.
"""
import json
import pathlib
import subprocess

import pytest
from lib import bulk, trace
from lib.bulk import MIB
from lib.net import LANLOOM, until

PROGRAM = pathlib.Path(LANLOOM).parent / "tests" / "system" / "tun_path"
MTU = 1400


class TunPath:
    def __init__(self, net):
        self.hosts = [net.host("alpha"), net.host("beta")]
        net.wire(self.hosts[0], "wire0", self.hosts[1], "wire0")
        self.guests = [self.side(net, number) for number in (1, 2)]
        self.carriers = [host.start(PROGRAM, "tun0", f"192.0.2.{own}", f"192.0.2.{3 - own}", sort,
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                         for own, (host, sort) in enumerate(zip(self.hosts, ("low", "high")), 1)]
        for host, carrier in zip(self.hosts, self.carriers):
            assert carrier.stdout.readline() == "ready\n"
            until(lambda host=host: "LOWER_UP" in host.link("tun0")["flags"], 10, "the TUN has a carrier")
        bulk.no_offloads(self.hosts[1])

    def side(self, net, own):
        host, other = self.hosts[own - 1], 3 - own
        guest = net.guest(host, "port0", f"10.77.{own}.2/24", mtu=MTU)
        host.sysctl("net.ipv4.ip_forward", 1)
        host.sysctl("net.ipv6.conf.all.forwarding", 1)
        host.ip("addr", "add", f"192.0.2.{own}/24", "dev", "wire0")
        host.ip("addr", "add", f"10.77.{own}.1/24", "dev", "port0")
        host.ip("addr", "add", f"fd77:{own}::1/64", "dev", "port0", "nodad")
        guest.ip("addr", "add", f"fd77:{own}::2/64", "dev", "eth0", "nodad")
        guest.ip("route", "add", "default", "via", f"10.77.{own}.1")
        guest.ip("route", "add", "default", "via", f"fd77:{own}::1")
        host.ip("tuntap", "add", "dev", "tun0", "mode", "tun", "vnet_hdr")
        host.ip("link", "set", "tun0", "mtu", MTU, "up")
        host.ip("route", "add", f"10.77.{other}.0/24", "dev", "tun0")
        host.ip("route", "add", f"fd77:{other}::/64", "dev", "tun0")
        return guest

    def end(self):
        """What went through, of both."""
        counts = []
        for carrier in self.carriers:
            carrier.stdin.close()
            counts.append(json.loads(carrier.stdout.read()))
            assert carrier.wait(10) == 0
        return counts


@pytest.fixture
def path(net):
    made = TunPath(net)
    for host in made.hosts + made.guests:
        trace.settled(host)
    return made


@pytest.mark.limit(180)
@pytest.mark.parametrize("there", ["10.77.2.2", "fd77:2::2"])
def test_ip_packets_take_the_fast_path(path, there):
    one, other = path.guests
    back = there.replace("77.2.", "77.1.").replace("77:2:", "77:1:")
    for size in (0, 56, 1300, 5000):
        assert one.ping(there, size=size)
    watch = bulk.Watch(other)
    same = bulk.carry(one, other, there, bulk.text_of(1, 6 * MIB), [MIB, 999])
    watch.end()
    assert same and watch.wrong == []
    assert watch.seen > 1000 and watch.longest <= MTU + 14
    for sizes, size in (([MIB], 20 * MIB), ([1, 3000, 70000, 17, 1400], 4 * MIB)):
        assert bulk.carry(one, other, there, bulk.text_of(size, size), sizes)
        assert bulk.carry(other, one, back, bulk.text_of(size, size), sizes)
    bulk.datagrams_keep_sizes(one, other, there, (1200, 100, 1300, 9))
    for counts in path.end():
        print(counts)
        assert counts["wrong"] == 0
        assert counts["supers"] and counts["cut"] > 3 * counts["supers"]
        assert counts["supers-written"] and counts["joined"] > 3 * counts["supers-written"]
