# SPDX-License-Identifier: LGPL-2.1-or-later
"""Figures as text, and the files of one day: bench/results/DATE.json, and DATE.md made of it.

A part that is measured again on the same day takes the place of the earlier one.
"""
import json
import os
import pathlib
import platform
import subprocess

import picture

ROOT = pathlib.Path(__file__).resolve().parents[2]


def number(value):
    """Three digits that mean something."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def line_of(path, start):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(start):
            return line.split(":", 1)[1].strip()
    return "unknown"


def machine():
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True,
                            text=True, cwd=ROOT, check=False).stdout.strip()
    return {"cpu": f"{os.cpu_count()} x {line_of('/proc/cpuinfo', 'model name')}",
            "memory": line_of("/proc/meminfo", "MemTotal"),
            "kernel": platform.release(), "commit": commit or "unknown"}


def value_text(figure, unit):
    return (f"{number(figure['median'])} {unit} "
            f"({number(figure['least'])} to {number(figure['most'])})")


def part_lines(name, part):
    """A part in Markdown, which a terminal reads well too."""
    yield f"## {name}: {part['title']}"
    yield ""
    yield f"{part['rounds']} rounds; median (least to most). Load of the machine before and after: " \
          f"{part['load'][0]:.1f}, {part['load'][1]:.1f}. {part['machine']['cpu']}, " \
          f"Linux {part['machine']['kernel']}, lanloom {part['machine']['commit']}."
    yield ""
    for word, text in part["facts"].items():
        yield f"- {word}: {text}"
    if part["facts"]:
        yield ""
    quantities = list(dict.fromkeys(q for way in part["ways"].values() for q in way))
    yield "| | " + " | ".join(quantities) + " |"
    yield "| --- |" + " --- |" * len(quantities)
    for way, figures in part["ways"].items():
        cells = [value_text(figures[q], figures[q]["unit"]) if q in figures else "" for q in quantities]
        yield f"| {way} | " + " | ".join(cells) + " |"
    yield ""
    yield "| ratio | measured | asked | |"
    yield "| --- | --- | --- | --- |"
    for ratio in part["ratios"]:
        verdict = "" if "met" not in ratio else "met" if ratio["met"] else "**not met**"
        yield f"| {ratio['says']} | {value_text(ratio, ratio.get('unit', 'x'))} | {ratio.get('asked', '')} | {verdict} |"


def write(folder, date, parts):
    """Adds the parts to the day's files; the path of the one for people."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{date}.json"
    known = json.loads(path.read_text()) if path.exists() else {"parts": {}}
    known["parts"] |= parts
    path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    lines = [f"# Bench, {date}", "", "Made by `./dev bench`; a ratio is taken within each round.", ""]
    for name in sorted(known["parts"]):
        lines += [*part_lines(name, known["parts"][name]), ""]
    if "tcp" in parts:
        drawn = picture.bars(parts["tcp"], "4 streams", "TCP between two guests, four streams, all on one machine")
        (folder / "tcp.svg").write_text("\n".join(drawn) + "\n")
    text = path.with_suffix(".md")
    text.write_text("\n".join(lines).rstrip() + "\n")
    return text
