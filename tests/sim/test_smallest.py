# SPDX-License-Identifier: LGPL-2.1-or-later
"""What fails in the simulator is shown small, with the command that shows it again."""
import os
import pathlib
import re
import shlex
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIM = pathlib.Path(os.environ.get("LANLOOM", ROOT / "build/lanloom")).resolve().parent / "tests/sim/sim"


def sim(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize("what, words", [
    ("reuse", r"seals with counter \d+ of lane 0 again"),
    ("deaf", r"node 1 has heard nothing from node \d since"),
])
def test_a_failure_is_made_small_and_can_be_seen_again(what, words):
    said = sim(SIM, 3, 5, 1, "--break", what)
    assert re.search(rf"^# seed \d+ failed at [\d.]+ s: .*{words}$", said, re.M), said
    shown = re.search(rf"^# shrunk, it fails at ([\d.]+) s: (.*{words})$", said, re.M)
    # It fails without anything being wrong, so every fault of the scenario is left out.
    assert re.findall(r"^# +\d+ +[\d.]+ to", said, re.M) == []
    again = shlex.split(re.search(r"^# again: (.*)$", said, re.M)[1])
    assert again[:2] == [str(SIM), re.search(r"^# seed (\d+)", said, re.M)[1]]
    assert f"failed at {shown[1]} s: {shown[2]}\n" in sim(*again)


def test_the_same_seed_is_the_same_run():
    assert sim(SIM, 7, 3, 0.5) == sim(SIM, 7, 3, 0.5)
