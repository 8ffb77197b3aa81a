# SPDX-License-Identifier: LGPL-2.1-or-later
"""qemu-bridge-helper beside QEMU's own; what each kind of ACL file allows; and under a real QEMU.

    br0 (mtu 1400), br1, averyverylongbr: bridges; {fd} is the socket to QEMU, whose part the test plays
"""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from beside import answers, compare, refusing, words

BRIDGES = ["@ ip link add br0 address 02:00:00:00:00:10 mtu 1400 type bridge",
           "@ ip link add br1 address 02:00:00:00:00:11 type bridge",
           "@ ip link add averyverylongbr address 02:00:00:00:00:12 type bridge"]
ASK = "qemu-bridge-helper --br=br0 --fd={fd}"
PLAIN = ["setpriv", "--reuid", "65534", "--clear-groups"]

# An ACL file, and whether br0 may be had.
ACLS = [
    ("allow br0\n", True), ("allow all\n", True), ("allow br1\n", False), ("", False), ("deny br0\n", False),
    ("allow  br0  \n", True), ("\tallow\tbr0\n", True), ("\tallow\tbr0 \n", False), ("# a\n\n \n\t\nallow br0", True),
    ("allow br0 # c\n", False), ("deny br0\nallow all\n", False), ("allow all\ndeny br0\n", False),
    ("allow br0\ndeny br1\n", True), ("deny br00\nallow br0\n", True), ("deny all\nallow br0\n", False),
    ("allow all\ndeny all\n", False), ("allow\n", False), ("allow", False), ("  allow\n", False),
    ("allow   \n", False), ("allow br0 br1\n", False), ("Allow br0\n", False), ("permit br0\n", False),
    ("nonsense\n", False), ("allow br0\nnonsense x\n", False), ("  # c\nallow br0\r\n", True),
    ("allow br0\x0b\n", False), ("allow br0\x0c\n", True), ("allow br\n", False), ("allow br00\n", False),
    ("include /etc/qemu/more\n", True), ("include  /etc/qemu/more  \n", True), ("include more\n", False),
    ("include /etc/qemu/none\nallow br0\n", True), ("include /etc/qemu/deny\nallow br0\n", False),
    ("allow br0\ninclude /etc/qemu/deny\n", False), ("include /etc/qemu/bad\nallow br0\n", True),
    ("include /etc/qemu/halfbad\n", True), ("include /etc/qemu\nallow br0\n", True), ("include\n", False),
    ("include /etc/qemu/chain\n", True), ("allow " + "x" * 15 + "\nallow br0\n", True),
    ("allow " + "x" * 16 + "\nallow br0\n", False), ("deny averyverylongbrX\nallow br0\n", False),
    ("allow " + "x" * 300 + "\n", False)]
INCLUDED = [["@acl", "more", "allow br0\n"], ["@acl", "deny", "deny br0\n"], ["@acl", "bad", "nonsense x\n"],
            ["@acl", "halfbad", "allow br0\nnonsense x\ndeny br0\n"], ["@acl", "chain", "include /etc/qemu/more\n"]]


def test_the_table_of_acl_files(folders):
    scene = [*BRIDGES, *INCLUDED, ASK]
    for text, _ in ACLS:
        scene += [["@acl", "bridge.conf", text], ASK]
    assert compare(folders, scene, acl=True) == len(ACLS) + 1
    got = [one for one in answers(folders[0], [words(line) for line in scene], acl=True) if one]
    for (text, may), one in zip(ACLS, got[1:], strict=True):
        assert (one["status"] == 0) == may, (text, one["err"])
        assert len(one["taps"]) == (3 if may else 0), text
        # a TAP that nobody holds is gone
        assert {link["ifname"] for link in one["state"]} == {"lo", "br0", "br1", "averyverylongbr"}


def test_names_are_compared_whole(folders):
    """averyverylongbr is a bridge of 15 bytes: nobody gets it, or its ACL line, by a longer name."""
    scene = [*BRIDGES, ["@acl", "bridge.conf", "allow averyverylongbr\n"]]
    scene += [f"qemu-bridge-helper --br={name} --fd={{fd}}" for name in
              ("averyverylongbr", "averyverylongbrX", "averyverylongb", "averyverylongbr" * 20)]
    assert compare(folders, scene, acl=True) == 4
    got = answers(folders[0], [words(line) for line in scene], acl=True)
    assert [one["status"] for one in got if one] == [0, 1, 1, 1]


def test_words_and_refusals(folders):
    scene = [*BRIDGES, ["@acl", "bridge.conf", "allow br0\nallow nosuch\nallow lo\n"], ASK,
             "qemu-bridge-helper --use-vnet --br=br0 --fd={fd}", "qemu-bridge-helper --br=br0 --fd={fd} --use-vnet",
             "qemu-bridge-helper", "qemu-bridge-helper --br=br0", "qemu-bridge-helper --fd={fd}",
             "qemu-bridge-helper --bogus", "qemu-bridge-helper --br=br0 --fd={fd} word", "qemu-bridge-helper --help",
             "qemu-bridge-helper --br br0 --fd {fd}", "qemu-bridge-helper --br=br0 --fd=x",
             "qemu-bridge-helper --br=br0 --fd=99", "qemu-bridge-helper --br=br0 --fd=-1",
             "qemu-bridge-helper --br=br0 --fd={fd}x", "qemu-bridge-helper --br= --fd={fd}",
             "qemu-bridge-helper --use-vnet=1 --br=br0 --fd={fd}", "qemu-bridge-helper --br=br0 --fd={fd} --br=br1",
             "qemu-bridge-helper --br=nosuch --fd={fd}", "qemu-bridge-helper --br=lo --fd={fd}",
             [*PLAIN, *ASK.split()], ["setpriv", "--bounding-set", "-all", *ASK.split()],
             *[refusing(n, "qemu-bridge-helper", "--use-vnet", "--br=br0", "--fd={fd}") for n in range(2, 11)]]
    assert compare(folders, scene, acl=True) == len(scene) - 4


def test_a_file_that_includes_itself_is_an_end(folders):
    """QEMU's own goes on until its stack is full."""
    lines = [*BRIDGES, ["@acl", "bridge.conf", "include /etc/qemu/bridge.conf\nallow br0\n"], ASK]
    assert answers(folders[0], [words(line) for line in lines], acl=True)[-1]["status"] == 0


def suid_folder():
    """A folder where set-user-ID counts."""
    for parent in (tempfile.gettempdir(), "/var/tmp", "/run"):
        if os.access(parent, os.W_OK) and not os.statvfs(parent).f_flag & os.ST_NOSUID:
            folder = pathlib.Path(tempfile.mkdtemp(prefix="lanloom-suid-", dir=parent))
            folder.chmod(0o755)
            return folder
    pytest.fail("there is no folder where set-user-ID counts")


@pytest.fixture
def suid(folders):
    """A copy of the binary that anybody runs as root, by a name."""
    folder = suid_folder()

    def copy(name):
        path = folder / name
        shutil.copy(folders[0] / "brctl", path)
        path.chmod(0o4755)
        return str(path)

    yield copy
    shutil.rmtree(folder)


def test_set_user_id_gives_what_the_acl_allows(suid):
    helper = suid("qemu-bridge-helper")
    lines = [*BRIDGES, ["@acl", "bridge.conf", "allow br0\ninclude /etc/qemu/for-root\n"],
             ["@acl", "for-root", "allow br1\n"],
             [*PLAIN, helper, "--br=br0", "--fd={fd}"], [*PLAIN, helper, "--br=br1", "--fd={fd}"],
             [helper, "--br=br1", "--fd={fd}"],
             ["@acl", "bridge.conf", "allow all\n"], ["@ chmod 600 /etc/qemu/bridge.conf"],
             [*PLAIN, helper, "--br=br0", "--fd={fd}"]]
    got = [one for one in answers("/usr/bin", [words(line) if isinstance(line, str) else
                                              (line[0].split() if line[0].startswith("@ ") else line)
                                              for line in lines], acl=True) if one]
    # a file that only root may read is not there for others
    assert [one["status"] for one in got] == [0, 1, 0, 1], got
    assert got[1]["err"] == "access denied by acl file\n"
    assert got[0]["taps"][1] == ["tap0", 0x1002]


def test_set_user_id_gives_nothing_else(suid):
    """What the binary is called as is the caller's to choose; what the file is called is not."""
    for name, called in (("lanloom", "lanloom"), ("lanloom", "qemu-bridge-helper"), ("brctl", "brctl"),
                         ("tunctl", "qemu-bridge-helper")):
        done = subprocess.run([*PLAIN, "bash", "-c", f"exec -a {called} {suid(name)} kinds"],
                              capture_output=True, text=True)
        assert done.returncode == 1 and "must not be set-user-ID" in done.stderr, (name, called)
    # the helper's file is the helper by any name
    done = subprocess.run([*PLAIN, "bash", "-c", f"exec -a lanloom {suid('qemu-bridge-helper')} kinds"],
                          capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("Usage: qemu-bridge-helper")


QEMU = """
set -e
{qemu} -machine none -nodefaults -display none -serial none -monitor none -pidfile /run/pid -daemonize \
  -netdev bridge,id=a,br=br0,helper={helper} -netdev bridge,id=b,br=br1,helper={helper} \
  -netdev hubport,hubid=1,id=ha,netdev=a -netdev hubport,hubid=1,id=hb,netdev=b
trap 'kill $(cat /run/pid)' EXIT
ping -n -q -c 3 -i 0.2 -w 20 -I 10.0.0.1 10.0.0.2
"""


def test_under_qemu(folders):
    """QEMU's hub between two bridges: what one end sends comes to the other through both TAPs.

        p0 10.0.0.1 (netns near) -- br0 -- tap0 [QEMU] tap1 -- br1 -- p1 10.0.0.2 (netns far)
    """
    qemu = shutil.which("qemu-system-x86_64") or shutil.which("qemu-system-aarch64")
    script = QEMU.format(qemu=qemu, helper=folders[0] / "qemu-bridge-helper")
    lines = ["@ ip link add br0 type bridge", "@ ip link add br1 type bridge", ["@acl", "bridge.conf", "allow br0\nallow br1\n"],
             "@ mount -t tmpfs tmpfs /run", "@ ip netns add far",
             "@ ip link add p1 netns far type veth peer name q1", "@ ip link set q1 master br1",
             "@ ip addr add 10.0.0.1/24 dev br0", "@ ip -n far addr add 10.0.0.2/24 dev p1",
             *(f"@ ip link set {name} up" for name in ("br0", "br1", "q1")), "@ ip -n far link set p1 up",
             ["sh", "-c", script]]
    got = answers(folders[0], [words(line) for line in lines], acl=True)[-1]
    assert got["status"] == 0 and " 0% packet loss" in got["out"], got["out"] + got["err"]
