# SPDX-License-Identifier: LGPL-2.1-or-later
"""A change that cuts one off is undone: at the deadline, or when a kept target is out of reach;
whatever dies meanwhile.

    client                          alpha
    eth0 10.1.0.2/24 ------------- 10.1.0.1/24 eth1     default via 10.1.0.2

LANLOOM_ROUNDS says how often the deadline is awaited (here 10), LANLOOM_RACES how often it is raced (30),
LANLOOM_LATE how late undoing may be in seconds: 1 is what is promised, 5 what a busy machine makes of it.
"""
import json
import os
import pathlib
import pty
import random
import re
import signal
import socket
import time

import pytest
from lib import snapshot
from lib.net import LANLOOM, until
from lib.remote import WRONG, Remote, boottime, together, wait_until

ROUNDS = int(os.environ.get("LANLOOM_ROUNDS", 10))
RACES = int(os.environ.get("LANLOOM_RACES", 30))
LATE = float(os.environ.get("LANLOOM_LATE", 5))
CLOCK_BOOTTIME = 7


@pytest.fixture
def remote(net):
    return Remote(net)


def assert_settles(remote, before):
    """The carrier of a device that was set up, and its own IPv6 address, take a moment."""
    until(lambda: not snapshot.difference(before, snapshot.take(remote.host)), 5,
          snapshot.difference(before, snapshot.take(remote.host)))


def assert_undone_in_time(remote, deadline):
    gone = remote.gone_at(deadline + LATE + 4)
    assert gone is not None, "the change stands although nobody confirmed it"
    assert -1 <= gone - deadline <= LATE, f"undone {gone - deadline:+.3f} s from the deadline"
    return gone - deadline


def undone_alive(remote, chance):
    remote.host.loom("up", remote.file, "--confirm", 2)
    deadline = remote.deadline()
    assert remote.stands() and not remote.client.ping("10.1.0.1", wait=0.3, check=False)
    return assert_undone_in_time(remote, deadline)


def await_change(remote, chance):
    """Mostly until it is done, else only until it has begun."""
    if chance.random() < 0.2:
        until(remote.stands, 10, "the change has begun")
    else:
        until(lambda: remote.guard().get("phase") == "waits", 10, "the change is done")


def undone_killed_behind(remote, chance):
    """The client is gone as soon as the change stands, maybe before it could say a word more."""
    client = remote.begin("up", remote.file, "--confirm", 2)
    await_change(remote, chance)
    time.sleep(chance.random() * 0.01)
    remote.kill(client)
    return waits_or_died(remote)


def undone_killed_within(remote, chance):
    """Client and run are killed at any moment. Nobody gives a command then."""
    client = remote.begin("up", remote.file, "--confirm", 2)
    time.sleep(0.004 + chance.random() * 0.04)
    remote.kill(client)
    return died_within(remote)


def died_within(remote):
    guard = remote.guard()
    if not guard:
        assert not remote.stands(), "something was begun before it was guarded"
        return None
    # What was not committed goes at once, the rest at the deadline.
    gone = remote.gone_at(int(guard["deadline"]) / 1e9 + LATE)
    assert gone is not None, "the change stands although nobody confirmed it"
    return None


def undone_hung_up(remote, chance):
    """The connection goes while the change runs, or behind it, and with it all of its session."""
    own, other = pty.openpty()
    try:
        shell = remote.host.start("setsid", "--ctty", "sh", "-c", f"{LANLOOM} up {remote.file} --confirm 2; sleep 60",
                                  stdin=other, stdout=other, stderr=other)
        await_change(remote, chance)
    finally:
        os.close(own)
        os.close(other)
    remote.kill_session(shell)
    return waits_or_died(remote)


def undone_by_another(remote, chance):
    """The keeper is killed while it waits; another comes with the next command, at the latest."""
    remote.host.loom("up", remote.file, "--confirm", 2)
    deadline = remote.deadline()
    os.kill(remote.keeper(), signal.SIGKILL)
    time.sleep(chance.random())
    remote.host.loom("show")
    return assert_undone_in_time(remote, deadline)


def waits_or_died(remote):
    guard = remote.guard()
    if guard.get("phase") == "waits":
        return assert_undone_in_time(remote, int(guard["deadline"]) / 1e9)
    return died_within(remote)


WAYS = [undone_alive, undone_killed_behind, undone_killed_within, undone_hung_up, undone_by_another]


@pytest.mark.limit(90 + 10 * ROUNDS)
def test_undone_at_the_deadline(net):
    remotes = [Remote(net, f"town{number}") for number in range(6)]
    before = {remote.host.name: snapshot.take(remote.host) for remote in remotes}
    late = []

    def one(number, first):
        for turn in range(first, ROUNDS, len(remotes)):
            off = WAYS[turn % len(WAYS)](remotes[number], random.Random(turn))
            late.append(off)
            assert remotes[number].reachable()
            until(lambda: not remotes[number].keeper(), 10, "the keeper has nothing left to do")

    together([lambda number=number: one(number, number) for number in range(len(remotes))])
    for remote in remotes:
        assert_settles(remote, before[remote.host.name])
    measured = [off for off in late if off is not None]
    assert len(late) == ROUNDS and len(measured) >= ROUNDS // 2
    print(f"{ROUNDS} rounds, {len(measured)} at the deadline: "
          f"{min(measured):+.3f} s to {max(measured):+.3f} s")


def race_once(remote, chance):
    """confirm comes at the deadline, a little before or after: one outcome, and it is told."""
    start = boottime()
    remote.host.loom("confirm", check=False)
    on_its_way = 0.7 * (boottime() - start)  # until a command asks for the lock
    remote.host.loom("up", remote.file, "--confirm", 1)
    deadline = remote.deadline()
    # every other one is to come close
    wait_until(deadline - on_its_way + chance.uniform(-1, 1) * chance.choice((0.05, 0.005)))
    done = remote.host.loom("confirm", check=False)
    wait_until(deadline + 0.5)
    last = remote.log()[0]
    if done.returncode == 0:
        assert remote.stands() and last["user"] != "lanloomd", last
        assert "stays" in done.stdout
        remote.host.loom("down", remote.file)
        return True
    assert done.returncode == 1 and "too late" in done.stderr, done.stdout + done.stderr
    assert not remote.stands() and last["user"] == "lanloomd", last
    assert not remote.guard()
    return False


@pytest.mark.limit(60 + 3 * RACES)
def test_confirm_at_the_deadline(net):
    remotes = [Remote(net, f"town{number}") for number in range(5)]
    kept = []

    def one(number):
        for turn in range(number, RACES, len(remotes)):
            kept.append(race_once(remotes[number], random.Random(turn)))

    together([lambda number=number: one(number) for number in range(len(remotes))])
    assert len(kept) == RACES
    print(f"{RACES} races: {sum(kept)} kept, {RACES - sum(kept)} undone")


def test_confirmed_in_time(remote):
    before = snapshot.take(remote.host)
    document = remote.host.loom_json("up", remote.file, "--confirm", 2)
    assert document["confirm"]["seconds"] == 2
    deadline = remote.deadline()
    assert remote.host.loom_json("confirm") == {"result": "confirmed", "change": document["change"]}
    wait_until(deadline + 0.5)
    assert remote.stands() and not remote.guard()
    assert not remote.keeper(), "nothing is left to keep"
    done = remote.host.loom("confirm", check=False)
    assert done.returncode == 1 and "no change waits" in done.stderr
    remote.host.loom("down", remote.file)
    assert_settles(remote, before)


def test_nothing_to_do_waits_for_nothing(remote):
    remote.host.loom("up", remote.file)
    document = remote.host.loom_json("up", remote.file, "--confirm", 30)
    assert document["result"] == "unchanged" and "confirm" not in document
    assert not remote.guard() and not remote.keeper()


def test_a_refused_change_waits_for_nothing(remote, net):
    wrong = net.file("refused.yaml", "name: refused\nbridges: {br7: {interfaces: [nosuch]}}\n")
    assert remote.host.loom("up", wrong, "--confirm", 30, check=False).returncode == 1
    remote.host.ip("link", "add", "br0", "type", "bridge")
    assert remote.host.loom("up", remote.file, "--confirm", 30, check=False).returncode == 1
    assert not remote.guard() and not remote.keeper()


def test_meanwhile_no_other_change(remote, net):
    other = net.file("other.yaml", "name: other\nbridges: {br7: {}}\n")
    remote.host.loom("up", remote.file, "--confirm", 30)
    for words in (["up", other], ["add", "bridge", "br8"], ["set", "eth1", "mtu=1400"], ["down", "--all"],
                  ["undo", 1]):
        done = remote.host.loom(*words, check=False)
        assert done.returncode == 1 and "waits for lanloom confirm" in done.stderr, done.stderr
        assert "lanloom undo" in done.stderr
    for words in (["show"], ["log"], ["plan", other]):
        assert "waits for lanloom confirm" in remote.host.loom(*words, check=False).stderr
    assert remote.stands() and remote.host.links() == {"lo", "eth1", "br0"}
    remote.host.loom("undo")
    assert not remote.stands() and not remote.guard() and remote.reachable()
    assert remote.log()[0]["user"] != "lanloomd"
    remote.host.loom("up", other)


def test_undo_behind_the_keeper(remote):
    """Who wants to be rid of a change does not get it back because the keeper was faster."""
    remote.host.loom("up", remote.file, "--confirm", 1)
    wait_until(remote.deadline() + 0.5)
    done = remote.host.loom("undo", check=False)
    assert done.returncode == 1 and "undone the last change already" in done.stderr
    assert not remote.stands()
    last = remote.log()[0]
    assert last["user"] == "lanloomd" and last["command"] == "undo change 1 (not confirmed within 1 s)"
    assert "bridge br0" in " ".join(last["objects"]) or "br0" in last["objects"]


def test_several_files_are_undone_together(remote, net):
    first = net.file("first.yaml", "name: first\nbridges: {br7: {addresses: [10.7.0.1/24]}}\n")
    before = snapshot.take(remote.host)
    remote.host.loom("up", first, remote.file, "--confirm", 1)
    assert {"br0", "br7"} <= remote.host.links()
    assert_undone_in_time(remote, remote.deadline())
    until(lambda: "br7" not in remote.host.links(), 2, "the first file's part is undone, too")
    until(lambda: not remote.guard(), 2, "it is done")
    assert_settles(remote, before)


def test_down_and_by_hand(remote):
    before = snapshot.take(remote.host)
    remote.host.loom("add", "bridge", "br0", "addresses=10.3.0.1/24")
    standing = snapshot.take(remote.host)
    for words in (["del", "br0"], ["down", "--all"], ["set", "br0", "mtu=1300"], ["undo", 1]):
        remote.host.loom(*words, "--confirm", 1)
        assert snapshot.difference(standing, snapshot.take(remote.host)), words
        until(lambda: not remote.guard(), 3, f"{words} is undone")
        snapshot.assert_same(mac_apart(standing), mac_apart(snapshot.take(remote.host)))
    remote.host.loom("down", "--all")
    snapshot.assert_same(before, snapshot.take(remote.host))


def mac_apart(state):
    """What a device made anew has anew."""
    return {key: [re.sub(r"(ifindex|fe80).*", r"\1", line) for line in lines if "fe80" not in line]
            for key, lines in state.items() if "links" in key or "addresses" in key}


def test_the_clock_does_not_matter(remote):
    """By construction: nothing the keeper waits for is on a clock that can be set."""
    remote.host.loom("up", remote.file, "--confirm", 30)
    clocks = []
    for path in pathlib.Path(f"/proc/{remote.keeper()}/fdinfo").iterdir():
        clocks += [int(clock) for clock in re.findall(r"^clockid: (\d+)$", path.read_text(), re.M)]
    assert clocks and set(clocks) == {CLOCK_BOOTTIME}
    assert abs(remote.deadline() - boottime() - 30) < 2
    remote.host.loom("undo")


def test_keeper_killed_while_it_waits(remote):
    remote.host.loom("up", remote.file, "--confirm", 3)
    deadline = remote.deadline()
    os.kill(remote.keeper(), signal.SIGKILL)
    until(lambda: not remote.keeper(), 3, "the keeper is gone")
    assert "waits for lanloom confirm" in remote.host.loom("show").stderr
    assert remote.keeper(), "whoever looks has started another"
    assert_undone_in_time(remote, deadline)


@pytest.mark.parametrize("words", [["show"], ["confirm"], ["up", "other"], ["undo"]])
def test_keeper_killed_and_nobody_looks(remote, net, words):
    other = net.file("other.yaml", "name: other\nbridges: {br7: {}}\n")
    remote.host.loom("up", remote.file, "--confirm", 1)
    deadline = remote.deadline()
    os.kill(remote.keeper(), signal.SIGKILL)
    wait_until(deadline + 0.3)
    assert remote.stands(), "nobody is there who could undo it"
    done = remote.host.loom(*[other if word == "other" else word for word in words], check=False)
    if words == ["show"]:
        until(lambda: not remote.stands(), 3, "the new keeper undoes it at once")
    assert not remote.stands()
    if words == ["confirm"]:
        assert done.returncode == 1 and "too late" in done.stderr and "not confirmed" in done.stderr
    elif words != ["show"]:
        assert done.returncode == 0 and "not confirmed within 1 s" in done.stderr, done.stderr
    until(lambda: not remote.guard(), 3, "it is done")
    users = [change["user"] for change in remote.log()]
    assert users.count("lanloomd") == 1
    assert remote.reachable()


@pytest.mark.parametrize("keeps", [False, True])
def test_a_run_that_is_stopped(net, keeps):
    """Ctrl-Z in the middle: nobody can undo it while it has the lock, so it is ended."""
    taps = ", ".join(f"tap{number}: {{}}" for number in range(300))
    remote = Remote(net, text=WRONG + f"taps: {{{taps}}}\n")
    before = snapshot.take(remote.host)
    client = remote.begin("up", remote.file, "--confirm", 2, *(["--keep", "10.1.0.2"] if keeps else []))
    until(lambda: remote.stands("tap20"), 10, "the run is in the middle")
    os.killpg(client.pid, signal.SIGSTOP)
    deadline = remote.deadline()
    wait_until(deadline)
    gone = remote.gone_at(deadline + 9)
    assert gone is not None, "the change stands although nobody confirmed it"
    assert client.wait(5) == -signal.SIGKILL
    until(lambda: not remote.guard(), 5, "it is done")
    assert_settles(remote, before)
    assert remote.reachable()


def test_an_unreadable_guard(remote):
    remote.host.loom("up", remote.file, "--confirm", 30)
    [path] = [folder / "confirm" for folder in remote.host.state_folders()]
    path.write_text(path.read_text().replace("seconds 30", "seconds 99"))
    done = remote.host.loom("down", "--all", check=False)
    assert done.returncode == 1 and "damaged" in done.stderr and str(path) in done.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    remote.host.loom("down", "--all")


def test_kept_target_lost(remote):
    before = snapshot.take(remote.host)
    start = boottime()
    done = remote.host.loom("up", remote.file, "--keep", "10.1.0.2", "--json", check=False)
    document = json.loads(done.stdout)
    assert done.returncode == 1 and document["result"] == "rolled-back"
    assert "10.1.0.2 is out of reach" in document["errors"][0]["message"]
    assert not remote.stands() and boottime() - start < 9
    assert_settles(remote, before)
    assert remote.log()[0]["user"] == "lanloomd"


def test_kept_target_lost_and_nobody_there(remote):
    """With the long deadline it would be undone in an hour; the target is missed at once."""
    client = remote.begin("up", remote.file, "--keep", "10.1.0.2", "--confirm", 3600)
    until(lambda: remote.guard().get("phase") == "checks", 5, "the run is over")
    remote.kill(client)
    assert remote.stands()
    until(lambda: not remote.stands(), 8, "it is undone")
    assert remote.reachable()


def test_kept_target_stays(remote, net):
    fine = net.file("fine.yaml", "name: fine\nbridges: {br7: {}}\n")
    document = remote.host.loom_json("up", fine, "--keep", "10.1.0.2")
    assert document["result"] == "applied" and document["confirm"]["keep"] == ["10.1.0.2"]
    assert not remote.guard() and "br7" in remote.host.links()
    document = remote.host.loom_json("down", fine, "--keep", "10.1.0.2", "--confirm", 20)
    assert remote.guard()["phase"] == "waits", "the target was found; now the user is waited for"
    remote.host.loom("confirm")
    until(lambda: not remote.keeper(), 5, "the keeper has nothing left to do")


def test_target_that_was_never_there(remote):
    before = snapshot.take(remote.host)
    for target, word in (("10.1.0.77", "before the change"), ("10.1.0.2:9", "before the change"),
                         ("no such host", "gives no address"), ("10.1.0.2:0", "no target"), ("[10.1.0.2", "no target")):
        done = remote.host.loom("up", remote.file, "--keep", target, check=False)
        assert done.returncode == 1 and word in done.stderr, (target, done.stderr)
        assert not remote.guard() and not remote.log()
    snapshot.assert_same(before, snapshot.take(remote.host))


@pytest.mark.parametrize("family", [4, 6])
def test_kept_port(remote, family):
    address = "10.1.0.2" if family == 4 else "fd01::2"
    if family == 6:
        remote.host.ip("addr", "add", "fd01::1/64", "dev", "eth1", "nodad")
        remote.client.ip("addr", "add", "fd01::2/64", "dev", "eth0", "nodad")
    with remote.client.entered():
        server = socket.create_server((address, 2222), family=socket.AF_INET if family == 4 else socket.AF_INET6)
    target = f"{address}:2222" if family == 4 else f"[{address}]:2222"
    with server:
        done = remote.host.loom("up", remote.file, "--keep", target, check=False)
        assert done.returncode == 1 and f"{target} is out of reach" in done.stderr
        assert not remote.stands()
        until(lambda: remote.host.ping(address, check=False), 5, "the address that came back is no duplicate")
        assert remote.host.loom_json("add", "bridge", "br7", "--keep", target)["result"] == "applied"


def ssh(**more):
    return {**os.environ, "SSH_CONNECTION": "10.1.0.2 40000 10.1.0.1 22", **more}


def test_ssh_client_is_kept(remote, net):
    done = remote.host.loom("up", remote.file, check=False, env=ssh())
    assert done.returncode == 1 and "10.1.0.2 is out of reach" in done.stderr and not remote.stands()
    # What does not touch the way to it needs no guard; nor where that is said.
    fine = net.file("fine.yaml", "name: fine\nbridges: {br7: {addresses: [10.7.0.1/24]}}\n")
    assert "confirm" not in remote.host.loom_json("up", fine, env=ssh())
    assert "confirm" not in remote.host.loom_json("up", remote.file, "--keep", "none", env=ssh())
    assert remote.stands()


def test_ssh_client_behind_sudo(remote):
    """sudo takes SSH_CONNECTION away; the shell it was called from has it."""
    done = remote.host.run("sh", "-c", f"env -u SSH_CONNECTION {LANLOOM} up {remote.file}; exit $?",
                           check=False, env=ssh())
    assert done.returncode == 1 and "10.1.0.2 is out of reach" in done.stderr


@pytest.mark.parametrize("text", [
    "routes: [{to: 10.1.0.2/32, type: blackhole}]",
    "bridges: {br7: {addresses: [10.1.0.3/24]}}",
    "ethernets: {eth1: {mtu: 1300}}",
    "namespaces: {SPACE: {ethernets: {eth1: {}}}}",
])
def test_what_touches_the_way(remote, net, text):
    if text.startswith("routes"):
        text = "ethernets: {eth1: {routes: [{to: 10.1.0.2/32, type: blackhole}]}}"
    text = text.replace("SPACE", net.space("away"))
    path = net.file("touch.yaml", f"name: touch\n{text}\n")
    done = remote.host.loom("up", path, "--json", check=False, env=ssh())
    document = json.loads(done.stdout)
    assert "10.1.0.2" in json.dumps(document.get("confirm", document.get("errors"))), document
    assert remote.reachable(), "either it still answered, or it was undone"


def test_terminal_over_ssh(remote, net):
    """At a terminal the change waits for the user: 60 seconds, and the text says how."""
    fine = net.file("fine.yaml", "name: fine\nethernets: {eth1: {mtu: 1400}}\n")
    own, other = pty.openpty()
    try:
        done = remote.host.loom("up", fine, env=ssh(), stdin=other)
        assert "lanloom confirm" in done.stdout and "60 s" in done.stdout
        assert remote.guard()["phase"] == "waits" and remote.guard()["seconds"] == "60"
        remote.host.loom("undo", stdin=other)
        done = remote.host.loom("up", fine, "--confirm", 0, env=ssh(), stdin=other)
        assert "lanloom confirm" not in done.stdout and not remote.guard()
        # without SSH nobody is cut off
        assert "confirm" not in remote.host.loom("down", fine, stdin=other).stdout
    finally:
        os.close(own)
        os.close(other)


def test_it_is_said_before(remote):
    """Who is cut off has read already that it ends."""
    own, other = pty.openpty()
    try:
        client = remote.begin("up", remote.file, env=ssh(TERM="xterm", NO_COLOR="1"), stdin=other, stdout=other,
                              stderr=other)
        until(remote.stands, 10, "the change has begun")
        os.set_blocking(own, False)
        said = os.read(own, 4096).decode()
        assert "undone when 10.1.0.2 is out of reach, and 60 s from its end, unless lanloom confirm comes." in said
        assert client.wait(30) == 1
    finally:
        os.close(own)
        os.close(other)


def test_ssh_client_that_answers_no_pings(remote, net):
    remote.client.sysctl("net.ipv4.icmp_echo_ignore_all", 1)
    fine = net.file("fine.yaml", "name: fine\nethernets: {eth1: {mtu: 1400}}\n")
    done = remote.host.loom("up", fine, env=ssh())
    assert "does not answer pings" in done.stderr and not remote.guard()


def test_wrong_words(remote):
    for seconds in ("-1", "soon", "86401", "1.5"):
        assert remote.host.loom("up", remote.file, "--confirm", seconds, check=False).returncode == 2
    assert not remote.stands()


def test_killed_behind_the_commit_it_is_in_the_history(remote):
    """A run is killed at each renaming of a file: what stands then is in the log, and only that."""
    stood = 0
    for turn in range(1, 8):
        done = remote.host.run("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=rename",
                               "-e", f"inject=rename:signal=SIGKILL:when={turn}", LANLOOM, "add", "bridge",
                               "br0", check=False, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        remote.host.loom("check", remote.file)
        remote.host.loom("down", "--name", "nosuch")  # whoever comes next finishes or takes back
        commands = [change["command"] for change in remote.log()]
        assert commands.count("add bridge br0") == remote.stands() + stood, (turn, commands)
        if remote.stands():
            stood += 1
            remote.host.loom("undo")
            assert not remote.stands()
        if done.returncode == 0:
            break
    assert stood >= 2, "one run was killed behind its commit, and one not at all"
