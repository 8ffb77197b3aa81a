# SPDX-License-Identifier: LGPL-2.1-or-later
"""Another process renames, deletes, enslaves and flushes what lanloom is about, while it is.

`up` ends in the desired state or in a rollback that keeps what the other did; nothing of ours is left over,
what is foreign stays as it was. MEDDLER_ROUNDS runs more than the sample, MEDDLER_SEED one again.

    alpha: as in scene.py; the other makes bridges m0 to m2 and meddles with the names of A and B
"""
import collections
import os
import random
import re
import subprocess
import threading
import time

import picture
import pytest
from lib.net import Net
from picture import PATIENCE
from scene import Scene

NAMES = ["br0", "tap0", "tap1", "tap2", "tap3", "v0", "tun0"]
THEIRS = re.compile(r"\b(fv0|fv1|fp1|fp2)\b|10\.77\.0\.|10\.20[012]\.|fd77:|keepme")
OURS = 100000  # lanloom asks for numbers from here on, the kernel counts from 1


def deed(dice):
    """What to tell `ip`."""
    name, own = dice.choice(NAMES), dice.choice(["m0", "m1", "m2"])
    return dice.choice([
        f"link set {name} name {name}x", f"link set {name}x name {name}", f"link del {name}",
        f"link set {name} master {own}", f"link set {name} master fbr0", f"link set {name} nomaster",
        f"addr flush dev {name}", f"route flush dev {name}", f"link set {name} down", f"link set {name} up",
        f"link set {name} mtu {dice.choice([1280, 1450])}",
        f"addr add 10.66.{dice.randrange(9)}.1/24 dev {name}",
        f"link add {own} type bridge", f"link del {own}", f"link set {own} name {name}",
        f"link add {name} type bridge",
    ])


class Meddler:
    """Meddles between enter and exit, with pauses of 0 to 3 ms times its patience."""

    def __init__(self, host, seed):
        self.dice = random.Random(seed)
        script = "while read -r line; do ip $line >/dev/null 2>&1; echo done; done"
        self.ip = subprocess.Popen(host.words("sh", "-c", script), stdin=subprocess.PIPE, text=True,
                                   stdout=subprocess.PIPE)
        self.patience = self.dice.choice([1, 3, 10])
        self.done = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.meddle)

    def meddle(self):
        while not self.stop.is_set():
            self.done.append(deed(self.dice))
            self.ip.stdin.write(self.done[-1] + "\n")
            self.ip.stdin.flush()
            self.ip.stdout.readline()
            time.sleep(self.patience * self.dice.random() * 0.003)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.stop.set()
        self.thread.join()
        self.ip.stdin.close()
        self.ip.wait(PATIENCE)
        self.ip.stdout.close()


def foreign(found):
    """The lines of the foreign part that neither ours nor the meddler has a hand in."""
    lines = [line for section, its in found.items() if not section.startswith(("state ", "namespaces"))
             for line in its if THEIRS.search(line)]
    return sorted(line for line in lines if "rp_filter" not in line and "forwarding" not in line)


def promised(scene):
    return {key: lines for key, lines in scene.picture().items() if key.startswith("state committed")}


def devices(scene):
    return {link["ifname"]: link["ifindex"] for link in scene.host.json("link")}


def tidy_up(scene, known):
    """Takes away what the meddler left; names what is left of ours."""
    left = [name for name, ifindex in devices(scene).items()
            if name not in known and ifindex >= OURS]
    for name in devices(scene).keys() - known:
        scene.host.ip("link", "del", name, check=False)
    return left


def one_round(scene, seed, known):
    """Answers the exit code."""
    dice = random.Random(f"{seed} way")
    if dice.random() < 0.5:
        scene.loom("up", scene.a)
    before, stood = promised(scene), foreign(scene.picture())
    with Meddler(scene.host, seed) as meddler:
        time.sleep(0.02 * dice.random())
        begin = time.monotonic()
        done = scene.loom("up", scene.b, check=False, timeout=PATIENCE)
    told = f"exit {done.returncode}\n{done.stdout}{done.stderr}\n" + "\n".join(meddler.done)
    assert done.returncode in (0, 1, 4), told
    assert time.monotonic() - begin < PATIENCE / 2, told
    now = scene.picture()
    assert foreign(now) == stood, told + str(set(stood) ^ set(foreign(now)))
    if done.returncode == 1:
        assert promised(scene) == before, told
    assert done.returncode == 4 or "journal" not in now["state files"], told
    # Ours goes with `down`, whatever became of it; then all works again.
    down = scene.loom("down", "--all", "--force", check=False)
    assert down.returncode == 0, told + f"\ndown: {down.stdout}{down.stderr}"
    left = tidy_up(scene, known)
    assert not left, f"{told}\nleft of ours: {left}"
    return done.returncode


@pytest.mark.limit(3600)
@pytest.mark.parametrize("share", range(2))
def test_meddler(tmp_path, record_property, share):
    net = Net(tmp_path)
    ends, wrong, begin = collections.Counter(), [], time.monotonic()
    seeds = range(1 + share, 1 + int(os.environ.get("MEDDLER_ROUNDS", "40")), 2)
    if one := os.environ.get("MEDDLER_SEED"):
        seeds = [int(one)] if share == 0 else []
    try:
        scene = Scene(net)
        known, first = devices(scene).keys(), scene.still_picture()
        for seed in seeds:
            try:
                ends[one_round(scene, seed, known)] += 1
                change = picture.difference(without_books(first), without_books(scene.still_picture()))
                assert not change, f"afterwards the host is another:\n{change}"
            except AssertionError as error:
                wrong.append(f"seed {seed}: {error}\nagain: MEDDLER_SEED={seed} ./dev test test_meddler\n")
                if len(wrong) == 3:
                    break
                net.close()
                net = Net(tmp_path)
                scene = Scene(net)
                known, first = devices(scene).keys(), scene.still_picture()
    finally:
        net.close()
    record_property("count", f"meddled with: {sum(ends.values())} in {time.monotonic() - begin:.0f} s "
                    f"({ends[0]} applied, {ends[1]} rolled back, {ends[4]} in part)")
    assert not wrong, "\n".join(wrong)


def without_books(found):
    return {section: lines for section, lines in found.items() if not section.startswith("state")}
