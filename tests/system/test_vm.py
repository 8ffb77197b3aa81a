# SPDX-License-Identifier: LGPL-2.1-or-later
"""`lanloom vm`: a command on a network, as root.

    web db   [command]      other
     |  |      tap0           |
    [ lab (isolated) ]     [ br9, by ip link ]      alpha
"""
import json
import re
import signal
import subprocess
import time

import pytest
from lib import machine
from lib.net import LANLOOM, until

LAB = """name: lab
{keep}
networks:
  lab: {{mode: isolated}}
bridges: {{br7: {{interfaces: [tap-more], ports: {{tap-more: {{priority: 5}}}}}}}}
taps: {{tap-more: {{mtu: 1400}}}}  # a guest's TAP and port may have more keys than the guest says
guests:
  web: {{network: lab, queues: 2, owner: nobody, port: {{isolated: true, hairpin: true}}}}
  db: {{network: lab, macaddress: "52:54:00:00:57:0b"}}
  more: {{network: br7, owner: nobody, port: {{cost: 7}}}}
  printer: {{macaddress: "52:54:00:00:57:0c", address: 192.168.57.9}}
"""
SAY = ["sh", "-c", 'echo "$@"', "x"]
MAC = re.compile(r"mac=((?:[0-9a-f]{2}:){5}[0-9a-f]{2})")


@pytest.fixture
def lab(net, host):
    host.loom("up", net.file("lab.yaml", LAB.format(keep="")))
    host.ip("link", "add", "br9", "mtu", "1400", "up", "type", "bridge")
    return host


def vm(host, network, *words, options=(), check=True):
    return host.loom("vm", network, *options, "--", *words, check=check)


def said(host, network, *options):
    return vm(host, network, *SAY, "{netdev}", options=options).stdout


def test_the_words_are_the_ports(lab):
    assert re.fullmatch(r"-netdev tap,id=net-tap-mail,fd=(\d+) -device "
                        r"virtio-net-pci,netdev=net-tap-mail,mac=[0-9a-f:]{17}\n",
                        said(lab, "lab", "--guest", "mail"))
    many = said(lab, "lab", "--guest", "mail", "--queues", "3")
    assert re.search(r",fds=\d+:\d+:\d+ ", many) and many.endswith(",mq=on,vectors=8\n")
    words = vm(lab, "lab", *SAY, "a{fds}b", "{mac}", "{device}", "{nothing}", "{", "{netdev}", "{netdev}").stdout.split()
    assert re.fullmatch(r"a\d+b", words[0]) and words[2] == "tap0" and words[3:5] == ["{nothing}", "{"]
    assert words[5] == "-netdev" and words[-1] == "{netdev}"  # for a lanloom vm within


def test_one_command_on_two_networks(lab):
    both = vm(lab, "lab", LANLOOM, "vm", "br9", "--guest", "two", "--", *SAY, "{netdev}", "{netdev}").stdout
    assert len(set(re.findall(r"id=(\S+?),", both))) == 2 and len(set(MAC.findall(both))) == 2


def test_the_tap_is_what_a_guest_needs(lab):
    show = 'ip -j -d link show {device}; cat /proc/self/fdinfo/{fds} >&2; ip -6 addr show dev {device} >&2; sleep 0.2'
    done = vm(lab, "br9", "sh", "-c", show, options=["--guest", "mail"])
    link = json.loads(done.stdout)[0]
    assert link["master"] == "br9" and link["mtu"] == 1400 and "UP" in link["flags"] and link["ifalias"] == "mail"
    assert link["linkinfo"]["info_data"] | {"persist": False, "pi": False, "vnet_hdr": True} == link["linkinfo"]["info_data"]
    assert link["address"].startswith("fe:") and "LOWER_UP" in link["flags"]
    assert "inet6" not in done.stderr


def test_it_ends_as_its_command_and_leaves_nothing(lab):
    before = lab.links()
    assert vm(lab, "lab", "sh", "-c", "exit 7 #{fds}", check=False).returncode == 7
    assert vm(lab, "lab", "sh", "-c", "kill -TERM $$ #{fds}", check=False).returncode in (-15, 143)
    held = lab.start(LANLOOM, "vm", "lab", "--guest", "mail", "--", "sh", "-c", "exec sleep 100 #{fds}")
    until(lambda: "tap-mail" in lab.links(), 10, "the guest's TAP is there")
    done = vm(lab, "lab", *SAY, "{fds}", options=["--guest", "mail"], check=False)
    assert done.returncode == 1 and "tap-mail is there already: the guest runs" in done.stderr
    held.send_signal(signal.SIGKILL)
    held.wait()
    until(lambda: lab.links() == before, 10, "nothing is left of it")


def test_a_guests_mac_stays(net, lab):
    def mac(host, *options, network="lab"):
        return MAC.search(said(host, network, *options))[1]

    mail = mac(lab, "--guest", "mail")
    assert int(mail[:2], 16) & 3 == 2  # of nobody's making, and one card's
    assert mac(lab, "--guest", "mail") == mail == mac(lab, "--guest", "mail", network="br9")
    assert mac(lab, "--guest", "mailer") != mail and mac(lab) != mac(lab)
    assert MAC.search(vm(lab, "lab", *SAY, "{netdev}", "-name", "guest=mail,debug-threads=on").stdout)[1] == mail
    assert mac(lab, "--guest", "db") == "52:54:00:00:57:0b" == mac(lab, "--guest", "db")
    assert mac(lab, "--guest", "printer") == "52:54:00:00:57:0c"
    other = net.host("beta")
    other.ip("link", "add", "lab", "up", "type", "bridge")
    assert mac(other, "--guest", "mail") != mail  # another host of the same machine


@pytest.mark.parametrize("words, says", [
    (["lbb"], "lanloom vm lab"), (["lo"], "is no bridge"), (["br9x", "--guest", "web"], "declared in the network lab"),
    (["x" * 16], "16 bytes long"), (["x" * 255], "255 bytes long"), (["lab", "--guest", "g" * 64], "at most 63"),
    (["lab", "--guest", "web", "--queues", "3"], "declared with 2 queues"), (["nosuch/lab"], "no network namespace"),
], ids=lambda one: "-".join(one)[:20] if isinstance(one, list) else "")
def test_what_is_wrong_is_named(lab, words, says):
    before = lab.links()
    done = lab.loom("vm", *words, "--", *SAY, "{fds}", check=False)
    assert done.returncode == 1 and says in done.stderr and lab.links() == before, done.stderr


def test_wrong_command_lines(lab):
    for words in (["true"], ["echo", "{mac}"]):
        assert "no word of the command takes the TAP" in vm(lab, "lab", *words, check=False).stderr
    assert "run /nosuch" in vm(lab, "lab", "/nosuch", "{fds}", check=False).stderr
    for options in (["--queues", "0"], ["--queues", "65"], ["--queues", "x"]):
        assert vm(lab, "lab", *SAY, "{fds}", options=options, check=False).returncode == 2
    assert lab.loom("vm", "lab", check=False).returncode == 2


def test_in_a_namespace(net, lab):
    space = net.space("inner")
    lab.loom("up", net.file("inner.yaml", f"name: inner\nnamespaces: {{{space}: {{bridges: {{br5: {{}}}}}}}}\n"))
    where = vm(lab, f"{space}/br5", "sh", "-c", f"ip -n {space} -br link show master br5; echo {{device}} #{{fds}}").stdout.split()
    assert where[0] == where[-1] == "tap0"
    assert "tap0" not in lab.links()


def holding(host, guest):
    held = host.start(LANLOOM, "vm", "lab", "--guest", guest, "--", "sh", "-c", "exec sleep 100 #{fds}")
    until(lambda: "LOWER_UP" in (host.link(f"tap-{guest}") or {"flags": []})["flags"], 10, "the guest runs")
    return held


def port(host, name):
    link = host.link(name)
    data = link.get("linkinfo", {}).get("info_slave_data", {})
    return link.get("master"), data.get("isolated"), data.get("hairpin")


def test_a_declared_guest_has_its_port(net, lab):
    assert lab.loom("plan", net.folder / "lab.yaml").stdout == "There is nothing to do.\n"
    assert port(lab, "tap-web") == ("lab", True, True) and lab.link("tap-web")["linkinfo"]["info_data"]["multi_queue"]
    more = lab.link("tap-more")
    assert (more["mtu"], more["master"], more["linkinfo"]["info_data"]["user"]) == (1400, "br7", "nobody")
    assert (more["linkinfo"]["info_slave_data"]["cost"], more["linkinfo"]["info_slave_data"]["priority"]) == (7, 5)
    held = holding(lab, "web")
    for queues in ("1", "2"):
        done = vm(lab, "lab", *SAY, "{fds}", options=["--guest", "web", "--queues", queues], check=False)
        assert done.returncode == 1 and "runs already" in done.stderr
    lab.ip("link", "del", "lab")
    assert port(lab, "tap-web") == (None, None, None)
    lab.loom("up", net.folder / "lab.yaml")
    assert port(lab, "tap-web") == ("lab", True, True) and held.poll() is None
    held.kill()
    held.wait()
    lab.loom("down", net.folder / "lab.yaml")
    assert lab.links() == {"lo", "br9"}


def test_the_keeper_brings_a_guests_port_back(net, lab):
    lab.loom("up", net.file("lab.yaml", LAB.format(keep="keep: true")))
    held = holding(lab, "web")
    lab.ip("link", "set", "tap-web", "nomaster")
    until(lambda: port(lab, "tap-web") == ("lab", True, True), 10, "the port is back")
    lab.ip("link", "del", "lab")
    until(lambda: lab.link("lab") and port(lab, "tap-web") == ("lab", True, True), 10, "bridge and port are back")
    assert held.poll() is None
    lab.loom("down", net.folder / "lab.yaml", "--force")


@pytest.mark.parametrize("keep", ["", "keep: true"], ids=["up", "keeper"])
def test_ports_that_nobody_declared_come_back(net, lab, keep):
    """A guest of no description, and a wire plugged in by hand: with their options, when the bridge is made anew."""
    lab.loom("up", net.file("lab.yaml", LAB.format(keep=keep)))
    held = holding(lab, "mail")
    lab.ip("link", "add", "wire", "type", "veth", "peer", "far")
    lab.ip("link", "add", "out", "type", "veth", "peer", "away")
    for name in ("wire", "out"):
        lab.ip("link", "set", name, "master", "lab")
    lab.ip("link", "set", "tap-mail", "type", "bridge_slave", "isolated", "on", "hairpin", "on")
    lab.ip("link", "set", "wire", "type", "bridge_slave", "isolated", "on", "cost", "77")
    lab.ip("link", "set", "out", "nomaster")  # what somebody takes out stays out
    time.sleep(1)  # the keeper has seen it
    for _ in range(2):
        lab.ip("link", "del", "lab")
        if not keep:
            lab.loom("up", net.folder / "lab.yaml")
        until(lambda: lab.link("lab"), 10, "the bridge is back")
        start = time.monotonic()
        until(lambda: port(lab, "tap-mail") == ("lab", True, True) and port(lab, "wire") == ("lab", True, False), 10, "ports are back")
        assert time.monotonic() - start < 5  # mostly a tenth of a second
        assert lab.link("wire")["linkinfo"]["info_slave_data"]["cost"] == 77
    assert port(lab, "out")[0] is None and held.poll() is None
    held.kill()
    held.wait()
    until(lambda: "tap-mail" not in lab.links(), 10, "nothing is left of the guest")
    assert lab.loom("plan", net.folder / "lab.yaml").stdout == "There is nothing to do.\n"


@pytest.mark.parametrize("text, says", [
    ("guests: {web: {queues: 2}}", "no network whose port"),
    ("guests: {a-name-too-long: {network: lab}}\nnetworks: {lab: {mode: isolated}}", "device: tap-"),
    ("guests: {web: {network: lab, queues: 2}}\ntaps: {tap-web: {multi-queue: false}}\nnetworks: {lab: {mode: isolated}}",
     "tap-web: multi-queue is false, and its guest web (line 2) wants true"),
    ("guests: {web: {network: lab}}\nbridges: {tap-web: {}, lab: {}}", "its TAP tap-web is a bridge"),
    ("guests: {web: {network: lab, port: {isolatd: true}}}\nnetworks: {lab: {mode: isolated}}", "isolated"),
], ids=["alone", "long", "contrary", "bridge", "typo"])
def test_what_is_wrong_with_guests(net, host, text, says):
    done = host.loom("check", net.file("x.yaml", "name: x\n" + text), check=False)
    assert done.returncode == 1 and says in done.stderr, done.stderr


def test_show_says_which_vm_holds_which_tap(lab):
    """A libvirt guest's QEMU has its UUID on its command line, far behind its name."""
    uuid = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
    lab.start(LANLOOM, "vm", "lab", "--guest", "db", "--", "qemu-system-x86_64", "-name", "guest=mail,debug-threads=on",
              "-machine", "none", "-display", "none", "-monitor", "none", *["-global", "x.y=" + "z" * 3000] * 3,
              "-uuid", uuid, "-netdev", "tap,id=a,fd={fds}", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def holders():
        devices = json.loads(lab.loom("show", "tap-db", "--json").stdout)["namespaces"][0]["devices"]
        return devices[0].get("holders")

    held = until(holders, 20, "somebody holds tap-db")
    assert [(one["vm"], one["uuid"]) for one in held] == [("mail", uuid)] and held[0]["pid"] in lab.pids()
    assert f"VM mail ({uuid})" in lab.loom("show").stdout


@pytest.mark.limit(300)
def test_real_guests(net, lab):
    """web with two queues, mail made as it starts, and a third on the other bridge: TCP and pings, and what is left."""
    machine.image()
    web = machine.vm(lab, "lab", "web", "192.168.57.2/24", qemu=["-smp", "2"], options=["--guest", "web"])
    mail = machine.vm(lab, "lab", "mail", "192.168.57.3/24", "fd57::3/64")
    more = machine.vm(lab, "br9", "third", "192.168.57.4/24")
    for guest in (web, mail, more):
        guest.ready()
    assert lab.loom("show", "--json").stdout.count('"vm": "') == 3
    assert web.pings("192.168.57.3") and not web.pings("192.168.57.4")
    web.sh("test -d /sys/class/net/eth0/queues/rx-1")
    mail.sh("dd if=/dev/urandom of=/tmp/f bs=1024 count=2048; httpd -h /tmp; md5sum </tmp/f >/tmp/sum")
    assert web.sh("wget -q -O - http://192.168.57.3/f | md5sum") == mail.sh("cat /tmp/sum")
    for guest in (web, mail, more):
        guest.end()
    until(lambda: lab.links() == {"lo", "lab", "br7", "br9", "tap-web", "tap-db", "tap-more"}, 10, "nothing is left of the guests")
