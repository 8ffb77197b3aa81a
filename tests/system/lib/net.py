# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hosts made of network namespaces, joined by veth wires.

A name begins with "lt", the process id of the test run and a number, so that runs beside each other
do not meet, and what a killed run left behind can be told from what is in use.
"""
import contextlib
import ctypes
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
LANLOOM = str(pathlib.Path(os.environ.get("LANLOOM", ROOT / "build" / "lanloom")).resolve())
SLOWNESS = int(os.environ.get("LANLOOM_TEST_SLOWNESS", "1"))  # the guest is an emulated machine
NETNS = pathlib.Path("/run/netns")
STATE = pathlib.Path("/run/lanloom")
NODES = pathlib.Path("/dev/lanloom")
CLONE_NEWNET = 0x40000000
SO_NETNS_COOKIE = 71
PREFIX = re.compile(r"^lt(\d+)-")

libc = ctypes.CDLL(None, use_errno=True)
counter = itertools.count(1)


def run(*command, check=True, timeout=30, **options):
    """A finished command; its words may be anything that str() takes. check: it has to exit 0."""
    options.setdefault("stdin", subprocess.DEVNULL)
    if "input" in options:
        del options["stdin"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=timeout * SLOWNESS, errors="replace", **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n"
                             f"{done.stdout}{done.stderr}")
    return done


def until(condition, seconds, what):
    """Waits until condition() is true, and answers its value."""
    end = time.monotonic() + seconds * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s still not so: {what}")
        time.sleep(0.05)


def kill_inside(name):
    """Ends all processes of a namespace; they are its tests' own."""
    for _ in range(50):
        pids = run("ip", "netns", "pids", name, check=False).stdout.split()
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.02)


def remove(name):
    kill_inside(name)
    run("ip", "netns", "del", name, check=False)


def spaces():
    """The files of all namespaces that have a name."""
    return list(NETNS.iterdir()) if NETNS.exists() else []


def clear_leftovers():
    """Removes the namespaces of test runs whose process is gone."""
    for path in spaces():
        found = PREFIX.match(path.name)
        if found and not pathlib.Path(f"/proc/{found[1]}").exists():
            remove(path.name)


# net.core.fb_tunnels_only_for_init_net, and the modules whose devices it speaks of
FALLBACKS = {"tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0"}


class Host:
    """One network namespace. Its commands and sockets are inside; files and processes are shared."""

    def __init__(self, net, name):
        self.net = net
        self.name = name
        self.space = f"{net.prefix}-{name}"
        run("ip", "netns", "add", self.space)
        self.ip("link", "set", "lo", "up")

    def words(self, *command):
        return ["nsenter", f"--net={NETNS / self.space}", "--", *map(str, command)]

    def run(self, *command, **options):
        return run(*self.words(*command), **options)

    def start(self, *command, **options):
        """A process that goes on; the net ends it with the test."""
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(self.words(*command), text=True, **options)
        self.net.processes.append(process)
        return process

    def ip(self, *words, **options):
        return run("ip", "-n", self.space, *words, **options).stdout

    def json(self, *words):
        return json.loads(run("ip", "-n", self.space, "-j", "-d", *words).stdout or "[]")

    def link(self, name):
        """What the kernel says of a device; None if there is none."""
        done = run("ip", "-n", self.space, "-j", "-d", "link", "show", "dev", name, check=False)
        return json.loads(done.stdout)[0] if done.returncode == 0 else None

    def links(self):
        """The devices' names, less what a module makes in each namespace as soon as it is loaded."""
        return {link["ifname"] for link in self.json("link")} - FALLBACKS

    def loom(self, *words, **options):
        """lanloom inside this namespace."""
        options.setdefault("timeout", 60)
        return self.run(LANLOOM, *words, **options)

    def loom_json(self, *words, **options):
        return json.loads(self.loom(*words, "--json", **options).stdout)

    def sysctl(self, key, value=None):
        path = "/proc/sys/" + key.replace(".", "/")
        if value is None:
            return self.run("cat", path).stdout.strip()
        return self.run("sh", "-c", f"echo {value} >{path}")

    @contextlib.contextmanager
    def entered(self):
        """This thread inside the namespace, for opening a socket there."""
        with open("/proc/thread-self/ns/net") as before, open(NETNS / self.space) as inside:
            if libc.setns(inside.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {self.space}")
            try:
                yield
            finally:
                if libc.setns(before.fileno(), CLONE_NEWNET):
                    os.abort()  # in a wrong namespace nothing may go on

    def state_folders(self):
        """Where lanloom keeps what it knows of this namespace: the folder has its cookie in its name."""
        with self.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            cookie = any_socket.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
        return list(STATE.glob(f"*-{int.from_bytes(cookie, sys.byteorder):x}"))

    def pids(self):
        return [int(pid) for pid in run("ip", "netns", "pids", self.space).stdout.split()]

    def commands(self):
        """The names of the processes inside, sorted."""
        names = []
        for pid in self.pids():
            with contextlib.suppress(OSError):
                names.append(pathlib.Path(f"/proc/{pid}/comm").read_text().strip())
        return sorted(names)

    def ping(self, address, count=1, size=56, wait=1, check=True, **options):
        done = self.run("ping", "-n", "-q", "-c", count, "-i", "0.2", "-W", wait, "-s", size, address,
                        check=False, **options)
        if check and done.returncode:
            raise AssertionError(f"{self.name} cannot ping {address}\n{done.stdout}{done.stderr}")
        return done.returncode == 0


class Net:
    """The hosts and wires of one test."""

    def __init__(self, folder):
        self.prefix = f"lt{os.getpid()}-{next(counter)}"
        self.folder = pathlib.Path(folder)
        self.hosts = {}
        self.processes = []

    def space(self, name):
        """A machine-wide namespace name for a description; it is gone after the test."""
        return f"{self.prefix}-{name}"

    def host(self, name):
        host = Host(self, name)
        self.hosts[name] = host
        return host

    def wire(self, one, one_name, other, other_name, mtu=1500):
        """A veth pair between two hosts, both ends up."""
        run("ip", "-n", one.space, "link", "add", one_name, "mtu", mtu, "type", "veth",
            "peer", "name", other_name, "mtu", mtu, "netns", other.space)
        one.ip("link", "set", one_name, "up")
        other.ip("link", "set", other_name, "up")

    def guest(self, host, port, address, name=None, mtu=1500):
        """A namespace in place of a VM: its eth0 is wired to the device `port` of the host."""
        guest = self.host(name or f"guest-{host.name}")
        self.wire(guest, "eth0", host, port, mtu)
        guest.ip("addr", "add", address, "dev", "eth0")
        return guest

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                with contextlib.suppress(BrokenPipeError):
                    if stream:
                        stream.close()
        for path in spaces():
            if path.name.startswith(self.prefix + "-"):
                kill_inside(path.name)
        for host in self.hosts.values():
            if (NETNS / host.space).exists():
                for folder in host.state_folders():
                    shutil.rmtree(folder, ignore_errors=True)
                    shutil.rmtree(NODES / folder.name, ignore_errors=True)
                    with contextlib.suppress(OSError):
                        NODES.rmdir()
        for path in spaces():
            if path.name.startswith(self.prefix + "-"):
                remove(path.name)
