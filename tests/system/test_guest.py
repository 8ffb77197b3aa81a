# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest of tests/guest/tier.py is what its tests count on."""
import pathlib

import pytest
from lib.net import run
from place import PLACE


@pytest.mark.guest
def test_the_guest_can_make_what_others_cannot(host):
    assert PLACE == "guest"
    host.ip("link", "add", "dm0", "type", "dummy")
    host.ip("link", "add", "dm0.7", "link", "dm0", "type", "vlan", "id", "7")
    host.ip("link", "add", "iv0", "link", "dm0", "type", "ipvlan")
    host.ip("link", "add", "blue", "type", "vrf", "table", "10")
    host.ip("link", "add", "br0", "type", "bridge", "vlan_filtering", "1")
    host.ip("link", "add", "wg0", "type", "wireguard")
    run("ip", "netns", "exec", host.space, "tc", "qdisc", "add", "dev", "dm0", "root", "netem", "delay", "1ms")


@pytest.mark.guest
def test_the_guest_has_the_files_of_here(tmp_path):
    """Its root is the host's, read-only, and a tmpfs above takes what is written."""
    kinds = {line.split()[1]: line.split()[2] for line in pathlib.Path("/proc/mounts").read_text().splitlines()}
    assert kinds["/"] == "overlay"
    note = pathlib.Path("/var/cache/lanloom/guest-full/note-of-a-test")
    note.write_text("in the guest")


def test_tests_of_the_guest_are_not_run_here():
    assert PLACE == "here"
    assert not pathlib.Path("/var/cache/lanloom/guest-full/note-of-a-test").exists()
