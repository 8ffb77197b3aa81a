# SPDX-License-Identifier: LGPL-2.1-or-later
"""A key that two ends share besides: another content under the same name is a change, and never told.

    guest-alpha      alpha                            beta      guest-beta
    eth0 ------ port0 [br0] lan0 ~~ wire0 -- wire0 ~~ lan0 [br0] port0 ------ eth0
"""
import json
import os
import pathlib
import shutil
import signal

from lib.fabric import Fabric
from lib.net import LANLOOM, run, until


def workers(host):
    """The keeper's children."""
    pids = host.pids()
    return [pid for pid in pids
            if int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]) in pids]


def described(fabric, host, far):
    """Each host's own file, which spells its peer out."""
    return fabric.net.file(f"{host.name}.yaml", f"""name: fabric
bridges:
  br0: {{interfaces: [port0, lan0]}}
tunnels:
  lan0:
    mode: lan
    port: 51821
    key: {fabric.key_path(host)}
    peers:
      - name: {far.name}
        keys: {{public: "{fabric.public[far.name]}", shared: {fabric.net.folder}/{host.name}.psk}}
        endpoint: 10.99.0.{fabric.hosts.index(far) + 1}:51821
""")


def key_new(fabric, *names):
    """Both files get one key, which is returned."""
    first, *others = [fabric.net.folder / f"{name}.psk" for name in names]
    first.unlink(missing_ok=True)
    run(LANLOOM, "key", "new", first)
    for other in others:
        shutil.copyfile(first, other)
        other.chmod(0o600)
    return first.read_text().strip()


def test_another_content_is_a_change(net):
    fabric = Fabric(net)
    alpha, beta = fabric.hosts
    files = {alpha: described(fabric, alpha, beta), beta: described(fabric, beta, alpha)}
    secret = key_new(fabric, "alpha", "beta")
    for host, path in files.items():
        host.loom("up", path)
    fabric.guests[0].ping("10.77.0.12", wait=5)
    assert "nothing to do" in alpha.loom("up", files[alpha]).stdout

    # alpha's file has another key now: one step. As with WireGuard it is for the next handshake,
    # which a new worker begins at once; then the ends do not understand each other.
    other = key_new(fabric, "alpha")
    plan = json.loads(alpha.loom("plan", files[alpha], "--json", check=False).stdout)
    assert [(step["action"], step["kind"], list(step["fields"])) for step in plan["steps"]] == \
        [("change", "peer", ["keys.shared-digest"])]
    told = alpha.loom("up", files[alpha], "-v").stdout
    for worker in workers(alpha):
        os.kill(worker, signal.SIGKILL)
    until(lambda: not fabric.guests[0].ping("10.77.0.12", check=False), 20, "the guests are apart")

    # and the same at beta: together again
    shutil.copyfile(net.folder / "alpha.psk", net.folder / "beta.psk")
    beta.loom("up", files[beta])
    until(lambda: fabric.guests[0].ping("10.77.0.12", check=False), 30, "the guests ping again")
    shown = alpha.loom("show", "--json").stdout
    for folder in alpha.state_folders():
        for path in folder.rglob("*"):
            if path.is_file():
                kept = path.read_bytes()
                assert secret.encode() not in kept and other.encode() not in kept, path
    for text in (told, shown, alpha.loom("log").stdout):
        assert secret not in text and other not in text
