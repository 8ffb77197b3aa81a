# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks whose MTU is below what IPv6 needs.

    alpha:  lab 192.168.57.1/24   eth0 (somebody's)
"""
import pytest
from lib import snapshot


@pytest.mark.parametrize("mode", ["nat", "routed", "isolated"])
def test_a_network_too_small_for_ipv6(net, host, mode):
    """Its bridge has no variables of IPv6 below 1280 bytes, so none is asked for; an IPv6 address is refused."""
    host.ip("link", "add", "eth0", "type", "veth", "peer", "eth1")
    host.ip("addr", "add", "203.0.113.2/24", "dev", "eth0")
    host.ip("link", "set", "eth0", "up")
    before = snapshot.take(host)
    uplink = "" if mode == "isolated" else "uplink: eth0, "
    path = net.file("lab.yaml", f"name: lab\nnetworks:\n  lab: {{mode: {mode}, {uplink}mtu: 1200, addresses: [192.168.57.1/24]}}\n")
    host.loom("up", path)
    assert "192.168.57.1/24" in host.ip("addr", "show", "dev", "lab") and host.link("lab")["mtu"] == 1200
    assert "nothing to do" in host.loom("up", path).stdout
    host.loom("down", path)
    snapshot.assert_same(before, snapshot.take(host))
    done = host.loom("check", net.file("six.yaml", path.read_text().replace("[192", '["fd57::1/64", 192')), check=False)
    assert done.returncode == 1 and "no IPv6" in done.stderr
