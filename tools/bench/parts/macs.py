# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames between many addresses, 10 to 1,000,000

Frames of 64 and 1400 bytes straight into the tunnel's device, without a bridge (whose own table would be
measured too), from as many addresses as are behind the other end: half of the number on each side, every
frame's source and destination by chance. Counted are those that come out of the other end's device. A tunnel
has room for 131,072 addresses; of those beyond it frames go to every peer, here the one, and nothing is learned.
"""
import contextlib
import time

import lan
from frame import Ratio
from lib.net import run

ROUNDS = 5
COUNTS = (10, 1000, 10000, 100000, 1000000)
UNITS = {"64 bytes": "kpps", "1400 bytes": "kpps", "known": "addresses"}
FACTS = lan.facts
RATIOS = [Ratio(f"{size} bytes: {n} addresses over 10", (f"{n}", f"{size} bytes"), ("10", f"{size} bytes"),
                least=0.9 if n == 100000 else None) for n in COUNTS[1:] for size in (64, 1400)]
SECONDS = 1.5


@contextlib.contextmanager
def stage(net):
    the = lan.Lan(net)
    the.macs = net.folder / "macs"
    run("cc", "-O2", "-o", the.macs, lan.HERE / "macs.c", timeout=300)
    yield the


def came(host):
    return host.json("-s", "link", "show", "dev", "lan0")[0]["stats64"]["rx"]["packets"]


def thousands(the, n, size):
    one, other = the.hosts
    sender = one.start(the.macs, "send", "lan0", 1, n, size - 4, SECONDS + 0.5)
    time.sleep(0.25)
    before, begin = came(other), time.monotonic()
    time.sleep(SECONDS)
    count, seconds = came(other) - before, time.monotonic() - begin
    sender.wait(20)
    the.net.processes.remove(sender)
    return count / seconds / 1000


def measure(the, n):
    with lan.Lanloom(the, peer=", mac-limit: 65536", bridged=False) as way:
        for side, host in enumerate(the.hosts, 1):
            host.run(the.macs, "teach", "lan0", side, n // 2, timeout=120)
        time.sleep(0.3)
        figures = {f"{size} bytes": thousands(the, n // 2, size) for size in (64, 1400)}
        return figures | {"known": way.status(0)["learned-macs"]}


WAYS = {f"{n}": lambda the, n=n: measure(the, n) for n in COUNTS}
