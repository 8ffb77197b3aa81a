# SPDX-License-Identifier: LGPL-2.1-or-later
"""tunctl and brctl beside the originals: every command line is run by both, each in a namespace of its own
where the same was done before, and stdout, stderr, exit code and the state of all devices must be equal.

    v0 ---- v1, d0 ---- d1: two wires whose addresses are fixed; bridges and TAPs as the lines make them
"""
import pytest

from beside import answers, compare, each, refusing, words

LONG = "averyverylongname12345"  # is cut to averyverylongna
CUT = LONG[:15]
PLAIN = ["setpriv", "--reuid", "65534", "--clear-groups"]
WIRES = ["@ ip link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02",
         "@ ip link add d0 address 02:00:00:00:00:03 type veth peer name d1 address 02:00:00:00:00:04"]
SWITCH = [*WIRES, "brctl addbr br0", "brctl addif br0 v0 d0"]


NUMBERS = ["0", "1", "1.5", "4x", "x", "", "0x10", "010", "+5", " 5", "5 ", "100", "65535", "65536",
           "4294967297", "99999999999999999999"]
TIMES = ["0", "1", "1.5", "0.001", "4.567", "12.34", "x", "", "4x", "1e3", "0x10", "010", " 5", "nan", "inf",
         "1e30", "1e10", "40000000", "2147483648"]

SCENES = {
    "tunctl-makes": [
        "tunctl", "tunctl -b", "tunctl -t one", "tunctl -b -t two", "tunctl -bt three", "tunctl -t one",
        "tunctl -u nobody -t one", "tunctl -g nogroup", "tunctl -u nobody -g nogroup -t four",
        "tunctl -t tun0", "tunctl -t five -t six", "tunctl -d one", "tunctl -d one", "tunctl -b -d two",
        "tunctl -t seven -d six", "tunctl -d seven -t four", "tunctl -f /dev/net/tun -t eight",
        "tunctl -- ", "tunctl -t x%d", "tunctl -t x%d", "tunctl -t tap%d", ["tunctl", "-t", ""],
        ["tunctl", "-t", "\u00e9"], "tunctl -u root -u nobody -t nine", "tunctl -d nosuch"],
    "tunctl-owners": each(["tunctl -u *", "tunctl -g *", "tunctl -u * -g * -t own"], [
        "0", "12", "0x10", "010", " 12", "12 ", "", "12x", "-1", "-5", "+3", "nosuch", "root", "2147483648",
        "4294967295", "4294967296", "99999999999999999999"]),
    "tunctl-cuts": [f"tunctl -t {LONG}", f"tunctl -t {CUT}x", f"tunctl -u nobody -t {LONG}", f"tunctl -d {LONG}",
                    f"tunctl -d {CUT}", "tunctl -t " + "y" * 300, "tunctl -t 123456789012345%d"],
    "tunctl-refuses": [
        "tunctl -h", "tunctl --help", "tunctl -x", "tunctl word", "tunctl -- word", "tunctl -t", "tunctl -d",
        "tunctl -f", "tunctl -u", "tunctl -g", "tunctl -t lo", "tunctl -d lo", "tunctl -t a/b", "tunctl -t .",
        "tunctl -t ..", ["tunctl", "-t", "a b"], "tunctl -t %d%d", "tunctl -f /dev/null", "tunctl -f /nonexist",
        "tunctl -f /tmp", ["tunctl", "-f", ""], "tunctl -u nosuch -x", "tunctl -x -u nosuch",
        "tunctl word -u nosuch", "tunctl -db", "tunctl -bz", ["sh", "-c", "exec -a /other/name tunctl -x"],
        ["env", "POSIXLY_CORRECT=1", "tunctl", "word", "-t", "a"],
        ["sh", "-c", "tunctl -t full >/dev/full"], ["sh", "-c", "tunctl -t shut >&-"],
        "@ ip tuntap add mode tun name tun5", "tunctl -t tun5", "tunctl -d tun5",
        "@ ip tuntap add mode tap multi_queue name many", "tunctl -t many", "tunctl -d many"],
    "tunctl-without-power": [
        [*PLAIN, "tunctl"], [*PLAIN, "tunctl", "-t", "mine"], "tunctl -u 65534 -t his",
        [*PLAIN, "tunctl", "-t", "his"], [*PLAIN, "tunctl", "-d", "his"]],
    "tunctl-interrupted": [
        refusing(n, "tunctl", *words) for n in (1, 2, 3, 4, 5)
        for words in (("-u", "1", "-g", "2", "-t", f"both{n}"), ("-t", f"bare{n}"), ("-d", f"bare{n}"))],
    "brctl-words": [
        "brctl", "brctl -h", "brctl --help", "brctl -V", "brctl --version", "brctl --ver", "brctl -hV",
        "brctl -V -h", "brctl -x", "brctl --bogus", "brctl --version=3", "brctl help", "brctl show -x",
        "brctl show -V", ["brctl", ""], "brctl addb", "brctl addbr0 br0", "brctl setgcint br0 5",
        "brctl -- addbr z", "brctl addbr -- -b", "brctl show", "brctl addbr -b", ["sh", "-c", "exec -a other brctl -x"],
        "brctl addbr", "brctl delbr", "brctl addif", "brctl addif a", "brctl delif", "brctl delif a",
        "brctl hairpin a b", "brctl stp a", "brctl setageing a", "brctl setfd a", "brctl sethello a",
        "brctl setmaxage a", "brctl setbridgeprio a", "brctl setpathcost a b", "brctl setportprio a b",
        "brctl showmacs", "brctl showstp", ["sh", "-c", "brctl show >/dev/full"]],
    "brctl-bridges": [
        *WIRES, "brctl show", "brctl addbr br0", "brctl addbr br0", "brctl addbr lo", "brctl show",
        ["brctl", "addbr", ""], "brctl addbr a/b", "brctl addbr .", ["brctl", "addbr", "a b"], "brctl addbr x%d",
        "brctl addbr x%d", "brctl addbr br1 br2", "brctl addif br0 v0 d0", "brctl addif br0 v0",
        "brctl addif br1 v0", "brctl addif br0 nosuch v1", "brctl addif nosuch v1", "brctl addif nosuch nosuch",
        "brctl addif br0 lo", "brctl addif br0 br1", "brctl addif br0 br0", "brctl addif lo v1",
        "brctl show", "brctl show br0", "brctl show br0 br1", "brctl show br0 nosuch lo br1", "brctl show nosuch br0",
        "brctl show lo", "brctl show v0", ["brctl", "show", ""], "brctl show br0 br0", "brctl delif br1 v0",
        "brctl delif br0 v1", "brctl delif br0 nosuch", "brctl delif nosuch v0", "brctl delif lo v0",
        "brctl delif br0 d0 v0 v1", "brctl delif br0 v0", "brctl delbr lo", "brctl delbr v0", "brctl delbr nosuch",
        "@ ip link set br0 up", "brctl delbr br0", "@ ip link set br0 down", "brctl delbr br0 br1", "brctl show"],
    "brctl-cuts": [
        *WIRES, f"brctl addbr {LONG}", f"brctl addbr {LONG}", f"brctl addbr {CUT}z", f"brctl show {LONG}",
        "brctl show", f"brctl addif {LONG} v0", f"brctl addif {CUT} d0x{LONG}", f"brctl show {LONG} {CUT}",
        f"brctl setfd {LONG} 5", f"brctl setageing {LONG} 7", f"brctl stp {LONG} on", f"brctl setbridgeprio {LONG} 9",
        f"brctl hairpin {LONG} v0 on", f"brctl hairpin {CUT} v0 on", f"brctl setpathcost {LONG} v0 5",
        f"brctl setportprio {LONG} v0 5", f"brctl showmacs {LONG}", f"brctl showstp {LONG}", f"brctl showstp {CUT}",
        f"brctl delif {LONG} v0", f"brctl delbr {LONG}", f"brctl delbr {LONG}", f"brctl setfd {'y' * 300} 5"],
    "brctl-times": [*SWITCH, *each(["brctl setageing br0 *", "brctl setfd br0 *", "brctl sethello br0 *",
                                    "brctl setmaxage br0 *"], TIMES),
                    "brctl setageing br0 -1", "brctl setageing br0 -- -5", "brctl showstp br0",
                    "brctl setageing br0 30000000", "brctl showstp br0",
                    "brctl setfd br0 -- -0.5", "brctl sethello br0 -- -1", "brctl setfd nosuch 5", "brctl setfd lo 5",
                    "brctl setageing lo x", "brctl sethello v0 5", "brctl setmaxage nosuch 20",
                    "brctl setmaxage br0 30 40"],
    "brctl-numbers": [*SWITCH, *each(["brctl setbridgeprio br0 *", "brctl setpathcost br0 v0 *",
                                      "brctl setportprio br0 d0 *"], NUMBERS),
                      "brctl setbridgeprio br0 -- -5", "brctl setbridgeprio lo 5", "brctl setbridgeprio nosuch 5",
                      "brctl setpathcost nosuch v0 7", "brctl setpathcost br0 lo 5", "brctl setpathcost br0 nosuch 5",
                      "brctl setpathcost br0 v1 5", "brctl setportprio br0 lo 5", "brctl setportprio br0 nosuch 5",
                      "brctl setportprio nosuch v0 6", "brctl setpathcost br0 v0 -- -5",
                      "brctl setpathcost br0 v0 5 6", "brctl showstp br0"],
    "brctl-truths": [*SWITCH, *each(["brctl stp br0 *", "brctl hairpin br0 v0 *"], [
        "on", "off", "yes", "no", "1", "0", "ON", "y", "true", "", "on2"]),
        "brctl stp nosuch on", "brctl stp lo on", "brctl stp lo x", "brctl hairpin br0 v0 on", "brctl hairpin br0 v1 on",
        "brctl hairpin nosuch v0 off", "brctl hairpin br0 nosuch on", "brctl hairpin nosuch nosuch on",
        "brctl hairpin nosuch nosuch x", "brctl hairpin lo lo on", "brctl hairpin lo v0 on", "brctl showstp br0"],
    "brctl-shows": [
        *SWITCH, "brctl showstp br0", "brctl showmacs br0", "brctl stp br0 on", "brctl setfd br0 30",
        "@ ip link set v0 up", "@ ip link set v1 up", "@ ip link set br0 up", "@carrier v0 v1", "brctl show br0",
        "brctl showstp br0",
        "brctl stp br0 off", "brctl showmacs br0 br1",
        "brctl showmacs lo", "brctl showmacs nosuch", "brctl showstp nosuch", "brctl showstp lo", "brctl showstp v0",
        "brctl showstp br0 br1", ["brctl", "showstp", ""], "brctl hairpin br0 d0 on", "brctl showstp br0"],
    "brctl-learns": [
        *SWITCH, "brctl setfd br0 0", "@ ip link set v0 up", "@ ip link set v1 up", "@ ip link set br0 up",
        "@carrier v0 v1 br0", "@frames v1 5", "brctl showmacs br0"],
    "brctl-without-power": [
        *SWITCH, *[[*PLAIN, *line.split()] for line in (
            "brctl addbr k", "brctl delbr br0", "brctl delbr nosuch", "brctl addif br0 v1", "brctl delif br0 v0",
            "brctl stp br0 on", "brctl hairpin br0 v0 on", "brctl setfd br0 4", "brctl setportprio br0 v0 5",
            "brctl setpathcost br0 lo 5", "brctl show", "brctl showmacs br0", "brctl showstp br0")],
        ["setpriv", "--bounding-set", "-all", "brctl", "setageing", "br0", "9"],
        ["setpriv", "--bounding-set", "-all", "brctl", "addif", "br0", "v1"]],
    "brctl-interrupted": [*SWITCH, *[refusing(n, *line.split()) for n in (1, 2, 3) for line in (
        "brctl addbr one", "brctl delbr br0", "brctl addif br0 v1", "brctl delif br0 v0", "brctl showmacs lo",
        "brctl setpathcost br0 d0 0")]],
}

# Where /sys is missing, or another namespace's, the old ioctls answer.
OLD = {name: [line for line in SCENES[name] if line not in (["brctl", "show", ""],)]
       for name in ("brctl-bridges", "brctl-cuts", "brctl-numbers", "brctl-truths", "brctl-shows",
                    "brctl-without-power")}
OLD["brctl-times"] = [*SWITCH, *each(["brctl setageing br0 *", "brctl setfd br0 *", "brctl setmaxage br0 *"],
                                     ["1", "4.567", "x", "40000000", "inf"]), "brctl showstp br0"]


@pytest.mark.parametrize("name", SCENES)
def test_as_the_original(folders, name):
    assert compare(folders, SCENES[name], True)


@pytest.mark.parametrize("name", OLD)
def test_as_the_original_without_sys(folders, name):
    assert compare(folders, OLD[name], False)


def test_learned_addresses_are_among_them(folders):
    got = answers(folders[0], [words(line) for line in SCENES["brctl-learns"]])[-1]
    assert got["out"].count("\tno\t") == 5, got["out"]


def test_enough_is_compared():
    distinct = {tuple(words(line)) for scene in SCENES.values() for line in scene if not words(line)[0].startswith("@")}
    assert len(distinct) >= 120, len(distinct)


@pytest.mark.parametrize("with_sys", [True, False])
def test_many_ports_and_addresses(folders, with_sys):
    """More than 255 ports (a number of two bytes in the table) and more entries than one read gives."""
    scene = ["brctl addbr big", "@wires 130", ["brctl", "addif", "big", *(f"w{i}a" for i in range(130))],
             ["brctl", "addif", "big", *(f"w{i}b" for i in range(130))], "brctl showmacs big", "brctl show big",
             "brctl setageing big 100", "brctl showstp big"]
    assert compare(folders, scene, with_sys) == 7


def test_what_the_branch_1_5_adds(folders):
    """-n is a TUN, -p a TAP; the last one counts."""
    lines = [words(line) for line in ("tunctl -n -t one", "tunctl -p -t two", "tunctl -n -p -t three",
                                      "tunctl -n", "tunctl -n -b", "tunctl -n -d one", "tunctl -d two", "tunctl -d tun0")]
    got = answers(folders[0], lines, True)
    assert [one["status"] for one in got] == [0, 0, 0, 0, 0, 0, 0, 1]
    assert got[3]["out"] == "Set 'tun0' persistent and owned by uid 0\n" and got[4]["out"] == "tun1\n"
    assert got[7]["err"] == "TUNSETIFF: Invalid argument\n"
    kinds = {link["ifname"]: link["linkinfo"]["info_data"]["type"] for link in got[2]["state"] if "linkinfo" in link}
    assert kinds == {"one": "tun", "two": "tap", "three": "tap"}
    assert {link["ifname"] for link in got[-1]["state"]} == {"lo", "three", "tun0", "tun1"}
