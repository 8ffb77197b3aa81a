# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine in another town, of which one only has its SSH NIC.

    client                          alpha
    eth0 10.1.0.2/24 ------------- 10.1.0.1/24 eth1     default via 10.1.0.2

The file WRONG makes eth1 a bridge's port, gives the bridge another address and forgets to set eth1
up: nobody gets in any more. While it stands there is a br0.
"""
import contextlib
import fcntl
import os
import signal
import socket
import struct
import threading
import time

from .net import LANLOOM

SIOCGIFINDEX = 0x8933

WRONG = """name: wrong
bridges:
  br0: {interfaces: [eth1], addresses: [10.2.0.1/24]}
ethernets:
  eth1: {up: false}
"""


def session_of(pid):
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def boottime():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wait_until(moment):
    """Sleeps up to a time of boottime(), the last of it awake."""
    while (left := moment - boottime()) > 0:
        time.sleep(max(0, min(left - 0.002, 0.5)))


class Remote:
    def __init__(self, net, name="alpha", text=WRONG):
        self.host = net.host(name)
        self.client = net.host(f"client-{name}")
        for one in (self.host, self.client):  # addresses are there at once
            one.sysctl("net.ipv6.conf.default.accept_dad", 0)
        net.wire(self.host, "eth1", self.client, "eth0")
        self.host.ip("addr", "add", "10.1.0.1/24", "dev", "eth1")
        self.client.ip("addr", "add", "10.1.0.2/24", "dev", "eth0")
        self.host.ip("route", "add", "default", "via", "10.1.0.2")
        self.file = net.file(f"wrong-{name}.yaml", text)
        with self.host.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.net = net

    def stands(self, device="br0"):
        """Is the change there? Cheap enough to be asked every millisecond."""
        try:
            fcntl.ioctl(self.socket, SIOCGIFINDEX, struct.pack("16s24x", device.encode()))
        except OSError:
            return False
        return True

    def guard(self):
        """What is written down of a guarded change; {}: nothing."""
        for folder in self.host.state_folders():
            try:
                lines = (folder / "confirm").read_text().splitlines()[1:]
            except FileNotFoundError:
                continue
            return dict(line.split(" ", 1) for line in lines)
        return {}

    def deadline(self):
        return int(self.guard()["deadline"]) / 1e9

    def gone_at(self, until, device="br0"):
        """When the change was gone, in boottime(); None: it stands still at `until`."""
        while boottime() < until:
            if not self.stands(device):
                return boottime()
            time.sleep(0.01)
        return None

    def reachable(self):
        return self.client.ping("10.1.0.1", count=2, check=False)

    def begin(self, *words, **options):
        """lanloom as the leader of a session of its own: kill() ends all of it."""
        options.setdefault("stdout", -3)
        options.setdefault("stderr", -3)
        return self.host.start(LANLOOM, *words, start_new_session=True, **options)

    @staticmethod
    def kill(process):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()

    def kill_session(self, leader):
        """All that a terminal's shell has started, whatever it did about hanging up; the shell first,
        or it goes on to its next command."""
        leader.kill()
        leader.wait()
        while members := [pid for pid in self.host.pids() if session_of(pid) == leader.pid]:
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def keeper(self):
        """The keeper's process; None: there is none."""
        for pid in self.host.pids():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as line:
                    if line.read().startswith(b"lanloomd\0"):
                        return pid
            except OSError:
                continue
        return None

    def log(self):
        return self.host.loom_json("log")["changes"]


def together(jobs):
    """Runs functions in threads; the first exception of one is raised here."""
    failed = []

    def one(job):
        try:
            job()
        except BaseException as problem:  # told by the thread that waits
            failed.append(problem)

    threads = [threading.Thread(target=one, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
