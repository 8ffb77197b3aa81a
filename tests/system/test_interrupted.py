# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ctrl-C and kill in the middle of a change: what is there is the old state or the new one.

    alpha: one host, which is to get a bridge with 400 TAPs
"""
import contextlib
import os
import pathlib
import signal
import subprocess
import time

import pytest
from lib.net import LANLOOM

TAPS = 400
pytestmark = pytest.mark.limit(240)


def many(net):
    names = [f"tap{n}" for n in range(TAPS)]
    taps = "".join(f"  {name}: {{}}\n" for name in names)
    return net.file("many.yaml", f"name: many\nbridges: {{br0: {{interfaces: [{', '.join(names)}]}}}}\n"
                                 f"taps:\n{taps}")


def begun(host, path):
    """An `up` that has made some of the TAPs; its own process group, as a shell gives it one."""
    up = host.start(LANLOOM, "up", path, start_new_session=True,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    end = time.monotonic() + 60
    seen = 0
    while seen < 10:  # read without starting a process: all of them are made in half a second
        assert time.monotonic() < end and up.poll() is None
        with contextlib.suppress(OSError):
            seen = pathlib.Path(f"/proc/{up.pid}/net/dev").read_text().count("tap")
    return up


def devices(host):
    return host.run("cat", "/proc/net/dev").stdout.count("tap")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("whom", ["group", "parent"])
def test_a_signal_takes_the_change_back(net, host, number, whom):
    path = many(net)
    up = begun(host, path)
    (os.killpg if whom == "group" else os.kill)(up.pid, number)
    said = up.communicate(timeout=120)[0]
    assert up.returncode == 1 and "interrupted" in said and "all is as before" in said
    assert devices(host) == 0 and host.link("br0") is None
    assert "nothing to do" in host.loom("down", path, timeout=120).stdout


def test_those_who_look_are_told_of_a_killed_change(net, host):
    path = many(net)
    up = begun(host, path)
    os.killpg(up.pid, signal.SIGKILL)
    up.wait(timeout=60)
    plan = host.loom("plan", path, check=False)
    assert plan.returncode == 1 and "killed in its middle" in plan.stderr
    assert len(plan.stderr.splitlines()) == 2
    assert "killed in its middle" in host.loom("show").stderr
    assert "taken back first" in host.loom("up", path, timeout=120).stderr
    assert devices(host) == TAPS
    host.loom("down", path, timeout=120)
    assert devices(host) == 0
