# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every changing call of up, down, set and undo refused, unacknowledged, or the last of its process.

The state afterwards is the old or the new one, byte for byte; see scene.py for the host, cases.py for
what must hold. Here is a sample; the whole (some 6,000 cases) is ./dev soak fire.
"""
import collections
import errno
import os
import re
import time

import pytest
from cases import Range, Wrong, cases_of, sample
from lib.net import LANLOOM, Net
from scene import FIRE, Scene

FAILURES = int(os.environ.get("FIRE_FAILURES", "3"))  # then it is enough

WAYS = {
    # name: commands before; the command under fire; commands back
    "up": ([], ["up", "{a}"], [["down", "{a}"]]),
    "change": ([["up", "{a}"]], ["up", "{b}"], [["down", "{b}"], ["up", "{a}"]]),
    "down": ([["up", "{b}"]], ["down", "{b}"], [["up", "{b}"]]),
    "set": ([["set", "fbr0", "mtu=1450"], ["add", "tap", "hand0"]],
            ["set", "fbr0", "mtu=1400", "parameters.ageing-time=50", "addresses=10.77.5.1/24"],
            [["undo"]]),
    "undo": ([["up", "{a}"], ["up", "{b}"]], ["undo"], [["undo"]]),
    "tunnel": ([["up", "{u}"]], ["up", "{t}"], [["down", "{t}"], ["up", "{u}"]]),
}


def filled(words, scene):
    return [word.format(a=scene.a, b=scene.b, t=scene.t, u=scene.u) for word in words]


def stand(net, way):
    scene = Scene(net)
    before, words, back = WAYS[way]
    return Range(scene, [filled(command, scene) for command in before], filled(words, scene),
                 [filled(command, scene) for command in back])


# What was wrong once is in every sample: way, mode, begin of the call, errno.
ONCE_WRONG = [
    ("up", "refuse", "setns", errno.EEXIST),  # a namespace just made was taken for somebody else's
    ("up", "refuse", "setns", errno.ENODEV),  # a namespace was committed without its number
]


def chosen(calls, way):
    if one := os.environ.get("FIRE_ONE"):
        mode, number, code = one.split(":")
        return [(mode, int(number), getattr(errno, code, 0))]
    cases, count = cases_of(calls), os.environ.get("FIRE_CASES", "65")
    if count == "all":
        share, of = map(int, os.environ.get("FIRE_SHARE", "1/1").split("/"))
        return cases[share - 1::of]
    known = [case for case in cases
             if any((way, case[0], case[2]) == (its, mode, code) and calls[case[1] - 1][1].startswith(what)
                    for its, mode, what, code in ONCE_WRONG)]
    seed = f"{os.environ.get('FIRE_SEED', '1')} {way}"
    return known + [case for case in sample(cases, int(count), seed) if case not in known]


class Rounds:
    """A range, made anew when a case left it in a state that cannot be used any more."""

    def __init__(self, tmp_path, way):
        self.make = lambda: Net(tmp_path)
        self.way = way
        self.net = self.make()
        self.range = stand(self.net, way)
        self.range.scene.ping_start()

    def renew(self):
        self.close()
        self.net = self.make()
        self.range = stand(self.net, self.way)
        self.range.scene.ping_start()

    def close(self):
        lost = 0
        if self.range.scene.ping:
            sent, back = self.range.scene.ping_end()
            lost = sent - back
        self.net.close()
        if lost > 1:  # the last may still be on its way
            raise Wrong(f"{lost} of {sent} frames of others were lost")


@pytest.mark.limit(7200)
@pytest.mark.parametrize("way", WAYS)
def test_under_fire(tmp_path, record_property, way):
    rounds = Rounds(tmp_path, way)
    ends, wrong, took, left = collections.defaultdict(collections.Counter), [], [], 0
    begin = time.monotonic()
    cases = chosen(rounds.range.calls, way)
    for case in cases:
        try:
            end = rounds.range.one(case)
        except (Wrong, AssertionError) as error:
            end = "wrong"
            wrong.append(f"{error}\nagain: FIRE_ONE={case[0]}:{case[1]}:"
                         f"{errno.errorcode.get(case[2], 0)} ./dev test test_under_fire\n")
            (tmp_path / "wrong").write_text("\n".join(wrong))  # for whoever waits for hours
        ends[case[0]][end] += 1
        took += rounds.range.took
        left += rounds.range.left
        rounds.range.took, rounds.range.left = [], 0
        if len(wrong) >= FAILURES:
            break
        if end in ("named", "wrong"):
            rounds.renew()
    rounds.close()
    record_property("count", f"{way}: {len(rounds.range.calls)} changing calls, "
                    f"{sum(sum(counted.values()) for counted in ends.values())} "
                    f"cases in {time.monotonic() - begin:.0f} s{quick(took)}{f'; {left} things named as left' * (left > 0)}")
    for mode in ends:
        record_property("count", f"{way}, {mode}: {sum(ends[mode].values())} cases: {told(ends[mode])}")
    assert not wrong, f"{len(wrong)} of {len(cases)}\n\n" + "\n".join(wrong)


def quick(took):
    """How long a dead worker's work stood there."""
    took = sorted(took)
    return f"; settled in {took[len(took) // 2]} ms, at most {took[-1]}" if took else ""


def told(counter):
    return ", ".join(f"{count} {word}" for word, count in sorted(counter.items()))


def test_a_bridge_never_has_another_mac(tmp_path, record_property):
    """Somebody's empty bridge is told to keep its MAC by way of another one: killed there, it had that one."""
    net = Net(tmp_path)
    try:
        host, log = net.host("alpha"), net.folder / "fire.log"
        path = net.file("port.yaml", "name: port\nbridges: {fbr0: {existing: true, interfaces: [tap0]}}\ntaps: {tap0: {}}\n")
        host.ip("link", "add", "fbr0", "type", "bridge")
        mac, kills = host.link("fbr0")["address"], 0

        def fire(*words):
            host.run(FIRE, "-o", log, *words, "--", LANLOOM, "up", path, check=False, timeout=60)
            return log.read_text()

        host.loom("up", path)  # only then lanloom's folders are all there
        host.loom("down", path)
        calls = re.findall(r"^call (\d+) \w+ send (?:NEW|SET)LINK", fire(), re.M)
        host.loom("down", path)
        for number in calls:
            kills += "\nhit " in "\n" + fire("-m", "all", "-n", number)
            assert host.link("fbr0")["address"] == mac, f"killed before call {number}"
            host.loom("down", "--all")
            assert host.link("fbr0")["address"] == mac and host.link("tap0") is None
        assert kills >= 3
        record_property("count", f"a bridge's MAC stayed in {kills} kills")
    finally:
        net.close()
