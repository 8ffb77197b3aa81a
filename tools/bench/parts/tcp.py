# SPDX-License-Identifier: LGPL-2.1-or-later
"""TCP between two guests over an encrypted LAN, and what it costs

iperf3 for two seconds with one and with four streams. "CPU" is the processor's time of the tunnel's
processes, both ends, for each gigabyte with four streams (VXLAN's is in nobody's); "one thread" that of the
busiest one, which is what bounds the rate where processors are free.
"""
import json
import subprocess
import time

import lan
from frame import Ratio
from lib.net import until

ROUNDS = 5
SECONDS = 2
UNITS = {"1 stream": "Gbit/s", "4 streams": "Gbit/s", "CPU": "s/GB", "one thread": "s/GB"}
stage = lan.stage
FACTS = lan.facts
US, OPENSSL, WG, VTUN = "lanloom", "lanloom, OpenSSL", "wireguard-go (IP only)", "VTun, unencrypted"
LANES, NORMAL = "lanloom, 2 lanes", "lanloom, as others"
RATIOS = [
    Ratio("4 streams over wireguard-go's", (US, "4 streams"), (WG, "4 streams"), least=3.3),
    Ratio("4 streams over VTun's", (US, "4 streams"), (VTUN, "4 streams"), least=10),
    Ratio("1 stream over wireguard-go's", (US, "1 stream"), (WG, "1 stream"), least=2.5),
    Ratio("1 stream over VTun's", (US, "1 stream"), (VTUN, "1 stream"), least=9),
    Ratio("1 stream over that of wireguard-go + VXLAN", (US, "1 stream"), ("wireguard-go + VXLAN", "1 stream"),
          least=12),
    Ratio("4 streams over those of wireguard-go + VXLAN", (US, "4 streams"),
          ("wireguard-go + VXLAN", "4 streams"), least=12),
    Ratio("with OpenSSL alone, 4 streams over wireguard-go's", (OPENSSL, "4 streams"), (WG, "4 streams"), least=2),
    Ratio("with OpenSSL alone, 4 streams over VTun's", (OPENSSL, "4 streams"), (VTUN, "4 streams"), least=6),
    Ratio("1 stream over VXLAN's (the aim beyond: 1)", (US, "1 stream"), ("VXLAN, unencrypted", "1 stream")),
    Ratio("4 streams over wireguard-go's, with an ordinary process's share", (NORMAL, "4 streams"), (WG, "4 streams")),
    Ratio("4 streams on two lanes over one", (LANES, "4 streams"), (US, "4 streams")),
    Ratio("the busiest thread's time on two lanes over one", (LANES, "one thread"), (US, "one thread")),
    Ratio("CPU over VTun's", (US, "CPU"), (VTUN, "CPU"), most=1 / 11),
]


def gbits(the, target, streams):
    """(Gbit/s received, gigabytes moved)"""
    one, other = the.guests
    server = other.start("iperf3", "-s", "-1", stdout=subprocess.DEVNULL)
    until(lambda: ":5201 " in other.run("ss", "-ltn").stdout, 10, "iperf3 listens")
    done = one.run("iperf3", "-J", "-c", target, "-t", SECONDS, "-O", "1", "-P", streams, timeout=60)
    server.wait(10)
    the.net.processes.remove(server)
    end = json.loads(done.stdout)["end"]["sum_received"]
    # -O leaves the first second out of the sum, not out of the wire.
    return end["bits_per_second"] / 1e9, end["bits_per_second"] * (SECONDS + 1) / 8e9


def measure(the, carrier):
    with carrier(the) as way:
        single, _ = gbits(the, way.target, 1)
        before, each = lan.processor(the), lan.threads(the)
        four, moved = gbits(the, way.target, 4)
        figures = {"1 stream": single, "4 streams": four}
        if the.hosts[0].pids():
            figures["CPU"] = (lan.processor(the) - before) / moved
            figures["one thread"] = lan.busiest(the, each) / moved
        time.sleep(0.1)
        return figures


CARRIERS = lan.CARRIERS | {LANES: lan.LanloomLanes, NORMAL: lan.LanloomNormal}
WAYS = {name: lambda the, carrier=carrier: measure(the, carrier) for name, carrier in CARRIERS.items()}
