# SPDX-License-Identifier: LGPL-2.1-or-later
"""One TCP stream over a wire that loses packets

The wire has no offloads, so that each packet is one, and the receiving host throws away so many of the
tunnel's packets by chance (nft, numgen random). What is lost is the same for all: packets of about 1500
bytes of one stream, on their way there; acknowledgements are not lost.
"""
import contextlib
import functools

import lan
from frame import Ratio
from parts.tcp import gbits

ROUNDS = 5
PER_MILLION = {"0 %": 0, "0.01 %": 100, "0.1 %": 1000, "1 %": 10000}
UNITS = {name: "Gbit/s" for name in PER_MILLION}
stage = functools.partial(lan.stage, offloads=False)
FACTS = lan.facts
NAMES = ("lanloom", "wireguard-go (IP only)", "VTun, unencrypted", "VXLAN, unencrypted")
RATIOS = [
    Ratio(f"{name} over VXLAN's with that loss", ("lanloom", name), ("VXLAN, unencrypted", name),
          least=1 if name == "1 %" else None) for name in PER_MILLION
] + [Ratio("1 % over wireguard-go's", ("lanloom", "1 %"), ("wireguard-go (IP only)", "1 %"))]


@contextlib.contextmanager
def losing(host, per_million):
    """Of the UDP packets that come in by the wire."""
    rule = f"""table netdev bench {{
        chain in {{
            type filter hook ingress device wire0 priority 0;
            meta l4proto udp numgen random mod 1000000 < {per_million} drop
        }}
    }}
    """
    if per_million:
        host.run("nft", "-f", "-", input=rule)
    try:
        yield
    finally:
        if per_million:
            host.run("nft", "delete", "table", "netdev", "bench")


def measure(the, carrier):
    figures = {}
    with carrier(the) as way:
        for name, per_million in PER_MILLION.items():
            with losing(the.hosts[1], per_million):
                figures[name] = gbits(the, way.target, 1)[0]
    return figures


WAYS = {name: lambda the, carrier=lan.CARRIERS[name]: measure(the, carrier) for name in NAMES}
