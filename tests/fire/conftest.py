# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests under fire stand on the system tests' library. What they count is told at the end.

FIRE_CASES=N   cases of each way (default 65), or "all"
FIRE_SEED=N    which ones
FIRE_SHARE=I/N of all, the I-th of N shares
FIRE_ONE=MODE:NUMBER:ERRNO   only this one, as a failure tells it
"""
import pathlib
import signal
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]

from lib.net import LANLOOM, Net, clear_leftovers  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): how long the test may take")
    if not pathlib.Path(LANLOOM).exists():
        pytest.exit(f"there is no {LANLOOM}; run ./dev build first", returncode=3)
    clear_leftovers()


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


def pytest_terminal_summary(terminalreporter):
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") != "call":
                continue
            for name, value in getattr(report, "user_properties", ()):
                if name == "count":
                    terminalreporter.write_line(f"counted: {value}")


@pytest.fixture
def net(tmp_path):
    made = Net(tmp_path)
    yield made
    made.close()
