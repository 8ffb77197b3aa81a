# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every system test gets: a net of its own, and an end when it hangs.

A test has 60 seconds, or what its mark @pytest.mark.limit(seconds) says; in the guest more.
"""
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from lib.net import LANLOOM, SLOWNESS, Net, clear_leftovers  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): how long the test may take")
    if not pathlib.Path(LANLOOM).exists():
        pytest.exit(f"there is no {LANLOOM}; run ./dev build first", returncode=3)
    clear_leftovers()


def within(item, seconds):
    seconds *= SLOWNESS

    def expired(number, frame):
        raise TimeoutError(f"{item.name} took longer than {seconds} s")

    signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    mark = item.get_closest_marker("limit")
    within(item, mark.args[0] if mark else 60)
    yield
    signal.alarm(0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item):
    within(item, 60)
    yield
    signal.alarm(0)


@pytest.fixture
def net(tmp_path):
    made = Net(tmp_path)
    yield made
    made.close()


@pytest.fixture
def host(net):
    """One host that stands alone."""
    return net.host("alpha")
