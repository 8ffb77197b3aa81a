# SPDX-License-Identifier: LGPL-2.1-or-later
"""XML that is cut off, turned or hostile is refused with its line, and never more than that."""
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LANLOOM = pathlib.Path(os.environ.get("LANLOOM", ROOT / "build" / "lanloom"))
GOOD = (ROOT / "tests/golden/import/libvirt/default.xml").read_bytes()


def imported(text):
    done = subprocess.run([LANLOOM, "import", "libvirt", "-"], input=text, capture_output=True, timeout=30)
    assert done.returncode in (0, 1), (text, done)
    assert done.returncode == 0 or (done.stderr and not done.stdout), (text, done)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("text, line, says", [
    (b"", 1, "is no XML"), (b"<network>\n<name>x</name>", 2, "is not closed"), (b"<network>\n</netwerk>", 2, "end tag of another"),
    (b"<network name=x/>", 1, "between quotes"), (b"<network\nname='x/>", 2, "is not closed"), (b"<network/>\n<network/>", 2, "behind the last"),
    (b"<!DOCTYPE x [<!ENTITY a 'b'>]><network/>", 1, "declaration of types"), (b"<network>&a;</network>", 1, "an entity that nothing declares"),
    (b"<network>&#0;</network>", 1, "reference to no character"), (b"<network>&#xd800;</network>", 1, "reference to no character"),
    (b"<network>&#99999999999999999999;</network>", 1, "reference to no character"), (b"<a>" * 33, 1, "too deep"),
    (b"<a>" * 300, 1, "too deep"), (b"<!-- \n", 2, "is not closed"), (b"<network><!-- -- </network>", 1, "is not closed"),
    (b"<network =''/>", 1, "expected an attribute"), (b"<1>", 1, "is not closed"), (b"<network\na='&#10;x'/>", 2, "a control"), (b"<network a='\xbd'/>", 1, "no UTF-8"), (b"< network/>", 1, "expected an element"),
])
def test_what_is_no_xml(text, line, says):
    code, _, said = imported(text)
    assert code == 1 and f":{line}: " in said and says in said, said


def test_what_is_cut_off_or_turned():
    for at in range(0, len(GOOD) - 1, 29):
        assert imported(GOOD[:at].rstrip())[0] == 1 or at >= len(GOOD.rstrip())
        imported(GOOD[:at] + bytes([GOOD[at] ^ 4]) + GOOD[at + 1:])
        imported(GOOD[:at] + GOOD[at + 7:])


def test_names_and_characters():
    text = "<network><name>{0}</name><bridge name='{0}'/><domain name='a&#x62;c'/></network>"
    assert "domain: abc" in imported(text.format("virbr0").encode())[1]
    for name in ("x" * 16, "x" * 255, "a/b", "", "a b"):
        code, out, said = imported(text.format(name).encode())
        assert code == 0 and "networks" not in out and "left out" in said, (name, out, said)
