# SPDX-License-Identifier: LGPL-2.1-or-later
"""`lanloom demo` ends well, again and after a kill, and leaves the machine as it found it.

    The demo makes its own hosts and wire; the test looks at the namespace it was called in.
"""
import fcntl
import pathlib
import signal
import time

import pytest
from lib import snapshot
from lib.net import LANLOOM, NETNS, ROOT, run, until


# One demo at a time on a machine: its namespaces' names are its own.
pytestmark = pytest.mark.xdist_group("demo")


def take(host):
    return snapshot.take(host, names="lanloom-demo")


def leftovers():
    """Processes that a demo started, wherever they are."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"lanloom-demo" in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


@pytest.fixture
def alone():
    """Another run of the tests may be on this machine, too."""
    with open("/run/lock/lanloom-demo-test", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def demo(host, *options):
    done = host.loom("demo", *options, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [path for path in NETNS.iterdir() if path.name.startswith("lanloom-demo")]
    assert not leftovers()
    assert "\033" not in done.stdout, "a pipe gets plain lines"
    assert max(map(len, done.stdout.splitlines())) <= 100
    return done.stdout


@pytest.mark.limit(240)
def test_demo_without_vms(host, alone):
    before = take(host)
    text = demo(host, "--no-vm")
    assert "namespace" in text
    demo(host, "--no-vm")
    snapshot.assert_same(before, take(host))


@pytest.mark.limit(240)
def test_demo_after_a_kill(host, alone):
    before = take(host)
    killed = host.start(LANLOOM, "demo", "--no-vm")
    until(lambda: (NETNS / "lanloom-demo-beta").exists(), 30, "the demo has made its second host")
    time.sleep(1)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    demo(host, "--no-vm")
    snapshot.assert_same(before, take(host))


@pytest.mark.limit(400)
def test_demo_with_vms(host, alone):
    # The image is cached; the first time it fetches a kernel of the distribution.
    run("sh", ROOT / "share" / "guest-image", timeout=180)
    before = take(host)
    text = demo(host)
    assert "guest" in text
    killed = host.start(LANLOOM, "demo")
    until(lambda: any(b"qemu" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                      for pid in leftovers()), 60, "a guest is running")
    time.sleep(1)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    demo(host)
    snapshot.assert_same(before, take(host))
