# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kernel refuses a step: the old state stands, and the message names object, cause and line.

    alpha: one host with something foreign in the way
"""
import socket

import pytest
from lib import snapshot
from lib.fabric import Fabric
from lib.net import until
from lib.still import take_still


def refused(host, path, *words, line=None):
    """`up` fails, says `words`, points at the line and leaves the system as it was."""
    before = take_still(host)
    done = host.loom("up", path, check=False)
    assert done.returncode == 1, f"exit {done.returncode}\n{done.stdout}{done.stderr}"
    for word in words:
        assert word in done.stderr, f"no {word!r} in: {done.stderr}"
    if line is not None:
        assert f"{path}:{line}:" in done.stderr or f"{path.name}:{line}:" in done.stderr, done.stderr
    snapshot.assert_same(before, take_still(host))
    return done.stderr


def test_a_name_in_use(net, host):
    host.ip("link", "add", "br1", "type", "bridge")
    path = net.file("lab.yaml", "name: lab\nbridges:\n  br0: {addresses: [10.0.0.1/24]}\ntaps:\n"
                                "  tap0: {}\n  br1: {}\n")
    refused(host, path, "br1", line=6)


def test_the_1024th_port(net, host):
    """A bridge takes 1023 ports; the description asks for one more, after others that succeed."""
    host.ip("link", "add", "fbr0", "type", "bridge")
    script = "\n".join(f"link add p{i} type veth peer name q{i}\nlink set p{i} master fbr0"
                       for i in range(1023))
    host.run("ip", "-batch", "-", input=script + "\n")
    path = net.file("lab.yaml", "name: lab\nbridges:\n  br0: {}\n  fbr0:\n    existing: true\n"
                                "    interfaces: [tap0]\ntaps:\n  tap0: {}\n")
    done = host.loom("up", path, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "tap0" in done.stderr and "fbr0" in done.stderr and "it is full" in done.stderr
    assert f"{path.name}:6:" in done.stderr
    assert not host.links() & {"br0", "tap0"}


@pytest.mark.parametrize("mtu", [67, 70000])
def test_an_mtu_out_of_range(net, host, mtu):
    path = net.file("lab.yaml", f"name: lab\ntaps:\n  tap0: {{}}\nbridges:\n  br0:\n    mtu: {mtu}\n")
    refused(host, path, "br0", "mtu", line=6)


def test_an_mtu_that_only_the_kernel_knows_is_wrong(net, host):
    """A veth takes 68 to 65535; a TAP less than that: the table cannot know each driver's limit."""
    path = net.file("lab.yaml", "name: lab\nbridges:\n  br0: {}\ntaps:\n  tap0:\n    mtu: 65535\n")
    refused(host, path, "tap0", "mtu", line=6)


def test_a_gateway_that_cannot_be_reached(net, host):
    path = net.file("lab.yaml", "name: lab\nbridges:\n  br0:\n    addresses: [10.0.0.1/24]\n"
                                "    routes:\n      - {to: 10.5.0.0/16, via: 192.168.7.7}\n")
    refused(host, path, "10.5.0.0/16", line=6)


def test_a_port_that_does_not_exist(net, host):
    path = net.file("lab.yaml", "name: lab\nbridges:\n  br0:\n    interfaces: [enp99s0]\n")
    refused(host, path, "enp99s0", line=4)


def test_an_address_family_switched_off(net, host):
    """IPv6 is off on the new device's kind: the kernel refuses the last of several steps."""
    host.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    path = net.file("lab.yaml", "name: lab\nbridges:\n  br0:\n    addresses:\n"
                                "      - 10.0.0.1/24\n      - fd00::1/64\n")
    refused(host, path, "fd00::1/64", line=6)


def test_a_changed_description_rolls_back_to_the_old_one(net, host):
    text = ("name: lab\nbridges:\n  br0:\n    addresses: [10.0.0.1/24]\n    parameters: {{ageing-time: "
            "{ageing}}}\ntaps:\n  tap0:\n    mtu: {mtu}\n{more}")
    path = net.file("lab.yaml", text.format(ageing=100, mtu=1400, more=""))
    host.loom("up", path)
    path.write_text(text.format(ageing=200, mtu=65535, more="  tap1: {}\n"))
    refused(host, path, "tap0", "mtu", line=8)
    path.write_text(text.format(ageing=100, mtu=1400, more=""))
    assert "nothing to do" in host.loom("up", path).stdout


def test_a_listening_port_in_use(net):
    """The tunnel's UDP port is taken: a refused step like any other."""
    fabric = Fabric(net)
    alpha = fabric.hosts[0]
    before = snapshot.take(alpha)
    with alpha.entered():
        taken = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        taken.bind(("::", 51821))
    done = alpha.loom("up", fabric.path, "--host", "alpha", check=False)
    taken.close()
    assert done.returncode == 1 and "lan0" in done.stderr and "51821" in done.stderr, done.stderr
    until(lambda: not alpha.pids(), 5, "no process is left")
    snapshot.assert_same(before, snapshot.take(alpha))
