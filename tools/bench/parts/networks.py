# SPDX-License-Identifier: LGPL-2.1-or-later
"""Three NAT networks with 50 ports each, with leases and names: lanloom beside libvirt

Each round makes them in a namespace of its own and takes them away again. A libvirtd stands there, in a
mount namespace of its own, as in the tests; its networks are defined before. It plugs ports in only with a
guest that starts, so "libvirt + ip" has the TAPs made and plugged in by `ip -batch` after net-start, which
is the least that could be; "libvirt" is net-start and net-destroy of the three alone, by one virsh. All are asked
until the command ends; lanloom's has by then looked whether all is as described. "CPU" leaves out what libvirtd
itself uses, which is no child of virsh.
"""
import contextlib
import importlib
import itertools
import shutil

from frame import Ratio, timed
from lib.net import LANLOOM, run

COUNT, PORTS = 3, 50
ROUNDS = 5
UNITS = {"up": "s", "empty up": "s", "down": "s", "up, CPU": "s"}
RATIOS = [
    Ratio("up over libvirt's net-start and ip's ports", ("lanloom", "up"), ("libvirt + ip", "up")),
    Ratio("up over libvirt's net-start without ports", ("lanloom", "up"), ("libvirt", "up")),
    Ratio("empty up over libvirt's net-start and ip's ports", ("lanloom", "empty up"), ("libvirt + ip", "up")),
    Ratio("down over libvirt's net-destroy and ip's", ("lanloom", "down"), ("libvirt + ip", "down")),
]
numbers = itertools.count(1)


def ports(number):
    return [f"t{number}p{i}" for i in range(PORTS)]


def description():
    text = "name: bench\nnetworks:\n"
    for n in range(COUNT):
        text += f"""  net{n}:
    mode: nat
    addresses: [192.168.{60 + n}.1/24]
    interfaces: [{', '.join(ports(n))}]
    dhcp: {{range: [192.168.{60 + n}.100, 192.168.{60 + n}.200]}}
    dns: {{domain: net{n}.example}}
"""
    return text + "taps:\n" + "".join(f"  {name}: {{}}\n" for n in range(COUNT) for name in ports(n))


def xml(n):
    return f"""<network><name>net{n}</name><forward mode='nat'/><bridge name='net{n}' stp='off' delay='0'/>
<domain name='net{n}.example' localOnly='yes'/>
<ip address='192.168.{60 + n}.1' netmask='255.255.255.0'><dhcp><range start='192.168.{60 + n}.100' end='192.168.{60 + n}.200'/></dhcp></ip>
</network>"""


def made():
    for n in range(COUNT):
        for name in ports(n):
            yield f"tuntap add {name} mode tap user root"
            yield f"link set {name} master net{n} up"


class Stage:
    def __init__(self, net):
        self.net = net
        self.yaml = net.file("bench.yaml", description())
        self.make = net.file("make.batch", "".join(f"{line}\n" for line in made()))
        self.delete = net.file("delete.batch", "".join(f"link del {name}\n" for n in range(COUNT) for name in ports(n)))
        self.host = net.host("networks")
        # a way out for both
        run("ip", "-n", self.host.space, "link", "add", "eth0", "up", "type", "veth", "peer", "far0")
        self.host.ip("addr", "add", "203.0.113.2/24", "dev", "eth0")
        self.host.ip("link", "set", "far0", "up")
        self.host.ip("route", "add", "default", "via", "203.0.113.1")
        self.libvirt = importlib.import_module("test_libvirt").Libvirt(net, self.host)
        for n in range(COUNT):
            self.libvirt.virsh("net-define", net.file(f"net{n}.xml", xml(n)))

    def virsh(self, word):
        """All three by one virsh: (seconds, processor seconds)."""
        return timed(self.host, "nsenter", "-t", self.libvirt.daemon.pid, "-m", "--", "virsh", "-q", "-c", "qemu:///system",
                     "; ".join(f"{word} net{n}" for n in range(COUNT)))

    def bare(self):
        assert self.host.links() == {"lo", "eth0", "far0"}, self.host.links()


def lanloom(stage):
    up, used = timed(stage.host, LANLOOM, "up", "-q", stage.yaml)
    assert stage.host.commands().count("dnsmasq") == COUNT
    assert len(stage.host.links()) == 3 + COUNT * (PORTS + 1)
    again, _ = timed(stage.host, LANLOOM, "up", "-q", stage.yaml)
    down, _ = timed(stage.host, LANLOOM, "down", "-q", stage.yaml)
    stage.bare()
    return {"up": up, "up, CPU": used, "empty up": again, "down": down}


def libvirt(stage):
    up, used = stage.virsh("net-start")
    down, _ = stage.virsh("net-destroy")
    stage.bare()
    return {"up": up, "up, CPU": used, "down": down}


def libvirt_and_ip(stage):
    up, used = stage.virsh("net-start")
    more, used_more = timed(stage.host, "ip", "-batch", stage.make)
    assert len(stage.host.links()) == 3 + COUNT * (PORTS + 1)
    down, _ = timed(stage.host, "ip", "-batch", stage.delete)
    rest, _ = stage.virsh("net-destroy")
    stage.bare()
    return {"up": up + more, "up, CPU": used + used_more, "down": down + rest}


WAYS = {"lanloom": lanloom, "libvirt + ip": libvirt_and_ip, "libvirt": libvirt}


@contextlib.contextmanager
def stage(net):
    assert shutil.which("libvirtd"), "libvirt is missing: ./dev deps test"
    made = Stage(net)
    try:
        yield made
    finally:
        made.libvirt.end()


def FACTS(stage):
    return {"networks": f"{COUNT}, NAT, IPv4, DHCP and DNS by a dnsmasq each, {PORTS} TAPs each",
            "beside": "libvirt " + run("libvirtd", "--version").stdout.split()[-1]}
