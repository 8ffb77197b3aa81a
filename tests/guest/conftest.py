# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests that boot whole machines; a test has 60 seconds, or what its mark limit(seconds) says."""
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): how long the test may take")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    def expired(number, frame):
        raise TimeoutError(f"{item.name} took longer than {seconds} s")

    mark = item.get_closest_marker("limit")
    seconds = mark.args[0] if mark else 60
    signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
