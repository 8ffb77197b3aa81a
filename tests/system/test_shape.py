# SPDX-License-Identifier: LGPL-2.1-or-later
"""`shape`: what leaves a device, and what comes in, is held to a rate.

    alpha: eth0 (10.0.0.1/24) == beta: eth0 (10.0.0.2/24)
"""
import json
import re
import socket
import threading
import time

import pytest


@pytest.fixture
def pair(net):
    alpha, beta = net.host("alpha"), net.host("beta")
    net.wire(alpha, "eth0", beta, "eth0")
    alpha.ip("addr", "add", "10.0.0.1/24", "dev", "eth0")
    beta.ip("addr", "add", "10.0.0.2/24", "dev", "eth0")
    return alpha, beta


def queues(host, device):
    found = {}
    for one in host.run("tc", "qdisc", "show", "dev", device).stdout.splitlines():
        words = one.split()
        found[words[1]] = re.sub(r" \w+: | refcnt \d+", " ", one)
    return found


def rate(sender, receiver, address, seconds=1.5):
    """Bits per second that a TCP connection gets."""
    with receiver.entered():
        ear = socket.create_server((address, 5001))
    with sender.entered():
        mouth = socket.socket()
    mouth.connect((address, 5001))
    end, _ = ear.accept()
    end.settimeout(5)
    total = 0

    def pour():
        try:
            while True:
                mouth.sendall(b"x" * 65536)
        except OSError:
            pass

    thread = threading.Thread(target=pour)
    thread.start()
    begin = time.monotonic()
    while time.monotonic() < begin + seconds:
        total += len(end.recv(1 << 20))
    spent = time.monotonic() - begin
    end.close()
    ear.close()
    mouth.close()
    thread.join()
    return total * 8 / spent


def test_rates_hold(net, pair):
    alpha, beta = pair
    path = net.file("lab.yaml", "name: lab\nethernets: {eth0: {shape: {egress: 40mbit, ingress: 8mbit}}}\n")
    alpha.loom("up", path)
    out, into = rate(alpha, beta, "10.0.0.2"), rate(beta, alpha, "10.0.0.1")
    print(f"out {out / 1e6:.1f} of 40 Mbit/s, in {into / 1e6:.1f} of 8 Mbit/s")
    assert 2e6 < out < 50e6  # a busy machine may well be slower
    assert 0.5e6 < into < 12e6
    assert alpha.loom_json("up", path)["result"] == "unchanged"
    alpha.loom("down", path)
    assert alpha.links() == {"lo", "eth0"}
    assert set(queues(alpha, "eth0")) == {"noqueue"}


def test_changed_taken_out_and_undone(net, host):
    text = "name: lab\ntaps: {tap0: {%s}}\n"
    path = net.file("lab.yaml", text % "")
    host.loom("up", path)
    bare = queues(host, "tap0")
    path.write_text(text % "shape: {egress: 10mbit}")
    host.loom("up", path)
    assert "rate 10Mbit" in queues(host, "tap0")["tbf"]
    path.write_text(text % "shape: {egress: 20mbit, ingress: 5gbit}")
    host.loom("up", path)
    assert "rate 20Mbit" in queues(host, "tap0")["tbf"] and "ingress" in queues(host, "tap0")
    assert "rate 5Gbit" in queues(host, "in-tap0")["tbf"]
    host.loom("undo")
    assert "rate 10Mbit" in queues(host, "tap0")["tbf"] and "in-tap0" not in host.links()
    path.write_text(text % "")
    host.loom("up", path)
    assert queues(host, "tap0") == bare


def test_what_others_had_comes_back(net, host):
    """Kind, number and options of a discipline that was there."""
    host.ip("tuntap", "add", "ftap0", "mode", "tap")
    host.run("tc", "qdisc", "add", "dev", "ftap0", "root", "handle", "5:", "pfifo", "limit", "77")
    before = host.run("tc", "qdisc", "show", "dev", "ftap0").stdout
    path = net.file("lab.yaml", "name: lab\ntaps: {ftap0: {existing: true, shape: {egress: 10mbit}}}\n")
    host.loom("up", path)
    path.write_text(path.read_text().replace("10mbit", "11mbit"))
    host.loom("up", path)
    assert "rate 11Mbit" in queues(host, "ftap0")["tbf"]
    host.loom("down", path)
    assert host.run("tc", "qdisc", "show", "dev", "ftap0").stdout == before


@pytest.mark.parametrize("others,keys,words", [
    ("root handle 1: htb", "egress: 10mbit", "classes of somebody's (htb)"),
    ("ingress", "ingress: 10mbit", "an ingress discipline of somebody's")])
def test_what_could_not_be_put_back_stays(net, host, others, keys, words):
    host.ip("tuntap", "add", "ftap0", "mode", "tap")
    host.ip("link", "set", "ftap0", "up")
    host.run("tc", "qdisc", "add", "dev", "ftap0", *others.split())
    before = host.run("tc", "qdisc").stdout
    path = net.file("lab.yaml", f"name: lab\ntaps: {{ftap0: {{existing: true, shape: {{{keys}}}}}}}\n")
    done = host.loom("up", path, check=False)
    assert done.returncode == 1 and words in done.stderr
    assert host.run("tc", "qdisc").stdout == before and host.links() == {"lo", "ftap0"}


def test_a_name_of_fifteen_bytes(net, host):
    path = net.file("lab.yaml", "name: lab\ntaps: {a-very-long-nam: {shape: {ingress: 1mbit}}}\n")
    host.loom("up", path)
    shaper, = host.links() - {"lo", "a-very-long-nam"}
    assert shaper.startswith("in-a-very")
    host.loom("down", path)
    assert host.links() == {"lo"}


def test_a_rate_that_is_none(net, host):
    path = net.file("lab.yaml", "name: lab\ntaps: {tap0: {shape: {egress: 10mb}}}\n")
    done = host.loom("check", path, check=False)
    assert done.returncode == 1 and "lab.yaml:2:" in done.stderr and "as 100mbit" in done.stderr


def test_by_hand_again(net, host):
    """What a shape became stands there when something else is said by hand."""
    host.loom("add", "tap", "tap0", "shape.egress=10mbit", "shape.ingress=20mbit")
    host.loom("add", "tap", "tap1")
    host.loom("set", "tap0", "mtu=1400")
    host.loom("set", "tap0", "shape.egress=30mbit")
    told = [json.loads(host.run("tc", "-j", "qdisc", "show", "dev", name).stdout)[0]["options"]["rate"] * 8
            for name in ("tap0", "in-tap0")]
    assert told == [30_000_000, 20_000_000]
    host.loom("del", "tap0")
    assert host.links() == {"lo", "tap1"}
