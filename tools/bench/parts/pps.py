# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small frames between two guests

Datagrams of a connected socket, as fast as one process sends them (tools/bench/pps.c), counted by the
process that takes them at the other end. Sizes are of Ethernet frames with their checksum.
"""
import subprocess
import time

import lan
from frame import Ratio

ROUNDS = 5
UNITS = {"64 bytes": "kpps", "1400 bytes": "kpps"}
stage = lan.stage
FACTS = lan.facts
LEFT_OUT = ("lanloom, OpenSSL", "wireguard-go + VXLAN")
RATIOS = [
    Ratio("64 bytes over VTun's", ("lanloom", "64 bytes"), ("VTun, unencrypted", "64 bytes"), least=3.2),
    Ratio("64 bytes over no tunnel's", ("lanloom", "64 bytes"), ("no tunnel", "64 bytes"), least=1.2),
    Ratio("1400 bytes over VTun's", ("lanloom", "1400 bytes"), ("VTun, unencrypted", "1400 bytes"), least=3.2),
]


def counted(the, target, size):
    """(frames that came, in how many seconds)"""
    one, other = the.guests
    taker = other.start(the.helper, "take", 7000, 1.5, stdout=subprocess.PIPE)
    time.sleep(0.2)
    one.run(the.helper, "send", target, 7000, size - 46, 2)
    n, seconds = taker.communicate(timeout=20)[0].split()
    the.net.processes.remove(taker)
    assert float(seconds) > 0.1, f"{n} frames of {size} bytes came"
    return int(n), float(seconds)


def thousands(the, target, size):
    n, seconds = counted(the, target, size)
    return n / seconds / 1000


def measure(the, carrier):
    with carrier(the) as way:
        return {name: thousands(the, way.target, int(name.split()[0])) for name in UNITS}


WAYS = {name: lambda the, carrier=carrier: measure(the, carrier) for name, carrier in lan.CARRIERS.items()
        if name not in LEFT_OUT}
