# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processor time of the tunnel for what it carries

The time that all processes of the two hosts had, both ends together (kernel's part included), for each
gigabyte that came by one and by four TCP streams, and for each million of frames of 64 and 1400 bytes.
"""
import time

import lan
from frame import Ratio
from parts.pps import counted
from parts.tcp import gbits

ROUNDS = 5
UNITS = {"1 stream": "s/GB", "4 streams": "s/GB", "64 bytes": "s/million", "1400 bytes": "s/million"}
stage = lan.stage
FACTS = lan.facts
NAMES = ("lanloom", "lanloom, OpenSSL", "wireguard-go (IP only)", "VTun, unencrypted")
VTUN = "VTun, unencrypted"
RATIOS = [
    Ratio("4 streams over VTun's", ("lanloom", "4 streams"), (VTUN, "4 streams"), most=1 / 11),
    Ratio("1 stream over VTun's", ("lanloom", "1 stream"), (VTUN, "1 stream")),
    Ratio("4 streams over wireguard-go's", ("lanloom", "4 streams"), ("wireguard-go (IP only)", "4 streams")),
    Ratio("64 bytes over VTun's", ("lanloom", "64 bytes"), (VTUN, "64 bytes")),
    Ratio("1400 bytes over VTun's", ("lanloom", "1400 bytes"), (VTUN, "1400 bytes")),
]


def streams(the, way, n):
    before = lan.processor(the)
    _, moved = gbits(the, way.target, n)
    return (lan.processor(the) - before) / moved


def frames(the, way, size):
    before = lan.processor(the)
    n = counted(the, way.target, size)[0]
    return (lan.processor(the) - before) / (n / 1e6)


def measure(the, carrier):
    with carrier(the) as way:
        figures = {"1 stream": streams(the, way, 1), "4 streams": streams(the, way, 4)}
        for size in (64, 1400):
            figures[f"{size} bytes"] = frames(the, way, size)
            time.sleep(0.1)
        return figures


WAYS = {name: lambda the, carrier=lan.CARRIERS[name]: measure(the, carrier) for name in NAMES}
