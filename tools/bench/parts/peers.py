# SPDX-License-Identifier: LGPL-2.1-or-later
"""One host with many peers, of which some are active

    alpha [br0] lan0 ~~ wire0 -- ( ) -- wire0 ~~ lan0   peer-1 … peer-16

Alpha's guest sends TCP to `active` hosts, 16 streams in all. The other peers are configured: half of them
with an endpoint that never answers, so that alpha asks it every ten seconds for ever. "CPU" is the time of
alpha's tunnel for each gigabyte: on one machine sixteen receivers share the processors with it, and that is
not what many peers cost.
"""
import base64
import contextlib
import json
import os
import subprocess

import lan
from frame import Ratio
from lib.net import LANLOOM, run, until

ROUNDS = 3
ACTIVE = 16
STREAMS = 16
UNITS = {"throughput": "Gbit/s", "CPU": "s/GB"}
CASES = {"1 configured, 1 active": (1, 1), "1000 configured, 1 active": (1000, 1),
         "16 configured, 16 active": (16, 16), "1000 configured, 16 active": (1000, 16)}
ONE, MANY = "1 configured, 1 active", "1000 configured, 16 active"
RATIOS = [
    Ratio("1000 configured, 16 active over one peer: throughput", (MANY, "throughput"), (ONE, "throughput"), least=0.9),
    Ratio("1000 configured, 1 active over one peer: throughput", ("1000 configured, 1 active", "throughput"),
          (ONE, "throughput"), least=0.9),
    Ratio("1000 configured, 16 active over 16 configured: throughput", (MANY, "throughput"),
          ("16 configured, 16 active", "throughput"), least=0.9),
    Ratio("1000 configured, 16 active over one peer: CPU", (MANY, "CPU"), (ONE, "CPU")),
]


class Star:
    def __init__(self, net):
        self.net = net
        self.alpha = net.host("alpha")
        self.others = [net.host(f"p{n}") for n in range(1, ACTIVE + 1)]
        switch = net.host("switch")
        switch.ip("link", "add", "sw0", "type", "bridge", "forward_delay", "0")
        switch.ip("link", "set", "sw0", "up")
        self.keys = []
        for n, host in enumerate([self.alpha, *self.others], 1):
            net.wire(host, "wire0", switch, f"w{n}")
            switch.ip("link", "set", f"w{n}", "master", "sw0")
            host.ip("addr", "add", f"192.0.2.{n}/24", "dev", "wire0")
            key = net.folder / f"{host.name}.key"
            run(LANLOOM, "key", "new", key)
            self.keys.append((key, run(LANLOOM, "key", "public", key).stdout.strip()))
        # Where nobody answers, and nobody is asked for the way.
        self.alpha.ip("neigh", "add", "192.0.2.254", "lladdr", "02:00:00:00:00:99", "dev", "wire0")
        self.alpha.ip("route", "add", "198.18.0.0/16", "via", "192.0.2.254")
        self.hosts = [self.alpha]


@contextlib.contextmanager
def stage(net):
    yield Star(net)


def FACTS(_star):
    return {"tunnel": f"MTU {lan.MTU}; hosts joined by a bridge, all on one machine; {STREAMS} streams in all"}


def peer_line(name, public, endpoint):
    where = f", endpoint: \"{endpoint}\"" if endpoint else ""
    return f"{{name: {name}, keys: {{public: \"{public}\"}}{where}}}"


def describe(star, number, peers):
    key = star.keys[number - 1][0]
    return star.net.file(f"d{number}.yaml", f"name: bench\ntunnels:\n  lan0: {{mode: lan, key: {key}, port: 51821, "
                         f"mtu: {lan.MTU}, addresses: [10.77.0.{number}/24], peers: [{', '.join(peers)}]}}\n")


def tunnels(star, configured, active):
    """(host, its description)"""
    real = [peer_line(f"p{n}", star.keys[n][1], f"192.0.2.{n + 1}:51821") for n in range(1, active + 1)]
    idle = [peer_line(f"i{n}", base64.b64encode(os.urandom(32)).decode(),
                      f"198.18.{n // 250}.{n % 250 + 1}:51821" if n % 2 else "")
            for n in range(configured - active)]
    yield star.alpha, describe(star, 1, real + idle)
    for n in range(1, active + 1):
        yield star.others[n - 1], describe(star, n + 1, [peer_line("alpha", star.keys[0][1], "192.0.2.1:51821")])


def streams(star, active):
    """(Gbit/s, gigabytes moved) of all together."""
    servers = [host.start("iperf3", "-s", "-1", stdout=subprocess.DEVNULL) for host in star.others[:active]]
    for host in star.others[:active]:
        until(lambda host=host: ":5201 " in host.run("ss", "-ltn").stdout, 20, "iperf3 listens")
    clients = [star.alpha.start("iperf3", "-J", "-c", f"10.77.0.{n + 2}", "-t", 3, "-O", 1, "-P", STREAMS // active,
                                stdout=subprocess.PIPE) for n in range(active)]
    rates = [json.loads(client.communicate(timeout=120)[0])["end"]["sum_received"]["bits_per_second"]
             for client in clients]
    for process in servers + clients:
        process.wait(20)
        star.net.processes.remove(process)
    return sum(rates) / 1e9, sum(rates) * 4 / 8e9


def measure(star, configured, active):
    there = list(tunnels(star, configured, active))
    try:
        for host, path in there:
            until(lambda host=host, path=path: host.loom("up", "-q", path, check=False, timeout=120).returncode == 0,
                  120, "lanloom is up")
            lan.share_like_ours(host)
        for n in range(active):
            until(lambda n=n: star.alpha.ping(f"10.77.0.{n + 2}", check=False), 30, "the other end answers")
        before = lan.processor(star)
        rate, moved = streams(star, active)
        return {"throughput": rate, "CPU": (lan.processor(star) - before) / moved}
    finally:
        for host, path in there:
            host.loom("down", "-q", "--force", path, check=False, timeout=120)
        for host, _path in there:
            until(lambda host=host: not host.pids(), 20, "the keeper has ended")


WAYS = {name: lambda star, case=case: measure(star, *case) for name, case in CASES.items()}
