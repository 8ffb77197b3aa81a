# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a worker may call of the kernel: what it needs, all of it, and nothing else.

    guest-alpha      alpha                            beta      guest-beta
    eth0 ------ port0 [br0] lan0 ~~ wire0 -- wire0 ~~ lan0 [br0] port0 ------ eth0
"""
import base64
import contextlib
import os
import pathlib
import re
import secrets
import socket
import subprocess
import time

import pytest
from lib import keeper
from lib.fabric import Fabric
from lib.net import LANLOOM, ROOT, run, until
from test_confined import (PROBE, another_worker, keeper_of, log_of, real_one,  # noqa: F401
                           worker_of)

pytestmark = real_one
SIGSYS = 31
# x86-64's uretprobe and uprobe: Linux lets them past every filter, and ends who calls them from elsewhere
# than its own trampolines.
PAST_FILTERS = {"335", "336"}
EACCES, EPERM = 13, 1
# What only this layer is asked to prevent, as far as it can.
USER = ["chroot", "unshare", "setns", "ptrace", "read-memory", "kill", "tgkill", "mount", "umount", "hostname",
        "setuid", "setgid", "setgroups", "capset"]
FILES = ["open", "openat2", "create", "mkdir", "execve", "execveat", "mount", "umount"]
# A machine may forbid some of the others to everybody; these work for root wherever the tests do.
SURELY = ["open", "create", "socket", "netlink", "execve", "fork", "ptrace", "kill", "mount", "setuid", "setns",
          "unshare", "mmap-code", "mprotect", "dumpable", "ioctl", "setsockopt", "fcntl", "bind-udp", "sendto"]


def tried(layers, *calls):
    """A dictionary: "works", ("error", number) or ("signal", number) for each call."""
    found = {}
    for line in run(PROBE, layers, *calls).stdout.splitlines():
        how, *numbers, name = line.split()
        found[name] = (how, int(numbers[0])) if numbers else how
    return found


def test_every_forbidden_call_ends_the_process():
    free, confined = tried("none"), tried("all")
    assert [name for name in SURELY if free[name] != "works"] == [], "the probe tries what works"
    assert sum(how == "works" for how in free.values()) > 50
    for name, how in confined.items():
        assert how == ("works" if name.startswith("may-") else ("signal", SIGSYS)), name
    print(f"{sum(how != 'works' for how in confined.values())} calls tried, each the end of its process")


def swept(what):
    """Pairs of what got through, and how many did not."""
    lines = [line.split() for line in run(PROBE, what, timeout=55).stdout.splitlines()]
    assert all(line[0] in ("passed", "refused") for line in lines)
    return {(which, name) for how, which, name in lines if how == "passed"}, len(lines)


def test_no_number_gets_through_but_what_a_comment_names():
    """Every system call there is, and numbers that none has yet."""
    passed, n = swept("sweep")
    may = {name for name, _, _ in permitted()}
    beyond = {(which, name) for which, name in passed if name not in may and which not in PAST_FILTERS}
    assert beyond == set() and n > 600
    assert {"read", "sendmmsg", "close"} <= {name for _, name in passed}, "the sweep sees what gets through"
    print(f"{n} numbers tried, {n - len(passed)} of them the end of their process")


def test_a_condition_of_which_one_bit_is_wrong_does_not_hold():
    """ioctl, setsockopt and the like, with any other argument than the one that a comment names."""
    passed, n = swept("conditions")
    assert passed == set() and n > 300
    print(f"{n} calls with an argument that nobody named, each the end of its process")


def test_each_layer_holds_alone():
    """Should the filter have a hole: user, capabilities and Landlock do not lean on it."""
    user, files = tried("user"), tried("files")
    assert {name: user[name] for name in USER} == dict.fromkeys(USER, ("error", EPERM))
    if "no Landlock" in run(PROBE, "files", "may-mmap").stderr:
        pytest.skip("this kernel has no Landlock")
    for name in FILES:
        assert files[name] in (("error", EACCES), ("error", EPERM)), name


def test_a_forbidden_call_is_named():
    done = run(PROBE, "all", "socket")
    assert re.fullmatch(r"forbidden system call \d+\n", done.stderr)


@pytest.fixture
def fabric(net):
    made = Fabric(net)
    made.up()
    made.guests[0].ping("10.77.0.12", wait=3)
    return made


class Trace:
    """strace on a process and all that it starts, until it is closed."""

    def __init__(self, pid, path):
        self.path = path
        self.process = subprocess.Popen(["strace", "-f", "-qq", "-s", "0", "-o", path, "-p", str(pid)],
                                        stderr=subprocess.DEVNULL)
        until(lambda: path.exists() and self.seized(pid), 5, "strace is there")

    @staticmethod
    def seized(pid):
        return "TracerPid:\t0\n" not in pathlib.Path(f"/proc/{pid}/status").read_text()

    def close(self):
        self.process.terminate()
        self.process.wait(10)

    def confined(self):
        """The calls that processes made after they had got their filter, as lines of strace."""
        inside, lines = set(), []
        for line in self.path.read_text(errors="replace").splitlines():
            pid, _, call = line.partition(" ")
            call = call.strip()
            if pid in inside and re.match(r"\w+\(", call):
                lines.append(call)
            elif re.match(r"(seccomp\(SECCOMP_SET_MODE_FILTER|prctl\(PR_SET_SECCOMP).* = 0$", call):
                inside.add(pid)
        return lines


def permitted():
    """Pairs of a call, the option that its last condition names (or None), and why it may not be called."""
    files = [str(path) for folder in ("base", "tunnel") for path in sorted((ROOT / "src" / folder).glob("*.[ch]"))]
    for line in run(ROOT / "tools/syscalls", "--list", *files).stdout.splitlines():
        call, _, reason = line.partition("; ")
        name, conditions = re.fullmatch(r"(\w+)(?:\((.*)\))?", call).groups()
        last = (conditions or "").split(", ")[-1]
        option = re.fullmatch(r"\d = ([A-Z]\w+)", last)
        yield name, option and option[1], reason


def public_key():
    return base64.b64encode(secrets.token_bytes(31) + b"\x42").decode()


def crowd(fabric, count):
    """alpha's part of the file, with peers that nobody is."""
    alpha, beta = fabric.hosts
    peers = [f"{{name: beta, keys: {{public: \"{fabric.public['beta']}\"}}, endpoint: \"10.99.0.2:51821\"}}"]
    peers += [f"{{name: p{number}, keys: {{public: \"{public_key()}\"}}}}" for number in range(count)]
    return ("name: fabric\nbridges:\n  br0: {interfaces: [port0, lan0]}\ntunnels:\n  lan0:\n"
            f"    mode: lan\n    port: 51821\n    key: {fabric.key_path(alpha)}\n    peers:\n"
            + "".join(f"    - {peer}\n" for peer in peers))


def flood(fabric):
    """More than a slow wire takes, until the socket's buffer is full."""
    alpha, guest = fabric.hosts[0], fabric.guests[0]
    run("tc", "-n", alpha.space, "qdisc", "add", "dev", "wire0", "root", "tbf", "rate", "1mbit", "burst", "10k",
        "limit", "100m")
    with guest.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:
        for number in range(40000):
            if number % 200 == 0:
                time.sleep(0.005)  # the worker, which is traced, has to read before its TAP is full
            with contextlib.suppress(OSError):
                sender.sendto(bytes(1400), ("10.77.0.12", 9))
    run("tc", "-n", alpha.space, "qdisc", "del", "dev", "wire0", "root")


def all_the_work(fabric, net):
    alpha, beta = fabric.hosts
    here, there = fabric.guests
    for size in (0, 56, 1400, 4000):
        here.ping("10.77.0.12", count=3, size=size, check=False, wait=3)
    alpha.loom("tunnel")
    flood(fabric)
    # other peers, more than the first area for secrets holds (vault.c), and back
    fabric.path.write_text(crowd(fabric, 1100))
    alpha.loom("up", fabric.path, timeout=150)
    alpha.loom("tunnel")
    fabric.path.write_text(crowd(fabric, 0))
    alpha.loom("up", fabric.path, timeout=150)
    # another MTU, another port, another device, another key
    alpha.ip("link", "set", "lan0", "mtu", "9000")
    alpha.ip("link", "set", "lan0", "mtu", "1400")
    time.sleep(0.5)
    fabric.path.write_text(crowd(fabric, 0).replace("port: 51821", "port: 51829"))
    alpha.loom("up", fabric.path)
    alpha.ip("link", "del", "lan0")
    until(lambda: alpha.link("lan0"), 40, "the device is mended")
    run(LANLOOM, "key", "new", net.folder / "other.key")
    fabric.path.write_text(crowd(fabric, 0).replace(str(fabric.key_path(alpha)), str(net.folder / "other.key")))
    alpha.loom("up", fabric.path)
    alpha.loom("down", fabric.path)


@pytest.mark.limit(400)
def test_a_worker_calls_what_it_may_and_needs_what_it_may(fabric, net):
    """Nothing is missing from the comments beside the calls, and nothing in them is needless."""
    alpha = fabric.hosts[0]
    trace = Trace(keeper_of(alpha), net.folder / "trace")
    log = keeper.folder_of(alpha) / "log"
    try:
        old = worker_of(alpha)
        os.kill(old, 9)
        another_worker(alpha, old)
        until(lambda: f"process {worker_of(alpha)} works" in log.read_text(), 30, "it is configured")
        all_the_work(fabric, net)
    finally:
        trace.close()
    lines = trace.confined()
    assert len(lines) > 1000
    called = {re.match(r"\w+", line)[0] for line in lines}
    may = list(permitted())
    assert called - {name for name, _, _ in may} == set(), "not in any comment"
    needless = [(name, option) for name, option, reason in may if not reason and not any(
        line.startswith(name + "(") and (not option or option in line) for line in lines)]
    assert needless == [], "in a comment, and not called"
    print(f"{len(lines)} calls of {len(called)} names; {len(may)} permitted")


def test_a_violation_ends_the_worker_and_is_in_the_log(fabric):
    """One of its calls is changed into another, as by somebody who has taken it over."""
    alpha = fabric.hosts[0]
    old = worker_of(alpha)
    run(PROBE, "turn", old)
    another_worker(alpha, old)
    until(lambda: re.search(rf"\(process {old}\) tried system call \d+ \(getppid\), which is forbidden",
                            log_of(alpha)), 3, "the log names the call")
    fabric.guests[0].ping("10.77.0.12", wait=5)
    assert alpha.loom_json("tunnel")["tunnels"][0]["restarts"] == 1


def refused(call, error):
    """What a process says whose attempt to be confined is refused at that call."""
    return run("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:error={error}", PROBE, "all",
               "may-mmap", check=False)


@pytest.mark.parametrize("call", ["setgroups", "setresgid", "setresuid", "capset", "prctl"])
def test_none_works_half_confined(call):
    """Where a layer is refused the process ends before it does anything."""
    done = refused(call, "EPERM")
    assert done.stdout == "error 2 may-mmap\n"
    assert re.search(r"^probe: \S.*Operation not permitted", done.stderr, re.M), done.stderr


@pytest.mark.parametrize("error", ["ENOSYS", "EOPNOTSUPP"])
def test_a_kernel_without_landlock_is_named(error):
    done = refused("landlock_create_ruleset", error)
    assert "this kernel has no Landlock: files are out of reach without it\n" in done.stderr
    assert done.stdout == "works may-mmap\n"
