# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second `up` asks the kernel for nothing, and a changed field costs one message.

    alpha: br0 (10.0.1.1/24) -- ports tap0, v0        v0 ==== v1 in the namespace "inner"
"""
import pytest
from lib import trace
from lib.fabric import Fabric, processes

TEXT = """
name: lab
bridges:
  br0:
    interfaces: [tap0, v0]
    macaddress: 02:00:00:00:00:01
    addresses: [10.0.1.1/24, {{10.0.2.1/24: {{label: "br0:0"}}}}, "fd00:1::1/64"]
    routes: [{{to: 10.5.0.0/16, via: 10.0.1.254, metric: 100}}]
    parameters: {{ageing-time: 200, path-cost: {{tap0: 77}}}}
taps:
  tap0: {{}}
virtual-ethernets:
  v0: {{peer: {inner}/v1, mtu: 1400}}
sysctls:
  net.ipv4.ip_forward: 1
namespaces:
  {inner}:
    virtual-ethernets: {{v1: {{mtu: 1400, addresses: [10.0.1.2/24]}}}}
"""


@pytest.fixture
def lab(net, host):
    host.inner = net.space("inner")
    host.path = net.file("lab.yaml", TEXT.format(inner=host.inner))
    host.loom("up", host.path)
    trace.settled(host)
    return host


def test_second_up_sends_nothing(lab):
    with trace.Monitor(lab) as monitor:
        sent, done = trace.changes(lab, "up", lab.path)
    assert sent == []
    assert "nothing to do" in done.stdout
    assert monitor.text == ""


def test_second_up_says_unchanged_in_json(lab):
    document = lab.loom_json("up", lab.path)
    assert document["result"] == "unchanged" and document["steps"] == []


def test_plan_tells_by_its_exit_code(lab, net):
    assert lab.loom("plan", lab.path).returncode == 0
    lab.ip("link", "set", "br0", "mtu", "1300")
    lab.path.write_text(lab.path.read_text().replace("ageing-time: 200", "ageing-time: 250"))
    done = lab.loom("plan", lab.path, check=False)
    assert done.returncode == 3 and "br0" in done.stdout
    before = lab.link("br0")["linkinfo"]["info_data"]["ageing_time"]
    assert before == 20000, "plan changed something"


def drift_mtu(lab):
    lab.ip("link", "set", "v0", "mtu", "1450")


def drift_down(lab):
    lab.ip("link", "set", "tap0", "down")


def drift_master(lab):
    lab.ip("link", "set", "tap0", "nomaster")


def drift_address(lab):
    lab.ip("addr", "del", "10.0.2.1/24", "dev", "br0")


def drift_route(lab):
    lab.ip("route", "del", "10.5.0.0/16")


def drift_ageing(lab):
    lab.ip("link", "set", "br0", "type", "bridge", "ageing_time", "100")


def drift_cost(lab):
    lab.run("bridge", "link", "set", "dev", "v0", "cost", "5")
    lab.run("bridge", "link", "set", "dev", "tap0", "cost", "5")


def drift_sysctl(lab):
    lab.sysctl("net.ipv4.ip_forward", 0)


@pytest.mark.parametrize("drift, message", [
    (drift_mtu, "RTM_NEWLINK"),
    (drift_down, "RTM_NEWLINK"),
    (drift_ageing, "RTM_NEWLINK"),
    (drift_cost, "RTM_NEWLINK"),
    (drift_address, "RTM_NEWADDR"),
    (drift_route, "RTM_NEWROUTE"),
    (drift_sysctl, "/proc/sys/net/ipv4/ip_forward"),
], ids=lambda value: getattr(value, "__name__", None))
def test_one_changed_field_costs_one_message(lab, drift, message):
    drift(lab)
    sent, _ = trace.changes(lab, "up", lab.path)
    # A link is set by RTM_NEWLINK or RTM_SETLINK; both are one message that changes one thing.
    assert [name.replace("RTM_SETLINK", "RTM_NEWLINK") for name in sent] == [message]
    sent, _ = trace.changes(lab, "up", lab.path)
    assert sent == []


def test_a_port_that_left_comes_back(lab):
    # Its cost goes with its membership, so this drift is two fields: master and cost.
    drift_master(lab)
    sent, _ = trace.changes(lab, "up", lab.path)
    assert 1 <= len(sent) <= 2 and all(name.endswith("LINK") for name in sent)
    assert lab.link("tap0")["master"] == "br0"


@pytest.mark.limit(90)
def test_second_up_of_a_fabric_sends_nothing(net):
    fabric = Fabric(net)
    fabric.up()
    fabric.guests[0].ping("10.77.0.12", wait=3)
    fabric.settled()
    alpha = fabric.hosts[0]
    keeper = processes(alpha, "lanloomd")
    assert keeper, f"no keeper among {alpha.commands()}"
    # Neighbours come and go with the traffic of the tunnel itself; everything else is silent.
    with trace.Monitor(alpha, ("link", "address", "route", "rule", "netconf")) as monitor:
        sent, done = trace.changes(alpha, "up", fabric.path, "--host", "alpha", pids=keeper)
    assert sent == []
    assert "nothing to do" in done.stdout
    assert monitor.text == ""


def test_the_way_out_may_stand_in_the_same_text(net, host):
    far = net.space("far")
    path = net.file("lab.yaml", f"""name: lab
networks: {{lab: {{mode: routed, addresses: [192.168.57.1/24]}}}}
virtual-ethernets:
  wan: {{peer: {far}/wan, addresses: [203.0.113.2/24], routes: [{{to: default, via: 203.0.113.1}}]}}
namespaces: {{{far}: {{virtual-ethernets: {{wan: {{addresses: [203.0.113.1/24]}}}}}}}}
""")
    done = host.loom("up", path)
    assert "no way out" not in done.stderr and "192.168.57.0/24 via 203.0.113.2" in done.stderr
    assert "nothing to do" in host.loom("up", path).stdout
    assert host.run("sysctl", "-n", "net.ipv4.conf.wan.forwarding").stdout == "1\n"
    host.loom("down", path)
