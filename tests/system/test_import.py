# SPDX-License-Identifier: LGPL-2.1-or-later
"""`import live`: a description of a host as it is; nothing is left to do for it, and elsewhere it makes the same.

    alpha: br0 (10.0.1.1/24, fd01::1/64) with v0 and the TAP t0; v0 ---- v1 10.0.2.1/24; lo 192.0.2.1/32
"""

SETUP = """link add br0 address 02:00:00:00:00:01 type bridge forward_delay 400 priority 77 ageing_time 10000
link add v0 address 02:00:00:00:00:02 type veth peer name v1 address 02:00:00:00:00:03
link set v0 master br0
link set v0 type bridge_slave cost 55 hairpin on
tuntap add t0 mode tap user nobody
link set t0 address 02:00:00:00:00:04 master br0
tuntap add u0 mode tun group nogroup
link set br0 up
link set v0 up
link set v1 up mtu 1400
link set t0 up
addr add 10.0.1.1/24 dev br0
addr add fd01::1/64 dev br0 nodad
addr add 10.0.2.1/24 dev v1
addr add 192.0.2.1/32 dev lo
route add 10.9.0.0/16 via 10.0.1.9 metric 7"""


def facts(host):
    """What the description speaks of."""
    links = {}
    for link in host.json("addr"):
        data = host.link(link["ifname"]).get("linkinfo", {})
        info = {**data.get("info_data", {}), **data.get("info_slave_data", {})}
        links[link["ifname"]] = {
            "up": "UP" in link["flags"], "mtu": link["mtu"], "mac": link.get("address"), "kind": data.get("info_kind"),
            "master": link.get("master"),
            "addresses": sorted(f"{one['local']}/{one['prefixlen']}" for one in link["addr_info"]
                                if one["scope"] != "link"),
            **{key: info.get(key) for key in ("stp_state", "forward_delay", "priority", "ageing_time", "cost", "hairpin",
                                              "type", "user", "group")}}
        if links[link["ifname"]]["type"] == "tun":
            links[link["ifname"]]["mac"] = None
    routes = [{key: route.get(key) for key in ("dst", "gateway", "dev", "metric")}
              for route in host.json("route") if route.get("protocol") != "kernel"]
    return links, routes


def test_live_there_and_elsewhere(net):
    alpha, beta = net.host("alpha"), net.host("beta")
    for line in SETUP.splitlines():
        alpha.ip(*line.split())
    done = alpha.loom("import", "live")
    assert done.stderr == ""
    path = net.file("live.yaml", done.stdout)
    alpha.loom("check", path)
    before = facts(alpha)
    plan = alpha.loom("plan", "--adopt", path, check=False)
    assert plan.returncode == 0 and "nothing to do" in plan.stdout, plan.stdout
    beta.loom("up", path)
    assert facts(beta) == before
    # and what was made of it reads the same
    assert beta.loom("import", "live").stdout == done.stdout
    assert alpha.loom("down", "--all", check=False).returncode == 0 and facts(alpha) == before


def test_what_is_ours_goes_over_too(net, host):
    inner = net.space("inner")
    path = net.file("lab.yaml", f"""name: lab
bridges: {{br0: {{addresses: [10.0.1.1/24], interfaces: [v0]}}}}
virtual-ethernets: {{v0: {{peer: {inner}/v1}}}}
namespaces: {{{inner}: {{virtual-ethernets: {{v1: {{addresses: [10.0.1.2/24]}}}}}}}}
""")
    host.loom("up", path)
    text = host.loom("import", "live", "--name", "lab").stdout
    assert text.startswith("name: lab\n") and "br0:" in text
    assert host.loom_json("import", "live")["text"].startswith("name: imported\n")


def test_what_has_no_kind_is_named(host):
    host.ip("link", "add", "br0", "type", "bridge")
    host.ip("link", "add", "gre9", "type", "gre", "remote", "192.0.2.9", check=False)
    host.ip("link", "add", "nl0", "type", "nlmon", check=False)
    done = host.loom("import", "live")
    foreign = host.links() & {"gre9", "nl0"}
    for name in foreign:
        assert name in done.stderr and f"{name}:" not in done.stdout


def test_half_a_wire_is_left_to_those_who_have_its_other_end(net, host):
    far = net.host("far")
    host.ip("link", "add", "v0", "type", "veth", "peer", "name", "eth0", "netns", far.space)
    text = host.loom("import", "live").stdout
    assert "v0: {existing: true," in text and "eth0" not in text
    path = net.file("live.yaml", text)
    host.loom("check", path)
    assert "nothing to do" in host.loom("up", path).stdout
    host.loom("down", path)
    assert "v0" in host.links()
