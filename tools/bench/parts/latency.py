# SPDX-License-Identifier: LGPL-2.1-or-later
"""Round trips between two guests, idle and beside four TCP streams

Datagrams of 16 bytes, answered by a process at the other end (tools/bench/pps.c).
"""
import threading
import time

import lan
from frame import Ratio
from parts.tcp import gbits

ROUNDS = 5
UNITS = {"idle, p50": "us", "loaded, p50": "us", "loaded, p99": "us", "4 streams meanwhile": "Gbit/s"}
stage = lan.stage
FACTS = lan.facts
LEFT_OUT = ("lanloom, OpenSSL", "wireguard-go + VXLAN")
WG = "wireguard-go (IP only)"
REALTIME, NORMAL = "lanloom, real time", "lanloom, as others"
RATIOS = [
    Ratio("idle over VTun's", ("lanloom", "idle, p50"), ("VTun, unencrypted", "idle, p50"), most=1),
    Ratio("loaded, p50 over wireguard-go's", ("lanloom", "loaded, p50"), (WG, "loaded, p50"), most=0.3),
    Ratio("loaded, p50 in real time over wireguard-go's", (REALTIME, "loaded, p50"), (WG, "loaded, p50"), most=0.3),
    Ratio("loaded, p99 in real time over wireguard-go's", (REALTIME, "loaded, p99"), (WG, "loaded, p99"), most=0.5),
    Ratio("4 streams meanwhile in real time over wireguard-go's", (REALTIME, "4 streams meanwhile"),
          (WG, "4 streams meanwhile"), least=2),
    Ratio("loaded, p50 in real time over high", (REALTIME, "loaded, p50"), ("lanloom", "loaded, p50")),
    Ratio("loaded, p50 high over as others", ("lanloom", "loaded, p50"), (NORMAL, "loaded, p50")),
    Ratio("loaded, p99 over wireguard-go's", ("lanloom", "loaded, p99"), (WG, "loaded, p99"), most=0.5),
    Ratio("4 streams meanwhile over wireguard-go's", ("lanloom", "4 streams meanwhile"),
          (WG, "4 streams meanwhile"), least=2),
]


def round_trips(the, target, count, gap_us):
    """Sorted, in microseconds."""
    one, other = the.guests
    echo = other.start(the.helper, "echo", 7001)
    time.sleep(0.1)
    lines = one.run(the.helper, "ping", target, 7001, count, gap_us, timeout=60).stdout.split()
    echo.kill()
    echo.wait()
    the.net.processes.remove(echo)
    return sorted(map(float, lines))


def measure(the, carrier):
    with carrier(the) as way:
        idle = round_trips(the, way.target, 500, 1000)
        rates = []
        streams = threading.Thread(target=lambda: rates.append(gbits(the, way.target, 4)[0]))
        streams.start()
        time.sleep(1)
        loaded = round_trips(the, way.target, 150, 10000)
        streams.join()
        return {"idle, p50": idle[len(idle) // 2], "loaded, p50": loaded[len(loaded) // 2],
                "loaded, p99": loaded[len(loaded) * 99 // 100], "4 streams meanwhile": rates[0]}


class Realtime(lan.Lanloom):
    tunnel = ", priority: realtime"


CARRIERS = {name: carrier for name, carrier in lan.CARRIERS.items() if name not in LEFT_OUT} | {
    REALTIME: Realtime, NORMAL: lan.LanloomNormal}
WAYS = {name: lambda the, carrier=carrier: measure(the, carrier) for name, carrier in CARRIERS.items()}
