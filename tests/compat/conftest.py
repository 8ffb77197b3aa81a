# SPDX-License-Identifier: LGPL-2.1-or-later
"""The other names of the binary, each in a folder of its own, beside the programs that Debian has.

A test has 200 seconds, or what its mark @pytest.mark.limit(seconds) says.
"""
import os
import pathlib
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

ROOT = pathlib.Path(__file__).resolve().parents[2]
LANLOOM = pathlib.Path(os.environ.get("LANLOOM", ROOT / "build" / "lanloom")).resolve()
NAMES = ("tunctl", "brctl", "qemu-bridge-helper")


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): how long the test may take")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    def expired(number, frame):
        raise TimeoutError(f"{item.name} took longer than {seconds} s")

    mark = item.get_closest_marker("limit")
    seconds = mark.args[0] if mark else 200
    signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    yield
    signal.alarm(0)


@pytest.fixture(scope="session")
def folders():
    """(ours, the originals), each with the names in it and open to plain users."""
    top = pathlib.Path(tempfile.mkdtemp(prefix="lanloom-compat-"))
    top.chmod(0o755)
    ours, theirs = top / "ours", top / "theirs"
    for folder in (ours, theirs):
        folder.mkdir(mode=0o755)
    search = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/usr/lib/qemu:/usr/libexec"
    for name in NAMES:
        shutil.copy(LANLOOM, ours / name)
        found = shutil.which(name, path=search)
        assert found, f"there is no {name} to compare with; ./dev deps"
        shutil.copy(found, theirs / name)
    yield ours, theirs
    shutil.rmtree(top)
