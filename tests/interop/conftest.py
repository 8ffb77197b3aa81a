# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the protocol get: workers and twins that end with the test, and a time limit."""
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from lan_node import Made  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): how long the test may take")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    mark = item.get_closest_marker("limit")
    seconds = mark.args[0] if mark else 60

    def expired(number, frame):
        raise TimeoutError(f"{item.name} took longer than {seconds} s")

    signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    yield
    signal.alarm(0)


@pytest.fixture
def make():
    """make.host(…), make.node(…): as Host and Node, closed at the end, the workers first."""
    made = Made()
    yield made
    made.close()
