# SPDX-License-Identifier: LGPL-2.1-or-later
"""`add`, `set`, `del` without a file; `exec`, `undo` and `log`; what `show` says of it all.

    alpha: one host, to begin with empty
"""
import json

from lib import frames, snapshot, trace
from lib.net import LANLOOM
from lib.still import take_still


def test_add_set_del(host):
    before = snapshot.take(host)
    host.loom("add", "bridge", "br0", "addresses=[10.0.1.1/24]", "parameters.ageing-time=200")
    assert "10.0.1.1/24" in host.ip("addr", "show", "dev", "br0")
    assert host.link("br0")["linkinfo"]["info_data"]["ageing_time"] == 20000
    host.loom("add", "tap", "tap0")
    host.loom("set", "br0", "interfaces=[tap0]", "mtu=1400")
    assert host.link("tap0")["master"] == "br0" and host.link("br0")["mtu"] == 1400
    host.loom("del", "tap0")
    assert "tap0" not in host.links()
    host.loom("del", "br0")
    snapshot.assert_same(before, snapshot.take(host))


def test_set_sends_only_what_changed(host):
    host.loom("add", "bridge", "br0", "mtu=1400")
    trace.settled(host)
    sent, _ = trace.changes(host, "set", "br0", "mtu=1300")
    assert len(sent) == 1 and sent[0].endswith("LINK")
    sent, _ = trace.changes(host, "set", "br0", "mtu=1300")
    assert sent == []


def test_a_device_in_a_namespace(net, host):
    inner = net.space("inner")
    host.loom("add", "namespace", inner)
    host.loom("add", "bridge", f"{inner}/br9", "addresses=[10.9.0.1/24]")
    done = host.loom("exec", inner, "ip", "-4", "-o", "addr", "show", "dev", "br9")
    assert "10.9.0.1/24" in done.stdout
    host.loom("del", f"{inner}/br9")
    host.loom("del", inner)
    assert inner not in host.run("ip", "netns", "list").stdout


def test_wrong_words_are_answered_with_the_right_one(host):
    for words, hint in ((("add", "brigde", "br0"), "bridge"),
                        (("add", "bridge", "br0", "agein-time=3"), "ageing-time"),
                        (("set", "br0", "mtu=1400"), "br0")):
        done = host.loom(*words, check=False)
        assert done.returncode in (1, 2) and hint in done.stderr, f"{words}: {done.stderr}"
    assert host.loom("frobnicate", check=False).returncode == 2
    assert "add" in host.loom("ad", "bridge", "b0", check=False).stderr


def test_a_way_out_is_in_the_words_of_who_asks(net, host):
    """By hand and in a file the same key is written unlike; and what is missing can be made."""
    host.ip("tuntap", "add", "tap9", "mode", "tap")
    assert "try: existing=true to use it" in host.loom("add", "tap", "tap9", check=False).stderr
    path = net.file("t.yaml", "name: t\ntaps: {tap9: {}}\n")
    assert "try: existing: true to use it" in host.loom("up", path, check=False).stderr
    done = host.loom("add", "veth", "v0", "peer=nowhere/eth0", check=False)
    assert "no network namespace of the name nowhere\ntry: lanloom add namespace nowhere\n" in done.stderr


def test_exec_ends_as_its_command_does(net, host):
    inner = net.space("inner")
    host.loom("add", "namespace", inner)
    assert host.loom("exec", inner, "sh", "-c", "exit 7", check=False).returncode == 7
    links = json.loads(host.loom("exec", inner, "ip", "-j", "link").stdout)
    assert [(link["ifname"], "UP" in link["flags"]) for link in links] == [("lo", True)]
    assert host.loom("exec", inner, "no-such-command", check=False).returncode in (1, 127)
    done = host.loom("exec", inner + "x", "true", check=False)
    assert done.returncode == 1 and inner in done.stderr


def test_undo_and_log(net, host):
    path = net.file("lab.yaml", "name: lab\nbridges: {br0: {mtu: 1400}}\n")
    host.loom("up", path)
    first = snapshot.take(host)
    path.write_text("name: lab\nbridges: {br0: {mtu: 1300}, br1: {}}\n")
    host.loom("up", path)
    host.loom("undo")
    assert host.link("br0")["mtu"] == 1400 and "br1" not in host.links()
    snapshot.assert_same(first, snapshot.take(host))
    text = host.loom("log").stdout
    assert "lab" in text and "up" in text and "undo" in text and "root" in text
    document = host.loom_json("log")
    entries = next(value for value in document.values() if isinstance(value, list))
    assert len(entries) == 3
    # What was undone can be had again: undoing is a change like any other.
    host.loom("undo")
    assert host.link("br0")["mtu"] == 1300 and "br1" in host.links()


def test_undo_of_an_older_change_touches_only_what_it_touched(net, host):
    one = net.file("one.yaml", "name: one\nbridges: {br1: {}}\n")
    two = net.file("two.yaml", "name: two\nbridges: {br2: {}}\n")
    host.loom("up", one)
    host.loom("up", two)
    host.loom("undo", "1")
    assert "br1" not in host.links() and "br2" in host.links()


def test_show_tells_ours_from_foreign(net, host):
    host.ip("link", "add", "fbr0", "type", "bridge")
    host.ip("tuntap", "add", "ftap0", "mode", "tap")
    host.ip("link", "set", "ftap0", "master", "fbr0")
    inner = net.space("inner")
    host.loom("up", net.file("lab.yaml", f"""name: lab
bridges: {{br0: {{addresses: [10.0.1.1/24], interfaces: [tap0, v0]}}}}
taps: {{tap0: {{}}}}
virtual-ethernets: {{v0: {{peer: {inner}/v1}}}}
namespaces: {{{inner}: {{virtual-ethernets: {{v1: {{}}}}}}}}
"""))
    document = host.loom_json("show")
    spaces = {space["name"]: space["devices"] for space in document["namespaces"]}
    assert set(spaces) == {"", inner}
    devices = {device["name"]: device for device in spaces[""]}
    assert devices["br0"]["managed"] and not devices["fbr0"]["managed"]
    assert devices["tap0"]["master"] == "br0" and devices["ftap0"]["master"] == "fbr0"
    for device in devices.values():
        assert {"name", "namespace", "kind", "managed", "up", "carrier", "mtu", "macaddress",
                "addresses", "ifindex"} <= device.keys(), device["name"]
    assert devices["br0"]["addresses"][0]["address"] == "10.0.1.1/24"
    text = host.loom("show").stdout
    for name in ("br0", "fbr0", "tap0", "ftap0", inner, "v1", "10.0.1.1/24"):
        assert name in text
    assert "ftap0" not in host.loom("show", "br0").stdout


def test_show_names_who_holds_a_tap(net, host):
    host.loom("add", "tap", "tap0")
    with frames.Tap(host, "tap0"):
        device = [device for space in host.loom_json("show")["namespaces"]
                  for device in space["devices"] if device["name"] == "tap0"][0]
    assert [holder["command"] for holder in device["holders"]], device


def test_kinds_lists_every_kind(host):
    text = host.run(LANLOOM, "kinds").stdout
    for word in ("namespace", "ethernet", "bridge", "port", "veth", "tap", "tun", "address", "route",
                 "sysctl", "tunnel", "peer"):
        assert word in text
    assert "ageing-time" in host.run(LANLOOM, "kinds", "bridge").stdout


def test_every_command_has_help(host):
    for command in ("up", "plan", "down", "check", "show", "exec", "add", "set", "del", "kinds", "key",
                    "tunnel", "undo", "log", "demo"):
        done = host.run(LANLOOM, command, "-h", check=False)
        assert done.returncode == 0 and command in done.stdout, command


def test_lo_is_set_and_given_back(host):
    before = host.json("addr", "show", "dev", "lo")
    host.loom("set", "lo", "mtu=65000", "addresses=10.201.0.1/32")
    lo = host.json("addr", "show", "dev", "lo")[0]
    assert lo["mtu"] == 65000 and "10.201.0.1" in [a["local"] for a in lo["addr_info"]]
    host.loom("set", "lo", "mtu=64000")     # what was read before is more than one may ask for
    host.loom("undo")
    assert host.link("lo")["mtu"] == 65000
    host.loom("del", "lo")
    assert host.json("addr", "show", "dev", "lo") == before


def test_a_network_by_hand(net, host):
    """What a network makes of itself comes anew with every change, and goes with it."""
    outside = net.host("outside")
    net.wire(host, "eth0", outside, "eth0")
    host.ip("addr", "add", "203.0.113.2/24", "dev", "eth0")
    host.ip("route", "add", "default", "via", "203.0.113.1")
    before = take_still(host)

    def tables():
        return {table["name"] + " " + table["family"] for item in json.loads(host.run("nft", "-j", "list", "tables").stdout)["nftables"]
                if (table := item.get("table"))}

    def forwarding(device):
        return host.run("cat", f"/proc/sys/net/ipv4/conf/{device}/forwarding").stdout.strip()

    host.loom("add", "network", "lab", "mode=nat", "addresses=10.44.0.1/24")
    assert (tables(), forwarding("eth0"), forwarding("lab")) == ({"lanloom_lab inet"}, "1", "1")
    host.loom("add", "network", "web", "mode=routed", "addresses=10.45.0.1/24")
    host.loom("set", "lab", "mode=isolated")
    assert tables() == {"lanloom_lab inet", "lanloom_lab netdev", "lanloom_web inet"}
    assert (forwarding("eth0"), forwarding("lab"), forwarding("web")) == ("1", "0", "1")
    host.loom("del", "web")
    assert (tables(), forwarding("eth0")) == ({"lanloom_lab inet", "lanloom_lab netdev"}, "0")
    host.loom("add", "tap", "t0")
    host.loom("set", "lab", "interfaces=t0")
    host.loom("del", "t0")
    host.loom("del", "lab")
    snapshot.assert_same(before, take_still(host))


def test_a_tunnel_of_a_file_is_not_set_by_hand(net, host):
    """Its TAP is a device like others; the tunnel's keys are the file's."""
    key = net.folder / "w.key"
    host.loom("key", "new", key)
    path = net.file("w.yaml", f"name: w\ntunnels: {{lan0: {{mode: lan, key: {key}, port: 51999}}}}\n")
    host.loom("up", path)
    refused = host.loom("set", "lan0", "port=51998", check=False)
    assert refused.returncode == 1 and "it belongs to the description w" in refused.stderr
    host.loom("set", "lan0", "mtu=1300")
    assert host.link("lan0")["mtu"] == 1300
    assert "unknown key" in host.loom("set", "lan0", "prot=51998", check=False).stderr
    host.loom("undo")
    host.loom("down", path)
    path = net.file("w.yaml", "name: w\nnetworks: {lab: {mode: isolated, addresses: [10.9.0.1/24]}}\n")
    host.loom("up", path)
    assert "it belongs to the description w" in host.loom("set", "lab", "mode=nat", check=False).stderr
    host.loom("down", path)


def test_set_is_completed_by_the_keys_of_the_device(host):
    host.ip("link", "add", "brq", "type", "bridge")
    host.ip("tuntap", "add", "tq", "mode", "tap")
    ask = host.loom("help", "--bash").stdout + """
words() { COMP_WORDS=(lanloom "$@"); COMP_CWORD=$#; COMPREPLY=(); _lanloom 2>/dev/null; echo "${COMPREPLY[*]}"; }
words set br; words set brq parameters.st; words set tq multi; words set tq parameters; words del brq x
"""
    # what /sys shows is of the namespace that it was mounted in
    done = host.run("unshare", "-m", "bash", "-c", "mount -t sysfs none /sys && exec bash", input=ask)
    assert done.stdout.splitlines() == ["brq", "parameters.stp=", "multi-queue=", "", ""]
