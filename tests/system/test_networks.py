# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks in their modes: who reaches whom is what the manual's table says, and `down` leaves nothing.

    one two      three     four five          far
     |   |         |         |   |             |
    [ lab  nat ] [ open ]  [ alone ] alpha --- eth0    203.0.113.0/24, 2001:db8::/64
      .57.0/24    routed    isolated  .2          .1
      fd57::/64   .58.0/24
"""
import itertools
import os
import pathlib
import re
import signal

import pytest
from lib import snapshot
from lib.dhcp import lease, lease_six, resolve
from lib.net import run, until

LAB = """name: nets
networks:
  lab:
    mode: nat
    addresses: [192.168.57.1/24, "fd57::1/64"]
    interfaces: [one, two]{lab}
  open:
    mode: routed
    addresses: [192.168.58.1/24, "fd58::1/64"]
    interfaces: [three]{open}
  alone: {{mode: isolated, interfaces: [four, five]{alone}}}
"""
ADDRESSES = {
    "one": ("192.168.57.11", "fd57::11"), "two": ("192.168.57.12", "fd57::12"),
    "three": ("192.168.58.13", "fd58::13"), "four": ("192.168.59.14", "fd59::14"),
    "five": ("192.168.59.15", "fd59::15"), "far": ("203.0.113.1", "2001:db8::1"),
    "alpha": ("203.0.113.2", "2001:db8::2"),
}
ROUTERS = {"one": ("192.168.57.1", "fd57::1"), "two": ("192.168.57.1", "fd57::1"),
           "three": ("192.168.58.1", "fd58::1")}
# Who opens a connection to whom; nobody else does.
REACHED = {("one", "two"), ("two", "one"), ("four", "five"), ("five", "four"),
           *((guest, outside) for guest in ("one", "two", "three") for outside in ("far", "alpha")),
           ("far", "three"), ("alpha", "one"), ("alpha", "two"), ("alpha", "three"),
           ("alpha", "far"), ("far", "alpha")}
SIX = ("six", "four")


def comm(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return None


class Lab:
    def __init__(self, net):
        self.net, self.alpha, self.far = net, net.host("alpha"), net.host("far")
        net.wire(self.alpha, "eth0", self.far, "eth0")
        self.guests = {name: net.guest(self.alpha, name, ADDRESSES[name][0] + "/24", name)
                       for name in ("one", "two", "three", "four", "five")}
        self.hosts = self.guests | {"alpha": self.alpha, "far": self.far}
        self.address(self.alpha, "eth0", *ADDRESSES["alpha"])
        self.address(self.far, "eth0", *ADDRESSES["far"])
        for name, guest in self.guests.items():
            guest.ip("addr", "add", ADDRESSES[name][1] + "/64", "dev", "eth0", "nodad")
        for via in ROUTERS["three"]:  # what `up` says that others need
            wide = "192.168.58.0/24" if "." in via else "fd58::/64"
            self.far.ip("route", "add", wide, "via", ADDRESSES["alpha"][":" in via])
        self.alpha.ip("route", "add", "default", "via", ADDRESSES["far"][0])
        self.alpha.ip("-6", "route", "add", "default", "via", ADDRESSES["far"][1])

    def address(self, host, device, four, six):
        host.ip("addr", "add", four + "/24", "dev", device)
        host.ip("addr", "add", six + "/64", "dev", device, "nodad")

    def alone(self):
        """Without the keeper, which would mend what a test breaks."""
        for pid in self.alpha.pids():
            if comm(pid) == "lanloomd":
                os.kill(pid, signal.SIGKILL)
        until(lambda: "lanloomd" not in self.alpha.commands(), 9, "the keeper is gone")

    def routes(self):
        """Guests lose their default routes when their wires go down."""
        for name, guest in self.guests.items():
            for via in ROUTERS.get(name, ()):
                guest.ip("route", "replace", "default", "via", via)

    def file(self, lab="", open="", alone=""):
        return self.net.file("nets.yaml", LAB.format(lab=lab, open=open, alone=alone))

    def up(self, **parts):
        done = self.alpha.loom("up", self.file(**parts))
        self.routes()
        self.settled()
        return done

    def settled(self):
        for name, host in self.hosts.items():
            until(lambda host=host: "tentative" not in host.ip("addr"), 9, f"{name}'s addresses are usable")

    def reached(self, family):
        """Who gets an answer of whom: all asked at once."""
        asked = {}
        for a, b in itertools.permutations(self.hosts, 2):
            asked[a, b] = self.hosts[a].start("ping", "-n", "-q", "-c", "3", "-i", "0.3", "-W", "1",
                                              ADDRESSES[b][family], stdout=-3, stderr=-3)
        return {pair for pair, ping in asked.items() if ping.wait(30) == 0}


@pytest.fixture
def lab(net):
    return Lab(net)


@pytest.mark.limit(120)
def test_who_reaches_whom(lab):
    lab.settled()
    before = snapshot.take(lab.alpha)
    said = lab.up()
    for route in ("192.168.58.0/24 via 203.0.113.2", "fd58::/64 via 2001:db8::2"):
        assert route in said.stderr
    for family in (0, 1):
        assert lab.reached(family) == REACHED, f"IPv{'46'[family]}"
    assert "nothing to do" in lab.alpha.loom("up", lab.file()).stdout
    # the forwarding of others is not ours
    assert lab.alpha.sysctl("net.ipv4.ip_forward") == "0"
    assert lab.alpha.sysctl("net.ipv4.conf.default.forwarding") == "0"
    lab.alpha.loom("down", lab.file())
    snapshot.assert_same(before, snapshot.take(lab.alpha))


def test_nat_hides_and_routed_does_not(lab):
    lab.up()
    heard = {}
    for guest in ("one", "three"):
        server = lab.far.start("python3", "-c", "import socket as s; l=s.create_server(('', 7000)); print(l.accept()[1][0])",
                               stdout=-1)
        until(lambda: "7000" in lab.far.run("ss", "-ltn").stdout, 9, "far listens")
        lab.guests[guest].run("python3", "-c", "import socket as s; s.create_connection(('203.0.113.1', 7000), 5)")
        heard[guest] = server.communicate(timeout=9)[0].strip()
    assert heard == {"one": "203.0.113.2", "three": "192.168.58.13"}


@pytest.mark.limit(120)
def test_networks_reach_each_other_when_both_agree(lab):
    # one of the two is not enough, and is told
    said = lab.up(lab="\n    reach: [open]")
    assert "open does not name lab in its own reach" in said.stderr
    assert lab.reached(0) == REACHED
    lab.up(lab="\n    reach: [open]", open="\n    reach: [lab]")
    both = {("one", "three"), ("two", "three"), ("three", "one"), ("three", "two")}
    for family in (0, 1):
        assert lab.reached(family) == REACHED | both


@pytest.mark.limit(120)
def test_an_uplink_is_the_only_way_out(lab, net):
    """Another wire of the host is not used, although routes lead there."""
    other = net.host("other")
    net.wire(lab.alpha, "eth1", other, "eth0")
    lab.alpha.ip("addr", "add", "198.51.100.2/24", "dev", "eth1")
    other.ip("addr", "add", "198.51.100.1/24", "dev", "eth0")
    lab.up(lab="\n    uplink: eth0")
    one = lab.guests["one"]
    assert one.ping(ADDRESSES["far"][0], count=2)
    assert not one.ping("198.51.100.1", check=False)
    assert lab.alpha.sysctl("net.ipv4.conf.eth1.forwarding") == "0"


def test_an_isolated_network_hears_its_host_only_where_it_has_addresses(lab):
    four = lab.guests["four"]
    lab.up(alone=", addresses: [192.168.59.1/24]")
    lab.alpha.start("python3", "-m", "http.server", "8000", stdout=-3, stderr=-3)
    until(lambda: "8000" in lab.alpha.run("ss", "-ltn").stdout, 9, "alpha serves")
    connect = "import socket as s; s.create_connection(('{}', 8000), 2)"
    assert lab.guests["one"].run("python3", "-c", connect.format("192.168.57.1"), check=False).returncode == 0
    assert four.ping("192.168.59.1", count=2)
    assert four.run("python3", "-c", connect.format("192.168.59.1"), check=False).returncode
    for address in ("192.168.57.1", "203.0.113.2"):
        four.ip("route", "replace", address, "dev", "eth0")
        assert not four.ping(address, check=False)
        four.ip("route", "replace", address, "via", "192.168.59.1")
        assert not four.ping(address, check=False)
    assert lab.alpha.ping(ADDRESSES["four"][0], count=2)


def test_isolated_without_rules(lab):
    """Somebody flushes all rules: until they are mended nothing is answered either."""
    lab.up()
    lab.alone()
    lab.alpha.run("nft", "flush", "ruleset")
    four, mac = lab.guests["four"], lab.alpha.link("alone")["address"]
    for address in ("192.168.57.1", "203.0.113.2"):
        four.ip("route", "replace", address, "dev", "eth0")
        assert not four.ping(address, check=False)
        four.ip("neigh", "replace", address, "lladdr", mac, "dev", "eth0")
        assert not four.ping(address, check=False)
    assert not four.ping("ff02::1%eth0", check=False) or \
        four.ping("fe80::1%eth0", check=False) is False
    done = lab.alpha.loom("up", lab.file())
    assert done.stdout.count("ruleset") == 4
    assert lab.reached(0) == REACHED


def test_rules_of_others_stay_and_changed_ones_are_mended(lab):
    lab.alpha.run("nft", "add", "table", "inet", "theirs")
    lab.up()
    lab.alone()
    ruleset = lab.alpha.run("nft", "-s", "list", "ruleset").stdout
    lab.alpha.run("nft", "insert", "rule", "inet", "lanloom_lab", "to_guests", "accept")
    plan = lab.alpha.loom_json("plan", lab.file(), check=False)
    assert [(step["action"], step["kind"], step["name"]) for step in plan["steps"]] == \
        [("change", "ruleset", "inet lanloom_lab")]
    lab.alpha.loom("up", lab.file())
    assert sorted(lab.alpha.run("nft", "-s", "list", "ruleset").stdout) == sorted(ruleset)
    lab.alpha.loom("down", lab.file())
    assert lab.alpha.run("nft", "list", "ruleset").stdout.split() == ["table", "inet", "theirs", "{", "}"]


def test_rules_that_others_flush_come_back(lab):
    """Also single ones, and with what others put there meanwhile; nobody runs lanloom."""
    lab.alpha.run("nft", "add", "table", "inet", "theirs")
    lab.up()
    listed = lab.alpha.run("nft", "-s", "list", "ruleset").stdout
    ours = sorted(line for line in listed.splitlines() if line != "table inet theirs {")
    lab.alpha.run("nft", "flush", "ruleset")

    def back():
        return sorted(lab.alpha.run("nft", "-s", "list", "ruleset").stdout.splitlines() + ["}"]) == ours
    until(back, 15, "the rules are back")
    assert not lab.guests["four"].ping("192.168.57.1", check=False)
    lab.alpha.run("nft", "flush", "chain", "inet", "lanloom_lab", "to_guests")
    until(back, 15, "the chain is back")
    lab.alpha.run("nft", "add", "table", "inet", "theirs")
    lab.alpha.loom("down", lab.file())
    assert lab.alpha.run("nft", "list", "ruleset").stdout.split() == ["table", "inet", "theirs", "{", "}"]
    until(lambda: not lab.alpha.pids(), 9, "the keeper ends")


def test_rules_of_others_that_stop_it_are_named(lab):
    """With a command that makes room, after which nothing is said; with br_netfilter also of what passes no router."""
    lab.alpha.sysctl("net.bridge.bridge-nf-call-iptables", 0)
    quiet = lab.up()
    assert "drops what" not in quiet.stderr
    lab.alpha.run("nft", "add table ip filter; add chain ip filter FORWARD "
                  "{ type filter hook forward priority 0; policy drop; }")
    assert not lab.guests["one"].ping(ADDRESSES["far"][0], check=False)
    for command in (("up", lab.file()), ("plan", lab.file()), ("show",)):
        said = lab.alpha.loom(*command).stderr
        assert said.count("the chain FORWARD of the table ip filter, which is not lanloom's, drops what") == 2, said
    assert "one another" not in said
    lab.alpha.sysctl("net.bridge.bridge-nf-call-iptables", 1)
    assert "alone: the chain FORWARD of the table ip filter, which is not lanloom's, drops what its guests " \
        "send one another: br_netfilter" in lab.alpha.loom("show").stderr
    lab.alpha.sysctl("net.bridge.bridge-nf-call-iptables", 0)
    for line in said.splitlines():
        if line.startswith("try: nft "):
            lab.alpha.run("sh", "-c", line.removeprefix("try: "))
    assert lab.guests["one"].ping(ADDRESSES["far"][0], count=2)
    assert "drops what" not in lab.alpha.loom("show").stderr
    # questions for addresses and names come in
    lab.alpha.run("nft", "add chain ip filter INPUT { type filter hook input priority 0; policy drop; }")
    said = lab.up(lab="\n    dns: {domain: lab.example}").stderr
    assert said.count("drops its guests' questions") == 1, said
    assert resolve(lab.guests["one"], "192.168.57.1", "x.lab.example") is None
    lab.alpha.run("sh", "-c", [line for line in said.splitlines() if "th dport" in line][0].removeprefix("try: "))
    assert resolve(lab.guests["one"], "192.168.57.1", "x.lab.example") == []
    assert "questions" not in lab.alpha.loom("show").stderr


FIREWALLD = """table inet firewalld {
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state established,related accept
		iifname "lo" accept
		jump filter_INPUT_ZONES
		reject with icmpx admin-prohibited
	}
	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy accept;
		ct state established,related accept
		jump filter_FORWARD_ZONES
		reject with icmpx admin-prohibited
	}
	chain filter_INPUT_ZONES { MORE goto filter_IN_public; }
	chain filter_FORWARD_ZONES { MORE goto filter_FWD_public; }
	chain filter_IN_public { tcp dport 22 accept; }
	chain filter_FWD_public { ip protocol 250 accept; }
	chain filter_IN_trusted { accept; }
	chain filter_FWD_trusted { accept; }
}
"""


@pytest.mark.limit(120)
def test_firewalls_of_others_are_told_by_their_own_words(lab):
    """firewalld closes by its last rule, and reloads; docker and ufw by the policy: each has a place for others' wishes."""
    far, guest = ADDRESSES["far"][0], lab.guests["one"]
    lab.alpha.run("nft", "-f", "-", input=FIREWALLD.replace("MORE ", ""))
    said = lab.up(lab="\n    dns: {domain: lab.example}").stderr
    command = "try: firewall-cmd --permanent --zone=trusted --add-interface=lab; firewall-cmd --reload"
    assert "the chain filter_FORWARD of the table inet firewalld, which is not lanloom's, drops what" in said, said
    assert "the chain filter_INPUT of the table inet firewalld" in said and said.splitlines().count(command) == 2
    assert not guest.ping(far, check=False)
    ours = lab.alpha.run("nft", "list", "table", "inet", "lanloom_lab").stdout
    # what that command makes of its tables, by a reload, which leaves ours alone
    for part in ("INPUT", "FORWARD"):
        short = {"INPUT": "IN", "FORWARD": "FWD"}[part]
        lab.alpha.run("nft", f"insert rule inet firewalld filter_{part}_ZONES iifname lab goto filter_{short}_trusted")
    assert "firewalld" not in "".join(line for line in lab.alpha.loom("show").stderr.splitlines() if "network lab" in line)
    assert guest.ping(far, count=2) and lab.alpha.run("nft", "list", "table", "inet", "lanloom_lab").stdout == ours
    lab.alpha.run("nft", "delete table inet firewalld")
    assert guest.ping(far)
    # docker
    for words in ("-N DOCKER-USER", "-A DOCKER-USER -j RETURN", "-P FORWARD DROP", "-I FORWARD -j DOCKER-USER"):
        lab.alpha.run("iptables", *words.split())
    said = [line for line in lab.alpha.loom("show").stderr.splitlines() if "try: iptables" in line and " lab " in line]
    assert said == ["try: iptables -I DOCKER-USER -i lab -j ACCEPT; iptables -I DOCKER-USER -o lab -j ACCEPT"]
    assert not guest.ping(far, check=False)
    lab.alpha.run("sh", "-c", said[0].removeprefix("try: "))
    assert guest.ping(far, count=2) and "-i lab" not in lab.alpha.loom("show").stderr
    # ufw
    lab.alpha.run("nft", "add chain ip filter ufw-user-forward; flush chain ip filter DOCKER-USER; flush chain ip filter FORWARD; "
                  "delete chain ip filter DOCKER-USER")
    assert "try: ufw route allow in on lab; ufw route allow out on lab" in lab.alpha.loom("show").stderr


def test_two_descriptions_with_networks(lab, net):
    """What both need stays until both are gone."""
    second = net.file("second.yaml", "name: second\nnetworks:\n  more: {mode: nat, addresses: [192.168.60.1/24]}\n")
    lab.up()
    lab.alpha.loom("up", second)
    lab.alpha.loom("down", lab.file())
    assert lab.alpha.sysctl("net.ipv4.conf.eth0.forwarding") == "1"
    lab.alpha.loom("down", second)
    assert lab.alpha.sysctl("net.ipv4.conf.eth0.forwarding") == "0"


@pytest.mark.parametrize("text, said", [
    ("lab: {mode: bridged}", "lab.yaml:3:15: network lab: is bridged and names no uplink"),
    ("lab: {mode: isolated, uplink: eth0}", "lab.yaml:3:33: network lab: is isolated and has a way out"),
    ("lab: {mode: natt}", "try: mode: nat"),
    ("lab: {addresses: [192.168.57.1/24]}", "mode"),
    ("lab: {mode: nat, gateway: alpha}", "names a host, but the file has no hosts"),
    ("lab: {mode: nat, uplink: etc0, addresses: [192.168.57.1/24]}", "etc0 is neither declared here nor there"),
])
def test_what_is_wrong_is_named(net, host, text, said):
    host.ip("link", "add", "eth0", "type", "bridge")
    done = host.loom("up", net.file("lab.yaml", f"name: lab\nnetworks:\n  {text}\n"), check=False)
    assert done.returncode == 1 and said in done.stderr, done.stderr


def test_stretched(net):
    """Only the gateway has addresses and rules; elsewhere it is a bridge."""
    text = """name: lab
networks:
  lab: {mode: nat, addresses: [192.168.57.1/24, "fd57::1/64"], gateway: alpha}
  more: {mode: nat, addresses: [192.168.58.1/24], gateway: alpha}
  zoo: {mode: nat, addresses: [192.168.59.1/24], gateway: alpha}
hosts: {alpha: {}, beta: {}}
"""
    alpha, beta = net.host("alpha"), net.host("beta")
    for host in (alpha, beta):
        host.loom("up", net.file("lab.yaml", text), "--host", host.name)
    assert "192.168.57.1/24" in alpha.ip("addr") and "lanloom_lab" in alpha.run("nft", "list", "ruleset").stdout
    assert beta.link("lab") and "192.168." not in beta.ip("addr") and "fd57::" not in beta.ip("addr")
    assert not beta.run("nft", "list", "ruleset").stdout


SERVE = """import socket, sys
family, kind, port = (int(word) for word in sys.argv[1:])
server = socket.socket(family, kind)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if family == socket.AF_INET6:
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
server.bind(("", port))
if kind == socket.SOCK_STREAM:
    server.listen()
print("ready", flush=True)
while True:
    if kind == socket.SOCK_STREAM:
        made, address = server.accept()
        made.send(address[0].encode())
        made.close()
    else:
        asked, address = server.recvfrom(100)
        server.sendto(address[0].encode(), address)
"""
ASK = """import socket, sys
family, kind, port = (int(word) for word in sys.argv[1:4])
asking = socket.socket(family, kind)
asking.settimeout(2)
asking.connect((sys.argv[4], port))
asking.send(b"x")
print(asking.recv(100).decode())
"""


@pytest.mark.limit(120)
def test_forwards_from_every_side(lab, net):
    """TCP and UDP, both families: from outside, the host and a neighbour of the guest."""
    forward = """
    forward:
      - {listen: tcp/8080, to: "vm:80"}
      - {listen: udp/8080, to: "vm:80"}
      - {listen: "203.0.113.2:udp/5000-5010", to: "vm:5000-5010"}
      - {listen: "[2001:db8::2]:tcp/8080", to: "[fd57::11]:80"}
      - {listen: "[2001:db8::2]:udp/8080", to: "[fd57::11]:80"}"""
    guests = "guests: {vm: {address: 192.168.57.11}}\n"
    text = LAB.format(lab=forward, open="", alone="") + guests
    lab.alpha.loom("up", net.file("nets.yaml", text))
    lab.routes()
    lab.settled()
    one = lab.guests["one"]
    for words in ((2, 1, 80), (2, 2, 80), (10, 1, 80), (10, 2, 80), (2, 2, 5007)):
        server = one.start("python3", "-c", SERVE, *words, stdout=-1)
        assert server.stdout.readline() == "ready\n"
    for name in ("far", "alpha", "two"):
        asking = lab.hosts[name]
        for kind, port in ((1, 8080), (2, 8080), (2, 5007)):
            heard = asking.run("python3", "-c", ASK, 2, kind, port, "203.0.113.2").stdout.strip()
            assert heard == {"far": "203.0.113.1", "alpha": "203.0.113.2", "two": "192.168.57.1"}[name]
        for kind in (1, 2):
            heard = asking.run("python3", "-c", ASK, 10, kind, 8080, "2001:db8::2").stdout.strip()
            assert heard == {"far": "2001:db8::1", "alpha": "2001:db8::2", "two": "fd57::1"}[name]
    # nothing else came in with them
    assert lab.far.run("python3", "-c", ASK, 2, 1, 80, "203.0.113.2", check=False).returncode
    # the guest has another address now: the forward follows the text
    moved = text.replace("vm: {address: 192.168.57.11}", "vm: {address: 192.168.57.12}")
    server = lab.guests["two"].start("python3", "-c", SERVE, 2, 1, 80, stdout=-1)
    assert server.stdout.readline() == "ready\n"
    lab.alpha.loom("up", net.file("nets.yaml", moved))
    assert lab.far.run("python3", "-c", ASK, 2, 1, 8080, "203.0.113.2").stdout.strip() == "203.0.113.1"
    lab.alpha.loom("down", "--name", "nets")
    assert not lab.alpha.run("nft", "list", "ruleset").stdout


@pytest.mark.limit(120)
def test_a_forward_follows_its_guests_lease(lab, net):
    """The name of a host of `dhcp:`, both families at once; the host's own address changes, and the forward with it."""
    text = LAB.format(open="", alone="", lab="""
    dhcp: {hosts: {vm1: {macaddress: "52:54:00:00:01:89", address: FOUR, address6: "SIX"}}}
    forward: [{listen: tcp/8080, to: "vm1:80"}, {listen: udp/8080, to: "vm1:80"}]""")
    one = lab.guests["one"]
    one.ip("link", "set", "eth0", "address", "52:54:00:00:01:89")
    one.sysctl("net.ipv6.conf.eth0.accept_ra", 0)  # an answer over UDP leaves with any address there is
    for four, six in (("192.168.57.21", "fd57::21"), ("192.168.57.22", "fd57::22")):
        lab.alpha.loom("up", net.file("nets.yaml", text.replace("FOUR", four).replace("SIX", six)))
        lab.routes()
        got = lease(one)
        assert got["address"] == four
        one.ip("addr", "flush", "dev", "eth0")
        one.ip("addr", "add", got["address"] + "/24", "dev", "eth0")
        one.ip("addr", "add", six + "/64", "dev", "eth0", "nodad")
        lab.routes()
        lab.settled()
        servers = []
        for family in (2, 10):
            for kind in (1, 2):
                servers.append(one.start("python3", "-c", SERVE, family, kind, 80, stdout=-1))
                assert servers[-1].stdout.readline() == "ready\n"
        for name in ("far", "alpha", "two"):
            for kind in (1, 2):
                heard = lab.hosts[name].run("python3", "-c", ASK, 2, kind, 8080, "203.0.113.2").stdout.strip()
                assert heard == {"far": "203.0.113.1", "alpha": "203.0.113.2", "two": "192.168.57.1"}[name]
                heard = lab.hosts[name].run("python3", "-c", ASK, 10, kind, 8080, "2001:db8::2").stdout.strip()
                assert heard == {"far": "2001:db8::1", "alpha": "2001:db8::2", "two": "fd57::1"}[name]
        for server in servers:
            server.kill()
            server.wait()
    lab.alpha.loom("down", "--name", "nets")
    assert not lab.alpha.run("nft", "list", "ruleset").stdout


VM1 = "52:54:00:00:01:89"
FOLLOWING = """
    dhcp: {range: [192.168.57.100, 192.168.57.120], ranges: ["fd57::1000-fd57::1fff"], hosts: {vm1: {macaddress: "%s"}}}
    forward: [{listen: tcp/8080, to: "vm1:80"}, {listen: udp/8080, to: "vm1:80"}]""" % VM1


HEARD = {"far": ("203.0.113.1", "2001:db8::1"), "alpha": ("203.0.113.2", "2001:db8::2"), "two": ("192.168.57.1", "fd57::1")}


def led(host):
    """Where the forwards lead now, as the rules have it."""
    listed = host.run("nft", "list", "table", "inet", "lanloom_lab__leases", check=False).stdout
    return set(re.findall(r"(?:tcp|udp) : ([0-9a-f.:]+)", listed))


class Served:
    """Servers of a guest on port 80, both families and protocols, at the addresses it has now."""

    def __init__(self, lab, guest, four, six):
        guest.ip("addr", "flush", "dev", "eth0")
        guest.ip("addr", "add", four + "/24", "dev", "eth0")
        guest.ip("addr", "add", six + "/64", "dev", "eth0", "nodad")
        lab.routes()
        self.lab, self.servers = lab, []
        for family, kind in itertools.product((2, 10), (1, 2)):
            self.servers.append(guest.start("python3", "-c", SERVE, family, kind, 80, stdout=-1))
            assert self.servers[-1].stdout.readline() == "ready\n"

    def answers(self):
        """From outside, the host and a neighbour, over TCP and UDP, all at once."""
        asked = {}
        for name, kind in itertools.product(("far", "alpha", "two"), (1, 2)):
            for family, at in ((2, "203.0.113.2"), (10, "2001:db8::2")):
                asked[name, family, kind] = self.lab.hosts[name].start("python3", "-c", ASK, family, kind, 8080, at, stdout=-1)
        for (name, family, kind), asking in asked.items():
            said = asking.communicate(timeout=30)[0].strip()
            assert said == HEARD[name][family == 10], (name, kind, family)

    def end(self):
        for server in self.servers:
            server.kill()
            server.wait()


@pytest.mark.limit(180)
def test_a_forward_follows_a_lease_that_nobody_reserved(lab, net):
    """The guest is known by MAC; where its forwards lead is what it got, and got later."""
    lab.settled()
    before = snapshot.take(lab.alpha)
    path = lab.file(lab=FOLLOWING)
    one, two = lab.guests["one"], lab.guests["two"]
    one.ip("link", "set", "eth0", "address", VM1)
    one.sysctl("net.ipv6.conf.eth0.accept_ra", 0)
    lab.up(lab=FOLLOWING)
    assert led(lab.alpha) == set() and "forward tcp/8080 to vm1:80, nowhere yet: it has no lease" in lab.alpha.loom("show").stdout
    assert lab.far.run("python3", "-c", ASK, 2, 1, 8080, "203.0.113.2", check=False).returncode
    four, six = lease(one, VM1, "new", "12", "one")["address"], lease_six(one)
    until(lambda: led(lab.alpha) == {four, six}, 20, "the forwards lead to the lease")
    served = Served(lab, one, four, six)
    served.answers()
    served.end()
    assert f"to vm1:80, now {four}, {six}" in lab.alpha.loom("show").stdout
    assert lab.alpha.loom("up", path).stdout == "There is nothing to do.\n"
    # who calls himself vm1, or asks in its name, takes nothing; what vm1 got is nobody else's
    assert lease(two, two.link("eth0")["address"], "vm1")
    assert lease(two, VM1, "x", "2", "mine", two.link("eth0")["address"]) is None
    # another lease of the same card: the forwards lead there
    moved = lease(one, VM1, "new", "12", "another")["address"]
    assert moved != four
    until(lambda: led(lab.alpha) == {moved, six}, 20, "the forwards lead to the new lease")
    served = Served(lab, one, moved, six)
    served.answers()
    # somebody flushes all rules: they come back, and lead where they led
    lab.alpha.run("nft", "flush", "ruleset")
    until(lambda: led(lab.alpha) == {moved, six}, 20, "the forwards are back")
    # another text and back
    lab.alpha.loom("up", net.file("nets.yaml", path.read_text().replace("udp/8080", "udp/8090")))
    assert led(lab.alpha) == {moved, six}  # no moment without
    lab.alpha.loom("undo")
    assert led(lab.alpha) == {moved, six}
    assert lab.far.run("python3", "-c", ASK, 2, 2, 8080, "203.0.113.2").stdout.strip() == "203.0.113.1"
    served.end()
    lab.alpha.loom("down", "--name", "nets")
    assert not lab.alpha.run("nft", "list", "ruleset").stdout
    until(lambda: not lab.alpha.pids(), 9, "all processes end")
    snapshot.assert_same(before, snapshot.take(lab.alpha))


@pytest.mark.parametrize("forward, said", [
    ('{listen: 8080, to: "192.168.57.2:80"}', "listen is no protocol and port"),
    ('{listen: tcp/0, to: "192.168.57.2:80"}', "listen is no protocol and port"),
    ('{listen: tcp/80, to: "vm:80"}', "names that guests give themselves do not count"),
    ('{listen: tcp/80, to: "bare:80"}', "leads to a guest without address and MAC"),
    ('{listen: tcp/80, to: "card:80"}', "and the network gives it none"),
    ('{listen: tcp/80, to: "away:80"}], dhcp: {range: [192.168.57.9, 192.168.57.10]}, interfaces: [', "not of this network"),
    ('{listen: tcp/80, to: "10.0.0.1:80"}', "leads to an address that is not of this network"),
    ('{listen: tcp/80-90, to: "192.168.57.2:8080-8090"}', "expected the same range"),
    ('{listen: "[2001:db8::1]:tcp/80", to: "192.168.57.2:80"}', "leads from one family of addresses to the other"),
    ('{listen: tcp/80, to: "192.168.57.2:80"}, {listen: tcp/70-90, to: "192.168.57.3:70-90"}',
     "listens at a port that line 3 has"),
])
def test_forwards_that_are_wrong(net, host, forward, said):
    text = f"name: lab\nnetworks:\n  lab: {{mode: nat, addresses: [192.168.57.1/24], forward: [{forward}]}}\n" \
        "guests: {bare: {}, card: {macaddress: '52:54:00:00:01:89'}, " \
        "away: {network: other, macaddress: '52:54:00:00:01:90'}}\nbridges: {other: {}}\n"
    done = host.loom("check", net.file("lab.yaml", text), check=False)
    assert done.returncode == 1 and said in done.stderr and "lab.yaml:3:" in done.stderr, done.stderr


def test_a_port_that_the_host_serves_is_not_forwarded(net, host):
    host.ip("link", "add", "eth0", "type", "veth", "peer", "eth1")
    text = """name: lab
networks:
  lab: {mode: nat, uplink: eth0, addresses: [192.168.57.1/24], forward: [{listen: tcp/8080, to: "192.168.57.2:80"}]}
"""
    server = host.start("python3", "-c", SERVE, 2, 1, 8080, stdout=-1)
    assert server.stdout.readline() == "ready\n"
    before = snapshot.take(host)
    done = host.loom("up", net.file("lab.yaml", text), check=False)
    assert done.returncode == 1 and "tcp port 8080 is served by this host itself" in done.stderr, done.stderr
    snapshot.assert_same(before, snapshot.take(host))
    server.kill()
    server.wait()
    assert host.loom("up", net.file("lab.yaml", text)).returncode == 0
