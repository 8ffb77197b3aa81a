# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each mode of networks, stretched over two hosts: who opens connections to whom is what the manual's table says.

    i1 i2    r1 r2    n1 n2    w1 w2                               w3      n3      r3      i3
     |  |     |  |     |  |     |  |                                |       |       |       |
    [alone]  [open]   [lab]    [wide]                            [wide]   [lab]   [open]  [alone]
     | ta     | tr     | tn       | eth1                       eth1 |    tn |    tr |    ta |
     |        |        |   alpha  |                                 |  beta |       |       |
     |        |        |   eth0   |                                 |  eth0 |       |       |
     '- tunnels  203.0.113.2  198.51.100.2                  198.51.100.3  203.0.113.3  -----'
                       |          |                                 |       |
                       '----------+------ far: a router of both ----+-------'

A guest is asked, and asks, by TCP, UDP and ICMP over IPv4 and IPv6, each time with an answer; all at once.
"""
import contextlib
import errno
import itertools
import selectors
import socket
import time

import pytest
from lib.net import LANLOOM, SLOWNESS, run, until
from test_who_reaches_whom import table

FOUR, SIX = socket.AF_INET, socket.AF_INET6
MODES = {"alone": "isolated", "open": "routed", "lab": "nat", "wide": "bridged"}
NETS = {"alone": ("192.168.59", "fd59:"), "open": ("192.168.58", "fd58:"), "lab": ("192.168.57", "fd57:"),
        "wide": ("198.51.100", "fd98:")}
# guest: (network, host, number)
GUESTS = {"i1": ("alone", "alpha", 11), "i2": ("alone", "alpha", 12), "i3": ("alone", "beta", 13),
          "r1": ("open", "alpha", 11), "r2": ("open", "alpha", 12), "r3": ("open", "beta", 13),
          "n1": ("lab", "alpha", 11), "n2": ("lab", "alpha", 12), "n3": ("lab", "beta", 13),
          "w1": ("wide", "alpha", 11), "w2": ("wide", "alpha", 12), "w3": ("wide", "beta", 13)}
TEXT = """name: modes
networks:
  alone: {{mode: isolated, gateway: alpha, interfaces: [ta]}}
  open: {{mode: routed, gateway: alpha, uplink: eth0, addresses: [192.168.58.1/24, "fd58::1/64"], interfaces: [tr]}}
  lab: {{mode: nat, gateway: alpha, uplink: eth0, addresses: [192.168.57.1/24, "fd57::1/64"], interfaces: [tn]}}
  wide: {{mode: bridged, uplink: eth1}}
tunnels:
  ta: {{mode: lan, port: 51821, peers: all}}
  tr: {{mode: lan, port: 51822, peers: all}}
  tn: {{mode: lan, port: 51823, peers: all}}
hosts:
  alpha:
    endpoint: 203.0.113.2
    keys: {{public: "{alpha}"}}
    tunnels: {{ta: {{key: {folder}/alpha.key}}, tr: {{key: {folder}/alpha.key}}, tn: {{key: {folder}/alpha.key}}}}
    networks: {{alone: {{interfaces: [i1, i2]}}, open: {{interfaces: [r1, r2]}}, lab: {{interfaces: [n1, n2]}}, wide: {{interfaces: [w1, w2]}}}}
  beta:
    endpoint: 203.0.113.3
    keys: {{public: "{beta}"}}
    tunnels: {{ta: {{key: {folder}/beta.key}}, tr: {{key: {folder}/beta.key}}, tn: {{key: {folder}/beta.key}}}}
    networks: {{alone: {{interfaces: [i3]}}, open: {{interfaces: [r3]}}, lab: {{interfaces: [n3]}}, wide: {{interfaces: [w3]}}}}
"""


class Lab:
    def __init__(self, net):
        self.net = net
        self.alpha, self.beta, self.far = [net.host(name) for name in ("alpha", "beta", "far")]
        for number, name in ((0, "203.0.113"), (1, "198.51.100")):
            self.far.ip("link", "add", f"sw{number}", "up", "type", "bridge")
            for last, host in ((2, self.alpha), (3, self.beta)):
                net.wire(host, f"eth{number}", self.far, f"{host.name}{number}")
                self.far.ip("link", "set", f"{host.name}{number}", "master", f"sw{number}")
                self.address(host, f"eth{number}", f"{name}.{last}", f"{'2001:db8' if not number else 'fd98'}::{last}")
            self.address(self.far, f"sw{number}", f"{name}.1", f"{'2001:db8' if not number else 'fd98'}::1")
        for host in (self.alpha, self.beta):
            host.ip("route", "add", "default", "via", "203.0.113.1")
            host.ip("-6", "route", "add", "default", "via", "2001:db8::1")
        self.far.sysctl("net.ipv4.ip_forward", 1)
        self.far.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.hosts = {"alpha": self.alpha, "far": self.far}
        for name, (network, host, number) in GUESTS.items():
            four, six = NETS[network]
            guest = self.hosts[name] = net.guest(net.hosts[host], name, f"{four}.{number}/24", name)
            guest.ip("addr", "add", f"{six}:{number}/64", "dev", "eth0", "nodad")
        for network in ("alone", "open", "lab"):  # else it would be far that does not find the way
            self.far.ip("route", "add", f"{NETS[network][0]}.0/24", "via", "203.0.113.2")
            self.far.ip("-6", "route", "add", f"{NETS[network][1]}:/64", "via", "2001:db8::2")
        for host in self.hosts.values():
            host.sysctl("net.ipv4.ping_group_range", "'0 2147483647'")
        keys = {}
        for name in ("alpha", "beta"):
            run(LANLOOM, "key", "new", net.folder / f"{name}.key")
            keys[name] = run(LANLOOM, "key", "public", net.folder / f"{name}.key").stdout.strip()
        self.path = net.file("modes.yaml", TEXT.format(folder=net.folder, **keys))

    def address(self, host, device, four, six):
        host.ip("addr", "add", f"{four}/24", "dev", device)
        host.ip("addr", "add", f"{six}/64", "dev", device, "nodad")

    def up(self):
        for host in (self.alpha, self.beta):
            host.loom("up", self.path, "--host", host.name)
        for name, (network, _, _) in GUESTS.items():
            for four in (True, False):
                via = [] if network == "alone" else ["via", NETS[network][0] + ".1" if four else NETS[network][1] + ":1"]
                self.hosts[name].ip("-4" if four else "-6", "route", "replace", "default", *via, "dev", "eth0")
        for host in (*self.hosts.values(), self.beta):
            until(lambda host=host: "tentative" not in host.ip("addr"), 9, f"{host.name}'s addresses are usable")

    def targets(self):
        """{name: (host, addresses)}; the host's address in a network is one of its own."""
        found = {name: (name, (f"{NETS[network][0]}.{number}", f"{NETS[network][1]}:{number}"))
                 for name, (network, _, number) in GUESTS.items()}
        return found | {"far": ("far", ("203.0.113.1", "2001:db8::1")), "alpha": ("alpha", ("203.0.113.2", "2001:db8::2")),
                        "alpha in lab": ("alpha", ("192.168.57.1", "fd57::1")), "alpha in open": ("alpha", ("192.168.58.1", "fd58::1")),
                        "alpha in wide": ("alpha", ("198.51.100.2", "fd98::2"))}


def row(asker, target):
    """The row and column of the manual's table that speaks of them; None: it does not."""
    one, other = GUESTS.get(asker), GUESTS.get(target)
    if one:
        if not other:
            return "guest", "the host" if target.startswith("alpha") else "outside", MODES[one[0]]
        if one[0] != other[0]:
            return "guest", "another network", MODES[one[0]]
        return "guest", "guest" if one[1] == other[1] else "guest on another host", MODES[one[0]]
    return ("the host" if asker == "alpha" else "outside", "guest", MODES[other[0]]) if other else None


class Talk:
    """One question of an asker to a target, and whether the answer came."""

    def __init__(self, net, asker, family, kind, address):
        self.kind, self.answered, self.begun = kind, False, False
        protocol = {"tcp": 0, "udp": 0, "icmp": socket.IPPROTO_ICMP if family == FOUR else socket.IPPROTO_ICMPV6}[kind]
        with net.hosts[asker].entered():
            self.socket = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM, protocol)
        self.socket.setblocking(False)
        self.request = bytes([8 if family == FOUR else 128, 0, 0, 0, 0, 0, 0, 1]) + b"ping" if kind == "icmp" else b"ping"
        self.failed = self.socket.connect_ex((address, 7000)) not in (0, errno.EINPROGRESS)

    def ask(self):
        """Also again: a first packet may get lost, and is while a tunnel is not yet there."""
        if not self.failed and (self.kind != "tcp" or not self.begun):
            with contextlib.suppress(OSError):
                self.begun = self.socket.send(self.request) > 0

    def hear(self):
        with contextlib.suppress(OSError):
            self.answered = self.answered or b"ping" in self.socket.recv(200)


class Servers:
    """TCP and UDP at every address: what comes goes back, from where it went to."""

    def __init__(self, net, targets, family, selector):
        for name, addresses in targets:
            with net.hosts[name].entered():
                tcp, udp = socket.socket(family, socket.SOCK_STREAM), socket.socket(family, socket.SOCK_DGRAM)
            for one in (tcp, udp):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.bind((addresses[family == SIX], 7000))
                one.setblocking(False)
            tcp.listen(1000)
            selector.register(tcp, selectors.EVENT_READ, lambda tcp=tcp: self.accept(selector, tcp))
            selector.register(udp, selectors.EVENT_READ, lambda udp=udp: self.answer(udp))

    def accept(self, selector, tcp):
        made, _ = tcp.accept()
        made.setblocking(False)
        selector.register(made, selectors.EVENT_READ, lambda: self.echo(selector, made))

    def echo(self, selector, made):
        try:
            data = made.recv(200)
        except OSError:
            data = b""
        if data:
            made.send(data)
            return
        selector.unregister(made)
        made.close()

    def answer(self, udp):
        with contextlib.suppress(OSError):
            data, who = udp.recvfrom(200)
            udp.sendto(data, who)


def reached(lab, family, wanted):
    """{(asker, target, kind)} of those that were answered: until all that is wanted is, and a while longer."""
    selector, talks = selectors.DefaultSelector(), {}
    Servers(lab.net, lab.targets().values(), family, selector)
    for asker, (target, (its, addresses)), kind in itertools.product(lab.hosts, lab.targets().items(), ("tcp", "udp", "icmp")):
        if its != asker and row(asker, target):
            talks[asker, target, kind] = talk = Talk(lab.net, asker, family, kind, addresses[family == SIX])
            selector.register(talk.socket, selectors.EVENT_READ, talk.hear)
    end, again = time.monotonic() + 15 * SLOWNESS, 0
    while time.monotonic() < end:
        if time.monotonic() > again:
            for talk in talks.values():
                if not talk.answered:
                    talk.ask()
            again = time.monotonic() + 0.25
        for key, _ in selector.select(0.1):
            key.data()
        if wanted <= {key for key, talk in talks.items() if talk.answered}:
            end = min(end, time.monotonic() + 1)
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    selector.close()
    return {key for key, talk in talks.items() if talk.answered}, set(talks)


def only_answers_come_back(lab):
    """Through NAT: of what a guest asked an answer comes in, also late; from another port of the same host nothing does."""
    with lab.hosts["n1"].entered():
        guest = socket.socket(FOUR, socket.SOCK_DGRAM)
    with lab.far.entered():
        asked, other = socket.socket(FOUR, socket.SOCK_DGRAM), socket.socket(FOUR, socket.SOCK_DGRAM)
    for one in (guest, asked, other):
        one.settimeout(5 * SLOWNESS)
    asked.bind(("", 7001))
    guest.sendto(b"question", ("203.0.113.1", 7001))
    data, who = asked.recvfrom(100)
    assert data == b"question" and who[0] == "203.0.113.2"
    time.sleep(1)
    other.sendto(b"stranger", who)
    asked.sendto(b"answer", who)
    assert guest.recvfrom(100) == (b"answer", ("203.0.113.1", 7001))
    guest.settimeout(0.5)
    with pytest.raises(TimeoutError):
        guest.recvfrom(100)


@pytest.fixture
def lab(net):
    return Lab(net)


@pytest.mark.limit(180)
def test_each_mode_is_as_the_manual_says(lab):
    words = table("isolated")
    assert set(words) == set(MODES.values())
    lab.up()
    seen = set()
    for family in (FOUR, SIX):
        wanted = {(asker, target, kind) for asker in lab.hosts for target, (its, _) in lab.targets().items()
                  for kind in ("tcp", "udp", "icmp")
                  if its != asker and (of := row(asker, target)) and words[of[2]][of[:2]] == "yes"}
        found, asked = reached(lab, family, wanted)
        seen |= {row(asker, target) for asker, target, _ in asked}
        assert found == wanted, (family, "more", sorted(found - wanted), "less", sorted(wanted - found))
    told = {(*pair, mode) for mode, rows in words.items() for pair, word in rows.items() if word != "-"}
    assert told == seen, "each of the table's cells was tried"
    only_answers_come_back(lab)


