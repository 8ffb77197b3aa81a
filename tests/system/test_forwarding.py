# SPDX-License-Identifier: LGPL-2.1-or-later
"""IPv6 forwarding takes nothing else along: an advertised default route stays, others' devices are as they were.

     one                    far, which advertises itself
      |                      |
    [ lab ] fd57::/64 alpha eth0   2001:db8:1::/64
                            eth1, eth2: somebody's, the second a router already

By a kernel that can forward per device (from Linux 6.17 on), and in the guest by one that has but a switch for all.
"""
import pytest
from lib import snapshot
from lib.frames import Packet
from lib.net import until

BOTH = pytest.mark.parametrize("kernel", ["here", pytest.param("guest", marks=pytest.mark.guest)])
TEXT = """name: lab
networks:
  lab: {mode: nat, addresses: ["fd57::1/64"], interfaces: [one]}
"""
ROUTER = """import socket, time
sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
prefix = bytes([3, 4, 64, 192]) + bytes([0, 0, 7, 8]) * 2 + bytes(4) + socket.inet_pton(socket.AF_INET6, "2001:db8:1::")
first = True
while True:
    try:
        sock.sendto(bytes([134, 0, 0, 0, 64, 0, 7, 8]) + bytes(8) + prefix, ("ff02::1%eth0", 0))
        if first:
            print("ready", flush=True)
        first = False
    except OSError:
        pass  # the wire is not yet there
    time.sleep(0.3)
"""
VALUES = ("forwarding", "accept_ra")
DEVICES = ("default", "eth0", "eth1", "eth2")


class Lab:
    def __init__(self, net):
        self.net, self.alpha, self.far = net, net.host("alpha"), net.host("far")
        net.wire(self.alpha, "eth0", self.far, "eth0")
        for name in ("eth1", "eth2"):
            self.alpha.ip("link", "add", name, "up", "type", "veth", "peer", f"far{name}")
        self.alpha.sysctl("net.ipv6.conf.eth2.forwarding", 1)
        self.one = net.guest(self.alpha, "one", "192.168.57.11/24", "one")
        self.one.ip("addr", "add", "fd57::11/64", "dev", "eth0", "nodad")
        self.far.ip("addr", "add", "2001:db8:1::1/64", "dev", "eth0", "nodad")
        self.far.sysctl("net.ipv6.conf.eth0.forwarding", 1)  # it says so when it is asked whether it is there, too
        router = self.far.start("python3", "-c", ROUTER, stdout=-1)
        assert router.stdout.readline() == "ready\n"
        until(lambda: self.lives() and "tentative" not in self.alpha.ip("-6", "addr"), 20, "alpha has a default route")
        self.path = net.file("lab.yaml", TEXT)

    def lives(self):
        return "default via fe80" in self.alpha.ip("-6", "route", "show", "proto", "ra") and \
            "2001:db8:1:" in self.alpha.ip("-6", "addr", "show", "dev", "eth0")

    def values(self, *devices):
        return {(device, value): self.alpha.sysctl(f"net.ipv6.conf.{device}.{value}") for device in devices or DEVICES
                for value in VALUES}

    def up(self):
        done = self.alpha.loom("up", self.path)
        until(lambda: "tentative" not in self.alpha.ip("-6", "addr"), 9, "its addresses are usable")
        self.one.ip("-6", "route", "replace", "default", "via", "fd57::1")
        return done

    def switched(self):
        """This kernel has but one switch."""
        return "force_forwarding" not in self.alpha.run("ls", "/proc/sys/net/ipv6/conf/all").stdout


@pytest.fixture
def lab(net):
    return Lab(net)


@BOTH
@pytest.mark.limit(120)
def test_nothing_else_changes(lab, kernel):
    assert lab.switched() == (kernel == "guest")
    lab.alpha.run("nft", "add table inet x; add chain inet x y { type nat hook postrouting priority 0; }; delete table inet x")
    before, values = snapshot.take(lab.alpha), lab.values()  # whatever modules that needs have been loaded
    watch = lab.alpha.start("ip", "-6", "monitor", "route", stdout=-1)
    said = lab.up()
    assert "no default route" not in said.stderr
    assert lab.values() == values | {("eth0", "accept_ra"): "2"}
    assert lab.alpha.sysctl("net.ipv6.conf.all.forwarding") == ("1" if lab.switched() else "0")
    until(lambda: lab.one.ping("2001:db8:1::1", check=False), 9, "the guest reaches far, in the host's name")
    assert "nothing to do" in lab.alpha.loom("up", lab.path).stdout
    lab.alpha.loom("down", lab.path)
    until(lambda: not lab.alpha.pids() or lab.alpha.commands() == ["ip"], 9, "the keeper ends")
    watch.terminate()
    told = watch.communicate(timeout=9)[0]
    assert not [line for line in told.splitlines() if line.startswith("Deleted default")], told
    assert lab.lives()
    snapshot.assert_same(before, snapshot.take(lab.alpha))


def test_the_bridge_says_that_it_is_a_router(lab):
    """Else guests that learned of it by advertisement would let go of it when they ask whether it is there."""
    lab.up()
    with Packet(lab.one, "eth0", lambda frame: frame[12:14] == b"\x86\xdd" and frame[54] == 136) as port:
        lab.one.ip("neigh", "flush", "dev", "eth0")
        lab.one.ping("fd57::1", count=2)
        assert [frame[58] & 0x80 for frame in port.receive(1, 9)] == [0x80]


@pytest.mark.guest
@pytest.mark.limit(120)
def test_who_came_to_rely_on_it_keeps_it(lab):
    """Others switch forwarding on while it is on: down names them, and leaves it. A refused change before that took it back."""
    path, values = lab.net.file("wrong.yaml", TEXT.replace("[one]", '[one], routes: [{to: "fd59::/64", via: "fd60::1"}]')), lab.values()
    done = lab.alpha.loom("up", path, check=False)
    assert done.returncode == 1 and "all is as before" in done.stderr, done.stderr
    assert lab.values() == values and lab.alpha.sysctl("net.ipv6.conf.all.forwarding") == "0" and lab.lives()
    lab.up()
    lab.alpha.sysctl("net.ipv6.conf.eth1.forwarding", 1)
    values = lab.values()
    said = lab.alpha.loom("down", lab.path)
    assert "net.ipv6.conf.all.forwarding: stays as it is: eth1 forwards, too, by somebody else's will" in said.stderr
    assert lab.alpha.sysctl("net.ipv6.conf.all.forwarding") == "1"
    assert lab.values() == values | {("eth0", "accept_ra"): "1"}
