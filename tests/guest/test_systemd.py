# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine with systemd comes up as described: after a power cut in the middle of `up`, and after
an orderly shutdown. Its keeper is a service, and no clock nor death keeps it from undoing in time.

    the machine "town"
    eth0 (the hypervisor's NIC) ─┐
    lan0 ~~ nobody at the far end├─ [br0] 10.4.0.1/24
    tap0 … tap39 ────────────────┘                      ns "inner": eth0 ─ port0 in [br1]
"""
import json
import time

import machine
import pytest

TAPS = 40
LAB = f"""name: lab
bridges:
  br0:
    interfaces: [eth0, lan0, {', '.join(f'tap{n}' for n in range(TAPS))}]
    addresses: [10.4.0.1/24]
  br1: {{interfaces: [port0]}}
taps: {{{', '.join(f'tap{n}: {{}}' for n in range(TAPS))}}}
ethernets: {{eth0: {{mtu: 1450}}}}
tunnels:
  lan0: {{mode: lan, key: /etc/lanloom/lan0.key, port: 51821, peers: []}}
virtual-ethernets: {{port0: {{peer: inner/eth0}}}}
namespaces:
  inner: {{virtual-ethernets: {{eth0: {{addresses: [10.5.0.2/24]}}}}}}
"""
UNITS = ("lanloom.service", "lanloom-wait-online.service", "network-online.target")
SOON = "/etc/systemd/system/lanloomd@.service.d"
DEVICES = {"br0", "br1", "eth0", "lan0", "port0", "lo", *(f"tap{n}" for n in range(TAPS))}


@pytest.fixture(scope="module")
def image():
    machine.kernel()


def properties(town, unit, *names):
    text = town.run(f"systemctl show {unit} -p {','.join(names)}")
    return dict(line.split("=", 1) for line in text.splitlines())


def assert_up(town):
    """All of the description is there, none of it is missing anywhere, and it came in order."""
    devices = json.loads(town.run("lanloom show --json"))
    found = {device["name"] for space in devices["namespaces"] if not space["name"] for device in space["devices"]}
    assert found == DEVICES
    plan = json.loads(town.run("lanloom plan /etc/lanloom/lab.yaml --json"))
    assert plan["steps"] == []
    began = {}
    for unit in UNITS:
        shown = properties(town, unit, "ActiveState", "ActiveEnterTimestampMonotonic")
        assert shown["ActiveState"] == "active", (unit, shown)
        began[unit] = int(shown["ActiveEnterTimestampMonotonic"])
    assert sorted(began, key=began.get) == list(UNITS), "network-online.target comes last"
    town.run("lanloom wait --timeout 10")
    keeper = json.loads(town.run("lanloom tunnel --json"))["tunnels"]
    assert [tunnel["name"] for tunnel in keeper] == ["lan0"]


def cut_in_the_middle(town):
    """The power goes while `up` is at work. Answers how many devices there were."""
    town.begin("lanloom up /etc/lanloom/lab.yaml & "
               "until [ $(ls /sys/class/net | wc -l) -ge 20 ]; do :; done; ls /sys/class/net | wc -l; echo @mid")
    text, _ = town.read_to(rb"^@mid\r?\n", 60)
    town.cut()
    return int(text.split()[-1])


def keeper_service(town, watchdog="30s"):
    """The keeper is a service of its own; its process."""
    [unit] = town.run("systemctl list-units --no-legend --plain --no-pager 'lanloomd@*' | cut -d' ' -f1").split()
    shown = properties(town, unit, "ActiveState", "MainPID", "WatchdogUSec", "NRestarts", "StatusErrno")
    assert shown["ActiveState"] == "active" and shown["WatchdogUSec"] == watchdog
    return int(shown["MainPID"])


def uptime(town):
    return float(town.run("cat /proc/uptime").split()[0])


def undone_in_time(town, meanwhile, most=5):
    """A change nobody confirms is undone at its deadline, at most so many seconds late.

    An emulated processor on a busy machine is slow; a clock that matters would be years off.
    """
    town.run("lanloom set br0 mtu=1300 --confirm 3")
    deadline = int(town.run("sed -n 's/^deadline //p' /run/lanloom/*/confirm")) / 1e9
    town.run(meanwhile)
    # in the machine, so that its slowness is not that of the looking
    shown = town.run("while [ $(cat /sys/class/net/br0/mtu) = 1300 ]; do usleep 100000; done; cat /proc/uptime", 45)
    late = float(shown.split()[0]) - deadline
    assert 0 <= late <= most, f"undone {late:+.2f} s from the deadline"
    # it is in the history when it is committed, behind its last step
    town.run("for n in 1 2 3 4 5 6 7 8 9; do lanloom log | head -n 1 | grep -q lanloomd && break; sleep 1; done")
    assert json.loads(town.run("lanloom log --json"))["changes"][0]["user"] == "lanloomd"
    return late


@pytest.mark.limit(1500)
def test_boots_into_the_description(image, tmp_path):
    disk = machine.image(tmp_path, {"etc/lanloom/lab.yaml": LAB})
    started = time.monotonic()
    with machine.Machine(disk, tmp_path / "console-1") as town:
        town.run("lanloom key new /etc/lanloom/lan0.key")
        assert "nothing" in town.run("lanloom wait; lanloom enable /etc/lanloom/lab.yaml; lanloom down --all").lower()
        there = cut_in_the_middle(town)
    assert there < len(DEVICES), "the power was cut in the middle"
    with machine.Machine(disk, tmp_path / "console-2") as town:
        assert_up(town)
        keeper = keeper_service(town)
        late = [undone_in_time(town, f"date -s '{date}'") for date in ("2035-01-01 00:00", "2001-01-01 00:00")]
        # kill -9 of the keeper, and no command of lanloom's behind it
        town.run(f"mkdir -p {SOON}; printf '[Service]\\nWatchdogSec=8\\n' >{SOON}/soon.conf; systemctl daemon-reload")
        late.append(undone_in_time(town, f"kill -9 {keeper}", most=12))
        second = keeper_service(town, watchdog="8s")
        assert second != keeper
        # one that hangs is ended by its watchdog, and the next one is late by that at most
        late.append(undone_in_time(town, f"kill -STOP {second}", most=25))
        assert keeper_service(town, watchdog="8s") != second
        town.run(f"rm -r {SOON}; systemctl daemon-reload")
        town.run("lanloom wait --timeout 20")
        assert json.loads(town.run("lanloom plan /etc/lanloom/lab.yaml --json"))["steps"] == []
        town.off()
    with machine.Machine(disk, tmp_path / "console-3") as town:
        assert_up(town)
        history = json.loads(town.run("lanloom log --json"))["changes"]
        assert [change["user"] for change in history].count("lanloomd") == 4
        town.run("lanloom disable; lanloom down --all")
        town.off()
    print(f"cut with {there} of {len(DEVICES)} devices there; undone {', '.join(f'{s:+.2f}' for s in late)} s "
          f"from the deadline; {time.monotonic() - started:.0f} s in all")
