# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests of several MTUs over wires of several MTUs

Four TCP streams, whose segments the tunnel makes to fit the wire, and datagrams of the guests' largest
size, which it carries in pieces where they do not fit. The columns are MTU of the guests / of the wire.
"""
import lan
from frame import Ratio
from lib.net import until
from parts.pps import counted
from parts.tcp import gbits

ROUNDS = 5
CASES = ((1400, 1500), (1500, 1500), (1500, 1280), (1500, 620), (9000, 1500), (9000, 9100))
UNITS = {f"{guest} / {wire}": "Gbit/s" for guest, wire in CASES}
stage = lan.stage
FACTS = lan.facts
RATIOS = [
    Ratio("TCP, 1500 / 1500 over 1400 / 1500", ("TCP, 4 streams", "1500 / 1500"), ("TCP, 4 streams", "1400 / 1500")),
    Ratio("TCP, 9000 / 1500 over 1400 / 1500", ("TCP, 4 streams", "9000 / 1500"), ("TCP, 4 streams", "1400 / 1500")),
    Ratio("datagrams in pieces, 1500 / 1500 over whole, 1400 / 1500", ("full datagrams", "1500 / 1500"),
          ("full datagrams", "1400 / 1500")),
]


def tcp(the, target, _mtu):
    return gbits(the, target, 4)[0]


def datagrams(the, target, mtu):
    n, seconds = counted(the, target, mtu + 18)
    return n * mtu * 8 / seconds / 1e9


def measure(the, what):
    figures = {}
    for guest, wire in CASES:
        the.resize(guest, wire)
        with lan.Lanloom(the) as way:
            # The path's size is found within seconds: only then a datagram is as large as it can be.
            until(lambda way=way, guest=guest: the.guests[0].ping(way.target, size=guest - 28, check=False), 10,
                  "large packets pass")
            figures[f"{guest} / {wire}"] = what(the, way.target, guest)
    return figures


WAYS = {"TCP, 4 streams": lambda the: measure(the, tcp), "full datagrams": lambda the: measure(the, datagrams)}
