# SPDX-License-Identifier: LGPL-2.1-or-later
"""Isolated from the host, too: whatever a guest sends, nothing comes back and nothing leaves elsewhere.

    four five     one              far
     |    |        |                |
    [ alone ]    [ lab ] alpha --- eth0     203.0.113.0/24, 2001:db8::/64
     isolated      nat .57.0/24, fd57::/64
"""
import collections
import contextlib
import os
import signal
import time

import pytest
from lib.frames import Packet, mac
from lib.net import LANLOOM, SLOWNESS, until
from lib.probes import MARK, OPEN, Place, Probes, sort_of

TEXT = """name: nets
networks:
  alone: {{mode: isolated, interfaces: [four, five]{alone}}}
  lab: {{mode: nat, addresses: [192.168.57.1/24, "fd57::1/64"], interfaces: [one]}}
"""
PROBES = int(os.environ.get("LANLOOM_PROBES", "4000"))  # frames of each test; ./dev soak isolated sends more
FOUR = ["203.0.113.2", "192.168.57.1", "127.0.0.1", "192.168.57.255", "203.0.113.255", "203.0.113.1", "192.168.57.11", "10.0.0.1",
        "192.168.59.1", "192.168.59.15", "169.254.7.7"]
SIX = ["2001:db8::2", "fd57::1", "::1", "2001:db8::1", "fd57::11", "fd59::1", "::ffff:203.0.113.2"]
SOURCES = (["192.168.59.14", "192.168.59.14", "192.168.57.77", "203.0.113.1", "203.0.113.2", "127.0.0.1", "10.9.9.9", "224.0.0.1",
            "255.255.255.255", "192.168.57.11"],
           ["fe80::77", "fe80::77", "fd59::14", "fd57::77", "2001:db8::1", "2001:db8::2", "2001:db8:7::7", "::1", "ff02::1"])
SERVER = f"""import select, socket
sockets = []
for family in (socket.AF_INET, socket.AF_INET6):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        one = socket.socket(family, kind)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(("", {OPEN}))
        if kind == socket.SOCK_STREAM:
            one.listen(1000)
        sockets.append(one)
print("ready", flush=True)
while True:
    for one in select.select(sockets, [], [])[0]:
        if one.type == socket.SOCK_STREAM:
            one.accept()[0].close()
        else:
            data, who = one.recvfrom(2000)
            try:
                one.sendto(data, who)
            except OSError:
                pass
"""


class Lab:
    def __init__(self, net):
        self.net, self.alpha, self.far = net, net.host("alpha"), net.host("far")
        # what the host says by itself would be taken for answers: it is to be through with it soon
        for key, value in (("router_solicitations", 0), ("dad_transmits", 0), ("mldv2_unsolicited_report_interval", 10)):
            self.alpha.sysctl(f"net.ipv6.conf.default.{key}", value)
        for key in ("net.ipv4.ipfrag_time", "net.ipv6.ip6frag_time"):
            self.alpha.sysctl(key, 1)  # what is never whole is answered after that
        self.filtered(0)
        net.wire(self.alpha, "eth0", self.far, "eth0")
        self.guests = {}
        for name in ("four", "five", "one"):
            self.guests[name] = guest = net.host(name)
            guest.sysctl("net.ipv6.conf.default.disable_ipv6", 1)  # they say nothing by themselves
            net.wire(guest, "eth0", self.alpha, name)
        self.alpha.ip("addr", "add", "203.0.113.2/24", "dev", "eth0")
        self.alpha.ip("addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad")
        self.alpha.ip("route", "add", "default", "via", "203.0.113.1")
        self.alpha.ip("-6", "route", "add", "default", "via", "2001:db8::1")
        self.far.ip("addr", "add", "203.0.113.1/24", "dev", "eth0")
        self.far.ip("addr", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
        for address in ("203.0.113.1", "2001:db8::1"):  # no questions before an answer could leave
            self.alpha.ip("neigh", "add", address, "lladdr", self.far.link("eth0")["address"], "dev", "eth0")
        server = self.alpha.start("python3", "-c", SERVER, stdout=-1)
        assert server.stdout.readline() == "ready\n"
        self.watched = {}

    def filtered(self, value):
        for family in ("ip", "ip6", "arp"):
            self.alpha.sysctl(f"net.bridge.bridge-nf-call-{family}tables", value)

    def up(self, alone=""):
        path = self.net.file("nets.yaml", TEXT.format(alone=alone))
        self.alpha.loom("up", path)
        for address in ("192.168.57.11", "192.168.57.77"):
            self.alpha.ip("neigh", "replace", address, "lladdr", self.guests["one"].link("eth0")["address"], "dev", "lab")

    @contextlib.contextmanager
    def watch(self, asking):
        """Packet sockets where something may arrive: at the asking guest anything is an answer."""
        places = {**self.guests, "far": self.far}
        with contextlib.ExitStack() as stack:
            self.watched = {name: stack.enter_context(Packet(host, "eth0")) for name, host in places.items()}
            self.asking = asking
            self.macs = {mac(link["address"]) for link in self.alpha.json("link")}
            until(lambda: "tentative" not in self.alpha.ip("addr") and not self.heard(0.8), 20, "all say nothing by themselves")
            yield

    def heard(self, seconds):
        """All that has come: at a neighbour, to whom probes are flooded, what the host says."""
        end, found = time.monotonic() + seconds, []
        while True:
            for name, port in self.watched.items():
                while (frame := port.take()) is not None:
                    if name in (self.asking, "far") or (MARK not in frame and frame[6:12] in self.macs):
                        found.append((name, frame))
            if time.monotonic() >= end:
                return found
            time.sleep(0.02)

    def place(self, guest, bridge, port, pretend=True):
        macs = [self.alpha.link(name)["address"] for name in (bridge, port, "lab", "eth0")]
        links = [one["local"] for link in self.alpha.json("-6", "addr") for one in link["addr_info"] if one["scope"] == "link"]
        return Place(self.guests[guest].link("eth0")["address"], macs, FOUR, SIX + links, SOURCES, pretend)

    def send(self, frames):
        """What came while they were sent; all have to have arrived."""
        port, found = self.watched[self.asking], []
        before = self.arrived()
        for i, frame in enumerate(frames):
            port.send(frame)
            if i % 200 == 199:
                found += self.heard(0)
        assert self.arrived() - before >= len(frames)
        return found

    def arrived(self):
        return int(self.alpha.run("cat", "/proc/self/net/dev").stdout.split(f" {self.asking}:")[1].split()[1])

    def none(self, seed, count=PROBES, late=1.5, pretend=True):
        frames = Probes(self.place("four", "alone", "four", pretend), seed).some(count)
        found = self.send(frames) + self.heard(late * SLOWNESS)
        told = collections.Counter((name, sort_of(frame)) for name, frame in found)
        assert not found, f"{told}; the first: {found[0][0]} {found[0][1].hex()}"

    def keeper(self):
        return [pid for pid in self.alpha.pids() if comm(pid) == "lanloomd"]


def comm(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as file:
        return file.read().strip()


@pytest.fixture
def lab(net):
    return Lab(net)


@pytest.mark.limit(600)
@pytest.mark.parametrize("filtered", [0, 1], ids=["plain", "br_netfilter"])
def test_nothing_answers(lab, filtered):
    lab.filtered(filtered)
    lab.up()
    with lab.watch("four"):
        lab.none(1, pretend=not filtered)  # which cuts off what tells them apart
    assert "db8:bad" not in lab.alpha.ip("-6", "addr") + lab.alpha.ip("-6", "route"), "no router among guests is believed"


@pytest.mark.limit(600)
def test_nothing_answers_without_rules(lab):
    """Somebody flushed them, and what mends them is dead; and the variables for all devices are against it."""
    lab.up()
    for pid in lab.keeper():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not lab.keeper(), 9, "the keeper is gone")
    lab.alpha.run("nft", "flush", "ruleset")
    with lab.watch("four"):
        lab.none(2)
        for key, value in (("ip_forward", 1), ("conf.all.rp_filter", 2), ("conf.all.arp_ignore", 3), ("conf.all.proxy_arp", 1),
                           ("conf.all.arp_accept", 1), ("conf.all.accept_source_route", 1)):
            lab.alpha.sysctl(f"net.ipv4.{key}", value)
        lab.alpha.sysctl("net.ipv6.conf.all.forwarding", 1)
        lab.heard(1)
        lab.none(3)


@pytest.mark.limit(600)
def test_nothing_answers_while_a_flush_is_mended(lab):
    lab.up()
    listed = len(lab.alpha.run("nft", "list", "ruleset").stdout.splitlines())
    with lab.watch("four"):
        began = time.monotonic()
        lab.alpha.run("nft", "flush", "ruleset")
        lab.none(4, PROBES // 4, 0)
        until(lambda: len(lab.alpha.run("nft", "list", "ruleset").stdout.splitlines()) == listed, 15, "the rules are back")
        print(f"mended and looked at within {time.monotonic() - began:.1f} s")
        lab.none(5)


@pytest.mark.limit(600)
def test_with_addresses_only_those_answer(lab):
    """ARP, ND, ICMP for them, to senders of its own nets; no TCP or UDP but for names and addresses, and nothing elsewhere."""
    lab.up(', addresses: [192.168.59.1/24, "fd59::1/64"]')
    with lab.watch("four"):
        lab.heard(2)
        found = lab.send(Probes(lab.place("four", "alone", "four"), 6).some(PROBES)) + lab.heard(1.5 * SLOWNESS)
    wrong = [(name, sort_of(frame), frame.hex()) for name, frame in found if name not in ("four", "five") or not allowed(frame)]
    assert not wrong, wrong[0]
    told = {sort_of(frame) for _, frame in found}
    assert {"arp", "icmp", "na", "icmp6"} <= told, told


def allowed(frame):
    """Of the host's own addresses there, or asking for a neighbour."""
    sort, own = sort_of(frame), (bytes([192, 168, 59, 1]), bytes.fromhex("fd590000000000000000000000000001"))
    at = 14 + 4 * (frame[14] & 15)
    if sort == "arp":
        return frame[28:32] == own[0]
    if sort in ("icmp", "tcp"):  # a closed port for names says so
        return frame[26:30] == own[0] and (sort != "tcp" or frame[at:at + 2] == b"\0\x35")
    if sort in ("ns", "na", "icmp6", "tcp6"):
        return (frame[22:38] == own[1] or frame[22:24] == b"\xfe\x80") and (sort != "tcp6" or frame[54:56] == b"\0\x35")
    return sort == "mld"


@pytest.mark.limit(600)
def test_the_same_probes_are_answered_elsewhere(lab):
    """Or they would prove nothing: in a network that is not isolated, each sort of them is."""
    lab.up()
    with lab.watch("one"):
        found = lab.send(Probes(lab.place("one", "lab", "one"), 1).some(max(8000, min(PROBES, 20000)))) + lab.heard(1.5 * SLOWNESS)
    told = collections.defaultdict(set)
    for name, frame in found:
        told[name].add(sort_of(frame))
    assert {"arp", "icmp", "tcp", "udp", "na", "icmp6", "tcp6", "udp6", "igmp", "mld"} <= told["one"], told
    assert {"icmp", "tcp", "udp", "tcp6", "udp6"} <= told["far"], told
    assert "db8:bad" not in lab.alpha.ip("-6", "addr") + lab.alpha.ip("-6", "route"), "no router among guests is believed"


def test_a_guest_that_nobody_declared_is_closed_likewise(net, host):
    """What a bridge's own mask cannot have (LACP's 02) the port of its TAP is told."""
    host.loom("up", net.file("nets.yaml", "name: nets\nnetworks: {alone: {mode: isolated}}\n"))
    assert int(host.link("alone")["linkinfo"]["info_data"]["group_fwd_mask"], 16) == 0xfff8
    host.start(LANLOOM, "vm", "alone", "--", "sh", "-c", "exec sleep 60 #{fds}")
    tap = until(lambda: [link for link in host.json("link") if link.get("master") == "alone" and "UP" in link["flags"]], 9, "its TAP")
    assert int(tap[0]["linkinfo"]["info_slave_data"]["group_fwd_mask"], 16) == 0xfffd
