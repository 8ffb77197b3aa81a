# SPDX-License-Identifier: LGPL-2.1-or-later
"""The device node of a macvtap: its owner opens it, nobody else, and gets the device of this namespace.

    alpha: mt0 (of `nobody`) on eth1 == eth1 beta        other: a macvtap with the number of mt0
"""
import json
import os
import pathlib
import stat

import pytest
from lib.frames import Ear
from lib.net import run

SEND = """
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
os.write(fd, bytes(10) + bytes.fromhex(sys.argv[2]))  # behind an empty virtio_net_hdr
"""
FRAME = "ff" * 6 + "020000000001" + "88b5" + "00000007" + "00" * 42


def send_as(user, node):
    return run("setpriv", "--reuid", user, "--regid", user if user != "nobody" else "nogroup", "--clear-groups",
               "/usr/bin/python3", "-c", SEND, node, FRAME, check=False)


@pytest.fixture
def lab(net):
    alpha, beta = net.host("alpha"), net.host("beta")
    net.wire(alpha, "eth1", beta, "eth1")
    path = net.file("taps.yaml", json.dumps({"name": "taps", "macvtaps": {
        "mt0": {"link": "eth1", "mode": "bridge", "owner": "nobody", "macaddress": "02:00:00:00:00:01"}}}))
    alpha.loom("up", path)
    shown = alpha.loom_json("show", "mt0")
    node = [device["node"] for space in shown["namespaces"] for device in space["devices"] if device["name"] == "mt0"]
    return alpha, beta, path, pathlib.Path(node[0])


@pytest.mark.needs("macvtap")
def test_the_owner_uses_it(net, lab):
    alpha, beta, path, node = lab
    other = net.host("other")
    other.ip("link", "add", "v0", "index", 901, "type", "veth", "peer", "name", "v1")
    other.ip("link", "add", "link", "v0", "name", "mt1", "index", alpha.link("mt0")["ifindex"], "type", "macvtap")
    ear = Ear(beta, "eth1")
    try:
        assert send_as("daemon", node).returncode != 0
        done = send_as("nobody", node)
        assert done.returncode == 0, done.stderr
        assert ear.heard() == {7}
    finally:
        ear.close()
    alpha.loom("down", path)
    assert not node.parent.exists()


@pytest.mark.needs("macvtap")
def test_it_goes_to_another(net, lab):
    """Another owner is a change of the node only: the device stays, and who has it open keeps it."""
    alpha, _, path, node = lab
    number = alpha.link("mt0")["ifindex"]
    path.write_text(path.read_text().replace("nobody", "daemon"))
    alpha.loom("up", path)
    assert alpha.link("mt0")["ifindex"] == number
    assert send_as("nobody", node).returncode != 0 and send_as("daemon", node).returncode == 0
    os.chown(node, 0, 0)  # somebody else does
    assert alpha.loom("plan", path, check=False).returncode == 3
    alpha.loom("up", path)
    assert send_as("daemon", node).returncode == 0


@pytest.mark.needs("macvtap")
def test_a_node_that_is_lost_comes_again(lab):
    alpha, _, path, node = lab
    node.unlink()
    assert alpha.loom("plan", path, check=False).returncode == 3
    alpha.loom("up", path)
    assert stat.S_ISCHR(node.stat().st_mode) and send_as("nobody", node).returncode == 0
