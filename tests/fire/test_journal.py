# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a killed run leaves behind: a journal that only root may read, each line with its checksum, no secret in it.

The host and its tunnel's keys are those of scene.py.
"""
import base64
import re

from lib.net import Net
from scene import Scene


def left_behind(scene):
    return [path for folder in scene.host.state_folders() for path in folder.rglob("*") if path.is_file()]


def check_no_secret(scene, path):
    content = path.read_bytes()
    for secret in scene.secrets:
        raw = base64.b64decode(secret)
        for form in (raw, secret.encode(), raw.hex().encode(), raw.hex().upper().encode()):
            assert form not in content, path


def test_the_journal_of_a_killed_run(tmp_path, record_property):
    net = Net(tmp_path)
    try:
        scene = Scene(net)
        # The first makes the folders of its state, which are there for all others.
        for _ in range(2):
            count = len(scene.calls("up", scene.t))
            scene.loom("down", scene.t)
        seen = 0
        for number in range(2, count, 7):
            assert scene.fire("all", number, 0, "up", scene.t).what
            for path in left_behind(scene):
                check_no_secret(scene, path)
                if path.name == "journal":
                    assert path.stat().st_mode & 0o777 == 0o600 and path.stat().st_uid == 0
                    assert all(re.match(r"[0-9a-f]{16} ", line) for line in path.read_text().splitlines())
                    seen += "tunnel" in path.read_text()
            scene.loom("down", "--all")
        assert seen, "a journal had the tunnel in it"
        assert not scene.host.pids() and scene.host.link("lan0") is None
        record_property("count", f"journals looked into: {seen}")
    finally:
        net.close()
