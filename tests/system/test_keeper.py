# SPDX-License-Identifier: LGPL-2.1-or-later
"""The keeper starts when something needs it, brings a killed worker back, and ends in time.

    guest-alpha      alpha                            beta      guest-beta
    eth0 ------ port0 [br0] lan0 ~~ wire0 -- wire0 ~~ lan0 [br0] port0 ------ eth0
"""
import contextlib
import os
import pathlib
import signal
import stat
import time

import pytest
from lib.fabric import Fabric, processes
from lib.net import run, until


@pytest.fixture
def fabric(net):
    made = Fabric(net)
    made.up()
    made.guests[0].ping("10.77.0.12", wait=3)
    return made


def parent(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def keeper_and_worker(host):
    """Of a host's processes, the keeper is the one that is no other's child."""
    pids = host.pids()
    keepers = [pid for pid in pids if parent(pid) not in pids]
    workers = [pid for pid in pids if parent(pid) in pids]
    assert len(keepers) == 1 and len(workers) == 1, host.commands()
    return keepers[0], workers[0]


def test_no_keeper_without_need(net, host):
    host.loom("up", net.file("lab.yaml", "name: lab\nbridges: {br0: {}}\n"))
    assert host.pids() == []


def test_a_killed_worker_comes_back(fabric):
    alpha = fabric.hosts[0]
    keeper, worker = keeper_and_worker(alpha)
    index = alpha.link("lan0")["ifindex"]
    os.kill(worker, signal.SIGKILL)
    until(lambda: [pid for pid in alpha.pids() if pid not in (keeper, worker)], 5, "a new worker")
    until(lambda: fabric.guests[0].ping("10.77.0.12", check=False), 15, "the guests ping again")
    assert keeper_and_worker(alpha)[0] == keeper
    assert alpha.link("lan0")["ifindex"] == index, "the TAP was made anew"
    assert alpha.link("lan0")["master"] == "br0"


@contextlib.contextmanager
def running(host, *command):
    """Ends it, and waits for it."""
    process = host.start(*command)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        host.net.processes.remove(process)


def policies(pid):
    """(policy, nice value) of all threads of a process."""
    threads = [int(task.name) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    return {(os.sched_getscheduler(thread), os.getpriority(os.PRIO_PROCESS, thread)) for thread in threads}


def session_nice(pid):
    """Where the kernel shares processors by session."""
    try:
        return int(pathlib.Path(f"/proc/{pid}/autogroup").read_text().split()[-1])
    except (OSError, IndexError):
        return None


# With the greater share it may also wait for others (doc/design/fast-path.md).
HIGH = ({(os.SCHED_OTHER, -8)}, {(os.SCHED_BATCH, -8)})
PRIORITIES = {"normal": (os.SCHED_OTHER, 0), "realtime": (os.SCHED_RR, 0)}


def test_the_priority_of_a_tunnel(fabric):
    """It is a change of the process that runs, holds for the next one, and goes again."""
    host, text = fabric.hosts[0], fabric.path.read_text()
    keeper, worker = keeper_and_worker(host)
    assert policies(worker) in HIGH and session_nice(worker) in (-8, None)
    for word in ("normal", "realtime"):
        fabric.path.write_text(text.replace("{mode: lan, ", f"{{mode: lan, priority: {word}, "))
        host.loom("up", fabric.path, "--host", host.name)
        assert fabric.guests[0].ping("10.77.0.12", wait=5, count=3)
        assert policies(worker) == {PRIORITIES[word]} and session_nice(worker) in (0, None)
        assert policies(keeper) == {PRIORITIES["normal"]} and session_nice(keeper) in (0, None)
        assert host.loom("plan", fabric.path, "--host", host.name).returncode == 0
    os.kill(worker, signal.SIGKILL)
    until(lambda: [pid for pid in host.pids() if pid not in (keeper, worker)], 10, "a worker is back")
    until(lambda: policies(keeper_and_worker(host)[1]) == {PRIORITIES["realtime"]}, 10, "it is in real time, too")
    assert fabric.guests[0].ping("10.77.0.12", wait=5, count=3)
    fabric.path.write_text(text)
    host.loom("up", fabric.path, "--host", host.name)
    assert policies(keeper_and_worker(host)[1]) in HIGH


MASSES = """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("10.77.0.12", 9))
end = time.monotonic() + 4
while time.monotonic() < end:
    try:
        s.send(bytes(20))
    except ConnectionRefusedError:
        pass
"""


def test_a_worker_waits_for_others_where_nobody_has_to(fabric):
    """Masses of small frames: who sends them gets done with many at a time. Not with an ordinary share."""
    host, (one, _) = fabric.hosts[0], fabric.guests
    worker = keeper_and_worker(host)[1]
    with running(one, "python3", "-c", MASSES):
        until(lambda: policies(worker) == {(os.SCHED_BATCH, -8)}, 4, "it waits for others")
    fabric.path.write_text(fabric.path.read_text().replace("{mode: lan, ", "{mode: lan, priority: normal, "))
    host.loom("up", fabric.path, "--host", host.name)
    with running(one, "python3", "-c", MASSES) as sender:
        while sender.poll() is None:
            assert policies(worker) == {PRIORITIES["normal"]}
            time.sleep(0.1)


TAKER = """
import socket
with socket.create_server(("10.77.0.12", 5001)) as server:
    taken = server.accept()[0]
    while taken.recv(1 << 20):
        pass
"""
BULK = """
import socket, time
while True:
    try:
        s = socket.create_connection(("10.77.0.12", 5001))
        break
    except OSError:
        time.sleep(0.1)
while True:
    s.sendall(bytes(1 << 20))
"""


def test_a_worker_does_not_wait_while_small_frames_pass_beside_bulk(fabric):
    one, other = fabric.guests
    worker = keeper_and_worker(fabric.hosts[0])[1]
    with running(other, "python3", "-c", TAKER), running(one, "python3", "-c", BULK):
        time.sleep(2)
        until(lambda: policies(worker) == {(os.SCHED_BATCH, -8)}, 10, "with bulk alone it waits")
        with running(one, "ping", "-q", "-i", "0.02", "10.77.0.12"):
            time.sleep(1)
            seen = [policies(worker) for _ in range(20) if not time.sleep(0.05)]
            assert seen.count({(os.SCHED_OTHER, -8)}) > 10, seen


def yields(pid):
    """How often a process gave the processor away within half a second."""
    told = run("timeout", "-s", "INT", "0.5", "strace", "-qq", "-c", "-e", "trace=sched_yield", "-p", pid, check=False).stderr
    return sum(int(line.split()[3]) for line in told.splitlines() if line.endswith("sched_yield"))


def test_a_worker_lingers_where_bulk_comes_datagram_by_datagram(fabric):
    """Over a wire without trains it does not sleep between two of them; over one with trains it does."""
    one, other = fabric.guests
    worker = keeper_and_worker(fabric.hosts[1])[1]
    with running(other, "python3", "-c", TAKER), running(one, "python3", "-c", BULK):
        time.sleep(1)
        assert yields(worker) == 0
        for host in fabric.hosts:
            host.run("ethtool", "-K", "wire0", "tx", "off", "sg", "off", "tso", "off", "gso", "off", "gro", "off")
        until(lambda: yields(worker), 10, "it lingers")
    until(lambda: yields(worker) == 0, 5, "it sleeps when nothing comes")


def test_the_far_side_may_be_killed_too(fabric):
    alpha, beta = fabric.hosts
    for host in (alpha, beta):
        os.kill(keeper_and_worker(host)[1], signal.SIGKILL)
    until(lambda: fabric.guests[1].ping("10.77.0.11", check=False), 15, "the guests ping again")


def test_a_killed_keeper_is_started_by_the_next_up(fabric):
    alpha = fabric.hosts[0]
    keeper, _ = keeper_and_worker(alpha)
    os.kill(keeper, signal.SIGKILL)
    until(lambda: not alpha.pids(), 5, "the worker ends with its keeper")
    alpha.loom("up", fabric.path, "--host", "alpha")
    keeper_and_worker(alpha)
    until(lambda: fabric.guests[0].ping("10.77.0.12", check=False), 15, "the guests ping again")


def test_the_keeper_ends_with_its_last_tunnel(fabric):
    alpha = fabric.hosts[0]
    alpha.loom("down", fabric.path)
    until(lambda: not alpha.pids(), 5, "the keeper ends")
    assert "lan0" not in alpha.links()


def test_the_keeper_ends_with_its_namespace(fabric):
    alpha = fabric.hosts[0]
    pids = alpha.pids()
    run("ip", "netns", "del", alpha.space)
    until(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids), 10,
          "the keeper and its worker end with their namespace")


def test_a_removed_tunnel_device_is_mended(fabric):
    """Somebody deletes what the keeper keeps: it comes back, and the guests reach each other."""
    alpha = fabric.hosts[0]
    alpha.ip("link", "del", "lan0")
    until(lambda: alpha.link("lan0"), 10, "lan0 is there again")
    until(lambda: fabric.guests[0].ping("10.77.0.12", check=False), 15, "the guests ping again")


def test_keep_mends_what_others_change(net, host):
    host.loom("up", net.file("lab.yaml", "name: lab\nkeep: true\nbridges: {br0: {mtu: 1400}}\n"))
    host.ip("link", "set", "br0", "mtu", "1300")
    until(lambda: host.link("br0")["mtu"] == 1400, 10, "the MTU is mended")
    host.ip("link", "del", "br0")
    until(lambda: host.link("br0"), 10, "the bridge is made again")
    # Without keep what others change is theirs until the next up.
    host.loom("up", net.file("lab.yaml", "name: lab\nbridges: {br0: {mtu: 1400}}\n"))
    until(lambda: not host.pids(), 5, "the keeper is needed no more")


def state_folder(host):
    folders = host.state_folders()
    assert len(folders) == 1
    return folders[0]


def test_state_files_are_private(fabric):
    folder = state_folder(fabric.hosts[0])
    for path in [folder, *folder.rglob("*")]:
        mode = path.lstat().st_mode
        assert path.lstat().st_uid == 0
        assert stat.S_IMODE(mode) & 0o077 == 0, f"{path}: {stat.S_IMODE(mode):o}"
    assert stat.S_IMODE(os.stat(fabric.key_path(fabric.hosts[0])).st_mode) == 0o600


def test_secrets_are_never_printed(fabric):
    alpha = fabric.hosts[0]
    secret = fabric.key_path(alpha).read_text().strip().splitlines()[-1]
    assert len(secret) >= 40
    for words in (["show"], ["show", "--json"], ["tunnel"], ["tunnel", "--json"], ["log", "--json"],
                  ["plan", fabric.path, "--host", "alpha", "--json"], ["show", "lan0", "-v"]):
        done = alpha.loom(*words, check=False)
        assert secret not in done.stdout + done.stderr, words
    for path in state_folder(alpha).rglob("*"):
        if path.is_file():
            assert secret not in path.read_text(errors="replace"), path
    for pid in alpha.pids():
        said = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        said += pathlib.Path(f"/proc/{pid}/environ").read_bytes()
        assert secret.encode() not in said


def test_an_inline_secret_is_refused(fabric):
    alpha = fabric.hosts[0]
    secret = fabric.key_path(alpha).read_text().strip().splitlines()[-1]
    path = fabric.net.file("inline.yaml", f"name: inline\ntunnels:\n  lan9: {{mode: lan, port: 5000, "
                                          f"key: \"{secret}\", peers: []}}\n")
    done = alpha.loom("up", path, check=False)
    assert done.returncode == 1 and "try:" in done.stderr
    assert secret not in done.stdout + done.stderr


def test_two_hosts_on_one_machine_do_not_meet(fabric):
    alpha, beta = fabric.hosts
    assert state_folder(alpha) != state_folder(beta)
    alpha.loom("down", fabric.path)
    assert processes(beta, "lanloom") and "lan0" in beta.links()


def test_a_key_file_is_never_overwritten(net, host):
    path = net.folder / "a.key"
    host.loom("key", "new", path)
    before = path.read_bytes()
    assert host.loom("key", "new", path, check=False).returncode == 1
    assert path.read_bytes() == before
