# SPDX-License-Identifier: LGPL-2.1-or-later
"""The frame of ./dev bench: what it makes of measurements. The figures themselves are no test."""
import importlib
import json
import pathlib
import sys
import types
import xml.etree.ElementTree

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools" / "bench"), str(ROOT / "tests" / "system")]
frame = importlib.import_module("frame")
report = importlib.import_module("report")
picture = importlib.import_module("picture")
PARTS = sorted(path.stem for path in (ROOT / "tools" / "bench" / "parts").glob("[a-z]*.py"))


def toy(order):
    """Two ways whose figures are known: the n-th call of `slow` takes 2n, of `fast` n."""
    def way(name, factor):
        def measure(_stage):
            order.append(name)
            return {"time": factor * order.count(name)}
        return measure
    return types.SimpleNamespace(
        WAYS={"slow": way("slow", 2), "fast": way("fast", 1)}, UNITS={"time": "s"},
        RATIOS=[frame.Ratio("slow over fast", ("slow", "time"), ("fast", "time"), most=1.5),
                frame.Ratio("and back", ("fast", "time"), ("slow", "time"), least=0.5)])


def test_ways_take_turns_and_the_first_round_is_not_counted():
    order = []
    figures = frame.measure(toy(order), None, 3, lambda _text: None)
    assert order == ["slow", "fast", "fast", "slow", "slow", "fast", "fast", "slow"]
    assert figures["ways"]["slow"]["time"]["values"] == [4, 6, 8]
    assert figures["ways"]["slow"]["time"]["median"] == 6


def test_ratios_are_taken_within_a_round_and_told_whether_they_are_met():
    figures = frame.measure(toy([]), None, 3, lambda _text: None)
    over, back = figures["ratios"]
    assert over["values"] == [2, 2, 2] and over["asked"] == "<= 1.5" and not over["met"]
    assert back["asked"] == ">= 0.5" and back["met"]


def test_what_is_asked_of_a_thing_itself_has_its_unit():
    part = toy([])
    part.RATIOS = [frame.Ratio("fast, alone", ("fast", "time"), most=4, unit="s")]
    figures = frame.measure(part, None, 3, lambda _text: None)
    assert figures["ratios"][0]["values"] == [2, 3, 4] and figures["ratios"][0]["met"]
    assert any("3 s (2 to 4)" in line for line in report.part_lines("toy", figures | {
        "title": "a toy", "load": [0, 0], "machine": {"cpu": "one", "kernel": "6", "commit": "c"}}))


def test_a_part_measured_again_takes_the_place_of_the_earlier_one(tmp_path):
    figures = frame.measure(toy([]), None, 1, lambda _text: None)
    figures |= {"title": "a toy", "load": [0.1, 0.2],
                "machine": {"cpu": "one", "kernel": "6", "commit": "c", "memory": "m"}}
    report.write(tmp_path, "2026-01-02", {"toy": figures, "other": figures})
    path = report.write(tmp_path, "2026-01-02", {"toy": figures | {"title": "a better toy"}})
    text = path.read_text()
    assert "toy: a better toy" in text and "other: a toy" in text and "**not met**" in text
    assert set(json.loads((tmp_path / "2026-01-02.json").read_text())["parts"]) == {"toy", "other"}


def test_a_picture_is_well_formed_and_names_every_way():
    figures = frame.measure(toy([]), None, 2, lambda _text: None)
    text = "\n".join(picture.bars(figures, "time", "slow & fast"))
    words = [element.text for element in xml.etree.ElementTree.fromstring(text).iter() if element.text]
    assert {"slow", "fast", "slow & fast"} < set(words)


@pytest.mark.parametrize("name", PARTS)
def test_a_part_is_whole(name):
    part = importlib.import_module(f"parts.{name}")
    assert part.__doc__ and part.ROUNDS >= 3
    for ratio in part.RATIOS:
        for way, quantity in filter(None, (ratio.over, ratio.under)):
            assert way in part.WAYS and quantity in part.UNITS
