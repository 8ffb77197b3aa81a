# SPDX-License-Identifier: LGPL-2.1-or-later
"""Workers have no power, lose nothing when they crash, and keep their keys to themselves.

    guest-alpha      alpha                            beta      guest-beta
    eth0 ------ port0 [br0] lan0 ~~ wire0 -- wire0 ~~ lan0 [br0] port0 ------ eth0
"""
import base64
import contextlib
import os
import pathlib
import re
import resource
import signal
import subprocess
import time

import pytest
from lib import keeper, memory
from lib.fabric import Fabric, connected
from lib.net import LANLOOM, run, until

PROBE = pathlib.Path(LANLOOM).parent / "tests" / "system" / "probe"
IDS = range(61184, 65520)
SANITIZED = b"__asan_init" in pathlib.Path(LANLOOM).read_bytes()
real_one = pytest.mark.skipif(SANITIZED, reason="a sanitizer build has no filter and may be dumped")


@pytest.fixture
def fabric(net):
    made = Fabric(net)
    made.up()
    made.guests[0].ping("10.77.0.12", wait=3)
    return made


@pytest.fixture
def lone(net, host):
    """A tunnel with nobody at its other end."""
    host.key = net.folder / "host.key"
    run(LANLOOM, "key", "new", host.key)
    host.file = net.file("lone.yaml", "name: lone\ntunnels:\n  lan0: {mode: lan, key: %s, port: 51821, "
                         "peers: []}\n" % host.key)
    host.loom("up", host.file)
    return host


def worker_of(host):
    """The process of a host's one tunnel."""
    for pid in host.pids():
        with contextlib.suppress(FileNotFoundError):
            if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"lanloomd: tunnel "):
                return pid
    return None


def keeper_of(host):
    for pid in host.pids():
        with contextlib.suppress(FileNotFoundError):
            if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"lanloomd\0"):
                return pid
    return None


def another_worker(host, old):
    return until(lambda: (pid := worker_of(host)) and pid != old and pid, 10, "another worker")


def log_of(host):
    return (keeper.folder_of(host) / "log").read_text()


def key_bytes(path):
    return base64.b64decode(pathlib.Path(path).read_text())


def statuses(pid):
    """What the kernel says of each of a process's threads."""
    tasks = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
    assert tasks
    for task in tasks:
        lines = (task / "status").read_text().splitlines()
        yield {key: value.split() for key, value in (line.split(":", 1) for line in lines)}


def check_powerless(pid):
    for status in statuses(pid):
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[name][0], 16) == 0, name
        for name in ("Uid", "Gid"):
            assert len(set(status[name])) == 1 and int(status[name][0]) in IDS, (name, status[name])
        assert status["Groups"] == [] and status["NoNewPrivs"] == ["1"]
        assert SANITIZED or status["Seccomp"] == ["2"]
    limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.M)
    # What may not be dumped belongs to root here.
    assert SANITIZED or os.stat(f"/proc/{pid}/mem").st_uid == 0


def test_no_thread_of_a_worker_has_any_power(fabric):
    pids = [worker_of(host) for host in fabric.hosts]
    for pid in pids:
        check_powerless(pid)
    users = [next(statuses(pid))["Uid"][0] for pid in pids]
    assert users[0] != users[1]
    os.kill(pids[0], signal.SIGKILL)
    again = another_worker(fabric.hosts[0], pids[0])
    until(lambda: connected(fabric.hosts[0]), 5, "the new one works")
    check_powerless(again)
    assert next(statuses(again))["Uid"][0] == users[0], "a tunnel keeps its user"


def test_a_worker_has_what_it_was_handed_and_no_more(fabric):
    """Nothing, a pipe to speak into, the keeper's socket, epoll, the TAP, two sockets; how long it waited so far."""
    pid = worker_of(fabric.hosts[0])
    links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    assert sorted(re.sub(r":\[\d+\]|\d+", "", link) for link in links) == [
        "/dev/net/tun", "/dev/null", "/dev/null", "/proc//task//schedstat", "anon_inode:[eventpoll]", "pipe", "socket", "socket",
        "socket"]


def longest_silence(text):
    times = [float(found) for found in re.findall(r"^\[([0-9.]+)\] \d+ bytes", text, re.M)]
    assert len(times) > 20
    return max(later - earlier for earlier, later in zip(times, times[1:]))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_worker_killed_under_load_is_missed_for_a_moment(fabric, number, record_property):
    """It is a tenth of a second as a rule, less than one in any case, on a machine that is not busy itself."""
    alpha, (here, there) = fabric.hosts[0], fabric.guests
    before = alpha.link("lan0")
    server = there.start("iperf3", "-s", "-1", "-B", "10.77.0.12")
    until(lambda: ":5201 " in there.run("ss", "-ltn").stdout, 5, "iperf3 listens")
    load = here.start("iperf3", "-c", "10.77.0.12", "-t", "5")
    ping = here.start("ping", "-D", "-n", "-i", "0.01", "-w", "4", "10.77.0.12", stdout=subprocess.PIPE)
    time.sleep(2)
    old = worker_of(alpha)
    os.kill(old, number)
    another_worker(alpha, old)
    silence = longest_silence(ping.communicate(timeout=30)[0])
    print(f"{number.name}: no answer for {silence * 1000:.0f} ms")
    record_property("silence_ms", round(silence * 1000))
    assert silence < 5
    assert load.wait(40) == 0 and server.wait(15) == 0
    after = alpha.link("lan0")
    for key in ("ifindex", "address", "master"):
        assert after[key] == before[key]
    assert after["linkinfo"]["info_slave_data"]["no"] == before["linkinfo"]["info_slave_data"]["no"]
    # and not "and left a core"; a sanitizer turns SIGSEGV into a report
    assert SANITIZED or f"was ended by signal {number.value}\n" in log_of(alpha)


def cores(folders):
    """Files that might be cores there, and what systemd's collector took."""
    found = set()
    for folder in [*folders, pathlib.Path("/var/lib/systemd/coredump")]:
        if folder.is_dir():
            found |= {path for path in folder.iterdir() if "core" in path.name and path.is_file()}
    return found


def core_folders(pattern, pid):
    """Where the kernel writes the core of a process, by its pattern."""
    return [pathlib.Path(pattern).parent if pattern.startswith("/") else pathlib.Path(f"/proc/{pid}/cwd").resolve()]


@real_one
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGSYS])
def test_a_crash_leaves_no_core(lone, net, number):
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
    secret = key_bytes(lone.key)
    for pid in (worker_of(lone), keeper_of(lone)):
        folders = core_folders(pattern, pid)
        before = cores(folders)
        os.kill(pid, number)
        until(lambda pid=pid: not pathlib.Path(f"/proc/{pid}").exists(), 5, "it is gone")
        time.sleep(0.2)
        new = cores(folders) - before
        assert not [path for path in new if secret in path.read_bytes()]
        assert not new
        if pid != keeper_of(lone) and keeper_of(lone):
            another_worker(lone, pid)
            assert "left a core" not in log_of(lone)
    until(lambda: not lone.pids(), 5, "all are gone")


def test_this_machine_leaves_cores_else(lone, net):
    """The test before would notice: a process that is not guarded leaves one, with the key in it."""
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith("|") or not pattern or resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip(f"cores go to \"{pattern}\" here, or may not be left at all")
    (net.folder / "raw").write_bytes(key_bytes(lone.key))
    run(PROBE, "crash", net.folder / "raw", check=False, cwd=net.folder)
    left = cores(core_folders(pattern, "self") if pattern.startswith("/") else [net.folder])
    mine = [path for path in left if key_bytes(lone.key) in path.read_bytes()]
    assert mine
    for path in mine:
        path.unlink()


def check_guarded(pid, secret):
    """How often the secret is in memory; all of it where it is locked and not dumped."""
    found = memory.find(pid, secret)
    for name, flags in found:
        assert {"lo", "dd"} <= flags, (name, flags)
        assert "wf" in flags or name == "[stack]", (name, flags)
    return len(found)


@real_one
def test_keys_lie_where_nobody_looks(fabric):
    """In the worker and in the keeper, which needs them for the next worker: raw, and as text nowhere."""
    alpha = fabric.hosts[0]
    alpha.loom("tunnel")
    secret = key_bytes(fabric.key_path(alpha))
    text = fabric.key_path(alpha).read_bytes().strip()
    for pid in (worker_of(alpha), keeper_of(alpha)):
        assert check_guarded(pid, secret) >= 1, "it is there, so the search finds it"
        assert memory.find(pid, text) == []


@real_one
def test_keys_are_wiped_when_they_change(net, lone):
    """A new key: the old one is nowhere any more; the worker is the same."""
    worker, old = worker_of(lone), key_bytes(lone.key)
    assert check_guarded(worker, old)
    other = net.folder / "other.key"
    run(LANLOOM, "key", "new", other)
    lone.file.write_text(lone.file.read_text().replace(str(lone.key), str(other)))
    lone.loom("up", lone.file)
    assert worker_of(lone) == worker
    assert check_guarded(worker, key_bytes(other))
    assert memory.find(worker, old) == []
    assert memory.find(keeper_of(lone), old) == []


@real_one
def test_shared_keys_are_wiped_with_their_peers(net, lone):
    shared = net.folder / "shared.key"
    run(LANLOOM, "key", "new", shared)
    run(LANLOOM, "key", "new", net.folder / "peer.key")
    public = run(LANLOOM, "key", "public", net.folder / "peer.key").stdout.strip()
    text = lone.file.read_text()
    peer = f"{{name: b, keys: {{public: \"{public}\", shared: {shared}}}}}"
    lone.file.write_text(text.replace("peers: []", f"peers: [{peer}]"))
    lone.loom("up", lone.file)
    worker = worker_of(lone)
    assert check_guarded(worker, key_bytes(shared))
    lone.file.write_text(text)
    lone.loom("up", lone.file)
    assert worker_of(lone) == worker and memory.find(worker, key_bytes(shared)) == []


def test_a_user_id_is_nobody_elses():
    def chosen(seed):
        return int(run(PROBE, "id", seed).stdout)

    first = chosen("seed")
    assert first in IDS and first == chosen("seed")
    assert len({chosen(f"seed {number}") for number in range(20)}) > 15
    taken = subprocess.Popen(["setpriv", f"--reuid={first}", f"--regid={first}", "--clear-groups",
                              "sleep", "30"])
    try:
        until(lambda: f"\nUid:\t{first}" in pathlib.Path(f"/proc/{taken.pid}/status").read_text(), 3,
              "somebody has it")
        second = chosen("seed")
        assert second in IDS and second != first
    finally:
        taken.kill()
        taken.wait()


def test_where_there_is_nobody_but_root(net):
    """In a user namespace that maps root alone a worker stays what it is, powerless, and says so."""
    done = run("unshare", "--user", "--map-root-user", PROBE, "id", "seed")
    assert done.stdout == "0\n"


def test_what_a_worker_says_is_said_in_its_name(fabric):
    alpha = fabric.hosts[0]
    until(lambda: re.search(rf" tunnel lan0: process {worker_of(alpha)}: peer beta is connected\n",
                            log_of(alpha)), 5, "the log tells")
