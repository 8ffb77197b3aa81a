# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several hosts that become one Ethernet from one file.

    guest-alpha      alpha                                beta      guest-beta
    eth0 ------ port0 [br0] lan0 ~~ wire0 -- ( ) -- wire0 ~~ lan0 [br0] port0 ------ eth0
    10.77.0.11                   10.99.0.1   10.99.0.2                        10.77.0.12

Two hosts have one wire between them, more are joined by a switch, a namespace with a bridge. With
taps=True port0 is a TAP of the description, for a test to hold open, and there are no guests.
"""
import pathlib

from . import trace
from .net import LANLOOM, run, until

NAMES = ("alpha", "beta", "gamma", "delta")


class Fabric:
    def __init__(self, net, count=2, taps=False, wire_mtu=1500, extra="", tunnel=""):
        self.net = net
        self.hosts = [net.host(name) for name in NAMES[:count]]
        self.guests = []
        self.taps = taps
        self.join(wire_mtu)
        self.public = {host.name: self.make_key(host) for host in self.hosts}
        self.path = net.file("fabric.yaml", self.text(extra, tunnel))
        if not taps:
            for number, host in enumerate(self.hosts, 1):
                self.guests.append(net.guest(host, "port0", f"10.77.0.{10 + number}/24"))

    def join(self, mtu):
        if len(self.hosts) == 2:
            self.net.wire(self.hosts[0], "wire0", self.hosts[1], "wire0", mtu)
        else:
            switch = self.net.host("switch")
            switch.ip("link", "add", "sw0", "type", "bridge")
            switch.ip("link", "set", "sw0", "up")
            for host in self.hosts:
                self.net.wire(host, "wire0", switch, host.name, mtu)
                switch.ip("link", "set", host.name, "master", "sw0")
        for number, host in enumerate(self.hosts, 1):
            host.ip("addr", "add", f"10.99.0.{number}/24", "dev", "wire0")

    def key_path(self, host):
        return self.net.folder / f"{host.name}.key"

    def make_key(self, host):
        run(LANLOOM, "key", "new", self.key_path(host))
        return run(LANLOOM, "key", "public", self.key_path(host)).stdout.strip()

    def text(self, extra, tunnel):
        lines = ["name: fabric", "bridges:", "  br0: {interfaces: [port0, lan0]}", "tunnels:",
                 f"  lan0: {{mode: lan, port: 51821, peers: all{tunnel}}}"]
        if self.taps:
            lines += ["taps:", "  port0: {}"]
        lines += ["hosts:"]
        for number, host in enumerate(self.hosts, 1):
            lines += [f"  {host.name}:",
                      f"    endpoint: 10.99.0.{number}",
                      f"    keys: {{public: \"{self.public[host.name]}\"}}",
                      f"    tunnels: {{lan0: {{key: {self.key_path(host)}}}}}"]
        return "\n".join(lines) + "\n" + extra

    def up(self, *options):
        for host in self.hosts:
            host.loom("up", self.path, "--host", host.name, *options)

    def down(self):
        for host in self.hosts:
            host.loom("down", self.path)

    def joined(self):
        """Waits until every tunnel has shaken hands with all its peers; peers only do so to send."""
        for one in self.hosts:
            until(lambda host=one: len(connected(host)) == len(self.hosts) - 1, 10,
                  f"{one.name}'s tunnel has all its peers")

    def settled(self):
        for host in self.hosts + self.guests:
            trace.settled(host)


def connected(host, tunnel="lan0"):
    """The names of the peers that a host's tunnel is connected to."""
    document = host.loom_json("tunnel", tunnel)
    tunnels = document.get("tunnels", [document])
    return [peer["name"] for peer in tunnels[0]["peers"] if peer["connected"]]


def processes(host, word):
    """The ids of a host's processes whose command begins with a word."""
    found = []
    for pid in host.pids():
        try:
            if pathlib.Path(f"/proc/{pid}/comm").read_text().startswith(word):
                found.append(pid)
        except OSError:
            continue
    return found
