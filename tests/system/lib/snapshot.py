# SPDX-License-Identifier: LGPL-2.1-or-later
"""The state of namespaces as text that can be compared: what runs by itself is left out.

Left out: counters, timers and lifetimes, the state of neighbour entries that were learned, the
addresses a bridge learned, and sysctls the kernel itself moves (VOLATILE).
"""
import difflib
import json
import os
import pathlib
import re

from .net import NETNS, run

RUNS_BY_ITSELF = re.compile(
    r"stats|timer|_lft|_life_time|^(expires|used|probes|updated|ageing|lastuse|packets|bytes|"
    r"drops|overlimits|requeues|backlog|qlen|last_.*)$")
# Kept out of the comparison of sysctls: each is moved by the kernel while nobody sets it.
VOLATILE = re.compile(
    r"nf_conntrack_count$|route/gc_|/tcp_mem$|/udp_mem$|/mptcp_|stable_secret$|/flush$|tcp_fastopen_key$|"
    r"ipv6/neigh/.*/(base_reachable|retrans_time)$|random|nf_log/")


def tidy(value):
    """A JSON value without what runs by itself."""
    if isinstance(value, dict):
        return {k: tidy(v) for k, v in sorted(value.items()) if not RUNS_BY_ITSELF.search(k)}
    if isinstance(value, list):
        return [tidy(v) for v in value]
    return value


def lines(text):
    """One line of JSON for each element of a list."""
    return sorted(json.dumps(tidy(element), sort_keys=True) for element in json.loads(text or "[]"))


def flat(path, value):
    """A JSON value as lines "path.key=value"."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flat(f"{path}.{key}", inner)
    else:
        yield f"{path}={json.dumps(value, sort_keys=True)}"


def links(space):
    """The devices, one line for each key, so that a difference names the key."""
    found = []
    for line in ip(space, "-d", "link", "show"):
        link = json.loads(line)
        found += flat(link["ifname"], link)
    return sorted(found)


def addresses(space):
    found = []
    for line in ip(space, "addr", "show"):
        link = json.loads(line)
        found += [f"{link['ifname']} {json.dumps(address)}" for address in link["addr_info"]]
    return sorted(found)


def ip(space, *words, tool="ip"):
    # A tool exits 2 where a kernel lacks a table (say, tc without that feature): then both lack it.
    return lines(run(tool, *(["-n", space] if space else []), "-j", *words, check=False).stdout)


def forwarding(space):
    """The fdb's entries that somebody made."""
    found = []
    for line in ip(space, "fdb", "show", tool="bridge"):
        entry = json.loads(line)
        # A port's own and a group's addresses come by themselves, a learned one has no such state.
        if entry.get("state") in ("permanent", "static") or "dst" in entry:
            found.append(line)
    return found


def neighbours(space):
    found = []
    for family in ("-4", "-6"):
        for line in ip(space, family, "neigh", "show", "nud", "permanent"):
            found.append(line)
        found += ip(space, family, "neigh", "show", "proxy")
    return found


def sysctls(space):
    """Everything under /proc/sys/net as one namespace sees it."""
    script = "find /proc/sys/net -type f -perm -400 -exec grep -sH '' {} +"
    command = ["sh", "-c", script]
    if space:
        command = ["nsenter", f"--net={NETNS / space}", "--", *command]
    text = run(*command, check=False).stdout
    return sorted(line for line in text.splitlines() if not VOLATILE.search(line.split(":", 1)[0]))


def queues(space):
    devices = [json.loads(line)["ifname"] for line in ip(space, "link", "show")]
    found = ip(space, "-d", "qdisc", "show", tool="tc")
    for device in devices:
        for what in ("class", "filter"):
            found += [f"{device} {what} {line}"
                      for line in ip(space, "-d", what, "show", "dev", device, tool="tc")]
    return found


def rules(space):
    command = ["nft", "list", "ruleset"]
    if space:
        command = ["nsenter", f"--net={NETNS / space}", "--", *command]
    text = run(*command, check=False).stdout
    return [re.sub(r"counter packets \d+ bytes \d+", "counter", line) for line in text.splitlines()]


def processes(space):
    """The names of the processes that live in a namespace."""
    wanted = os.stat(NETNS / space).st_ino if space else os.stat("/proc/self/ns/net").st_ino
    names = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.stat(folder / "ns/net").st_ino == wanted:
                names.append((folder / "comm").read_text().strip())
        except OSError:
            continue
    return sorted(names)


def take(*spaces, names=""):
    """A snapshot: {section: [line]}. `names`: namespace names that begin so are part of it."""
    found = {"namespaces": sorted(p.name for p in NETNS.iterdir() if p.name.startswith(names))
             if names else []}
    for space in spaces:
        space = getattr(space, "space", space)
        found[f"{space} links"] = links(space)
        found[f"{space} addresses"] = addresses(space)
        for family in ("-4", "-6"):
            found[f"{space} routes {family}"] = ip(space, family, "route", "show", "table", "all")
            found[f"{space} rules {family}"] = ip(space, family, "rule", "show")
        found[f"{space} neighbours"] = neighbours(space)
        found[f"{space} fdb"] = forwarding(space)
        found[f"{space} vlans"] = ip(space, "vlan", "show", tool="bridge")
        found[f"{space} tc"] = queues(space)
        found[f"{space} nft"] = rules(space)
        found[f"{space} sysctls"] = sysctls(space)
        found[f"{space} processes"] = processes(space)
    return found


def difference(before, after):
    """The lines that differ, as a person would like to read them; empty when there are none."""
    text = []
    for section in sorted(before.keys() | after.keys()):
        change = difflib.unified_diff(before.get(section, []), after.get(section, []),
                                      "before", "after", lineterm="", n=0)
        marked = [line for line in change if line[:1] in "+-" and line[:3] not in ("+++", "---")]
        if marked:
            text += [f"{section}:"] + ["  " + line for line in marked]
    return "\n".join(text)


def assert_same(before, after):
    change = difference(before, after)
    assert not change, "the state differs:\n" + change
