# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host that stands under fire, with somebody else's network beside ours.

    one ---- fp1 \\                                       / tap0 (replaced in B)
                  fbr0 (10.77.0.1/24, .2 secondary)   br0 -- v0 == v1 in in1 (another peer, in in2, in B)
    two ---- fp2 /   (B: ours adds an address, a port,  \\ tap1; in B tap2, eth1
    far ---- eth1     an ageing time)                  tun0 (only in B)
             eth1 (10.78.0.1/24; A: ours sets MTU and an address; B: a port of br0)
                                                        T: a tunnel lan0 == br1 -- tap8, its keeper,
                                                        and eth1 too small for IPv6 (before,
                                                        U: a value of its IPv6 is ours)

Two namespaces ping one another over the foreign bridge all the while: not one answer may be lost.
"""
import contextlib
import fcntl
import os
import re
import signal
import subprocess
import time

import picture
from picture import PATIENCE
from lib.net import LANLOOM, NETNS, libc, run, until

FIRE = os.path.join(os.path.dirname(LANLOOM), "tests/fire/fire")
LOOK = os.path.join(os.path.dirname(LANLOOM), "tests/fire/look")
CLONE_NEWNET = 0x40000000

FOREIGN = """
set -e
sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
ip link add fbr0 type bridge ageing_time 12300
ip link set fp1 master fbr0; ip link set fp2 master fbr0
ip link set fbr0 address 02:00:00:00:0f:b0 up
ip link add fv0 type veth peer name fv1
ip link set fv0 up; ip link set fv1 up alias somebody
ip addr add 10.77.0.1/24 dev fbr0; ip addr add 10.77.0.2/24 dev fbr0
ip addr add fd77::1/64 dev fbr0
ip addr add 10.78.0.1/24 dev eth1; ip addr add fd78::1/64 dev eth1
ip addr add 10.79.0.1/24 dev fv1
ip route add 10.200.0.0/16 via 10.77.0.77 dev fbr0 metric 9
ip route add 10.201.0.0/16 via 10.78.0.77
ip route add fd20::/32 via fd78::77
ip rule add from 10.77.0.0/24 lookup 100 priority 500
ip route add 10.202.0.0/16 dev fbr0 table 100
ip neigh add 10.77.0.77 lladdr 02:00:00:00:07:77 dev fbr0 nud permanent
ip neigh add proxy 10.77.0.99 dev fbr0
bridge fdb add 02:00:00:00:07:78 dev fp1 master static
nft add table inet keepme
nft add chain inet keepme forward '{ type filter hook forward priority 0; }'
nft add rule inet keepme forward counter accept
"""

A = """
name: lab
bridges:
  br0:
    macaddress: 02:00:00:00:0a:b0
    interfaces: [tap0, v0]
    addresses: [10.0.0.1/24, 10.0.0.2/24, "fd00:a::1/64"]
    routes: [{{to: 10.5.0.0/16, via: 10.0.0.254}}, {{to: "fd05::/32", via: "fd00:a::fe"}}]
taps:
  tap0: {{owner: nobody}}
  tap1: {{mtu: 1400}}
virtual-ethernets:
  v0: {{peer: {p}in1/v1}}
ethernets:
  eth1: {{mtu: 1400, addresses: [10.0.9.1/24]}}
namespaces:
  {p}in1:
    virtual-ethernets: {{v1: {{addresses: [10.0.0.3/24], routes: [{{to: default, via: 10.0.0.1}}]}}}}
sysctls:
  net.ipv4.conf.fv0.rp_filter: 2
"""

B = """
name: lab
bridges:
  br0:
    macaddress: 02:00:00:00:0a:b0
    mtu: 1400
    parameters: {{ageing-time: 50}}
    interfaces: [tap0, v0, tap2, eth1]
    addresses: [10.0.0.2/24, "fd00:a::1/64"]
    routes: [{{to: 10.5.0.0/16, via: 10.0.0.253}}]
  fbr0:
    existing: true
    parameters: {{ageing-time: 70}}
    interfaces: [tap3]
    addresses: [10.77.1.1/24]
taps:
  tap0: {{owner: nobody, multi-queue: true}}
  tap2: {{}}
  tap3: {{}}
tuns:
  tun0: {{addresses: [10.0.8.1/24]}}
virtual-ethernets:
  v0: {{peer: {p}in2/v2}}
ethernets:
  eth1: {{mtu: 1500}}
namespaces:
  {p}in2:
    virtual-ethernets: {{v2: {{addresses: [10.0.0.3/24]}}}}
sysctls:
  net.ipv4.conf.fv0.rp_filter: 1
  net.ipv4.ip_forward: 1
"""

U = """
name: joined
ethernets:
  eth1: {{mtu: 1500}}
sysctls:
  net.ipv6.conf.eth1.hop_limit: 33
"""

T = """
name: joined
bridges:
  br1: {{macaddress: 02:00:00:00:0b:b1, interfaces: [lan0, tap8]}}
taps:
  tap8: {{}}
ethernets:
  eth1: {{mtu: 1200}}
tunnels:
  lan0:
    mode: lan
    key: {folder}/lan0.key
    port: 51821
    peers:
      - name: far
        keys: {{public: "{public}", shared: {folder}/lan0.psk}}
        endpoint: 10.78.0.2:51821
"""


class Scene:
    def __init__(self, net, made=("in1", "in2")):
        self.net, self.made = net, made
        self.host = net.host("alpha")
        for name in ("one", "two", "far"):
            net.host(name)
        hosts = net.hosts
        net.wire(hosts["one"], "eth0", self.host, "fp1")
        net.wire(hosts["two"], "eth0", self.host, "fp2")
        net.wire(hosts["far"], "eth0", self.host, "eth1")
        hosts["one"].ip("addr", "add", "10.77.0.11/24", "dev", "eth0")
        hosts["two"].ip("addr", "add", "10.77.0.12/24", "dev", "eth0")
        self.host.run("sh", "-c", FOREIGN, timeout=PATIENCE)
        until(lambda: {"fd77::1", "fd78::1"} <= {
            route["dst"] for route in self.host.json("-6", "route", "show", "table", "local")}, 60,
            "the addresses are usable")
        self.a = net.file("a.yaml", A.format(p=net.space("")))
        self.b = net.file("b.yaml", B.format(p=net.space("")))
        for name in ("lan0.key", "lan0.psk", "far.key"):
            (net.folder / name).unlink(missing_ok=True)
            run(LANLOOM, "key", "new", net.folder / name)
        self.secrets = [(net.folder / name).read_text().strip() for name in ("lan0.key", "lan0.psk")]
        public = run(LANLOOM, "key", "public", net.folder / "far.key").stdout.strip()
        self.t = net.file("t.yaml", T.format(folder=net.folder, public=public))
        self.u = net.file("u.yaml", U.format())
        self.log = net.folder / "fire.log"
        self.ping = None

    @contextlib.contextmanager
    def inside(self, space):
        with open("/proc/thread-self/ns/net") as before, open(NETNS / space) as there:
            assert libc.setns(there.fileno(), CLONE_NEWNET) == 0
            try:
                yield
            finally:
                if libc.setns(before.fileno(), CLONE_NEWNET):
                    os.abort()

    def spaces(self):
        """Those that descriptions made."""
        return [self.net.space(name) for name in self.made
                if os.path.exists(NETNS / self.net.space(name))]

    def picture(self):
        found = picture.names(self.net.space("")) | {"state files": []}
        for space in [self.host.space, *self.spaces()]:
            try:
                found |= picture.of_space(space, lambda space=space: self.inside(space))
            except (OSError, AssertionError) as error:
                found[f"{space} unreadable"] = [str(error)]
        for folder in self.host.state_folders():
            found |= picture.of_folder(folder)
        return found

    def look(self):
        """What look.c and lanloom's folders say: equal looks are equal pictures, for a tenth of the price."""
        done = run(LOOK, self.net.space(""), self.host.space, *self.spaces(), timeout=PATIENCE)
        state = {"state files": []}
        for folder in self.host.state_folders():
            state |= picture.of_folder(folder)
        return Look(done.stdout, state)

    def still(self, pause=0.2):
        """The look, when it is the same twice."""
        last = None
        for _ in range(100):
            now = self.look()
            if last and now.same(last):
                return now
            last = now
            time.sleep(pause)
        raise AssertionError("the system does not keep still:\n" + last.difference(self.look()))

    def still_picture(self):
        self.still()
        return self.picture()

    def loom(self, *words, **options):
        return self.host.loom(*words, **{"timeout": PATIENCE, **options})

    def fire(self, mode, number, code, *words):
        done = self.host.run(FIRE, "-o", self.log, "-m", mode, "-n", number, "-e", code, "--", LANLOOM,
                             *words, check=False, timeout=PATIENCE)
        log = self.log.read_text()
        hit = re.search(r"^hit (\d+) (\w+) (.*)$", log, re.M)
        after = re.search(r"^after (-?\d+)$", log, re.M)
        return Shot(done, hit and hit[3], hit and hit[2], int(after[1]) if after else 0)

    def calls(self, *words):
        """The changing calls of a command, as it makes them undisturbed: [(role, what)]."""
        done = self.host.run(FIRE, "-o", self.log, "--", LANLOOM, *words, check=False, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
        return re.findall(r"^call \d+ (\w+) (.*)$", self.log.read_text(), re.M)

    def kept(self):
        """Does a keeper run here? It may be faster than the next command."""
        return any((folder / "control").exists() for folder in self.host.state_folders())

    def ping_start(self):
        self.ping = subprocess.Popen(
            self.net.hosts["one"].words("ping", "-n", "-q", "-i", "0.02", "10.77.0.12"),
            stdout=subprocess.PIPE, text=True)
        time.sleep(0.2)

    def ping_end(self):
        """How many were sent and came back."""
        self.ping.send_signal(signal.SIGINT)
        text = self.ping.communicate(timeout=10)[0]
        self.ping = None
        return tuple(map(int, re.search(r"(\d+) packets transmitted, (\d+) received", text).groups()))

    def locked(self):
        """Does some lanloom still change this host?"""
        for folder in self.host.state_folders():
            with open(folder / "lock") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return True
        return False


class Shot:
    """What came of one command under fire."""

    def __init__(self, done, what, role, after):
        self.code, self.text = done.returncode, done.stdout + done.stderr
        self.errors = done.stderr
        self.what, self.role, self.after = what, role, after


class Look:
    """One moment of a host: to the byte (`exact`), and without numbers, MACs and history (`blurred`)."""

    def __init__(self, text, state):
        lines = text.splitlines()
        # the last change's number: old ones go, when there are many
        self.history = max([int(number) for number in re.findall(r"^history/(\d+)$", "\n".join(state["state files"]), re.M)],
                           default=0)
        self.journal = state.get("state journal")
        self.exact = [line for line in lines if line[0] != "b"] + told(state)
        books = {section: lines for section, lines in state.items()}
        books["state files"] = [line for line in state["state files"] if not line.startswith("history/")]
        self.blurred = [line for line in lines if line[0] != "x"] + told(picture.blurred(books))
        self.exact.sort()
        self.blurred.sort()

    def same(self, other):
        return self.exact == other.exact

    def alike(self, other):
        return self.blurred == other.blurred

    def difference(self, other, blurred=False):
        """Lines of look.c's."""
        pair = [getattr(look, "blurred" if blurred else "exact") for look in (self, other)]
        return picture.difference(*({"looks": lines} for lines in pair))


def told(state):
    return [f"= {section}: {line}" for section, lines in state.items() for line in lines]
