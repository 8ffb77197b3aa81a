# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures of namespaces and of lanloom's state, quick enough for thousands of them.

A picture is {section: [line]}, to the last byte of what stays put: links with their numbers and MACs,
addresses, routes, rules, neighbours, fdb, sysctls, tc, nft, the namespaces of our names, and the files
in lanloom's state folder. Left out is what tests/system/lib/snapshot.py leaves out. A blurred picture
lacks also what a new device gets anew each time: number, random MAC.
"""
import json
import os
import pathlib
import re
import subprocess

from lib import snapshot
from lib.net import NETNS, run

FAMILY = ["route show table all", "rule show", "neigh show nud permanent", "neigh show proxy"]
PATIENCE = 200  # seconds for a command: only a machine that stands still needs them
DECODER = json.JSONDecoder()
# What a bridge and its ports run by themselves, and how namespaces number one another.
PASSING = {"operstate", "link_netnsid", "designated_root", "root_port", "topology_change",
           "topology_change_detected", "hello_timer", "tcn_timer", "topology_change_timer", "gc_timer",
           "message_age_timer", "forward_delay_timer", "hold_timer", "netnsid", "num_tx_queues",
           "tso_max_size", "tso_max_segs"}  # and what it takes over from its ports
RANDOM_MAC = re.compile(r"\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b")
NUMBERS = re.compile(r"\b(ifindex|cookie|macaddress|time)=\S+")
LOCAL6 = re.compile(r"\bfe80::[0-9a-f:]+")


def documents(text):
    """The JSON documents that stand one behind the other in a text."""
    at, found = 0, []
    while (at := re.compile(r"\s*").match(text, at).end()) < len(text):
        value, at = DECODER.raw_decode(text, at)
        found.append(value)
    return found


def batch(space, commands, *options):
    done = subprocess.run(["ip", "-n", space, "-j", "-d", *options, "-batch", "-"],
                          input="\n".join(commands) + "\n", capture_output=True, text=True,
                          timeout=PATIENCE)
    found = documents(done.stdout)
    assert len(found) == len(commands), done.stdout + done.stderr
    return found


def shown(tool, space, *words):
    return json.loads(run(tool, "-n", space, "-j", "-d", *words, check=False, timeout=PATIENCE).stdout or "[]")


def tidy(value):
    if isinstance(value, dict):
        return {key: tidy(inner) for key, inner in sorted(value.items())
                if key not in PASSING and not snapshot.RUNS_BY_ITSELF.search(key)}
    if isinstance(value, list):
        return [tidy(inner) for inner in value]
    return value


def link_lines(links):
    for link in links:
        if not link:
            continue
        link = tidy(link)
        # The kernel numbers a bridge's ports, and takes no wishes.
        for key in ("id", "no", "designated_port"):
            link.get("linkinfo", {}).get("info_slave_data", {}).pop(key, None)
        if link.get("qdisc") in ("noop", "noqueue"):  # a device that was never up has none yet
            del link["qdisc"]
        # Carrier is the other end's doing, and comes when it comes.
        link["flags"] = sorted(set(link.get("flags", ())) & {"UP", "PROMISC", "ALLMULTI", "NOARP"})
        yield from snapshot.flat(link["ifname"], link)


def address_lines(links):
    for link in links:
        for address in link.get("addr_info", ()):
            # An address that the kernel makes by itself comes when the carrier does.
            if address["local"].startswith("fe80:"):
                continue
            address = {key: value for key, value in tidy(address).items()
                       if key not in ("tentative", "optimistic", "dadfailed")}
            yield f"{link['ifname']} {json.dumps(address, sort_keys=True)}"


def route_lines(routes):
    for route in routes:
        route = tidy(route)
        route["flags"] = [flag for flag in route.get("flags", ()) if flag not in ("linkdown", "dead")]
        # Routes of the kernel's own that follow link-local addresses and carriers.
        if route["dst"].startswith(("fe80:", "ff00:")):
            continue
        yield json.dumps(route, sort_keys=True)


def plain_lines(values):
    return [json.dumps(tidy(value), sort_keys=True) for value in values if value]


def forwarding_lines(entries):
    for entry in entries:
        if entry.get("state") in ("permanent", "static") or "dst" in entry:
            # A group's addresses follow the carrier's addresses.
            if not entry.get("mac", "").startswith(("33:33", "01:00:5e")):
                yield json.dumps(tidy(entry), sort_keys=True)


def sysctl_lines():
    for folder, _, files in os.walk("/proc/sys/net"):
        for name in files:
            path = f"{folder}/{name}"
            if snapshot.VOLATILE.search(path):
                continue
            try:
                with open(path, "rb") as file:
                    yield f"{path[14:]}={file.read().decode(errors='replace').strip()}"
            except OSError:
                continue


def of_space(space, entered=None):
    """entered: a context in which this thread is in the namespace (for its sysctls)."""
    links, addresses = batch(space, ["link show", "addr show"])
    found = {f"{space} links": sorted(link_lines(links)),
             f"{space} addresses": sorted(address_lines(addresses))}
    for family in ("-4", "-6"):
        routes, *others = batch(space, FAMILY, family)
        found[f"{space} routes {family}"] = sorted(route_lines(routes))
        for name, part in zip(("rules", "neighbours", "proxies"), others):
            found[f"{space} {name} {family}"] = sorted(plain_lines(part))
    found[f"{space} fdb"] = sorted(forwarding_lines(shown("bridge", space, "fdb", "show")))
    found[f"{space} tc"] = sorted(plain_lines(qdisc for qdisc in shown("tc", space, "qdisc", "show")
                                              if qdisc["kind"] != "noqueue"))
    with entered():
        found[f"{space} sysctls"] = sorted(sysctl_lines())
        done = run("nft", "list", "ruleset", check=False)
        found[f"{space} nft"] = [re.sub(r"packets \d+ bytes \d+", "", line)
                                 for line in done.stdout.splitlines()]
    return found


def of_folder(folder):
    """lanloom's state: what is promised, and that nothing else lies about."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir() or name in ("lock", "name", "log", "log.old"):
            continue
        found.setdefault("state files", []).append(name)
        if not name.startswith("history/") and path.is_file():
            found[f"state {name}"] = path.read_text().splitlines()
    return found


def names(prefix):
    """The namespaces of our names: which are some, and which are files only."""
    found = []
    for path in NETNS.iterdir():
        if path.name.startswith(prefix):
            done = subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True)
            found.append(f"{path.name} {done.stdout.strip()}")
    return {"namespaces": sorted(found)}


def blur_line(line):
    line = NUMBERS.sub(r"\1=?", line)
    line = re.sub(r"(ifindex|link_index|iif|group)(\W+)\d+", r"\1\2?", line)
    return LOCAL6.sub("fe80::?", RANDOM_MAC.sub("?", line))


def blurred(picture):
    return {section: sorted(map(blur_line, lines)) for section, lines in picture.items()}


def difference(before, after, most=40):
    """As a person would like to read it, and no more than that."""
    quiet = [section for section in before.keys() | after.keys()
             if section in ("state journal", "state fixed")
             or section.endswith(("sysctls", "tc")) and not (before.get(section) and after.get(section))]
    text = snapshot.difference(*({section: [] if section in quiet else lines
                                  for section, lines in found.items()} for found in (before, after)))
    for section in quiet:
        if before.get(section) != after.get(section) and not text:
            text = f"{section}: differs"
    lines = text.splitlines()
    return "\n".join(lines[:most] + [f"and {len(lines) - most} lines more"] * (len(lines) > most))
