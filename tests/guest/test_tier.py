# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest that crashes, hangs or does not come up is a failed test, with the end of its console."""
import machine
import pytest
import tier

DEATHS = {
    "crash": ("echo @up\necho c >/proc/sysrq-trigger\n", "went off", "Kernel panic - not syncing: sysrq triggered crash"),
    "hang": ("echo @up\necho waiting for ever >/dev/console\nsleep 1000\n", "hangs", "waiting for ever"),
    "no end": ("echo @up\necho early >/dev/console\npoweroff -f\n", "went off", "early"),
}


@pytest.mark.limit(400)
@pytest.mark.parametrize("death", DEATHS)
def test_a_dead_guest_is_a_failure(tmp_path, monkeypatch, death, capsys):
    start, why, end = DEATHS[death]
    machine.tool("sh", machine.ROOT / "share" / "guest-image", "-f",
                 *[word for module in tier.MODULES for word in ("-m", module)], tier.CACHE, timeout=400)
    monkeypatch.setattr(tier, "START", "mount -t proc proc /proc\n" + start)
    monkeypatch.setattr(tier, "SILENT_SECONDS", 4)
    guest = tier.Guest(tmp_path / "guest", [])
    try:
        assert guest.boots() or guest.boots(), guest.ends()
        said = guest.runs()
    finally:
        guest.power_off()
    assert why in said
    assert tier.failed(tmp_path, guest, 7, said) == 1
    told = capsys.readouterr().out
    assert end in told and "7 tests were to run there" in told
    assert (tmp_path / "checks").read_text() == "not ok guest\n"


@pytest.mark.limit(400)
def test_a_guest_that_does_not_come_up(tmp_path, monkeypatch):
    monkeypatch.setattr(tier, "START", "poweroff -f\n")
    guest = tier.Guest(tmp_path / "guest", [])
    assert not guest.boots()
    assert guest.process.returncode is not None
