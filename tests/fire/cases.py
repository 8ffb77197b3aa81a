# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which calls are struck, how, and what must hold afterwards.

A case is (mode, number, errno); modes are those of fire.c. What must hold:

    refuse   the state is the old one and the exit code 1, or the new one and 0. Exit code 4 is only
    ack      for a commit that is written and could not be carried out to the end: the next command does
    child    within two seconds, without a command, the state is old (exit 1) or new (0)
    parent   its child goes on: within two seconds the state is old or new
             (a machine that does other things as well has five times as long; what it took is told)
    all      what is begun is named by commands that only read; the next command that takes the lock
             makes the state old or new
    persist  everything from here on is refused: 1 and old, 0 and new, or 4 and what is left is named,
             which the next command makes old or new if there is still a journal
"""
import errno
import random
import re
import time

import picture

REFUSALS = [errno.ENOBUFS, errno.EPERM, errno.EBUSY, errno.EEXIST, errno.ENOMEM, errno.ENODEV,
            errno.EOPNOTSUPP]
# That it exists already says who made it; the others say nothing of whether it was done.
ACKS = [errno.ENOBUFS, errno.EPERM, errno.EBUSY, errno.ENOMEM, errno.ENODEV, errno.EOPNOTSUPP]
CUT_OFF = "was killed"
WITHIN_MS = 5 * 2000


class Wrong(AssertionError):
    pass


def cases_of(calls):
    found = []
    for number, (role, what) in enumerate(calls, 1):
        found += [("refuse", number, code) for code in REFUSALS]
        if what.startswith("send ") and "peer" not in what:
            found += [("ack", number, code) for code in ACKS]
        if role == "run":
            found += [("child", number, 0), ("parent", number, 0)]
        found.append(("all", number, 0))
        found.append(("persist", number, errno.ENOBUFS))
    return found


def sample(cases, count, seed):
    """Spread evenly over the modes; a mode that has too few gives its share to the others."""
    dice = random.Random(seed)
    if count >= len(cases):
        return cases
    piles = {}
    for case in dice.sample(cases, len(cases)):
        piles.setdefault(case[0], []).append(case)
    found = []
    while len(found) < count:
        for pile in piles.values():
            if pile and len(found) < count:
                found.append(pile.pop())
    return found


class Range:
    """One scene, one way from an old state to a new one, and back."""

    def __init__(self, scene, prepare, words, back):
        self.scene, self.prepare, self.words, self.back = scene, prepare, words, back
        self.left = 0  # things named as left
        self.took = []  # milliseconds from a worker's death to the old or new state
        for command in prepare:
            scene.loom(*command)
        self.begin, begin = scene.still(), scene.picture()
        scene.loom(*words)
        self.new = scene.still()
        self.pictures = {"old": begin, "new": scene.picture()}  # for people, when something is wrong
        self.old = None
        self.go_back()
        self.calls = scene.calls(*words)  # only now, when lanloom's folders are all there
        self.go_back()

    def go_back(self, seconds=10):
        """From the new state to the old one; numbers and history may be others now."""
        for command in self.back:
            self.scene.loom(*command)
        end = time.monotonic() + seconds
        before = self.scene.look()
        while True:
            self.old = self.scene.look()
            if self.old.same(before) and self.old.alike(self.begin):
                return
            if time.monotonic() > end:
                raise Wrong("going back does not end in the old state:\n" + self.told("old", self.begin, self.old))
            before = self.old
            time.sleep(0.02)

    def told(self, name, wanted, found):
        """How a state is not the wanted one: as pictures, and the lines of the looks."""
        shown = picture.difference(*(picture.blurred(found | {"state files": []})
                                     for found in (self.pictures[name], self.scene.picture())))
        blurred = not wanted.alike(found)
        return f"{shown}\n{wanted.difference(found, blurred)}"

    def settle(self, may_be, seconds=10):
        """Waits for the system to be in one of the states, and says in which."""
        end = time.monotonic() + seconds
        while True:
            now = self.scene.look()
            if "old" in may_be and now.same(self.old):
                return "old"
            if "new" in may_be and now.alike(self.new) and now.history > self.old.history:
                return "new"
            if time.monotonic() > end:
                break
            time.sleep(0.02)
        said = [f"not the {name} state:\n{self.told(name, wanted, now)}"
                for name, wanted in (("old", self.old), ("new", self.new)) if name in may_be]
        raise Wrong("\n".join(said) + f"\nthe last change: {self.old.history}, {now.history}")

    def one(self, case):
        """Carries out a case; raises Wrong."""
        mode, number, code = case
        shot = self.scene.fire(mode, number, code, *self.words)
        try:
            if not shot.what:
                self.settle(["new"])
                self.go_back()
                return "missed"  # a run is a call shorter now and then: something was there already
            end = getattr(self, mode)(shot)
        except Wrong as wrong:
            name = errno.errorcode.get(code, "")
            raise Wrong(f"{' '.join(map(str, self.words))}: {mode} {name} at call {number} "
                        f"({shot.role}: {shot.what}), exit {shot.code}\n{shot.text}\n{wrong}") from None
        if end.endswith("new"):
            self.go_back()
        return end

    def refuse(self, shot):
        if shot.code == 0:
            return self.settle(["new"])
        if shot.code == 1:
            return self.settle(["old"])
        if shot.code == 134 and shot.what == "setns":
            return self.recovered()  # a process that cannot come home must not go on
        if shot.code != 4:
            raise Wrong("an exit code that says nothing")
        return self.recovered(["new"])

    ack = refuse

    def child(self, shot):
        self.took.append(shot.after)
        if shot.after > WITHIN_MS:
            raise Wrong(f"its parent took {shot.after} ms")
        if shot.code not in (0, 1):
            raise Wrong("an exit code that says nothing")
        return self.settle(["new"] if shot.code == 0 else ["old"])

    def parent(self, shot):
        end = time.monotonic() + WITHIN_MS / 1000
        while self.scene.locked():
            if time.monotonic() > end:
                raise Wrong("the child still runs")
            time.sleep(0.01)
        return self.settle(["old", "new"])

    def all(self, shot):
        return self.recovered()

    def journals(self):
        """Without a whole line in its journal nothing was begun."""
        return [folder for folder in self.scene.host.state_folders()
                if (folder / "journal").exists() and "\n" in (folder / "journal").read_text()]

    def recovered(self, may_be=("old", "new")):
        """The next command finishes it, or takes it back; one that only looks says so."""
        told = self.journals() and not self.scene.kept()
        look = self.scene.loom("show", check=False)
        if told and CUT_OFF not in look.stderr:
            raise Wrong(f"show does not say that a run was cut off: {look.stderr}")
        done = self.scene.loom("down", "--name", "nothing-of-this-name", check=False)
        if done.returncode or (told and CUT_OFF not in done.stderr):
            raise Wrong(f"the next command: exit {done.returncode} {done.stdout}{done.stderr}")
        return self.settle(may_be)

    def persist(self, shot):
        """What is left is named one by one; where the journal could stay, the next command goes on."""
        named = re.findall(r"^left (.+)$", shot.text, re.M)
        if shot.code != 4:
            # not even the journal can be removed: the next command sees that there is nothing to do
            return self.recovered(["new"] if shot.code == 0 else ["old"])
        if not named and "next command" not in shot.text:
            raise Wrong("nothing is listed as left")
        self.left += len(named)
        return "named, then " + self.recovered() if self.journals() else "named"
