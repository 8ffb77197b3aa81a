# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a test runs: here, or in the guest of tests/guest/tier.py, whose kernel has what ours may lack.

    @pytest.mark.guest                 always in the guest
    @pytest.mark.needs("vlan", …)      here when this kernel has all these kinds, else in the guest

Every test runs in exactly one of the two; `./dev test` counts both, and fails when a test of the
guest's did not run there. Inside, all limits are LANLOOM_TEST_SLOWNESS times as long (lib/net.py).
"""
import functools
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
PLACE = os.environ.get("LANLOOM_TEST_PLACE", "here")  # here, guest, guest-to-be: what is to go there


@functools.cache
def lacks():
    """The kinds that the kernel lacks on the machine that has the sources."""
    if "LANLOOM_TEST_LACKS" in os.environ:
        return set(os.environ["LANLOOM_TEST_LACKS"].split())
    program = os.environ.get("LANLOOM", ROOT / "build" / "lanloom")
    told = subprocess.run([program, "kinds", "--json"], capture_output=True, text=True, check=True).stdout
    return {kind["name"] for kind in json.loads(told)["kinds"] if kind["kernel"] == "lacks"}


def is_guests(item):
    if item.get_closest_marker("guest"):
        return True
    return any(kind in lacks() for mark in item.iter_markers("needs") for kind in mark.args)
