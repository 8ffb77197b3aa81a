# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a boot is made of, without one: the units, waiting, the keeper under a service manager.

    switch              alpha
    port0 ------------ wire0          (test_wait…: the wire is pulled and plugged)

tests/guest/test_systemd.py boots a machine with these units.
"""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest
from lib.fabric import Fabric
from lib.net import LANLOOM, run, until

UNITS = ("lanloom.service", "lanloom-wait-online.service", "lanloomd@.service")


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "root"
    path.mkdir()
    return path


def lab(net, name="lab.yaml", text="name: lab\nbridges: {br0: {}}\n"):
    return net.file(name, text)


def files_below(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def test_enable_and_disable(net, root):
    path = lab(net, "my lab 100%.yaml")
    done = run(LANLOOM, "enable", "--root", root, path, "--host", "alpha")
    assert all(unit in done.stdout for unit in UNITS)
    system = root / "etc/systemd/system"
    assert files_below(system) == sorted([*UNITS, "multi-user.target.wants/lanloom.service",
                                          "network-online.target.wants/lanloom-wait-online.service"])
    for link in system.glob("*.wants/*"):
        assert os.readlink(link) == f"/etc/systemd/system/{link.name}"
    text = (system / "lanloom.service").read_text()
    quoted = str(path).replace("%", "%%")
    assert f'ExecStart={LANLOOM} up --wait 30 --host "alpha" "{quoted}"\n' in text
    assert re.search(r"^Before=.*network-online\.target", text, re.M)
    assert "ExecStop" not in text
    # again, with other files: the earlier one is replaced
    run(LANLOOM, "enable", "--root", root, lab(net, "other.yaml"))
    assert "other.yaml" in (system / "lanloom.service").read_text()
    assert "my lab" not in (system / "lanloom.service").read_text()
    assert run(LANLOOM, "disable", "--root", root).returncode == 0
    assert files_below(root) == []
    assert "Nothing was enabled" in run(LANLOOM, "disable", "--root", root).stdout


def test_systemd_understands_the_units(net, root):
    run(LANLOOM, "enable", "--root", root, lab(net))
    program = root / LANLOOM.lstrip("/")
    program.parent.mkdir(parents=True)
    program.symlink_to(LANLOOM)
    done = run("systemd-analyze", "verify", "--root", root, "--man=no", "--recursive-errors=no", *UNITS[:2],
               "lanloomd@x.service", check=False)
    complaints = [line for line in done.stderr.splitlines() if "not executable" not in line]
    assert not complaints, complaints


def test_enable_prints(net, root):
    text = run(LANLOOM, "enable", "--print", "--root", root, lab(net)).stdout
    assert all(f"# {root}/etc/systemd/system/{unit}\n" in text for unit in UNITS)
    assert files_below(root) == []


def test_enable_refuses_what_is_wrong(net, root):
    wrong = net.file("wrong.yaml", "name: wrong\nbridgs: {}\n")
    done = run(LANLOOM, "enable", "--root", root, wrong, check=False)
    assert done.returncode == 1 and "bridges" in done.stderr
    done = run(LANLOOM, "enable", "--root", root, "-", check=False, input="name: x\nbridges: {br0: {}}\n")
    assert done.returncode == 2 and "standard input" in done.stderr
    done = run(LANLOOM, "enable", "--root", root, check=False, env={**os.environ, "LANLOOM_ETC": str(root)})
    assert done.returncode == 1 and "there is no description" in done.stderr
    assert files_below(root) == []


def test_up_waits_for_a_card(host, net):
    text = "name: late\nbridges: {br0: {interfaces: [nic7]}}\nethernets: {nic7: {mtu: 1400}}\n"
    path = net.file("late.yaml", text)
    start = time.monotonic()
    assert host.loom("up", path, "--wait", 1, check=False).returncode == 1
    assert 1 <= time.monotonic() - start < 3
    client = host.start(LANLOOM, "up", path, "--wait", 20, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.5)
    assert client.poll() is None
    host.ip("link", "add", "nic7", "type", "veth", "peer", "name", "nic8")
    assert client.wait(5) == 0, client.stderr.read()
    assert host.link("nic7")["mtu"] == 1400 and host.link("nic7")["master"] == "br0"
    # what no waiting helps is told at once
    start = time.monotonic()
    host.ip("link", "add", "br1", "type", "bridge")
    assert host.loom("up", net.file("other.yaml", "name: o\nbridges: {br1: {}}\n"), "--wait", 20,
                     check=False).returncode == 1
    assert time.monotonic() - start < 3


@pytest.fixture
def wired(net, host):
    switch = net.host("switch")
    net.wire(host, "wire0", switch, "port0")
    switch.ip("link", "set", "port0", "down")
    return host, switch


def test_wait_for_the_carrier(wired, net):
    host, switch = wired
    assert host.loom("wait", "--timeout", 0).returncode == 0, "nothing is up"
    text = "name: lab\nbridges: {br0: {interfaces: [wire0, tap0]}, br1: {}}\ntaps: {tap0: {}}\n" \
           "ethernets: {wire0: {}}\n"
    host.loom("up", lab(net, text=text))
    done = host.loom("wait", "--timeout", 1, check=False)
    assert done.returncode == 1 and "wire0: no carrier" in done.stderr
    assert "br1" not in done.stderr and "tap0" not in done.stderr
    client = host.start(LANLOOM, "wait", "--timeout", 30, "--json", stdout=subprocess.PIPE)
    time.sleep(0.5)
    assert client.poll() is None
    switch.ip("link", "set", "port0", "up")
    assert client.wait(10) == 0 and '"online": true' in client.stdout.read()
    host.ip("link", "del", "tap0")
    done = host.loom("wait", "--timeout", 0, check=False)
    assert done.returncode == 1 and "tap0" in done.stderr and "not there" in done.stderr


def test_wait_for_addresses_and_tunnels(net):
    fabric = Fabric(net)
    fabric.up()
    alpha = fabric.hosts[0]
    alpha.loom("wait", "--timeout", 10)
    alpha.ip("addr", "add", "fd07::1/64", "dev", "wire0")
    assert "unique" in alpha.loom("wait", "--timeout", 0, check=False).stderr
    alpha.loom("wait", "--timeout", 10)
    for pid in alpha.pids():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not alpha.pids(), 5, "keeper and worker are gone")
    assert "lan0" in alpha.loom("wait", "--timeout", 0, check=False).stderr


class Manager:
    """Says to a keeper what systemd would, and hears what it is told."""

    def __init__(self, host, folder, address=None, usec=None):
        with host.entered():  # abstract names are a namespace's own
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = address or str(pathlib.Path(folder) / "notify")
        self.socket.bind(path.replace("@", "\0"))
        self.socket.settimeout(25)
        link = pathlib.Path(folder) / "lanloomd"
        link.symlink_to(LANLOOM)
        env = {**os.environ, "NOTIFY_SOCKET": path}
        if usec:
            env["WATCHDOG_USEC"] = str(usec)
        [state] = host.state_folders()
        self.process = host.start(link, state, env=env)

    def hear(self):
        return self.socket.recv(4096).decode()

    def close(self):
        self.socket.close()


@pytest.mark.parametrize("address", [None, "@lanloom-test-{pid}"])
def test_the_keeper_tells_its_manager(host, net, tmp_path, address):
    host.loom("up", net.file("keep.yaml", "name: k\nkeep: true\nbridges: {br0: {}}\n"))
    for pid in host.pids():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not host.pids(), 5, "the first keeper is gone")
    manager = Manager(host, tmp_path, address and address.format(pid=os.getpid()), usec=400000)
    assert manager.hear() == "READY=1"
    start = time.monotonic()
    for _ in range(6):
        assert manager.hear() == "WATCHDOG=1"
    assert 0.6 < time.monotonic() - start < 2
    manager.process.send_signal(signal.SIGSTOP)
    until(lambda: "T" in pathlib.Path(f"/proc/{manager.process.pid}/stat").read_text().split()[2], 5, "stopped")
    manager.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            manager.hear()
    time.sleep(0.5)
    with pytest.raises(BlockingIOError):
        manager.hear()
    manager.socket.settimeout(5)
    manager.process.send_signal(signal.SIGCONT)
    manager.process.terminate()
    said = [manager.hear()]
    while said[-1] != "STOPPING=1":
        said.append(manager.hear())
    assert manager.process.wait(5) == 0
    manager.close()


def test_a_keeper_started_again_for_a_guard_runs_its_tunnels(net, tmp_path):
    """Undoing is the first that it has to do, and not the last."""
    fabric = Fabric(net)
    fabric.up()
    alpha = fabric.hosts[0]
    alpha.loom("add", "bridge", "br7", "--confirm", 2)
    for pid in alpha.pids():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not alpha.pids(), 5, "keeper and worker are gone")
    time.sleep(2)
    manager = Manager(alpha, tmp_path)
    assert manager.hear() == "READY=1"
    until(lambda: not alpha.link("br7"), 10, "it is undone")
    until(lambda: fabric.guests[0].ping("10.77.0.12", check=False), 15, "the guests ping again")
    assert manager.process.poll() is None
    fabric.down()
    assert manager.hear() == "STOPPING=1" and manager.process.wait(5) == 0
    manager.close()


def test_a_keeper_started_again_runs_its_tunnels(net, tmp_path):
    fabric = Fabric(net)
    fabric.up()
    fabric.guests[0].ping("10.77.0.12", wait=3)
    alpha = fabric.hosts[0]
    for pid in alpha.pids():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not alpha.pids(), 5, "keeper and worker are gone")
    manager = Manager(alpha, tmp_path)
    assert manager.hear() == "READY=1"
    until(lambda: fabric.guests[0].ping("10.77.0.12", check=False), 15, "the guests ping again")
    assert alpha.loom_json("plan", fabric.path, "--host", "alpha")["steps"] == []
    # a second one for the same folder leaves at once, and content
    other = tmp_path / "other"
    other.mkdir()
    second = Manager(alpha, other)
    assert second.hear() == "READY=1" and second.process.wait(10) == 0
    fabric.down()
    assert manager.hear() == "STOPPING=1" and manager.process.wait(5) == 0
    manager.close()
    second.close()
