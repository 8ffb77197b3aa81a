# SPDX-License-Identifier: LGPL-2.1-or-later
"""TCP between two guests over a wire without offloads

As the part `tcp`, but the wire's ends neither cut nor join: no TSO, GSO, GRO, and no cutting of UDP. What
leaves a host leaves datagram by datagram, as through a plain network card.
"""
import functools

import lan
from frame import Ratio
from parts.tcp import gbits

ROUNDS = 5
UNITS = {"1 stream": "Gbit/s", "4 streams": "Gbit/s"}
stage = functools.partial(lan.stage, offloads=False)
FACTS = lan.facts
US, WG = "lanloom", "wireguard-go (IP only)"
LEFT_OUT = ("lanloom, OpenSSL", "wireguard-go + VXLAN")
RATIOS = [
    Ratio("4 streams over wireguard-go's", (US, "4 streams"), (WG, "4 streams"), least=3),
    Ratio("1 stream over wireguard-go's", (US, "1 stream"), (WG, "1 stream"), least=3),
    Ratio("4 streams over VTun's", (US, "4 streams"), ("VTun, unencrypted", "4 streams")),
    Ratio("1 stream over VXLAN's", (US, "1 stream"), ("VXLAN, unencrypted", "1 stream")),
]


def measure(the, carrier):
    with carrier(the) as way:
        return {"1 stream": gbits(the, way.target, 1)[0], "4 streams": gbits(the, way.target, 4)[0]}


WAYS = {name: lambda the, carrier=carrier: measure(the, carrier) for name, carrier in lan.CARRIERS.items()
        if name not in LEFT_OUT}
