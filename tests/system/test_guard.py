# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest of a network that gives addresses cannot pretend to be its server, its router, its host or another guest.

    one two             rogue = two, when it serves
     |   |
    [ lab ] alpha       192.168.57.1/24, fd57::1/64
"""
import contextlib
import json
import os
import signal
import socket
import subprocess

import pytest
from lib.dhcp import FILE, frame, lease
from lib.net import run, until

VM1 = "52:54:00:00:01:89"
TEXT = """name: lab
networks:
  lab:
    mode: isolated
    addresses: [192.168.57.1/24, "fd57::1/64"]
    interfaces: [one, two]
    dhcp:
      range: [192.168.57.100, 192.168.57.250]
      hosts: {{vm1: {{macaddress: "52:54:00:00:01:89", address: 192.168.57.10}}}}
{more}"""
OPEN = "    ports: {one: {source-guard: false}, two: {source-guard: false}}\n"
LEASES = int(os.environ.get("LANLOOM_LEASES", "6"))  # so many in a row; by hand more
BROADCAST = b"\xff" * 6


class Lab:
    def __init__(self, net):
        self.net, self.alpha = net, net.host("alpha")
        self.one, self.two = net.host("one"), net.host("two")
        for guest in (self.one, self.two):
            net.wire(self.alpha, guest.name, guest, "eth0")
        for family in ("ip", "ip6", "arp"):  # it would cut off what tells frames apart
            self.alpha.run("sh", "-c", f"echo 0 >/proc/sys/net/bridge/bridge-nf-call-{family}tables || :")

    def up(self, more=""):
        self.alpha.loom("up", self.net.file("lab.yaml", TEXT.format(more=more)))
        until(lambda: "tentative" not in self.alpha.ip("addr"), 9, "its addresses are usable")

    def silence(self):
        """Ends the keeper, and with it whoever serves the network."""
        for pid in self.alpha.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not self.alpha.pids(), 9, "nothing runs")

    def heard(self, sent):
        """Which of the frames that two sends one hears: they are numbered in their last byte."""
        with self.one.entered():
            ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            ear.bind(("eth0", 0))
        with self.two.entered():
            mouth = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            mouth.bind(("eth0", 0))
        ear.settimeout(0.7)
        numbers, found = {}, set()
        for number, (name, data) in enumerate(sent.items()):
            numbers[number] = name
            mouth.send(data + b"guarded?" + bytes([number]))
        try:
            while True:
                data = ear.recv(2000)
                if data[-9:-1] == b"guarded?":
                    found.add(numbers[data[-1]])
        except TimeoutError:
            return found


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def four(text):
    return socket.inet_aton(text)


def arp(source, claimed_mac, claimed):
    return BROADCAST + source + b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" + claimed_mac + four(claimed) + \
        bytes(6) + four("192.168.57.77")


def udp(source, address, ports=(9, 9)):
    return frame(source, four(address), BROADCAST, four("192.168.57.255"), ports, b"x")


def six(source, address, payload, header=58):
    packed = socket.inet_pton(socket.AF_INET6, address)
    head = b"\x60\x00\x00\x00" + len(payload).to_bytes(2, "big") + bytes([header, 255]) + packed + \
        socket.inet_pton(socket.AF_INET6, "ff02::1")
    return b"\x33\x33\x00\x00\x00\x01" + source + b"\x86\xdd" + head + payload


def advertised(target):
    return b"\x88\x00\x00\x00\x20\x00\x00\x00" + socket.inet_pton(socket.AF_INET6, target)


def frames(lab):
    own, other = mac(lab.two.link("eth0")["address"]), mac(VM1)
    host = mac(lab.alpha.link("lab")["address"])
    right = {
        "arp of a lease": arp(own, own, "192.168.57.120"), "arp probe": arp(own, own, "0.0.0.0"),
        "udp of a lease": udp(own, "192.168.57.120"), "udp before a lease": udp(own, "0.0.0.0"),
        "reserved": udp(other, "192.168.57.10"), "reserved arp": arp(other, other, "192.168.57.10"),
        "six of the net": six(own, "fd57::77", b"\x80" + bytes(7)), "six of the link": six(own, "fe80::77", b"\x80" + bytes(7)),
        "solicited router": six(own, "fe80::77", b"\x85" + bytes(7)),
        "own neighbour": six(own, "fd57::77", advertised("fd57::77")),
    }
    wrong = {
        "server": udp(own, "192.168.57.120", (67, 68)),
        "server of six": six(own, "fe80::77", b"\x02\x23\x02\x22\x00\x08\x00\x00", 17),
        "router": six(own, "fe80::77", b"\x86" + bytes(15)), "redirect": six(own, "fe80::77", b"\x89" + bytes(39)),
        "host's mac": udp(host, "192.168.57.120"), "host's arp": arp(own, own, "192.168.57.1"),
        "host's address": udp(own, "192.168.57.1"), "host's six": six(own, "fd57::1", b"\x80" + bytes(7)),
        "host's neighbour": six(own, "fe80::77", advertised("fd57::1")),
        "foreign": udp(own, "10.1.2.3"), "foreign arp": arp(own, own, "10.1.2.3"),
        "foreign six": six(own, "2001:db8::7", b"\x80" + bytes(7)),
        "reserved by another": udp(own, "192.168.57.10"), "reserved arp by another": arp(own, own, "192.168.57.10"),
        "reserved arp with another's sender": arp(own, other, "192.168.57.10"),
        "another's mac": udp(other, "192.168.57.120"), "another's mac in arp": arp(other, other, "192.168.57.120"),
    }
    return right, wrong


@pytest.fixture
def lab(net):
    return Lab(net)


def test_what_a_guest_may_say(lab):
    lab.up()
    right, wrong = frames(lab)
    assert lab.heard(right | wrong) == set(right)
    assert "nothing to do" in lab.alpha.loom("up", lab.net.file("lab.yaml", TEXT.format(more=""))).stdout
    # a port that is taken out of it, and that it was the guard
    lab.up(OPEN)
    assert lab.heard(wrong) == set(wrong)
    lab.up("    source-guard: false\n")
    assert "bridge" not in lab.alpha.run("nft", "list", "tables").stdout
    lab.alpha.loom("down", "--name", "lab")
    assert not lab.alpha.run("nft", "list", "tables").stdout


def guarded(host):
    """The ports that nobody declared, as the rules have them."""
    listed = json.loads(host.run("nft", "-j", "list", "set", "bridge", "lanloom_lab", "others").stdout)["nftables"]
    return {name for one in listed for name in one.get("set", {}).get("elem", [])}


def test_a_port_plugged_in_by_hand_is_guarded_too(lab):
    """It stands in no text: the keeper sees it come and go."""
    path = lab.net.file("lab.yaml", TEXT.format(more="").replace("[one, two]", "[one]"))
    lab.alpha.loom("up", path)
    until(lambda: "tentative" not in lab.alpha.ip("addr"), 9, "its addresses are usable")
    lab.alpha.ip("link", "set", "two", "master", "lab")
    until(lambda: guarded(lab.alpha) == {"two"}, 10, "the new port is guarded")
    right, wrong = frames(lab)
    assert lab.heard(right | wrong) == set(right)
    assert lab.alpha.loom("up", path).stdout == "There is nothing to do.\n"
    lab.alpha.run("nft", "flush", "ruleset")
    until(lambda: "lanloom_lab" in lab.alpha.run("nft", "list", "tables").stdout and guarded(lab.alpha) == {"two"}, 10,
          "the guard is back")
    lab.alpha.ip("link", "set", "two", "nomaster")
    until(lambda: guarded(lab.alpha) == set(), 10, "the port is out of it")
    lab.alpha.loom("down", "--name", "lab")
    assert not lab.alpha.run("nft", "list", "tables").stdout


@pytest.mark.limit(120 + 10 * LEASES)
def test_a_rogue_server_serves_nobody(lab):
    lab.up()
    rogue = lab.two.start("python3", FILE, "serve", "eth0", "192.168.57.66", stdout=subprocess.PIPE)
    assert rogue.stdout.readline() == "ready\n"
    for n in range(LEASES):
        got = lease(lab.one, f"02:00:00:00:01:{n:02x}", f"vm{n}", "30")
        assert got and got["server"] == "192.168.57.1", (n, got)
    # it would have: nobody else answers now, first with the guard and then without
    lab.silence()
    assert lease(lab.one, "02:00:00:00:02:00", "x", "4") is None
    lab.up(OPEN)
    lab.silence()
    assert lease(lab.one, "02:00:00:00:02:00")["server"] == "192.168.57.66"


def test_behind_a_guests_port_there_is_that_guest(net, host):
    """The TAP of a guest with MAC and address: others' are refused by the rules themselves."""
    host.loom("up", net.file("lab.yaml", TEXT.format(more="""guests:
  web: {network: lab, macaddress: "52:54:00:00:01:8a", address: 192.168.57.20}
  db: {network: lab, macaddress: "52:54:00:00:01:8b"}
""").replace("    interfaces: [one, two]\n", "")))
    listed = host.run("nft", "list", "table", "bridge", "lanloom_lab").stdout
    assert 'iifname { "tap-db", "tap-web" } jump from_guests' in listed
    assert 'iifname "tap-web" ether saddr != 52:54:00:00:01:8a drop' in listed
    assert 'iifname "tap-web" ip saddr != { 0.0.0.0, 192.168.57.20 } drop' in listed
    assert 'iifname "tap-db" arp saddr ether != 52:54:00:00:01:8b drop' in listed


def test_a_network_that_gives_no_addresses_guards_none(net, host):
    host.ip("link", "add", "one", "type", "veth", "peer", "far")
    path = net.file("lab.yaml", """name: lab
networks: {lab: {mode: isolated, interfaces: [one]}}
""")
    host.loom("up", path)
    assert "bridge" not in host.run("nft", "list", "tables").stdout
    path.write_text(path.read_text().replace("[one]", "[one], ports: {one: {source-guard: true}}"))
    host.loom("up", path)
    assert json.loads(run("ip", "netns", "exec", host.space, "nft", "-j", "list", "table", "bridge",
                          "lanloom_lab").stdout)["nftables"]
