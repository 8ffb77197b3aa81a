# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that call brctl, with ours first in PATH: Debian's ifupdown and its bridge script, and mininet.

Each runs in namespaces of its own (network, mounts, processes), with /tmp, /run and /etc/network of its own:
mininet removes files from /tmp and ends processes by name.
"""
import json
import os
import shutil
import signal
import subprocess

import pytest

STAGE = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
cp {ours}/* /mnt/
# mininet does not start without a controller, which Linux bridges never speak to
printf '#!/bin/sh\nexec sleep 300\n' >/mnt/controller
chmod 755 /mnt/controller
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/network
mount -t tmpfs tmpfs /tmp
PATH=/mnt:$PATH
export PATH
ip link set lo up
cd /
"""

INTERFACES = """
auto br0
iface br0 inet static
    address 10.0.1.1
    netmask 255.255.255.0
    bridge_ports p0 p1
    bridge_stp on
    bridge_fd 2
    bridge_hello 1
    bridge_maxage 12
    bridge_ageing 100
    bridge_bridgeprio 100
    bridge_pathcost p0 77
    bridge_portprio p0 5
    bridge_maxwait 0

iface br1 inet manual
    bridge_ports none
    bridge_fd 0
"""


def staged(folders, script, seconds, **environment):
    """The script on the stage; everything in its namespaces ends with it."""
    process = subprocess.Popen(
        ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c",
         STAGE.format(ours=folders[0]) + script],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, start_new_session=True,
        env={**os.environ, **environment})
    try:
        out, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, _ = process.communicate()
        pytest.fail(f"not done within {seconds} s:\n{out}")
    return process.returncode, out


IFUPDOWN = f"""
for name in 0 1; do ip link add p$name type veth peer name q$name; ip link set q$name up; done
cat >/run/interfaces <<'END'{INTERFACES}END
ifup -i /run/interfaces br0 br1
echo; echo =state; ip -j -d link; brctl show
ip -4 -o addr show dev br0
ifdown -i /run/interfaces br1 br0
echo; echo =after; ip -j link
"""


@pytest.mark.limit(120)
@pytest.mark.parametrize("ledger", ["0", "1"])
def test_ifupdown(folders, ledger):
    assert shutil.which("ifup", path="/usr/sbin:/sbin"), "there is no ifupdown; ./dev deps"
    status, out = staged(folders, IFUPDOWN, 100, LANLOOM_LEDGER=ledger)
    assert status == 0, out
    state, after = out.split("=state\n")[1].split("=after\n")
    links = {link["ifname"]: link for link in json.loads(state.splitlines()[0])}
    bridge = links["br0"]["linkinfo"]["info_data"]
    assert {key: bridge[key] for key in ("stp_state", "forward_delay", "hello_time", "max_age", "ageing_time",
                                         "priority")} == {
        "stp_state": 1, "forward_delay": 200, "hello_time": 100, "max_age": 1200, "ageing_time": 10000,
        "priority": 100}
    assert [links[port]["master"] for port in ("p0", "p1")] == ["br0", "br0"]
    port = links["p0"]["linkinfo"]["info_slave_data"]
    assert (port["cost"], port["priority"]) == (77, 5)
    assert links["br1"]["linkinfo"]["info_data"]["forward_delay"] == 0
    assert "10.0.1.1/24" in state
    left = {link["ifname"]: link.get("master") for link in json.loads(after)}
    assert left == {"lo": None, "p0": None, "p1": None, "q0": None, "q1": None}


@pytest.mark.limit(280)
def test_mininet(folders):
    assert shutil.which("mn"), "there is no mininet; ./dev deps"
    status, out = staged(folders, "mn --switch lxbr,stp=1 --topo linear,3 --test pingall", 240)
    assert status == 0 and "Results: 0% dropped (6/6 received)" in out, out
