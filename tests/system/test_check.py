# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `check` finds in a file; it needs no root and touches nothing, so there is no topology."""
import json
import os

from lib.net import LANLOOM, run

NOBODY = 65534


def check(path, *options):
    """`lanloom check` as an ordinary user."""
    for folder in path.parents:
        if folder.owner() == "root" and len(folder.parts) > 2 and not folder.stat().st_mode & 0o005:
            folder.chmod(0o755)
    return run("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all",
               LANLOOM, "check", path, *options, check=False)


def expect(done, path, *places):
    """Exit 1, and for each (line:column, word…) one line of stderr that has them all."""
    assert done.returncode == 1, done.stdout + done.stderr
    for place, *words in places:
        lines = [line for line in done.stderr.splitlines() if f"{path.name}:{place}: " in line]
        assert lines, f"nothing said about {place}:\n{done.stderr}"
        said = done.stderr[done.stderr.index(lines[0]):]
        said = "\n".join(said.splitlines()[:3])
        for word in words:
            assert word in said, f"no {word!r} in: {said}"


SEVEN = """name: seven
bridges:
  br0:
    interfases: [tap0]
    mtu: many
    addresses: [10.0.0.300/24]
    parameters: {stp: maybe}
taps:
  tap0: {onwer: root}
virtual-ethernets:
  v0: {peer: v1, macaddress: "02:00:00:00:00"}
brigdes: {}
"""


def test_seven_errors_are_seven_messages(tmp_path):
    path = tmp_path / "seven.yaml"
    path.write_text(SEVEN)
    done = check(path)
    expect(done, path,
           ("4:5", "interfases", "interfaces"),
           ("5:10", "mtu", "many"),
           ("6:17", "10.0.0.300/24"),
           ("7:23", "stp", "maybe"),
           ("9:10", "onwer", "owner"),
           ("11:30", "macaddress"),
           ("12:1", "brigdes", "bridges"))
    assert len([line for line in done.stderr.splitlines() if "seven.yaml:" in line]) == 7
    document = json.loads(check(path, "--json").stdout)
    assert [(e["line"], e["column"]) for e in document["errors"]] == [
        (4, 5), (5, 10), (6, 17), (7, 23), (9, 10), (11, 30), (12, 1)]


def test_a_tap_with_its_guests_own_mac(tmp_path):
    """The bridge would keep the guest's frames for itself."""
    path = tmp_path / "mac.yaml"
    path.write_text("""name: mac
bridges:
  br0: {interfaces: [tap0]}
taps:
  tap0: {macaddress: "52:54:00:00:01:89"}
guests:
  vm1: {macaddress: "52:54:00:00:01:89"}
""")
    done = check(path)
    assert done.returncode == 1, done.stdout
    assert "mac.yaml:5:" in done.stderr and "tap0" in done.stderr and "vm1" in done.stderr


def test_two_hosts_bridges_with_one_mac(tmp_path):
    path = tmp_path / "twins.yaml"
    key = "Kl0L8zcA7rGiKVLNYfQTU6YBMs9gJ5Gd7kJpJmfCzHE="
    other = "mVUhTp7rI9yVYsJGhyx2gVKeH6tlC0l4sMXy7S2v2mQ="
    path.write_text(f"""name: twins
bridges:
  br0: {{interfaces: [lan0]}}
tunnels:
  lan0: {{mode: lan, port: 51821, key: /etc/lanloom/none.key, peers: all}}
hosts:
  alpha:
    endpoint: 192.0.2.1
    keys: {{public: "{key}"}}
    bridges: {{br0: {{macaddress: "02:00:00:00:00:01"}}}}
  beta:
    endpoint: 192.0.2.2
    keys: {{public: "{other}"}}
    bridges: {{br0: {{macaddress: "02:00:00:00:00:01"}}}}
""")
    done = check(path, "--host", "alpha")
    assert done.returncode == 1, done.stdout
    assert "twins.yaml:14:" in done.stderr and "line 10" in done.stderr
    assert "alpha" in done.stderr and "beta" in done.stderr


def test_a_port_one_letter_off(tmp_path):
    path = tmp_path / "port.yaml"
    path.write_text("name: port\nbridges:\n  br0: {interfaces: [tpa0]}\ntaps:\n  tap0: {}\n")
    done = check(path)
    expect(done, path, ("3:22", "tpa0", "tap0"))


def test_what_is_no_file_or_no_yaml(tmp_path):
    assert run(LANLOOM, "check", tmp_path / "none.yaml", check=False).returncode == 1
    path = tmp_path / "bad.yaml"
    for text in ("", "name: [\n", "a: &x 1\n", "a: !!int 1\n", "a: 1\na: 2\n", "--- 1\n--- 2\n",
                 "addresses: [::1/64]\n", "a: " + "[" * 5000 + "\n", "\x00\x01", "name: x\n\tb: 1\n"):
        path.write_text(text)
        done = run(LANLOOM, "check", path, check=False)
        assert done.returncode == 1 and "bad.yaml" in done.stderr, repr(text[:20])


def test_a_good_file_says_so(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text("network:\n  version: 2\n  renderer: networkd\n  bridges: {br0: {}}\n")
    done = check(path)
    assert done.returncode == 0, done.stderr
    os.unlink(path)
