# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs parts of the bench; ./dev bench is its door, frame.py says what a part is."""
import argparse
import datetime
import importlib
import os
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "system")]

import frame  # noqa: E402
import report  # noqa: E402
from lib.net import Net, clear_leftovers  # noqa: E402


def part_names():
    return sorted(path.stem for path in (HERE / "parts").glob("[a-z]*.py"))


def part_get(name):
    return importlib.import_module(f"parts.{name}")


def title(part):
    return part.__doc__.splitlines()[0].rstrip(".")


def say(text):
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def one(name, rounds):
    part = part_get(name)
    load = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory(prefix="lanloom-bench-") as folder:
        net = Net(folder)
        try:
            figures = frame.measure(part, net, rounds or part.ROUNDS, lambda text: say(f"{name}: {text}"))
        finally:
            net.close()
            say("")
    return figures | {"title": title(part), "load": [*load, os.getloadavg()[0]],
                      "machine": report.machine()}


def arguments():
    words = argparse.ArgumentParser(prog="./dev bench", description="Measures in turns, prints ratios.")
    words.add_argument("part", nargs="*", help="a part, or all")
    words.add_argument("-n", dest="rounds", type=int, metavar="ROUNDS", help="so many rounds")
    words.add_argument("--print", action="store_true", help="write no file")
    words.add_argument("--out", type=pathlib.Path, metavar="FOLDER", default=ROOT / "bench" / "results",
                       help="write the day's files there; without it into bench/results")
    given = words.parse_args()
    unknown = set(given.part) - {*part_names(), "all"}
    if unknown:
        words.error(f"no part {', '.join(sorted(unknown))}; there are: {', '.join(part_names())}, all")
    if given.rounds is not None and given.rounds < 1:
        words.error("a round at least")
    return given


def main():
    given = arguments()
    if not given.part:
        print("usage: ./dev bench [-n ROUNDS] [--print] PART...|all")
        for name in part_names():
            print(f"  {name:<12} {title(part_get(name))}")
        return 2
    clear_leftovers()
    figures = {}
    for name in part_names() if "all" in given.part else given.part:
        figures[name] = one(name, given.rounds)
        print("\n".join(report.part_lines(name, figures[name])) + "\n", flush=True)
    if not given.print:
        path = report.write(given.out, datetime.date.today().isoformat(), figures)
        print(f"written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
