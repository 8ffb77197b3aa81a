# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two guests, each on its host's bridge; a wire between the hosts; and what carries their Ethernet over it.

    guest-alpha      alpha                          beta      guest-beta
    eth0 ------ port0 [br0] ~~tunnel~~ wire0 -- wire0 ~~tunnel~~ [br0] port0 ------ eth0
    10.77.0.1, 10.77.1.1    192.0.2.1       192.0.2.2               10.77.0.2, 10.77.2.1

The wire is a veth pair with offloads (unless a part wants it without) and an MTU of 1500, the guests have
1400 (unless a part changes both), both ends share the processors. A carrier is a context manager; inside it guest-alpha reaches `carrier.target`.
"""
import base64
import contextlib
import os
import pathlib
import signal
import subprocess

from lib.net import LANLOOM, run, until
import sid

MTU = 1400
HERE = pathlib.Path(__file__).resolve().parent
# Without the last two VXLAN's super-frames would pass the wire in one piece, and be lost in one piece.
CUTTING = ("tso", "gso", "gro", "tx-udp-segmentation", "tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation")
# A session ends where it reads from a device that is not up yet: it brings it up itself, and a client
# that came too late is started again.
VTUND = f"""options {{ port 5000; timeout 60; syslog user; ifconfig /sbin/ifconfig; ip /bin/ip; }}
default {{ speed 0; }}
lan {{ passwd x; type ether; proto udp; encrypt no; compress no; keepalive no; stat no; device lan0;
  up {{ ip "link set %% mtu {MTU} master br0 up"; }}; }}
"""


class Lan:
    """The stage."""

    def __init__(self, net, offloads=True):
        self.net = net
        self.mtu = MTU
        self.offloads = offloads
        self.hosts = [net.host("alpha"), net.host("beta")]
        net.wire(self.hosts[0], "wire0", self.hosts[1], "wire0")
        self.guests = []
        for n, host in enumerate(self.hosts, 1):
            host.ip("addr", "add", f"192.0.2.{n}/24", "dev", "wire0")
            host.ip("link", "add", "br0", "mtu", MTU, "type", "bridge", "forward_delay", "0")
            guest = net.guest(host, "port0", f"10.77.0.{n}/24", mtu=MTU)
            host.ip("link", "set", "port0", "master", "br0")
            host.ip("link", "set", "br0", "up")
            # For what carries IP only.
            host.sysctl("net.ipv4.ip_forward", 1)
            host.ip("addr", "add", f"10.77.{n}.254/24", "dev", "br0")
            guest.ip("addr", "add", f"10.77.{n}.1/24", "dev", "eth0")
            guest.ip("route", "add", "10.77.0.0/16", "via", f"10.77.{n}.254")
            self.guests.append(guest)
        for host in self.hosts if not offloads else ():
            host.run("ethtool", "-K", "wire0", *(word for name in CUTTING for word in (name, "off")))
        self.helper = net.folder / "pps"
        run("cc", "-O2", "-o", self.helper, HERE / "pps.c", timeout=300)

    def resize(self, guests, wire):
        """The MTU of the guests and of the wire."""
        self.mtu = guests
        for host, guest in zip(self.hosts, self.guests):
            host.ip("link", "set", "wire0", "mtu", wire)
            for where, device in ((guest, "eth0"), (host, "port0"), (host, "br0")):
                where.ip("link", "set", device, "mtu", guests)

    def pairs(self):
        """(host, own number, the other's number)"""
        return [(self.hosts[0], 1, 2), (self.hosts[1], 2, 1)]

    def file(self, name, text):
        return self.net.file(name, text)


def share_like_ours(host):
    """On a machine that groups processes by session, a daemon gets the share that we have, and what it gave itself."""
    with contextlib.suppress(OSError, IndexError):
        ours = session_nice("self")
        for pid in host.pids():
            wanted = max(-20, min(19, ours + session_nice(pid)))
            pathlib.Path(f"/proc/{pid}/autogroup").write_text(str(wanted))


def session_nice(pid):
    return int(pathlib.Path(f"/proc/{pid}/autogroup").read_text().split()[-1])


def plug(host, device):
    """Waits for it too."""
    until(lambda: run("ip", "-n", host.space, "link", "set", device, "mtu", MTU, "master", "br0", "up",
                      check=False).returncode == 0, 20, f"{device} is there")


def end(host, how):
    """Signals all processes of a host; the list of those that were there."""
    there = host.pids()
    for pid in there:
        with contextlib.suppress(OSError):
            os.kill(pid, how)
    return there


class Carrier:
    """Processes that are started in the hosts and end with it."""
    target = "10.77.0.2"

    def __init__(self, lan):
        self.lan = lan
        self.processes = []

    def start(self, host, *words, **options):
        # A session of its own, as lanloom's keeper has one: vtund signals its whole group, and a share of
        # the processor may go by sessions.
        process = host.start(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                             **options)
        self.processes.append(process)

    def __enter__(self):
        self.prepare()
        self.up()
        for host in self.lan.hosts:
            share_like_ours(host)
        until(self.joined, 20, f"{type(self).__name__}: the other guest answers")
        return self

    def joined(self):
        return self.lan.guests[0].ping(self.target, check=False)

    def __exit__(self, *error):
        for host in self.lan.hosts:
            end(host, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.lan.net.processes.remove(process)
        self.down()
        for host in self.lan.hosts:
            until(lambda host=host: not end(host, signal.SIGKILL), 10, "its processes have ended")

    def prepare(self):
        """Keys and files, which are there long before anything starts."""

    def up(self):
        raise NotImplementedError

    def down(self):
        pass


class Bare(Carrier):
    """No tunnel: the wire itself is plugged in."""

    def up(self):
        for host in self.lan.hosts:
            host.ip("link", "set", "wire0", "master", "br0")

    def down(self):
        for host in self.lan.hosts:
            host.ip("link", "set", "wire0", "nomaster")


class Lanloom(Carrier):
    environment = {}
    tunnel = ""  # more keys of it

    def __init__(self, lan, further=0, peer="", bridged=True):
        """`further`: so many idle peers besides at alpha; `peer`: more keys of the other one."""
        super().__init__(lan)
        self.further = further
        self.peer = peer
        self.bridges = "bridges:\n  br0: {existing: true, interfaces: [lan0]}\n" if bridged else ""

    def peers(self, public, own, other):
        yield f"{{name: other, keys: {{public: \"{public[other - 1]}\"}}, endpoint: \"192.0.2.{other}:51821\"{self.peer}}}"
        for n in range(self.further if own == 1 else 0):
            yield f"{{name: idle{n}, keys: {{public: \"{base64.b64encode(os.urandom(32)).decode()}\"}}}}"

    def joined(self):
        return super().joined() if self.bridges else self.status(0)["peers"][0]["connected"]

    def status(self, number):
        """Of a host's tunnel."""
        return self.lan.hosts[number].loom_json("tunnel", "lan0")["tunnels"][0]

    def path(self, host):
        return self.lan.net.folder / f"{host.name}.yaml"

    def prepare(self):
        keys = [self.lan.net.folder / f"{host.name}.key" for host in self.lan.hosts]
        for key in keys:
            if not key.exists():
                run(LANLOOM, "key", "new", key)
        public = [run(LANLOOM, "key", "public", key).stdout.strip() for key in keys]
        for host, own, other in self.lan.pairs():
            self.lan.file(self.path(host).name, f"name: bench\n{self.bridges}tunnels:\n"
                          f"  lan0: {{mode: lan, key: {keys[own - 1]}, port: 51821, mtu: {self.lan.mtu}{self.tunnel}, "
                          f"peers: [{', '.join(self.peers(public, own, other))}]}}\n")

    def up(self):
        """Both hosts at once, as two are that start."""
        ups = [host.start(LANLOOM, "up", "-q", self.path(host), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env={**os.environ, **self.environment}) for host in self.lan.hosts]
        for host, up in zip(self.lan.hosts, ups):
            done = up.wait(60) == 0
            self.lan.net.processes.remove(up)
            # A machine that is busy with other things may keep the worker from answering in time.
            until(lambda host=host, done=done: done or host.loom("up", "-q", self.path(host), check=False, env={
                **os.environ, **self.environment}).returncode == 0, 60, "lanloom is up")

    def __exit__(self, *error):
        for host in self.lan.hosts:
            host.loom("down", "-q", "--force", self.path(host))
            until(lambda host=host: not host.pids(), 10, "the keeper has ended")


class LanloomLanes(Lanloom):
    tunnel = ", lanes: 2"


class LanloomNormal(Lanloom):
    tunnel = ", priority: normal"


class LanloomOpenssl(Lanloom):
    environment = {"LANLOOM_AES_GCM": "openssl"}


class Vxlan(Carrier):
    def up(self):
        for host, own, other in self.lan.pairs():
            host.ip("link", "add", "lan0", "type", "vxlan", "id", "7", "dstport", "4789", "remote",
                    f"192.0.2.{other}", "local", f"192.0.2.{own}", "dev", "wire0")
            plug(host, "lan0")

    def down(self):
        for host in self.lan.hosts:
            host.ip("link", "del", "lan0")


class Vtun(Carrier):
    def prepare(self):
        pathlib.Path("/var/lock/vtund").mkdir(parents=True, exist_ok=True)
        self.lan.file("vtund.conf", VTUND)

    def up(self):
        one, other = self.lan.hosts
        path = self.lan.net.folder / "vtund.conf"
        self.start(one, "vtund", "-n", "-s", "-f", path)
        until(lambda: ":5000 " in one.run("ss", "-ltn").stdout, 10, "vtund listens")
        self.start(other, "sh", "-c", f"while :; do vtund -n -f {path} lan 192.0.2.1; sleep 0.1; done")


class WireguardGo(Carrier):
    """Debian unstable's. IP only: the hosts route."""
    target = "10.77.2.1"

    def up(self):
        program = sid.program("wireguard-go", "usr/bin/wireguard-go")
        keys = [run("wg", "genkey").stdout.strip() for _ in range(2)]
        public = [run("wg", "pubkey", input=key).stdout.strip() for key in keys]
        for host, own, other in self.lan.pairs():
            device = f"{self.lan.net.prefix[-8:]}w{own}"  # its socket's name is machine-wide
            self.start(host, program, "-f", device)
            control = pathlib.Path(f"/var/run/wireguard/{device}.sock")
            until(control.exists, 10, "wireguard-go listens")
            key = self.lan.file(f"{host.name}.wg", keys[own - 1])
            host.run("wg", "set", device, "listen-port", 51820, "private-key", key, "peer", public[other - 1],
                     "endpoint", f"192.0.2.{other}:51820", "allowed-ips", "0.0.0.0/0")
            host.ip("addr", "add", f"10.78.0.{own}/24", "dev", device)
            host.ip("link", "set", device, "mtu", MTU, "up")
            self.join(host, device, own, other)

    def join(self, host, device, own, other):
        host.ip("route", "add", f"10.77.{other}.0/24", "dev", device)


class WireguardGoVxlan(WireguardGo):
    """Today's way to an encrypted Ethernet; wireguard-go's MTU takes whole VXLAN packets."""
    target = "10.77.0.2"

    def join(self, host, device, own, other):
        host.ip("link", "set", device, "mtu", MTU + 50)
        host.ip("link", "add", "lan0", "type", "vxlan", "id", "7", "dstport", "4789", "remote",
                f"10.78.0.{other}", "local", f"10.78.0.{own}", "dev", device)
        plug(host, "lan0")

    def down(self):
        for host in self.lan.hosts:
            host.ip("link", "del", "lan0", check=False)


CARRIERS = {
    "lanloom": Lanloom,
    "lanloom, OpenSSL": LanloomOpenssl,
    "wireguard-go (IP only)": WireguardGo,
    "wireguard-go + VXLAN": WireguardGoVxlan,
    "VTun, unencrypted": Vtun,
    "VXLAN, unencrypted": Vxlan,
    "no tunnel": Bare,
}


@contextlib.contextmanager
def stage(net, offloads=True):
    yield Lan(net, offloads)


def seconds_of(path):
    """What a process or thread had of the processor."""
    words = path.read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def processor(lan):
    """Seconds that all processes in the hosts had so far."""
    seconds = 0
    for host in lan.hosts:
        for pid in host.pids():
            with contextlib.suppress(OSError):
                seconds += seconds_of(pathlib.Path(f"/proc/{pid}/stat"))
    return seconds


def threads(lan):
    """The same for each of their threads."""
    found = {}
    for host in lan.hosts:
        for path in (path for pid in host.pids() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")):
            with contextlib.suppress(OSError):
                found[path] = seconds_of(path)
    return found


def busiest(lan, before):
    """Seconds that the thread with the most had since."""
    return max(seconds - before.get(path, 0) for path, seconds in threads(lan).items())


def facts(lan):
    wire = "with offloads" if lan.offloads else "without offloads"
    words = {"guests": f"MTU {MTU}, two namespaces; a veth wire of 1500 {wire}; all on one machine",
             "VTun": run("dpkg-query", "-W", "-f", "${Version}", "vtun").stdout,
             "wireguard-go": next(sid.CACHE.glob("wireguard-go_*.deb")).name.split("_")[1] + " (Debian unstable)"}
    return words
