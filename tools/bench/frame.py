# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a part of the bench is made of, and how its ways are measured in turns.

A part is a module in tools/bench/parts. Its docstring's first line is its title, the rest says what is
compared and how. It has

    WAYS = {"lanloom": function, "ip -batch": function}
        A way takes what stage() gave and answers {quantity: number}. It leaves no trace.
    UNITS = {"up": "s"}           the unit of each quantity
    RATIOS = [Ratio(...)]         what is asked, and what else is worth a line
    ROUNDS = 5                    how often each way is measured, unless -n says otherwise
    stage(net)                    optional, a context manager: what all ways stand on, made once
    FACTS = function(stage)       optional: {word: text} that a reader of the figures needs

`net` is that of the system tests (tests/system/lib/net.py): hosts made of namespaces, gone afterwards.
timed() runs a command in such a host and answers how long it took, and how long it and its children had
the processor: on a machine that others use too the second says more.
A first round warms up and is not counted. The order of the ways turns by one with each round.
"""
import contextlib
import resource
import statistics
import time
from typing import NamedTuple, Optional


class Ratio(NamedTuple):
    """One measured thing over another of the same round: (way, quantity) each. Without `under` the thing itself."""
    says: str
    over: tuple
    under: Optional[tuple] = None
    most: Optional[float] = None   # asked: not above
    least: Optional[float] = None  # asked: not below
    unit: str = "x"


def cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(host, *words):
    """(seconds, processor seconds) of a command inside a host."""
    begin, before = time.monotonic(), cpu()
    host.run(*words, timeout=600)
    return time.monotonic() - begin, cpu() - before


def spread(values):
    """The median of measurements and how far they lie apart."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values),
            "values": values}


def ratio_of(ratio, rounds):
    def quotient(one):
        over, under = [one[which[0]][which[1]] if which else 1 for which in (ratio.over, ratio.under)]
        return over / under

    found = spread([quotient(one) for one in rounds])
    found["unit"] = ratio.unit
    found["says"] = ratio.says
    if ratio.most is not None:
        found |= {"asked": f"<= {ratio.most:g}", "met": found["median"] <= ratio.most}
    elif ratio.least is not None:
        found |= {"asked": f">= {ratio.least:g}", "met": found["median"] >= ratio.least}
    return found


def turns(ways, rounds):
    """The names of the ways for each round, begun one further each time."""
    names = list(ways)
    for i in range(rounds):
        first = i % len(names)
        yield names[first:] + names[:first]


def measure(part, net, count, say):
    """Runs a part; its figures as the JSON file has them."""
    with contextlib.ExitStack() as stack:
        stage = stack.enter_context(part.stage(net)) if hasattr(part, "stage") else net
        rounds = []
        for i, names in enumerate(turns(part.WAYS, count + 1)):
            one = {}
            for name in names:
                say(f"round {i} of {count}{' (warms up)' if i == 0 else ''}: {name}")
                one[name] = part.WAYS[name](stage)
            rounds.append(one)
        counted = rounds[1:]
        return {
            "rounds": count,
            "facts": part.FACTS(stage) if hasattr(part, "FACTS") else {},
            "ways": {way: {quantity: spread([one[way][quantity] for one in counted])
                           | {"unit": part.UNITS[quantity]} for quantity in counted[0][way]}
                     for way in part.WAYS},
            "ratios": [ratio_of(ratio, counted) for ratio in part.RATIOS],
        }
