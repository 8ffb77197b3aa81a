# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks give their guests addresses and names: by a dnsmasq of their own, confined and kept alive.

    one two         far
     |   |           |
    [ lab ] alpha --- eth0    203.0.113.0/24
     192.168.57.1/24, fd57::1/64
"""
import os
import pathlib
import signal
import socket
import time

import pytest
from lib import snapshot
from lib.dhcp import lease, lease_six, resolve
from lib.net import LANLOOM, NETNS, run, until

VM1 = "52:54:00:00:01:89"
TEXT = """name: lab
networks:
  lab:
    mode: {mode}
    addresses: [192.168.57.1/24{addresses}]
    interfaces: [one, two]
    dhcp:
      range: [192.168.57.100, 192.168.57.200]
      hosts: {{vm1: {{macaddress: "52:54:00:00:01:89", address: 192.168.57.10}}}}{dhcp}
{dns}"""
KILLS = int(os.environ.get("LANLOOM_KILLS", "1"))
DOMAIN = "    dns: {domain: lab.example}\n"


class Lab:
    def __init__(self, net):
        self.net, self.alpha = net, net.host("alpha")
        self.guests = {}
        for name in ("one", "two"):
            self.guests[name] = guest = net.host(name)
            net.wire(self.alpha, name, guest, "eth0")
        far = net.host("far")
        net.wire(self.alpha, "eth0", far, "eth0")
        self.alpha.ip("addr", "add", "203.0.113.2/24", "dev", "eth0")
        far.ip("addr", "add", "203.0.113.1/24", "dev", "eth0")
        self.alpha.ip("route", "add", "default", "via", "203.0.113.1")
        until(lambda: "tentative" not in self.alpha.ip("addr"), 9, "its addresses are usable")

    def file(self, mode="nat", addresses="", dhcp="", dns=DOMAIN):
        return self.net.file("lab.yaml", TEXT.format(mode=mode, addresses=addresses, dhcp=dhcp, dns=dns))

    def up(self, **parts):
        return self.alpha.loom("up", self.file(**parts))

    def dnsmasq(self):
        """The process; None: there is none, or not one alone."""
        pids = [pid for pid in self.alpha.pids() if comm(pid) == "dnsmasq"]
        return pids[0] if len(pids) == 1 else None

    def leases(self):
        shown = self.alpha.loom_json("show")["networks"]
        return {one["address"]: one for network in shown for one in network["leases"]}

    def take(self, name, *words):
        """A lease, and the guest has its address."""
        got = lease(self.guests[name], *words)
        self.guests[name].ip("addr", "replace", got["address"] + "/24", "dev", "eth0")
        return got


def comm(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return None


@pytest.fixture
def lab(net):
    return Lab(net)


@pytest.mark.limit(120)
def test_guests_get_addresses_and_names(lab):
    before = snapshot.take(lab.alpha)
    lab.up()
    one = lease(lab.guests["one"], VM1, "liar")  # its name is the description's
    assert one["address"] == "192.168.57.10" and one["server"] == "192.168.57.1"
    assert bytes.fromhex(one["options"]["15"]) == b"lab.example"
    assert socket.inet_ntoa(bytes.fromhex(one["options"]["3"])) == "192.168.57.1"
    two = lab.take("two", "02:00:00:00:00:02", "vm2")
    assert 100 <= int(two["address"].split(".")[3]) <= 200
    for wanted, found in (("vm1", ["192.168.57.10"]), ("vm1.lab.example", ["192.168.57.10"]),
                          ("vm2.lab.example", [two["address"]]), ("vm2", []), ("liar.lab.example", [])):
        assert resolve(lab.guests["two"], "192.168.57.1", wanted) == found, wanted
    leases = lab.leases()
    assert leases["192.168.57.10"]["macaddress"] == VM1 and leases["192.168.57.10"]["name"] == "vm1"
    assert 0 < leases[two["address"]]["expires"] <= 3600
    said = lab.alpha.loom("show").stdout
    assert "lab  nat, 192.168.57.1/24" in said and "lease 192.168.57.10, vm1, " + VM1 in said
    # nobody else hears of it
    assert lease(lab.net.hosts["far"], "02:00:00:00:00:03", "x", 3) is None
    assert resolve(lab.net.hosts["far"], "203.0.113.2", "vm1") is None
    assert "nothing to do" in lab.alpha.loom("up", lab.file()).stdout
    lab.alpha.loom("down", lab.file())
    until(lambda: not lab.alpha.pids(), 9, "all processes end")
    snapshot.assert_same(before, snapshot.take(lab.alpha))
    assert [path for folder in lab.alpha.state_folders() for path in folder.glob("dhcp*")] == []


@pytest.mark.limit(120)
def test_names_of_guests_take_nobody_elses(lab):
    """A guest that calls itself vm1, or wpad, is not believed."""
    lab.up(dns="")
    got = lab.take("two", "02:00:00:00:00:02", "wpad")
    assert resolve(lab.guests["two"], "192.168.57.1", "wpad") == []
    lab.up()
    lease(lab.guests["two"], "02:00:00:00:00:02", "vm1")
    assert resolve(lab.guests["two"], "192.168.57.1", "vm1.lab.example") == ["192.168.57.10"]
    assert resolve(lab.guests["two"], "192.168.57.1", "wpad") == []
    assert got["address"] in lab.leases()


@pytest.mark.limit(120 + 15 * KILLS)
def test_killed_it_comes_back_with_its_leases(lab):
    lab.up()
    address = lab.take("two", "02:00:00:00:00:02", "vm2")["address"]
    for _ in range(KILLS):
        first, began = lab.dnsmasq(), time.monotonic()
        os.kill(first, signal.SIGKILL)
        until(lambda first=first: lab.dnsmasq() not in (None, first), 5, "another one runs")
        runs = time.monotonic() - began
        until(lambda: resolve(lab.guests["two"], "192.168.57.1", "vm2.lab.example") == [address], 5, "it answers")
        print(f"killed: another runs after {runs:.2f} s, an answer came within {time.monotonic() - began:.2f} s")
        assert address in lab.leases()
        time.sleep(0.5 if KILLS == 1 else 6)  # one that ends at once, again and again, is waited for
    assert lease(lab.guests["two"], "02:00:00:00:00:02", "vm2")["address"] == address
    # the keeper, too
    keeper = [pid for pid in lab.alpha.pids() if comm(pid) == "lanloomd"][0]
    os.kill(keeper, signal.SIGKILL)
    until(lambda: not lab.alpha.pids(), 5, "it ends with its keeper")
    lab.alpha.loom("up", lab.file())
    assert address in lab.leases()
    assert resolve(lab.guests["two"], "192.168.57.1", "vm2.lab.example") == [address]
    # down without a keeper leaves nothing either
    keeper = [pid for pid in lab.alpha.pids() if comm(pid) == "lanloomd"][0]
    os.kill(keeper, signal.SIGKILL)
    until(lambda: not lab.alpha.pids(), 5, "it ends with its keeper")
    lab.alpha.loom("down", lab.file())
    assert [path for folder in lab.alpha.state_folders() for path in folder.glob("dhcp*")] == []


def test_it_is_confined(lab):
    lab.up()
    status = dict(line.split(":\t", 1) for line in
                  pathlib.Path(f"/proc/{lab.dnsmasq()}/status").read_text().splitlines() if ":\t" in line)
    users = set(status["Uid"].split())
    assert len(users) == 1 and 61184 <= int(users.pop()) <= 65519
    # NET_BIND_SERVICE, NET_ADMIN, NET_RAW: 10, 12, 13
    assert {status[key] for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0000000000003400"}
    assert status["NoNewPrivs"] == "1"
    listens = lab.alpha.run("ss", "-lntuH").stdout.splitlines()
    assert listens and all("192.168.57.1:53" in line or "%lab:" in line for line in listens), listens
    folder = lab.alpha.state_folders()[0]
    for name, mode in (("dhcp.lab.conf", 0o600), ("dhcp.lab", 0o700)):
        assert (folder / name).stat().st_mode & 0o777 == mode, name
    lab.alpha.loom("up", lab.net.file("lab.yaml", """name: lab
networks: {lab: {mode: nat, addresses: [192.168.57.1/24], dns: {domain: lab.example}}}
"""))
    status = pathlib.Path(f"/proc/{lab.dnsmasq()}/status").read_text()
    assert "CapEff:\t0000000000000400" in status, "names need their port alone"


@pytest.mark.limit(120)
def test_several_segments_and_changes_on_the_way(lab):
    lab.up(addresses=", 192.168.58.1/24", dhcp='\n      ranges: ["192.168.58.20-192.168.58.20"]\n      mtu: 1400')
    # which of the ranges comes first is dnsmasq's own affair: a host's address says which segment
    lab.up(addresses=", 192.168.58.1/24", dhcp="""
      ranges: ["192.168.58.20-192.168.58.30": {lease-time: 600}]
      mtu: 1400
      lease-time: 7200""".replace('["', '[{"').replace("}]", "}}]"))
    got = lease(lab.guests["one"], VM1)
    assert got["address"] == "192.168.57.10" and int(got["options"]["33"] if "33" in got["options"] else
                                                     got["options"]["51"], 16) == 7200
    assert int(got["options"]["26"], 16) == 1400
    folder = lab.alpha.state_folders()[0]
    assert "dhcp-range=192.168.58.20,192.168.58.30,255.255.255.0,600\n" in (folder / "dhcp.lab.conf").read_text()
    # the bridge is made anew by others' doing: it goes on
    first = lab.dnsmasq()
    lab.alpha.ip("link", "del", "lab")
    until(lambda: lab.alpha.link("lab") and lab.dnsmasq() not in (None, first), 9, "bridge and dnsmasq are back")
    until(lambda: "192.168.57.1/24" in lab.alpha.ip("addr"), 9, "its addresses, too")
    lab.alpha.loom("up", lab.file())
    assert lease(lab.guests["one"], VM1)["address"] == "192.168.57.10"


@pytest.mark.limit(120)
def test_ipv6_by_advertisement_and_by_dhcp(lab):
    one = lab.guests["one"]
    lab.up(addresses=', "fd57::1/64"')
    until(lambda: "fd57::" in one.ip("-6", "addr"), 20, "the guest made an address of the advertised net")
    assert "default via fe80::" in one.ip("-6", "route")
    until(lambda: "tentative" not in one.ip("-6", "addr"), 9, "it is usable")
    assert resolve(one, "fd57::1", "vm1") == ["192.168.57.10"]
    lab.up(addresses=', "fd57::1/64"', dhcp='\n      ranges: ["fd57::100-fd57::1ff"]')
    config = (lab.alpha.state_folders()[0] / "dhcp.lab.conf").read_text()
    assert "dhcp-range=fd57::100,fd57::1ff,64,3600\n" in config and "ra-stateless" not in config
    got = lease_six(one)
    assert got and got.startswith("fd57::1"), got
    assert lab.leases()[got]["duid"].endswith(one.link("eth0")["address"])
    # a host of the description's gets its own
    two = lab.guests["two"]
    path = lab.file(addresses=', "fd57::1/64"', dhcp='\n      ranges: ["fd57::100-fd57::1ff"]')
    path.write_text(path.read_text().replace(
        "hosts: {", f'hosts: {{six: {{macaddress: "{two.link("eth0")["address"]}", address6: "fd57::22"}}, '))
    lab.alpha.loom("up", path)
    assert lease_six(two) == "fd57::22"
    assert lab.leases()["fd57::22"]["name"] == "six"


def told_mtu(lab):
    """What a guest is told by DHCP; None: nothing."""
    told = lease(lab.guests["one"], VM1)["options"].get("26")
    return int(told, 16) if told else None


@pytest.mark.limit(120)
def test_guests_are_told_what_their_wire_carries(lab):
    """A bridge of other packets than 1500 bytes: option 26 of DHCP, and the MTU of router advertisements."""
    one, path = lab.guests["one"], lab.file(addresses=', "fd57::1/64"')
    usual = path.read_text()
    for mtu in (1400, 1500):
        path.write_text(usual.replace("mode: nat", f"mode: nat\n    mtu: {mtu}"))
        lab.alpha.loom("up", path)
        assert lab.alpha.link("lab")["mtu"] == mtu
        until(lambda: told_mtu(lab) == (None if mtu == 1500 else mtu), 20, "DHCP says so")
        until(lambda: one.sysctl("net.ipv6.conf.eth0.mtu") == str(mtu), 30, "the router says so")
    # it becomes smaller while guests run, and no text says what it is
    path.write_text(usual)
    lab.alpha.loom("up", path)
    lab.alpha.ip("link", "set", "lab", "mtu", "1300")
    until(lambda: told_mtu(lab) == 1300, 20, "DHCP says so")


@pytest.mark.limit(120)
def test_an_isolated_network_leads_nowhere(lab):
    lab.up(mode="isolated", addresses=', "fd57::1/64"')
    one = lab.guests["one"]
    one.ip("link", "set", "eth0", "address", VM1)  # who has that address is looked at
    got = lab.take("one", VM1)
    assert got["address"] == "192.168.57.10" and "3" not in got["options"]
    assert resolve(one, "192.168.57.1", "vm1.lab.example") == ["192.168.57.10"]
    assert not one.ping("203.0.113.1", check=False) and one.ping("192.168.57.1")
    until(lambda: "fd57::" in one.ip("-6", "addr"), 20, "the guest made an address of the advertised net")
    assert "default" not in one.ip("-6", "route")
    # nor do questions: whoever could ask names elsewhere could tell what it likes
    config = (lab.alpha.state_folders()[0] / "dhcp.lab.conf").read_text()
    assert "\nno-resolv\n" in config


def test_without_dnsmasq_nothing_begins(lab):
    path, before = lab.file(), snapshot.take(lab.alpha)
    hidden = "mount --bind /dev/null $(command -v dnsmasq) && exec \"$@\""
    for command in ("plan", "up"):
        done = lab.alpha.run("unshare", "-m", "sh", "-c", hidden, "sh", LANLOOM,
                             command, path, check=False, env=os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin"})
        assert done.returncode == 1 and "dnsmasq is not installed" in done.stderr, done.stderr
        assert "apt install dnsmasq-base" in done.stderr
    snapshot.assert_same(before, snapshot.take(lab.alpha))


def test_a_port_that_is_taken_is_a_refused_step(lab):
    with lab.alpha.entered():
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        taken.bind(("0.0.0.0", 53))
    before = snapshot.take(lab.alpha)
    done = lab.alpha.loom("up", lab.file(), check=False)
    assert lab.alpha.pids() == []  # the keeper that was started for it, too
    assert done.returncode == 1 and "port 53 of 192.168.57.1 is in use by another program" in done.stderr
    snapshot.assert_same(before, snapshot.take(lab.alpha))
    assert [path for folder in lab.alpha.state_folders() for path in folder.glob("dhcp*")] == []
    taken.close()
    lab.up()


def test_in_a_namespace(net, host):
    """The network stands in a namespace that the description makes; its keeper is the caller's."""
    space, guest = net.space("inner"), net.host("guest")
    path = net.file("lab.yaml", f"""name: lab
namespaces:
  {space}:
    networks: {{lab: {{mode: isolated, addresses: [192.168.57.1/24], interfaces: [port],
                     dhcp: {{range: [192.168.57.100, 192.168.57.200]}}}}}}
    virtual-ethernets: {{port: {{peer: /far}}}}
""")
    host.loom("up", path)
    host.ip("link", "set", "far", "netns", guest.space, "name", "eth0")
    guest.ip("link", "set", "eth0", "up")
    run("ip", "-n", space, "link", "set", "port", "up")
    got = lease(guest)
    assert got["server"] == "192.168.57.1"
    networks = host.loom_json("show")["networks"]
    assert [(one["namespace"], len(one["leases"])) for one in networks] == [(space, 1)]
    # the keeper is in the caller's namespace, what it runs in the network's
    assert "dnsmasq" in [comm(int(pid)) for pid in run("ip", "netns", "pids", space).stdout.split()]
    host.loom("down", path)
    assert not (NETNS / space).exists() and host.pids() == []


def test_only_the_gateway_serves(net):
    text = """name: lab
networks:
  lab:
    mode: nat
    addresses: [192.168.57.1/24]
    gateway: alpha
    dhcp: {range: [192.168.57.100, 192.168.57.200], hosts: {vm1: {macaddress: "52:54:00:00:01:89", address: 192.168.57.10}}}
    forward: [{listen: tcp/8080, to: "192.168.57.10:80"}]
hosts: {alpha: {}, beta: {}}
"""
    for name, served in (("alpha", True), ("beta", False)):
        host = net.host(name)
        host.loom("up", net.file("lab.yaml", text), "--host", name)
        assert ("dnsmasq" in host.commands()) == served


@pytest.mark.parametrize("keys, said", [
    ("mode: bridged, uplink: one, dhcp: {range: [192.168.57.100, 192.168.57.200]}", "is bridged and serves leases"),
    ("mode: nat, dhcp: {range: [192.168.57.100, 192.168.57.200]}", "has no address"),
    ("mode: nat, addresses: [192.168.57.1/24], dhcp: {range: [192.168.57.100, 192.168.58.200]}", "leads outside"),
    ("mode: nat, addresses: [192.168.57.1/24], dhcp: {range: [192.168.57.200, 192.168.57.100]}", "ends before it begins"),
    ("mode: nat, addresses: [192.168.57.1/24], dhcp: {range: [192.168.57.100]}", "is not two addresses"),
    ("mode: nat, addresses: [192.168.57.1/24], dhcp: {range: 192.168.57.100}", "is not two addresses"),
    ('mode: nat, addresses: [192.168.57.1/24], dhcp: {ranges: ["192.168.57.2-192.168.57.9", "192.168.57.9-192.168.57.10"]}',
     "overlaps another range"),
    ('mode: nat, addresses: ["fd57::1/48"], dhcp: {ranges: ["fd57::2-fd57:0:0:1::2"]}', "from one /64 to another"),
    ('mode: nat, addresses: [192.168.57.1/24], dhcp: {hosts: {"a,b": {macaddress: "52:54:00:00:01:89"}}}',
     "is no name of a host"),
    ("mode: nat, addresses: [192.168.57.1/24], dhcp: {hosts: {vm1: {address: 192.168.57.2}}}", "macaddress is missing"),
    ('mode: nat, addresses: [192.168.57.1/24], dhcp: {hosts: {vm1: {macaddress: "52:54:00:00:01:89", address: 10.0.0.1}}}',
     "outside of the network's own nets"),
    ('mode: nat, addresses: [192.168.57.1/24], dhcp: {hosts: {vm1: {macaddress: "52:54:00:00:01:89", address: 192.168.57.1}}}',
     "has the network's own address"),
    ('mode: nat, addresses: [192.168.57.1/24], dhcp: {hosts: {vm1: {macaddress: "52:54:00:00:01:89"}, '
     'vm2: {macaddress: "52:54:00:00:01:89"}}}', "has the MAC of another host"),
    ('mode: nat, addresses: [192.168.57.1/24], dns: {domain: "a/b"}', "is no name of a domain"),
    ("mode: nat, addresses: [192.168.57.1/24], dhcp: {}", "dhcp is empty and would do nothing"),
    ("mode: nat, addresses: [192.168.57.1/24], dns: {}", "dns is empty and would do nothing"),
    ('mode: nat, addresses: [192.168.57.1/24], dns: {domian: a}', 'did you mean "dns.domain"'),
])
def test_what_is_wrong_is_named(net, host, keys, said):
    done = host.loom("check", net.file("lab.yaml", f"name: lab\nnetworks:\n  lab: {{{keys}}}\n"), check=False)
    assert done.returncode == 1 and said in done.stderr and "lab.yaml:3:" in done.stderr, done.stderr


def test_names_mean_nothing_to_dnsmasq(net, host):
    """A network's name may have what would be an option's separator."""
    done = host.loom("check", net.file("lab.yaml", """name: lab
networks:
  "a,b": {mode: nat, addresses: [192.168.57.1/24], dns: {domain: a}}
"""), check=False)
    assert done.returncode == 1 and "cannot be told" in done.stderr
