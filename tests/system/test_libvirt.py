# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvirt on our networks: what `lanloom libvirt` prints it takes, its domains pass traffic, and neither disturbs the other.

    web      mail     [ virbr0: libvirt's default network ]
     |vnet    |tap-mail                                        alpha, with a libvirtd of its own
    [ lab 192.168.57.1/24 ]
"""
import json
import re
import shutil

import pytest
from lib import machine
from lib.net import LANLOOM, run, until

LAB = """name: lab
networks:
  lab: {mode: routed, addresses: [192.168.57.1/24]}
guests:
  mail: {network: lab, queues: 2, macaddress: "52:54:00:00:57:0b", port: {isolated: true}}
"""
# libvirtd sees folders of its own, and the user that the package libvirt-daemon-system would have made.
START = r"""set -e
mkdir -p /run/libvirt
mount -t tmpfs -o mode=755 none /mnt
mkdir /mnt/lanloom && mount --bind /var/cache/lanloom /mnt/lanloom
for folder in /run/libvirt /var/lib /var/log /var/cache /etc/libvirt; do mount -t tmpfs -o mode=755 none $folder; done
mkdir /var/cache/lanloom && mount --bind /mnt/lanloom /var/cache/lanloom
mkdir -p /var/lib/libvirt/qemu /var/log/libvirt /var/cache/libvirt
grep -v ^libvirt-qemu: /etc/passwd >/mnt/passwd; grep -v ^libvirt-qemu: /etc/group >/mnt/group
echo 'libvirt-qemu:x:64055:64055::/nonexistent:/bin/false' >>/mnt/passwd
echo 'libvirt-qemu:x:64055:' >>/mnt/group
mount --bind /mnt/passwd /etc/passwd; mount --bind /mnt/group /etc/group
cat >/etc/libvirt/qemu.conf <<END
user = "root"
group = "root"
dynamic_ownership = 0
security_driver = "none"
cgroup_controllers = [ ]
namespaces = [ ]
stdio_handler = "file"
END
@HOOK@
printf 'auth_unix_rw = "none"\nunix_sock_dir = "/run/libvirt"\n' >/etc/libvirt/libvirtd.conf
exec libvirtd --timeout 0 --pid-file /run/libvirt/libvirtd.pid
"""
DOMAIN = f"""<domain type='qemu'><name>@NAME@</name><memory unit='MiB'>128</memory><vcpu>2</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type><kernel>{machine.IMAGE}/vmlinuz</kernel>
<initrd>{machine.IMAGE}/initrd</initrd><cmdline>@LINE@</cmdline></os>
<devices>@INTERFACE@<serial type='pty'/></devices></domain>"""
DEFAULT = """<network><name>default</name><forward mode='nat'/><bridge name='virbr0' stp='on' delay='0'/>
<ip address='192.168.122.1' netmask='255.255.255.0'><dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp></ip>
</network>"""


class Libvirt:
    def __init__(self, net, host, hook=":"):
        assert shutil.which("libvirtd") and shutil.which("virsh"), "libvirt is missing: ./dev deps test"
        machine.image()
        self.net, self.host = net, host
        self.log = open(net.folder / "libvirtd.log", "w+")
        self.daemon = host.start("unshare", "-m", "sh", "-c", START.replace("@HOOK@", hook), stdout=self.log, stderr=self.log)
        until(self.answers, 60, "libvirtd answers")

    def answers(self):
        assert self.daemon.poll() is None, (self.net.folder / "libvirtd.log").read_text()
        return self.virsh("list", check=False).returncode == 0

    def virsh(self, *words, **options):
        # the daemon is the very process that was started: each of nsenter, unshare and sh became the next
        return run("nsenter", "-t", self.daemon.pid, "-m", "-n", "--", "virsh", "-q", "-c", "qemu:///system", *words, **options)

    def inside(self, *words, **options):
        """Where libvirtd has its files."""
        return run("nsenter", "-t", self.daemon.pid, "-m", "-n", "--", *words, **options)

    def define(self, name, interface, address):
        text = DOMAIN.replace("@NAME@", name).replace("@INTERFACE@", interface)
        self.virsh("define", self.net.file(f"{name}.xml", text.replace("@LINE@", machine.append(name, address))))
        self.virsh("start", name)

    def end(self):
        for name in self.virsh("list", "--name", check=False).stdout.split():
            self.virsh("destroy", name, check=False)
        for name in self.virsh("net-list", "--name", check=False).stdout.split():
            self.virsh("net-destroy", name, check=False)
        self.daemon.terminate()
        self.daemon.wait(30)
        self.log.close()


@pytest.fixture
def libvirt(net, host):
    host.loom("up", net.file("lab.yaml", LAB))
    started = Libvirt(net, host)
    yield started
    started.end()


def reached(host, address):
    return until(lambda: host.ping(address, check=False), 90, f"{address} answers")


def port(host, name):
    link = host.link(name) or {}
    return link.get("master"), link.get("linkinfo", {}).get("info_slave_data", {}).get("isolated")


@pytest.mark.limit(300)
def test_domains_on_our_network(net, host, libvirt):
    libvirt.virsh("net-define", net.file("lab.xml", host.loom("libvirt", "lab").stdout))
    libvirt.virsh("net-start", "lab")
    assert "<forward mode='bridge'/>" in libvirt.virsh("net-dumpxml", "lab").stdout
    libvirt.define("web", host.loom("libvirt", "lab", "--interface").stdout, "192.168.57.2/24")
    before = host.link("tap-mail")
    libvirt.define("mail", host.loom("libvirt", "lab", "--guest", "mail").stdout, "192.168.57.3/24")
    vnet = re.search(r"vnet\d+", libvirt.virsh("domiflist", "web").stdout)[0]
    assert port(host, vnet) == ("lab", False) and port(host, "tap-mail") == ("lab", True)
    assert reached(host, "192.168.57.2") and reached(host, "192.168.57.3")
    assert "52:54:00:00:57:0b" in host.ip("neigh", "show", "192.168.57.3")
    # who holds what, as one looks for an instance's TAP
    devices = host.loom_json("show")["namespaces"][0]["devices"]
    held = {one["name"]: (one["holders"][0]["vm"], one["holders"][0]["uuid"]) for one in devices if one.get("holders")}
    assert held == {device: (name, libvirt.virsh("domuuid", name).stdout.strip())
                    for device, name in ((vnet, "web"), ("tap-mail", "mail"))}
    # the bridge is made anew while both run: the declared guest's port is back with it, libvirt's by the keeper
    host.ip("link", "del", "lab")
    host.loom("up", net.folder / "lab.yaml")
    assert port(host, "tap-mail") == ("lab", True) and reached(host, "192.168.57.3")
    until(lambda: port(host, vnet) == ("lab", False), 10, "libvirt's port is back")
    assert reached(host, "192.168.57.2")
    for name in ("web", "mail"):
        libvirt.virsh("destroy", name)
    until(lambda: host.link(vnet) is None, 10, "libvirt's TAP is gone")
    after = host.link("tap-mail")
    assert {key: after[key] for key in ("address", "mtu", "master")} == {key: before[key] for key in ("address", "mtu", "master")}
    assert host.loom("plan", net.folder / "lab.yaml").stdout == "There is nothing to do.\n"
    # and as a network's name: type network, which looks it up
    libvirt.define("web2", "<interface type='network'><source network='lab'/><model type='virtio'/></interface>", "192.168.57.4/24")
    assert reached(host, "192.168.57.4")


def rules(host, *tables):
    text = re.sub(r'"(handle|packets|bytes)": \d+', r'"\1": 0', host.run("nft", "-j", "list", "ruleset").stdout)
    listing = json.loads(text)["nftables"]
    return [one for one in listing if any(name in json.dumps(one) for name in tables)]


@pytest.mark.limit(300)
def test_side_by_side(net, host, libvirt):
    """libvirt's default network is started, restarted, destroyed while ours stands, and the other way round."""
    def ours():
        return [rules(host, "lanloom_lab"), port(host, "tap-mail"), host.json("-4", "addr", "show", "lab")[0]["addr_info"],
                host.loom("plan", net.folder / "lab.yaml", check=False).stdout]

    def theirs():
        return [host.json("-4", "addr", "show", "virbr0")[0]["addr_info"], libvirt.virsh("net-dumpxml", "default").stdout,
                rules(host, "LIBVIRT_")]

    libvirt.virsh("net-define", net.file("default.xml", DEFAULT))
    libvirt.define("web", host.loom("libvirt", "lab", "--interface").stdout, "192.168.57.2/24")
    reached(host, "192.168.57.2")
    stood = ours()
    assert stood[-1] == "There is nothing to do.\n"
    for words in (("net-start",), ("net-destroy",), ("net-start",)):
        libvirt.virsh(*words, "default")
        assert ours() == stood and host.ping("192.168.57.2")
    libvirt.define("other", "<interface type='network'><source network='default'/><model type='virtio'/></interface>",
                   "192.168.122.9/24")
    reached(host, "192.168.122.9")
    stands = theirs()
    for words in (["down", "--force"], ["up"], ["up"]):
        host.loom(words[0], *words[1:], net.folder / "lab.yaml")
        assert theirs() == stands and host.ping("192.168.122.9")
    assert ours() == stood
    # libvirt's TAP went out of the bridge with it, and is plugged in again by libvirt's own means
    libvirt.virsh("destroy", "web")
    libvirt.virsh("start", "web")
    reached(host, "192.168.57.2")
    text = libvirt.virsh("net-dumpxml", "default").stdout
    for name in ("other", "default"):
        libvirt.virsh("destroy" if name == "other" else "net-destroy", name)
    assert ours() == stood and host.ping("192.168.57.2")
    # libvirt's network becomes ours, and its domains start on it by the name of its bridge
    imported = host.loom("import", "libvirt", "-", "--name", "default", input=text)
    host.loom("up", net.file("imported.yaml", imported.stdout))
    assert [one["local"] for one in host.json("-4", "addr", "show", "virbr0")[0]["addr_info"]] == ["192.168.122.1"]
    libvirt.define("third", host.loom("libvirt", "virbr0", "--interface").stdout, "192.168.122.8/24")
    reached(host, "192.168.122.8")
    assert ours() == stood and host.ping("192.168.57.2")


HOOKED = """name: lab
networks:
  lab: {mode: nat, addresses: [192.168.57.1/24], dhcp: {range: [192.168.57.100, 192.168.57.200]}}
taps: {tap-web: {shape: {egress: 50mbit}}}
guests:
  web: {network: lab, macaddress: "52:54:00:00:57:0d", port: {isolated: true, hairpin: true}}
"""


@pytest.fixture
def hooked(net, host):
    host.loom("up", net.file("lab.yaml", HOOKED))
    started = Libvirt(net, host, f"{LANLOOM} libvirt --hook install")
    yield started
    started.end()


@pytest.mark.limit(200)
def test_a_hook_keeps_ports_right(net, host, hooked):
    """A domain with a TAP of libvirt's own is the declared guest of its MAC: it has that guest's port."""
    path = net.folder / "lab.yaml"
    interface = "<interface type='bridge'><mac address='52:54:00:00:57:0d'/><source bridge='lab'/><model type='virtio'/></interface>"
    hooked.define("any", interface, "192.168.57.20/24")
    vnet = re.search(r"vnet\d+", hooked.virsh("domiflist", "any").stdout)[0]

    def right():
        link = host.link(vnet) or {}
        data = link.get("linkinfo", {}).get("info_slave_data", {})
        return (link.get("master"), data.get("isolated"), data.get("hairpin")) == ("lab", True, True) \
            and "tbf" in host.run("tc", "qdisc", "show", "dev", vnet).stdout

    said = (net.folder / "libvirtd.log").read_text()
    assert right(), (host.link(vnet), said)
    assert "by-libvirt" in host.loom("show").stdout and host.loom("plan", path).stdout == "There is nothing to do.\n"
    # its MAC is let in here, and nowhere else but at its own TAP
    allowed = "bridge", "lanloom_lab", "at_52540000570d"
    until(lambda: f'"{vnet}"' in host.run("nft", "list", "set", *allowed).stdout, 10, "the MAC may come from there")
    reached(host, "192.168.57.20")
    # made anew, with all
    host.ip("link", "del", "lab")
    host.loom("up", path)
    until(right, 20, "libvirt's port is as it was")
    # libvirtd finds it again, and tells: nothing changes
    hooked.inside(LANLOOM, "libvirt", "--hook", "qemu", "--operation", "reconnect", input=hooked.virsh("dumpxml", "any").stdout)
    assert right()
    # a network of libvirt's comes back with what a description has on its bridge
    hooked.virsh("net-define", net.file("default.xml", DEFAULT))
    hooked.virsh("net-start", "default")
    host.loom("up", net.file("mine.yaml", "name: mine\nbridges: {virbr0: {existing: true, interfaces: [mine0]}}\ntaps: {mine0: {}}\n"))
    for words in ("net-destroy", "net-start"):
        hooked.virsh(words, "default")
    assert host.link("mine0")["master"] == "virbr0", (net.folder / "libvirtd.log").read_text()
    hooked.virsh("destroy", "any")
    until(lambda: host.link(vnet) is None and "by-libvirt" not in host.loom("show").stdout, 20, "nothing is left of it")
    # somebody else's file is his
    hooked.inside(LANLOOM, "libvirt", "--hook", "remove")
    assert hooked.inside("find", "/etc/libvirt/hooks", "-type", "f").stdout == ""
    hooked.inside("sh", "-c", "mkdir -p /etc/libvirt/hooks/qemu.d; echo mine >/etc/libvirt/hooks/qemu.d/lanloom")
    for word in ("install", "remove"):
        done = hooked.inside(LANLOOM, "libvirt", "--hook", word, check=False)
        assert done.returncode == 1 and "is not lanloom's" in done.stderr, done
        assert hooked.inside("cat", "/etc/libvirt/hooks/qemu.d/lanloom").stdout == "mine\n"


def test_the_hook_is_shown(host):
    """Two scripts, which a shell takes, and which never fail."""
    hooks = host.loom_json("libvirt", "--hook", "print")["hooks"]
    assert [one["path"] for one in hooks] == [f"/etc/libvirt/hooks/{driver}.d/lanloom" for driver in ("qemu", "network")]
    for one in hooks:
        assert one["text"] in host.loom("libvirt", "--hook", "print").stdout
        done = host.run("sh", "-s", "web", "prepare", "begin", "-", input=one["text"])
        assert not done.stdout and not done.stderr
        broken = one["text"].replace(LANLOOM, "/nosuch").replace("logger", "cat; true")
        assert "/nosuch" in host.run("sh", "-s", "web", "started", "begin", "-", input=broken).stdout


@pytest.mark.parametrize("words", [["--hook", "nothing"], ["--hook", "qemu"], ["--hook", "print", "lab"], [],
                                   ["--operation", "started"]], ids=lambda words: "-".join(words))
def test_wrong_command_lines(host, words):
    assert host.loom("libvirt", *words, check=False).returncode == 2


def test_a_hook_that_is_told_nonsense_changes_nothing(host):
    for text in ("", "<domain", "<domain/>", "<domain><devices><interface/><interface><target dev='%'/></interface></devices></domain>"):
        done = host.loom("libvirt", "--hook", "qemu", "--operation", "started", input=text, check=False)
        assert done.returncode == (0 if text.endswith("domain>") or text.endswith("/>") else 1), (text, done)
    assert host.links() == {"lo"}


@pytest.mark.parametrize("words, says", [
    (["lbb"], "lanloom libvirt lab"), (["lo"], "is no bridge"), (["x" * 16], "16 bytes"), (["ns/lab"], "cannot be a device name"),
    (["br9", "--guest", "mail"], "declared in the network lab")], ids=["near", "lo", "long", "namespace", "other"])
def test_what_is_wrong_is_named(net, host, words, says):
    host.loom("up", net.file("lab.yaml", LAB))
    host.ip("link", "add", "br9", "type", "bridge")
    done = host.loom("libvirt", *words, check=False)
    assert done.returncode == 1 and says in done.stderr and not done.stdout


def test_names_are_quoted(host):
    host.ip("link", "add", "a&b'<c>", "type", "bridge")
    assert "<bridge name='a&amp;b&apos;&lt;c&gt;'/>" in host.loom("libvirt", "a&b'<c>").stdout
    document = host.loom_json("libvirt", "a&b'<c>", "--interface")
    assert "<source bridge='a&amp;b&apos;&lt;c&gt;'/>" in document["xml"]
