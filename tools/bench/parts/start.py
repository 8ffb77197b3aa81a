# SPDX-License-Identifier: LGPL-2.1-or-later
"""From nothing to the first answered ping, and memory

"first ping" is from the start of the first process to the answer, handshakes included (a ping is tried every
20 ms); keys and files are there. For lanloom that is `up` on both hosts at once, with plan, keeper and worker; of VTun
the client is started as soon as the server listens. "memory" is the resident set of the tunnel's process of one host, after some traffic.
"""
import contextlib
import pathlib
import time

import lan
from frame import Ratio
from lib.net import until
from parts.tcp import gbits

ROUNDS = 5
UNITS = {"first ping": "s", "memory": "MB"}
stage = lan.stage
FACTS = lan.facts
NAMES = ("lanloom", "wireguard-go (IP only)", "VTun, unencrypted")
RATIOS = [
    Ratio("first ping over VTun's", ("lanloom", "first ping"), ("VTun, unencrypted", "first ping"), most=0.6),
    Ratio("memory over VTun's", ("lanloom", "memory"), ("VTun, unencrypted", "memory")),
]


def is_keeper(pid):
    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    return b"lanloomd" in words and b"tunnel" not in words


def resident(host):
    """Megabytes of the greatest process, lanloom's keeper left out: it carries nothing."""
    sizes = [0]
    for pid in host.pids():
        with contextlib.suppress(OSError):
            for line in [] if is_keeper(pid) else pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    sizes.append(int(line.split()[1]) / 1024)
    return max(sizes)


def answered(the, target):
    return the.guests[0].run("ping", "-n", "-q", "-c", "1", "-W", "0.02", target, check=False).returncode == 0


def measure(the, carrier):
    way = carrier(the)
    way.prepare()
    begin = time.monotonic()
    try:
        way.up()
        until(lambda: answered(the, way.target), 20, "the other guest answers")
        took = time.monotonic() - begin
        gbits(the, way.target, 1)
        return {"first ping": took, "memory": resident(the.hosts[0])}
    finally:
        way.__exit__(None, None, None)


WAYS = {name: lambda the, carrier=lan.CARRIERS[name]: measure(the, carrier) for name in NAMES}
