# SPDX-License-Identifier: LGPL-2.1-or-later
"""Command lines run by ours and by the originals, and compared: see side.py."""
import concurrent.futures
import json
import pathlib
import subprocess
import sys

import pytest

SIDE = pathlib.Path(__file__).with_name("side.py")


def refusing(call, *words):
    """The n-th ioctl fails."""
    return ["strace", "-qq", "-o", "/dev/null", "-e", f"inject=ioctl:error=EPERM:when={call}", *words]


def each(commands, values):
    """COMMAND with each of the values in place of its *."""
    return [[value if word == "*" else word for word in command.split()]
            for command in commands for value in values]


def words(line):
    if isinstance(line, list):
        return line
    return line.split()


def answers(folder, lines, with_sys=True, acl=False):
    done = subprocess.run([sys.executable, SIDE, folder], capture_output=True, text=True, timeout=180,
                          input=json.dumps({"sys": with_sys, "acl": acl, "lines": lines}))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def first_difference(ours, theirs):
    """The first of the lines, or devices, that is not the same."""
    if isinstance(ours, str):
        ours, theirs = ours.splitlines(), theirs.splitlines()
    if not isinstance(ours, list):
        return f"ours {ours!r}, theirs {theirs!r}"
    for one, other in zip([*ours, None], [*theirs, None]):
        if isinstance(one, dict) and isinstance(other, dict):
            one, other = ({key: value for key, value in this.items() if that.get(key) != value}
                          for this, that in ((one, other), (other, one)))
            if one or other:
                return f"ours {one!r}, theirs {other!r}"
        elif one != other:
            return f"ours {one!r}, theirs {other!r}"
    return "another end"


def compare(folders, scene, with_sys=True, acl=False):
    """The number of command lines that were equal; differences are told all at once."""
    lines = [words(line) for line in scene]
    with concurrent.futures.ThreadPoolExecutor() as both:
        ours, theirs = both.map(lambda folder: answers(folder, lines, with_sys, acl), folders)
    wrong = []
    for line, one, other in zip(lines, ours, theirs, strict=True):
        for key in one or ():
            if one[key] != other[key]:
                wrong.append(f"{line}: {key}: {first_difference(one[key], other[key])}")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    return sum(one is not None for one in ours)
