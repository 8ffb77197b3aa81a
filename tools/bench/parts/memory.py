# SPDX-License-Identifier: LGPL-2.1-or-later
"""Memory of the tunnel's process, and what each further peer costs

The resident set of the greatest process of one host: as it is idle, and after four TCP streams and many
datagrams. Further peers are configured and have never been heard of; "a further peer" is what those of 2000
cost in the mean, beside a tunnel with one.
"""
import lan
from frame import Ratio
from parts.pps import counted
from parts.start import resident
from parts.tcp import gbits

ROUNDS = 3
FURTHER = 2000
UNITS = {"idle": "MB", "after bulk": "MB", "a further peer": "KB"}
stage = lan.stage
FACTS = lan.facts
NAMES = ("lanloom", "wireguard-go (IP only)", "VTun, unencrypted")
MANY = f"lanloom, {FURTHER} idle peers"
RATIOS = [
    Ratio("one peer, after bulk, in MB", ("lanloom", "after bulk"), most=16, unit="MB"),
    Ratio("a further idle peer, in KB", (MANY, "a further peer"), most=2, unit="KB"),
    Ratio("idle over VTun's", ("lanloom", "idle"), ("VTun, unencrypted", "idle")),
    Ratio("after bulk over wireguard-go's", ("lanloom", "after bulk"), ("wireguard-go (IP only)", "after bulk")),
]


def bulk(the, way):
    idle = resident(the.hosts[0])
    gbits(the, way.target, 4)
    counted(the, way.target, 64)
    return {"idle": idle, "after bulk": resident(the.hosts[0])}


def measure(the, carrier):
    with carrier(the) as way:
        return bulk(the, way)


def many(the):
    with lan.Lanloom(the):
        few = resident(the.hosts[0])
    with lan.Lanloom(the, further=FURTHER) as way:
        found = resident(the.hosts[0])
        return bulk(the, way) | {"a further peer": (found - few) * 1024 / FURTHER}


WAYS = {name: lambda the, carrier=lan.CARRIERS[name]: measure(the, carrier) for name in NAMES} | {MANY: many}
