# SPDX-License-Identifier: LGPL-2.1-or-later
"""The keeper under what it must not believe, and where its neighbours die at a bad moment.

    guest-alpha      alpha                            beta      guest-beta
    eth0 ------ port0 [br0] lan0 ~~ wire0 -- wire0 ~~ lan0 [br0] port0 ------ eth0
"""
import contextlib
import json
import os
import pathlib
import signal
import socket
import time

import pytest
from lib import keeper
from lib.fabric import Fabric
from lib.net import LANLOOM, NETNS, run, until

TUNNEL = "name: {name}\ntunnels:\n  {device}: {{mode: lan, key: {key}, port: {port}, peers: [{peers}]}}\n"


@pytest.fixture
def fabric(net):
    made = Fabric(net)
    made.up()
    made.guests[0].ping("10.77.0.12", wait=3)
    return made


def new_key(net, name):
    path = net.folder / name
    run(LANLOOM, "key", "new", path)
    return path, run(LANLOOM, "key", "public", path).stdout.split()[-1]


def called(pid, start):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().startswith(start)
    except FileNotFoundError:
        return False


def keeper_pid(host):
    return next(pid for pid in host.pids() if called(pid, b"lanloomd\0"))


def workers(host):
    return [pid for pid in host.pids() if called(pid, b"lanloomd: tunnel ")]


def peer_of(host, name):
    tunnel = host.loom_json("tunnel")["tunnels"][0]
    return next((peer for peer in tunnel["peers"] if peer["name"] == name), None)


@pytest.fixture
def lone(net, host):
    """A host with one tunnel and nobody at the other end."""
    host.key, host.public = new_key(net, "host.key")
    _, host.other = new_key(net, "other.key")
    host.file = net.file("lone.yaml", TUNNEL.format(
        name="lone", device="lan0", key=host.key, port=51821,
        peers=f"{{name: b, keys: {{public: \"{host.other}\"}}, endpoint: \"127.0.0.1:9\"}}"))
    host.loom("up", host.file)
    return host


HOSTILE = [
    keeper.head(keeper.LIST, magic=1), keeper.head(keeper.LIST, protocol=2), keeper.head(99),
    keeper.head(keeper.LIST, zero=1), keeper.head(keeper.LIST, more=7), keeper.head(keeper.LIST, code=5),
    keeper.head(keeper.LIST, code=-5000), b"x", b"\0" * 11, b"\xff" * 65000,
    keeper.head(keeper.APPLY) + b"step\nafter \0\n",
]
HOSTILE_STEPS = [
    "step\n", "nonsense\n", "step\nafter tunnel / name=lan0\n",
    "step\nafter bridge / name=br9\n", "step\nafter tunnel ../../x/ name=lan9 key=/k\n",
    "step\nafter tunnel / name=lan9 key=/etc/passwd\n",
    "step\nbefore tunnel / name=lan0 key=/k\nafter tunnel / name=lan0 key=/etc/passwd\nfields key\n",
    "step\nafter peer / tunnel=lan0 name=b keys.public={key}\n",
    "step\nafter peer / tunnel=lan9 name=b keys.public={key}\n",
    "step\nafter peer / tunnel=lan0 name=x keys.public={key} endpoint=example.org:1\n",
    "step\nafter peer / tunnel=lan0 name=x keys.public={key} endpoint=1.2.3.4:1\nresolved nonsense\n",
    "step\nafter peer / tunnel=lan0 name=x keys.public={key} endpoint=1.2.3.4:1\nresolved [::1%x]:1\n",
    "step\nafter peer / tunnel=lan0 name=b2 keys.public={key}\n",
    "step\nafter tunnel / name=lan0 key=/k\n" * 3000,
]


def test_hostile_messages_change_nothing(lone):
    folder = keeper.folder_of(lone)
    before = keeper.ask(folder, keeper.LIST)
    pids = lone.pids()
    for message in HOSTILE:
        with keeper.connect(folder) as sock:
            with contextlib.suppress(BrokenPipeError):
                sock.send(message)
            with contextlib.suppress(ConnectionResetError):
                assert sock.recv(100) == b"", message[:40]
    for text in HOSTILE_STEPS:
        code, answer = keeper.ask(folder, keeper.APPLY, text.format(key=lone.other.replace("=", "%3d")))
        assert code < 0 and answer.startswith("message "), text[:100]
        assert "root:" not in answer
    assert keeper.ask(folder, keeper.LIST) == before
    assert lone.pids() == pids
    lone.loom("plan", lone.file)


def test_descriptors_that_are_no_sockets_are_refused(lone):
    folder = keeper.folder_of(lone)
    pid = keeper_pid(lone)
    count = len(os.listdir(f"/proc/{pid}/fd"))
    step = f"step\nafter tunnel / name=lan9 key={lone.key}\nsockets 1\n"
    tcp, unbound = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with open("/dev/null") as null, tcp, unbound:
        for fd in (null.fileno(), tcp.fileno(), unbound.fileno()):
            code, _ = keeper.ask(folder, keeper.APPLY, step, [fd])
            assert code < 0
        for text, fds in ((step, []), (step, [null.fileno()] * 2), ("", [null.fileno()] * 64)):
            code, _ = keeper.ask(folder, keeper.APPLY, text, fds)
            assert code < 0
        with keeper.connect(folder) as sock:  # more than the protocol has room for
            with contextlib.suppress(OSError):
                keeper.send(sock, keeper.APPLY, step, [null.fileno()] * 100)
            with contextlib.suppress(ConnectionResetError):
                assert sock.recv(100) == b""
    until(lambda: len(os.listdir(f"/proc/{pid}/fd")) == count, 3, "nothing is left open")


def test_half_a_request_is_none(lone):
    folder = keeper.folder_of(lone)
    before = keeper.ask(folder, keeper.LIST)
    step = f"step\nbefore peer / tunnel=lan0 name=b keys.public={lone.other.replace('=', '%3d')}\n"
    with keeper.connect(folder) as sock:
        sock.send(keeper.head(keeper.APPLY, more=1) + step.encode())
    assert keeper.ask(folder, keeper.LIST) == before
    # and one whose end never comes holds nobody up
    with keeper.connect(folder) as sock:
        sock.send(keeper.head(keeper.APPLY, more=1) + step.encode())
        start = time.monotonic()
        assert keeper.ask(folder, keeper.LIST) == before
        assert time.monotonic() - start < 1


def test_silent_connections_are_bounded(lone):
    folder = keeper.folder_of(lone)
    with contextlib.ExitStack() as open_ones:
        for _ in range(40):
            open_ones.enter_context(keeper.connect(folder))
        time.sleep(0.2)
    until(lambda: keeper.ask(folder, keeper.PING)[0] == 0, 3, "the keeper answers")
    code, text = keeper.ask(folder, keeper.PING)
    assert code == 0 and "protocol 1\n" in text


def test_only_root_may_ask(lone):
    folder = keeper.folder_of(lone)
    assert (folder / "control").stat().st_mode & 0o777 == 0o700 & (folder / "control").stat().st_mode
    # even where the folder lets one through, the peer's credentials decide
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(Exception):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            fd = os.open(folder, os.O_PATH)
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            try:
                sock.connect(f"/proc/self/fd/{fd}/control")
                sock.send(keeper.head(keeper.LIST))
                code = 2 if sock.recv(100) else 0
            except OSError:
                code = 0
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_workers_come_back_within_a_second(fabric):
    """Again and again, with the same TAP; the far side's session goes on with the new one."""
    alpha = fabric.hosts[0]
    link = alpha.link("lan0")
    for _ in range(3):
        old = workers(alpha)
        start = time.monotonic()
        os.kill(old[0], signal.SIGKILL)
        until(lambda: set(workers(alpha)) - set(old), 1, "a new worker")
        until(lambda: fabric.guests[0].ping("10.77.0.12", check=False), 5, "the guests ping again")
        assert time.monotonic() - start < 3
    now = alpha.link("lan0")
    for key in ("ifindex", "address", "master"):
        assert now[key] == link[key]
    assert len(alpha.pids()) == 2, "no zombies"


def test_a_stuck_worker_is_replaced(lone):
    worker = workers(lone)[0]
    os.kill(worker, signal.SIGSTOP)
    lone.loom("tunnel", timeout=30)  # the keeper asks it, in vain
    until(lambda: workers(lone) and worker not in workers(lone), 8, "another worker")


def test_peers_change_without_disturbing_others(net, fabric):
    """A host joins the file, changes its address, and leaves it."""
    alpha = fabric.hosts[0]
    path, public = new_key(net, "gamma.key")
    worker = workers(alpha)
    age = peer_of(alpha, "beta")["handshake-age"]
    text = fabric.path.read_text()
    gamma = ("  gamma:\n    endpoint: 10.99.0.{}\n    keys: {{public: \"{}\"}}\n"
             "    tunnels: {{lan0: {{key: {}}}}}\n")
    for number in (7, 8):
        fabric.path.write_text(text + gamma.format(number, public, path))
        alpha.loom("up", fabric.path, "--host", "alpha")
        assert peer_of(alpha, "gamma")["endpoint"] == f"10.99.0.{number}:51821"
        assert workers(alpha) == worker and peer_of(alpha, "beta")["handshake-age"] >= age
    fabric.path.write_text(text)
    alpha.loom("up", fabric.path, "--host", "alpha")
    assert not peer_of(alpha, "gamma") and workers(alpha) == worker
    assert peer_of(alpha, "beta")["connected"] and peer_of(alpha, "beta")["handshake-age"] >= age
    fabric.guests[0].ping("10.77.0.12")


def test_a_port_changes_in_place(net, lone):
    """The old port is free at once, the worker the same; a port in use leaves the old one."""
    worker = workers(lone)
    text = lone.file.read_text()
    lone.file.write_text(text.replace("51821", "51822"))
    with lone.entered():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        sock.bind(("0.0.0.0", 51822))
        assert lone.loom("up", lone.file, check=False).returncode == 1
    assert lone.loom_json("tunnel")["tunnels"][0]["port"] == 51821
    lone.loom("up", lone.file)
    assert lone.loom_json("tunnel")["tunnels"][0]["port"] == 51822 and workers(lone) == worker
    with lone.entered():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        sock.bind(("0.0.0.0", 51821))


def test_a_port_in_use_is_a_refused_step(net, host):
    key, _ = new_key(net, "a.key")
    path = net.file("taken.yaml", "name: taken\nbridges:\n  br0: {interfaces: [lan0]}\n"
                    + TUNNEL.format(name="x", device="lan0", key=key, port=5555, peers="").split("\n", 1)[1])
    with host.entered():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        sock.bind(("0.0.0.0", 5555))
        done = host.loom("up", path, check=False)
    assert done.returncode == 1
    assert "taken.yaml:5:" in done.stderr and "5555" in done.stderr and "in use" in done.stderr
    assert host.links() == {"lo"} and host.pids() == []
    host.loom("up", path)


def test_a_wrong_key_file_is_a_refused_step(net, lone):
    """The key is read when the tunnel is made; what had been made before is taken back."""
    path = net.file("wrong.yaml", TUNNEL.format(name="wrong", device="lan5", port=6000, peers="",
                                                key=net.folder / "absent.key"))
    done = lone.loom("up", path, check=False)
    assert done.returncode == 1 and "absent.key" in done.stderr
    assert "lan5" not in lone.links() and len(workers(lone)) == 1


def test_a_killed_keeper_leaves_nothing_after_down(lone):
    folder = keeper.folder_of(lone)
    os.kill(keeper_pid(lone), signal.SIGKILL)
    until(lambda: not lone.pids(), 3, "the worker ends with its keeper")
    assert lone.loom("plan", lone.file, check=False).returncode == 3
    lone.loom("down", lone.file)
    assert lone.links() == {"lo"}
    assert {path.name for path in folder.glob("*")} <= {"history", "fixed", "name"}


def test_sigterm_ends_the_workers_too(lone):
    folder = keeper.folder_of(lone)
    os.kill(keeper_pid(lone), signal.SIGTERM)
    until(lambda: not lone.pids(), 3, "all end")
    assert not (folder / "control").exists()
    lone.loom("up", lone.file)
    assert len(workers(lone)) == 1


def test_down_waits_for_the_end(lone):
    lone.loom("down", lone.file)
    assert lone.pids() == []


def test_two_keepers_never(lone):
    folder = keeper.folder_of(lone)
    others = [lone.start("bash", "-c", f"exec -a lanloomd {LANLOOM} {folder}") for _ in range(3)]
    for other in others:
        assert other.wait(10) == 0, "the second keeper leaves"
    assert keeper.ask(folder, keeper.PING)[0] == 0
    assert len(lone.pids()) == 2


def test_the_namespace_of_a_tunnel_may_go(net, host):
    key, _ = new_key(net, "a.key")
    space = net.space("inner")
    path = net.file("inner.yaml", f"name: inner\nnamespaces:\n  {space}:\n    tunnels:\n      lan0: "
                                  f"{{mode: lan, key: {key}, port: 51821, peers: []}}\n")
    host.loom("up", path)
    assert len(workers(host)) == 1
    assert host.loom_json("tunnel")["tunnels"][0]["namespace"] == space
    host.loom("up", path)
    run("ip", "netns", "del", space)
    until(lambda: host.pids() == [], 5, "tunnel and keeper end")
    assert host.loom("plan", path, check=False).returncode == 3
    host.loom("up", path)
    assert len(workers(host)) == 1
    host.loom("down", path)
    assert host.pids() == [] and not (NETNS / space).exists()


def test_state_goes_with_the_namespace(lone):
    folder = keeper.folder_of(lone)
    pids = lone.pids()
    run("ip", "netns", "del", lone.space)
    until(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids), 5, "all end")
    assert not folder.exists()


def test_a_second_name_is_enough(net, lone):
    pid = keeper_pid(lone)
    other = net.space("again")
    run("ip", "netns", "attach", other, pid)
    time.sleep(0.5)
    run("ip", "netns", "del", lone.space)
    time.sleep(0.5)
    assert pathlib.Path(f"/proc/{pid}").exists()
    run("ip", "netns", "del", other)
    until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), 5, "the keeper ends with the last name")


def test_what_is_mended_in_vain_is_left_alone(net, host):
    host.loom("up", net.file("lab.yaml", "name: lab\nkeep: true\nbridges: {br0: {mtu: 1400}}\n"))
    log = keeper.folder_of(host) / "log"
    for _ in range(5):
        host.ip("link", "set", "br0", "mtu", "1300")
        until(lambda: host.link("br0")["mtu"] == 1400, 5, "the MTU is mended")
    until(lambda: "left alone" in log.read_text(), 3, "the log names it")
    assert "bridge br0, mtu" in log.read_text()
    host.ip("link", "set", "br0", "mtu", "1300")
    host.ip("link", "set", "br0", "down")
    until(lambda: "UP" in host.link("br0")["flags"], 5, "another field is still mended")
    assert host.link("br0")["mtu"] == 1300
    host.loom("up", net.folder / "lab.yaml")
    assert host.link("br0")["mtu"] == 1400


def test_a_removed_namespace_is_made_again(net, host):
    """With keep: the whole of it comes back, the tunnel inside too."""
    key, _ = new_key(net, "a.key")
    space = net.space("inner")
    path = net.file("inner.yaml", f"name: inner\nkeep: true\nnamespaces:\n  {space}:\n    bridges: {{br0: "
                                  f"{{interfaces: [lan0]}}}}\n    tunnels:\n      lan0: "
                                  f"{{mode: lan, key: {key}, port: 51821, peers: []}}\n")
    host.loom("up", path)
    run("ip", "netns", "del", space)
    until(lambda: (NETNS / space).exists() and workers(host), 8, "namespace and tunnel are there again")
    until(lambda: host.loom("plan", path, check=False).returncode == 0, 8, "all of it")
    host.loom("down", path)
    assert host.pids() == [] and not (NETNS / space).exists()


def test_status_is_the_contracts(fabric):
    peer = peer_of(fabric.hosts[0], "beta")
    assert peer["connected"] is True and 0 <= peer["handshake-age"] < 60
    assert peer["rx-bytes"] > 0 and peer["tx-bytes"] > 0 and 1280 <= peer["path-mtu"] <= 1500
    assert isinstance(peer["drops"], dict)
    code, text = keeper.ask(keeper.folder_of(fabric.hosts[0]), keeper.STATUS)
    assert code == 0 and json.loads(text)["tunnels"][0]["name"] == "lan0"
