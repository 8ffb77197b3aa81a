# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several descriptions on one host: the default files, what they may share, and `by-hand` beside them.

    alpha: one host, to begin with empty
"""
import pytest

from lib import snapshot, trace
from lib.net import LANLOOM


class Etc:
    """A host whose /etc/lanloom is a folder of the test's own."""

    def __init__(self, net, host):
        self.host = host
        self.folder = net.folder / "etc"
        (self.folder / "lanloom.d").mkdir(parents=True)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def loom(self, *words, **options):
        return self.host.run("env", f"LANLOOM_ETC={self.folder}", LANLOOM, *words, **options)


@pytest.fixture
def etc(net, host):
    made = Etc(net, host)
    made.write("lanloom.yaml", "name: main\nbridges: {br0: {}}\n")
    made.write("lanloom.d/one.yaml", "name: one\nbridges: {br1: {addresses: [10.1.0.1/24]}}\n")
    made.write("lanloom.d/two.yaml", "name: two\ntaps: {tap2: {}}\n")
    return made


def test_the_default_files_come_and_go_together(etc):
    before = snapshot.take(etc.host)
    done = etc.loom("plan", check=False)
    assert done.returncode == 3 and all(name in done.stdout for name in ("br0", "br1", "tap2"))
    etc.loom("up")
    assert {"br0", "br1", "tap2"} <= etc.host.links()
    assert "nothing to do" in etc.loom("up").stdout
    etc.loom("down", etc.folder / "lanloom.d" / "one.yaml")
    assert "br1" not in etc.host.links() and {"br0", "tap2"} <= etc.host.links()
    etc.loom("down")
    snapshot.assert_same(before, snapshot.take(etc.host))


def test_the_plan_of_one_sees_what_those_before_it_make(etc):
    etc.write("lanloom.d/two.yaml", "name: two\nbridges: {br1: {existing: true, interfaces: [tap2]}}\n"
                                    "taps: {tap2: {}}\n")
    done = etc.loom("plan", check=False)
    assert done.returncode == 3 and "port tap2 on br1" in done.stdout, done.stderr
    assert not etc.host.links() & {"br0", "br1", "tap2"}
    etc.loom("up")
    assert etc.host.link("tap2")["master"] == "br1"
    assert etc.loom("plan").returncode == 0
    etc.loom("down")


def test_when_one_is_refused_those_before_it_are_taken_back(etc):
    etc.write("lanloom.d/two.yaml", "name: two\ntaps: {tap2: {mtu: 65535}}\n")
    before = snapshot.take(etc.host)
    done = etc.loom("up", check=False)
    assert done.returncode == 1 and "two.yaml:2:" in done.stderr and "all is as before" in done.stderr
    snapshot.assert_same(before, snapshot.take(etc.host))
    document = etc.loom("up", "--json", check=False).stdout
    assert '"rolled-back"' in document


def test_a_wrong_file_keeps_all_from_beginning(etc):
    etc.write("lanloom.d/two.yaml", "name: two\ntapps: {tap2: {}}\n")
    done = etc.loom("up", check=False)
    assert done.returncode == 1 and "two.yaml:2:1" in done.stderr and "taps" in done.stderr
    assert not etc.host.links() & {"br0", "br1"}


def test_two_may_share_what_exists_but_no_key(net, host):
    host.ip("link", "add", "fbr0", "address", "02:00:00:00:00:77", "type", "bridge")
    host.ip("tuntap", "add", "fp0", "mode", "tap")
    host.ip("link", "set", "fp0", "master", "fbr0")
    host.ip("link", "set", "fbr0", "up")
    before = snapshot.take(host)
    one = net.file("one.yaml", "name: one\nbridges: {fbr0: {existing: true, mtu: 1400, interfaces: [tap1]}}\n"
                               "taps: {tap1: {}}\n")
    two = net.file("two.yaml", "name: two\nbridges: {fbr0: {existing: true, interfaces: [tap2]}}\n"
                               "taps: {tap2: {}}\n")
    host.loom("up", one)
    host.loom("up", two)
    assert host.link("tap1")["master"] == host.link("tap2")["master"] == "fbr0"
    two.write_text(two.read_text().replace("existing: true", "existing: true, mtu: 1300"))
    done = host.loom("up", two, check=False)
    assert done.returncode == 1 and "mtu" in done.stderr and "one" in done.stderr
    host.loom("down", two)
    assert host.link("fbr0")["mtu"] == 1400 and host.link("tap1")
    host.loom("down", one)
    snapshot.assert_same(before, snapshot.take(host))


def test_a_description_on_standard_input(host):
    text = "bridges: {br0: {}}\n"
    host.loom("up", "-", "--name", "piped", input=text)
    assert "br0" in host.links()
    assert "[piped]" in host.loom("show").stdout
    host.loom("down", "--name", "piped")
    assert "br0" not in host.links()


def test_a_file_that_is_gone_can_be_taken_down(net, host):
    path = net.file("lab.yaml", "bridges: {br0: {}}\n")
    host.loom("up", path)
    path.write_text("bridges: [this is broken\n")
    host.loom("down", path)
    assert "br0" not in host.links()
    path.write_text("bridges: {br0: {}}\n")
    host.loom("up", path)
    path.unlink()
    host.loom("down", path)
    assert "br0" not in host.links()
    host.loom("up", net.file("lab.yaml", "name: lab\nbridges: {br0: {}}\n"))
    host.loom("down", "lab")
    assert "br0" not in host.links()


def test_a_key_set_by_hand_on_a_foreign_device_goes_back(host):
    host.ip("link", "add", "fbr0", "type", "bridge")
    before = snapshot.take(host)
    host.loom("set", "fbr0", "mtu=1400")
    assert host.link("fbr0")["mtu"] == 1400 and "UP" not in host.link("fbr0")["flags"]
    host.loom("set", "fbr0", "parameters.ageing-time=100")
    assert host.link("fbr0")["mtu"] == 1400 and "UP" not in host.link("fbr0")["flags"]
    host.loom("del", "fbr0")
    snapshot.assert_same(before, snapshot.take(host))
    done = host.loom("del", "fbr0", check=False)
    assert done.returncode == 1 and "fbr0" in done.stderr and host.link("fbr0")


def test_what_a_file_made_is_not_deleted_by_hand(net, host):
    host.loom("up", net.file("lab.yaml", "name: lab\nbridges: {br0: {}}\n"))
    done = host.loom("del", "br0", check=False)
    assert done.returncode == 1 and "lab" in done.stderr and host.link("br0")
    done = host.loom("add", "bridge", "br0", check=False)
    assert done.returncode == 1 and "lab" in done.stderr


def test_down_all_finds_its_order(net, host):
    before = snapshot.take(host)
    host.loom("up", net.file("a.yaml", "name: a\nbridges: {br0: {}}\n"))
    host.loom("up", net.file("b.yaml", "name: b\nbridges: {br0: {existing: true, addresses: [10.2.0.1/24]}}\n"))
    host.loom("down", "--all")
    snapshot.assert_same(before, snapshot.take(host))


def test_a_bridge_keeps_its_mac(net, host):
    path = net.file("lab.yaml", "name: lab\nbridges: {br0: {interfaces: [tap0]}}\ntaps: {tap0: {}}\n")
    host.loom("up", path)
    mac = host.link("br0")["address"]
    assert int(mac[:2], 16) & 3 == 2 and mac != host.link("tap0")["address"]
    host.loom("down", path)
    host.loom("up", path)
    assert host.link("br0")["address"] == mac


def test_an_adopted_bridge_keeps_its_own_mac(net, host):
    host.ip("link", "add", "br0", "type", "bridge")
    mac = host.link("br0")["address"]
    path = net.file("lab.yaml", "name: lab\nbridges: {br0: {mtu: 1400}}\n")
    done = host.loom("up", path, check=False)
    assert done.returncode == 1 and "--adopt" in done.stderr
    host.loom("up", path, "--adopt")
    assert host.link("br0")["address"] == mac and host.link("br0")["mtu"] == 1400
    trace.settled(host)
    sent, _ = trace.changes(host, "up", path)
    assert sent == [] and host.link("br0")["address"] == mac
    host.loom("down", path)
    assert host.link("br0")["mtu"] == 1500


def test_which_host_is_meant(net, host):
    path = net.file("two.yaml", "name: two\nhosts:\n  one: {bridges: {br1: {}}}\n  two: {bridges: {br2: {}}}\n")
    done = host.loom("up", path, check=False)
    assert done.returncode == 1 and "one" in done.stderr and "two" in done.stderr
    done = host.loom("up", path, "--host", "three", check=False)
    assert done.returncode == 1 and "three" in done.stderr
    host.loom("up", path, "--host", "two")
    assert "br2" in host.links() and "br1" not in host.links()
