# SPDX-License-Identifier: LGPL-2.1-or-later
"""doc/design/kinds.md: the price of each kind of the kernel's, as it is."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The base of all; and those that are no thing of the kernel's: networks, guests, tunnels.
OTHERS = re.compile(r"link|network.*|guest|dhcp|reach|tunnel|peer|ruleset")


def rows():
    found = []
    for line in (ROOT / "doc/design/kinds.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[1].isdigit():
            found.append((cells[0], int(cells[1]), cells[2].split(", ")))
    return found


def path(name):
    return ROOT / "src" / (name if "/" in name else f"kind/{name}")


@pytest.mark.parametrize("kind,lines,files", rows())
def test_a_price_is_near_the_truth(kind, lines, files):
    now = sum(len(path(name).read_text().splitlines()) for name in files)
    assert abs(now - lines) <= max(15, now // 5), f"{kind}: {now} lines; write that into doc/design/kinds.md"


def test_each_kind_has_a_price():
    told = {name for _, _, files in rows() for name in files}
    there = {one.name for one in (ROOT / "src/kind").glob("*.c") if not OTHERS.fullmatch(one.stem)}
    assert there <= told, "kinds without a line in doc/design/kinds.md"
