# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adding a kind is adding a file, as CONTRIBUTING.md says: its own example is built and used.

    alpha: one host, which gets an ifb device from a program that did not know ifb before
"""
import os
import re
import shutil

import pytest
from lib.net import ROOT, run


@pytest.mark.limit(400)
def test_a_kind_is_one_file(net, host, tmp_path):
    tree = tmp_path / "tree"
    shutil.copytree(ROOT, tree, ignore=lambda folder, names: [
        name for name in names
        if name in (".git", "__pycache__") or folder == str(ROOT) and name.startswith("build")])
    # The kind itself may have come to the project since; then the example has to take its place.
    (tree / "src/kind/ifb.c").unlink(missing_ok=True)
    environment = {k: v for k, v in os.environ.items() if k not in ("BUILD", "LANLOOM")}
    options = {"cwd": tree, "env": environment, "timeout": 300}
    run("./dev", "build", "-Dbuildtype=plain", **options)
    program = tree / "build" / "lanloom"
    assert run(program, "kinds", "ifb", check=False).returncode != 0

    text = (ROOT / "CONTRIBUTING.md").read_text()
    (tree / "src/kind/ifb.c").write_text(re.search(r"```c\n(.*?)```", text, re.S)[1])
    run("./dev", "build", **options)
    assert "mtu" in run(program, "kinds", "ifb").stdout
    path = net.file("toy.yaml", re.search(r"printf '(.*?)'", text)[1].replace("\\n", "\n"))
    assert host.run(program, "plan", path, check=False).returncode == 3
    host.run(program, "up", path)
    link = host.link("shaper")
    assert link["linkinfo"]["info_kind"] == "ifb" and link["mtu"] == 1400
    assert "nothing to do" in host.run(program, "up", path).stdout
    host.run(program, "down", path)
    assert host.link("shaper") is None
    for tool in ("layers", "sizes"):
        run(tree / "tools" / tool, tree)
