# SPDX-License-Identifier: LGPL-2.1-or-later
"""doc/tutorial.md, typed as it stands: each block's fence says where.

    alpha 192.0.2.1   beta 192.0.2.2   far 192.0.2.9
      eth0              eth0             eth0
       |                 |                |
     [ sw0 ------------------------------ ] switch
"""
import re
import subprocess

import pytest
from lib import machine, snapshot
from lib.net import LANLOOM, ROOT, until

BLOCK = re.compile(r"^```(sh|yaml) ([a-z ]+)\n(.*?)^```$", re.S | re.M)
GUESTS = ("web", "db")
# A host of its own: a name, and an /etc nobody else sees.
SHELL = """hostname "$0" && mount -t tmpfs none /mnt && mkdir /mnt/etc && cp -a /etc/. /mnt/etc/ && rm -rf /mnt/etc/lanloom \
&& mount --bind /mnt/etc /etc && PATH="$1:$PATH" && cd "$2" && exec bash"""


class Shell:
    """A terminal on a host: lines in, what they say and their exit codes back."""

    def __init__(self, host, name):
        folder = LANLOOM.rsplit("/", 1)[0]
        self.host, self.name = host, name
        self.words = ["unshare", "-m", "-u", "sh", "-c", SHELL, name, folder, ROOT]
        self.process = host.start(*self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def type(self, line):
        self.process.stdin.write(f"{{ {line}\n}} </dev/null; echo @done $?\n")
        self.process.stdin.flush()
        said = ""
        while not (said.endswith("\n") and said.splitlines()[-1].startswith("@done")):
            got = self.process.stdout.readline()
            assert got, f"{self.name}: {line}\n{said}"
            said += got
        text, _, code = said.rpartition("@done ")
        assert code.strip() == "0", f"{self.name}: {line}: {code}{text}"
        return text

    def write(self, path, text):
        self.type(f"cat >{path} <<'END'\n{text}END")

    def inside(self):
        """A second terminal: into what this one sees."""
        return ["nsenter", "-t", str(self.process.pid), "-m", "-u", f"--wd={ROOT}", "--", "env",
                f"PATH={LANLOOM.rsplit('/', 1)[0]}:/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-c"]


class Town:
    def __init__(self, net):
        self.switch = net.host("switch")
        self.switch.ip("link", "add", "sw0", "up", "type", "bridge")
        self.hosts, self.shells, self.guests, self.public, self.said = {}, {}, {}, {}, {}
        for name, number in (("alpha", 1), ("beta", 2), ("far", 9)):
            host = self.hosts[name] = net.host(name)
            net.wire(host, "eth0", self.switch, name)
            self.switch.ip("link", "set", name, "master", "sw0")
            host.ip("addr", "add", f"192.0.2.{number}/24", "dev", "eth0")
        for name in ("alpha", "beta"):  # as hosts have one
            self.hosts[name].ip("route", "add", "default", "via", "192.0.2.9")
        for name, host in self.hosts.items():
            self.shells[name] = Shell(host, name)

    def guest_start(self, where, name, line):
        shell = self.shells[where]
        self.guests[name] = machine.Machine(shell.host, [*shell.inside(), f"exec {line}"])
        self.guests[name].ready()

    def description(self, where, text):
        for name, key in self.public.items():
            text = text.replace(f"PUBLIC-HALF-OF-{name.upper()}", key)
        self.shells[where].write("/etc/lanloom/lanloom.yaml", text)

    def line(self, where, line):
        if where in self.guests:
            said = self.guests[where].sh(line)
        else:
            said = self.shells[where].type(line)
        self.said.setdefault((where, line.split("|")[0].strip()), []).append(said)
        if line.startswith("lanloom key new"):
            self.public[where] = said.split()[-1]

    def block(self, sort, where, text):
        if sort == "yaml":
            for name in where:
                self.description(name, text)
        elif where[-1] in GUESTS and where[0] not in GUESTS:
            self.guest_start(*where, text.strip())
        else:
            for name in where:
                for line in text.splitlines():
                    self.line(name, line)


@pytest.mark.limit(400)
def test_as_it_stands(net):
    machine.image()
    town = Town(net)
    until(lambda: not any("tentative" in host.ip("-6", "addr") for host in town.hosts.values()), 20, "addresses are proved")
    before = {name: snapshot.take(town.hosts[name]) for name in ("alpha", "beta")}
    blocks = BLOCK.findall((ROOT / "doc" / "tutorial.md").read_text())
    assert len(blocks) == (ROOT / "doc" / "tutorial.md").read_text().count("\n```\n")
    for sort, where, text in blocks:
        if "lanloom down" in text:
            for guest in town.guests.values():
                guest.end()
            until(lambda: all("qemu" not in " ".join(town.hosts[name].commands()) for name in before), 20, "they are off")
        town.block(sort, where.split(), text)
    for name in before:
        assert town.said[name, "lanloom up"][1] == "There is nothing to do.\n"
        snapshot.assert_same(before[name], snapshot.take(town.hosts[name]))
    addresses = {name: re.search(r"inet (\S+)/24", town.said[name, "ip addr show eth0"][0])[1] for name in GUESTS}
    assert addresses["web"] == "192.168.57.10"
    assert addresses["db"] in {f"192.168.57.{number}" for number in range(100, 201)}
    shown = town.said["alpha", "lanloom show"][0]
    assert "held by qemu-system-x86" in shown and addresses["db"] in shown
