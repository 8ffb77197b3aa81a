# SPDX-License-Identifier: LGPL-2.1-or-later
"""A tunnel with several lanes: threads, queues of its device, and ports of its own for each.

    guest-alpha      alpha                            beta      guest-beta
    eth0 ------ port0 [br0] lan0 ~~ wire0 -- wire0 ~~ lan0 [br0] port0 ------ eth0
                                     51821, and any other port for lane 1
"""
import concurrent.futures
import hashlib
import os
import re
import signal
import socket

import pytest
from lib.bulk import MIB, push, text_of
from lib.fabric import Fabric, connected
from lib.net import until
from test_confined import another_worker, check_powerless, statuses, worker_of

STREAMS = 12


@pytest.fixture
def fabric(net):
    made = Fabric(net, tunnel=", lanes: 2")
    made.up()
    made.joined()
    return made


def tunnel_of(host):
    return host.loom_json("tunnel", "lan0")["tunnels"][0]


def lanes_open(fabric, count):
    for host in fabric.hosts:
        until(lambda host=host: [peer["lanes"] for peer in tunnel_of(host)["peers"]] == [count], 15,
              f"{host.name} uses {count} lanes")


def count_ports(host):
    """Counters of what leaves from the listening port, and from others."""
    host.run("nft", "add table inet seen; add chain inet seen out { type filter hook output priority 0; };"
             "add rule inet seen out udp sport 51821 counter; add rule inet seen out udp sport != 51821 counter")


def bytes_of_ports(host):
    listing = host.run("nft", "list", "table", "inet", "seen").stdout
    return [int(found) for found in re.findall(r"bytes (\d+)", listing)]


def carry(fabric, size=MIB):
    """Streams both ways at once, each with a text of its own, compared by hash."""
    def take(server):
        taken, _ = server.accept()
        with taken:
            taken.settimeout(60)
            number = int.from_bytes(taken.recv(1), "big")
            digest = hashlib.sha256()
            while block := taken.recv(MIB):
                digest.update(block)
        return number, digest.hexdigest()

    for one, other, address in [(0, 1, "10.77.0.12"), (1, 0, "10.77.0.11")]:
        with fabric.guests[other].entered():
            server = socket.create_server((address, 7000), backlog=STREAMS)
        server.settimeout(60)
        with server, concurrent.futures.ThreadPoolExecutor(2 * STREAMS) as pool:
            taken = [pool.submit(take, server) for _ in range(STREAMS)]
            texts = [bytes([number]) + text_of(number, size) for number in range(STREAMS)]
            for text in [pool.submit(push, fabric.guests[one], address, text, [65536, 1000]) for text in texts]:
                text.result(60)
            hashes = dict(one.result(60) for one in taken)
        assert hashes == {text[0]: hashlib.sha256(text[1:]).hexdigest() for text in texts}


def test_both_lanes_carry(fabric):
    lanes_open(fabric, 2)
    assert [tunnel_of(host)["lanes"] for host in fabric.hosts] == [2, 2]
    for host in fabric.hosts:
        count_ports(host)
    carry(fabric)
    for host in fabric.hosts:
        first, second = bytes_of_ports(host)
        assert min(first, second) > MIB, "a queue each"
    for host in fabric.hosts:
        status = tunnel_of(host)
        assert sum(status["drops"].get(name, 0) for name in ("replay", "data-bad", "tap-error", "wire-error")) == 0


def test_every_thread_is_powerless(fabric):
    for host in fabric.hosts:
        pid = worker_of(host)
        assert len(list(statuses(pid))) == 2
        check_powerless(pid)
        links = sorted(re.sub(r":\[\d+\]|\d+", "", os.readlink(f"/proc/{pid}/fd/{fd}"))
                       for fd in os.listdir(f"/proc/{pid}/fd"))
        assert links == (["/dev/net/tun"] * 2 + ["/dev/null"] * 2 + ["/proc//task//schedstat"] +
                         ["anon_inode:[eventpoll]"] * 2 + ["pipe"] + ["socket"] * 5)


def test_a_worker_killed_comes_back_with_its_lanes(fabric):
    lanes_open(fabric, 2)
    alpha = fabric.hosts[0]
    old = worker_of(alpha)
    os.kill(old, signal.SIGKILL)
    new = another_worker(alpha, old)
    until(lambda: connected(alpha), 15, "the new one works")
    assert len(list(statuses(new))) == 2
    check_powerless(new)
    lanes_open(fabric, 2)
    carry(fabric, 100000)


def test_a_firewall_that_knows_one_port(fabric):
    """What the other lane would carry goes over the first."""
    for host in fabric.hosts:
        host.run("nft", "add table inet wall; add chain inet wall in { type filter hook input priority 0; };"
                 "add rule inet wall in udp dport != 51821 drop")
    lanes_open(fabric, 1)
    carry(fabric, 100000)
    fabric.hosts[0].run("nft", "delete", "table", "inet", "wall")
    fabric.hosts[1].run("nft", "delete", "table", "inet", "wall")


def test_one_lane_against_two(net):
    fabric = Fabric(net)
    fabric.path.write_text(fabric.path.read_text().replace(
        "beta.key}}", "beta.key, lanes: 2}}"))
    fabric.up()
    fabric.joined()
    assert [tunnel_of(host)["lanes"] for host in fabric.hosts] == [1, 2]
    lanes_open(fabric, 1)
    carry(fabric, 100000)


def test_lanes_come_and_go(net):
    """Queues are fixed when a device is made, so the second lane wants another device; the third does not."""
    fabric = Fabric(net)
    fabric.up()
    fabric.joined()
    alpha = fabric.hosts[0]
    text = fabric.path.read_text()

    def up(count):
        fabric.path.write_text(text.replace("peers: all", f"lanes: {count}, peers: all"))
        plan = alpha.loom("plan", fabric.path, "--host", "alpha", check=False).stdout
        alpha.loom("up", fabric.path, "--host", "alpha")
        assert "nothing to do" in alpha.loom("up", fabric.path, "--host", "alpha").stdout
        until(lambda: tunnel_of(alpha).get("lanes") == count and connected(alpha), 15, "it is joined again")
        return plan

    assert "± tap lan0" in up(2) and "tap" not in up(3) and "± tap lan0" in up(1) and "± tap lan0" in up(2)
    carry(fabric, 100000)
    fabric.down()
    assert not alpha.link("lan0")


def test_one_queue_is_not_enough(fabric):
    text = fabric.path.read_text().replace("lanes: 2", "lanes: 2, multi-queue: false")
    fabric.path.write_text(text)
    done = fabric.hosts[0].loom("check", fabric.path, check=False)
    assert done.returncode == 1 and "multi-queue is false" in done.stderr
