# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may put which guest onto which network: `lanloom vm` as a plain user, and what its helper does for nobody.

    [ lab ]  guests web (of owner), mail (of the group), db (root's)       [ br9, averyverylongbr: by ip link ]   alpha

    owner: uid 60001, group: uid 60002 and a member of 60100 (as owner is not), other: uid 60003
"""
import os
import pathlib
import shutil
import tempfile

import pytest
from lib import machine
from lib.net import LANLOOM, NETNS, until

LAB = """name: lab
networks:
  lab: {mode: isolated}
guests:
  web: {network: lab, owner: 60001}
  mail: {network: lab, group: 60100}
  db: {network: lab}
"""
LONG = "averyverylongbr"  # 15 bytes
USERS = {"root": (0, 0, []), "owner": (60001, 60001, []), "group": (60002, 60002, [60100]), "other": (60003, 60003, [])}
# What the namespace of mounts has for /etc: these and our folder.
ETC = """mount -t tmpfs none /mnt && mkdir -p /mnt/etc/lanloom && cp -aL /etc/passwd /etc/group /etc/nsswitch.conf \
/etc/ld.so.cache /mnt/etc/ && cp -a "$0"/. /mnt/etc/lanloom/ && mount --bind /mnt/etc /etc && exec "$@" """
SAY = ["sh", "-c", 'echo "$@"', "x", "{netdev}"]


def suid_folder():
    """A folder where set-user-ID counts, and that everybody may enter."""
    for parent in (tempfile.gettempdir(), "/var/tmp", "/run"):
        if os.access(parent, os.W_OK) and not os.statvfs(parent).f_flag & os.ST_NOSUID:
            folder = pathlib.Path(tempfile.mkdtemp(prefix="lanloom-suid-", dir=parent))
            folder.chmod(0o755)
            return folder
    pytest.fail("there is no folder where set-user-ID counts")


class Lab:
    def __init__(self, net, folder):
        self.host = net.host("alpha")
        self.folder = folder
        self.etc = folder / "etc"
        self.etc.mkdir(mode=0o755)
        for name, mode in (("lanloom", 0o755), ("lanloom-vm-helper", 0o4755)):
            shutil.copy(LANLOOM, folder / name)
            (folder / name).chmod(mode)
        self.host.loom("up", net.file("lab.yaml", LAB))
        for name in ("br9", LONG):
            self.host.ip("link", "add", name, "up", "type", "bridge")
        self.links = self.host.links()

    def acl(self, text, name="acl", mode=0o644):
        (self.etc / name).write_text(text)
        (self.etc / name).chmod(mode)

    def words(self, user, *command):
        uid, gid, groups = USERS[user]
        rights = ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
        # init's network namespace is not asked for by who enters this one: no --mount-proc, all else as it is
        return ["unshare", "-m", "sh", "-c", ETC, self.etc, "setpriv", "--reuid", uid, "--regid", gid, *rights, *command]

    def run(self, user, *command, **options):
        return self.host.run(*self.words(user, *command), check=False, **options)

    def vm(self, user, network, *options, say=SAY):
        done = self.run(user, self.folder / "lanloom", "vm", network, *options, "--", *say)
        assert done.returncode in (0, 1), done.stderr
        assert done.returncode == 0 or done.stderr.count("\n") <= 3, done.stderr
        until(lambda: self.host.links() == self.links, 5, "nothing is left")
        return done

    def may(self, user, *words):
        return self.vm(user, *words).returncode == 0


@pytest.fixture
def lab(net):
    folder = suid_folder()
    yield Lab(net, folder)
    shutil.rmtree(folder)


ASKED = {"lab": ("lab",), "lab mine": ("lab", "--guest", "mine"), "web": ("lab", "--guest", "web"),
         "mail": ("lab", "--guest", "mail"), "db": ("lab", "--guest", "db"), "br9": ("br9",),
         "web on br9": ("br9", "--guest", "web"), "long": (LONG,), "long by 16": (LONG + "X",),
         "by 255": (LONG[:5] * 51,), "nothing": ("nosuch",)}
NOBODY = {"owner": set(), "group": set(), "other": set()}
OWNERS = {"owner": {"web"}, "group": {"mail"}, "other": set()}


def plus(**more):
    return {user: OWNERS[user] | set(more.get(user, ())) for user in OWNERS}


ALL = ("lab", "lab mine", "br9", "long")
TABLE = [
    (None, OWNERS), ("", OWNERS), ("# nothing\n\n", OWNERS),
    ("allow lab\n", plus(owner=ALL[:2], group=ALL[:2], other=ALL[:2])),
    ("allow all\n", plus(owner=ALL, group=ALL, other=ALL)),
    ("allow lab user:60003 # a comment\n", plus(other=ALL[:2])),
    ("allow lab user:60003 user:60001\n", plus(other=ALL[:2], owner=ALL[:2])),
    ("\tallow  br9\tgroup:60100\r\n", plus(group=["br9"])),
    ("allow lab user:60003 guest:db\n", plus(other=["db"])),
    ("allow lab user:60003 guest:mine\n", plus(other=["lab mine"])),
    ("allow all\ndeny lab user:60001\n", {"owner": {"br9", "long"}, "group": {*ALL, "mail"}, "other": set(ALL)}),
    ("deny lab\nallow all\n", {user: {"br9", "long"} for user in OWNERS}),
    ("allow lab\ndeny lab guest:web\n", {"owner": set(ALL[:2]), "group": {*ALL[:2], "mail"}, "other": set(ALL[:2])}),
    (f"allow {LONG}\n", plus(owner=["long"], group=["long"], other=["long"])),
    (f"allow {LONG}X\nallow lab\n", NOBODY), (f"deny {LONG[:5] * 51}\nallow lab\n", NOBODY),
    ("allow lab user:nosuchuser\n", NOBODY), ("allow lab\npermit br9\n", NOBODY), ("allow\nallow lab\n", NOBODY),
    ("allow lab br9\n", NOBODY), ("allow lab user:\n", NOBODY), ("allow lab user:-1\n", NOBODY),
    ("allow lab guest:\n", NOBODY), ("include more\n", NOBODY), ("allow lab\ninclude /etc/lanloom/none\n", NOBODY),
    ("include /etc/lanloom/more\n", plus(group=["br9"])), ("include /etc/lanloom/acl\n", NOBODY),
    ("allow la\nallow labb\nallow LAB\n", OWNERS), ("allow lab" + " user:1" * 70 + "\n", NOBODY),
]


@pytest.mark.limit(240)
def test_the_table(lab):
    """Rows: what the file says. Of each, every caller asks for everything; root may whatever stands there."""
    lab.acl("allow br9 group:60100\n", "more")
    for row, (text, may) in enumerate(TABLE):
        if text is not None:
            lab.acl(text)
        # the whole square for some files, else all that are let in, and two that may not be
        for user, mine in may.items():
            for name, words in ASKED.items():
                if row % 6 and name not in mine | {"lab", "db"}:
                    continue
                assert lab.may(user, *words) == (name in mine), (text, user, name)
    for name, words in ASKED.items():
        assert lab.may("root", *words) == (name in ("lab", "lab mine", "web", "mail", "db", "br9", "long")), name


def test_what_a_refusal_says(lab):
    said = lab.vm("other", "lab").stderr
    assert 'try: as root: echo "allow lab user:60003" >>/etc/lanloom/acl' in said
    said = lab.vm("other", "lab", "--guest", "db").stderr
    assert "guest db is not yours" in said and "user:60003 guest:db" in said
    # what does not exist is not told from what is not allowed
    assert lab.vm("other", "nosuch").stderr.replace("nosuch", "br9") == lab.vm("other", "br9").stderr
    lab.acl("allow lab\nsecret words of root\n", mode=0o600)
    said = lab.vm("other", "lab").stderr
    assert "/etc/lanloom/acl:2: expected allow, deny or include" in said and "secret" not in said
    lab.acl("allow all\n")
    assert "there is no network of this name up" in lab.vm("other", "lbb").stderr
    (lab.folder / "lanloom-vm-helper").chmod(0o755)
    assert "is not set-user-ID root" in lab.vm("other", "lab").stderr
    (lab.folder / "lanloom-vm-helper").unlink()
    assert "install -m 4755" in lab.vm("other", "lab").stderr


def test_a_file_others_may_write_is_none(lab):
    lab.acl("allow lab\n")
    assert lab.may("other", "lab")
    for mode in (0o666, 0o664):
        lab.acl("allow lab\n", mode=mode)
        assert "root alone may write" in lab.vm("other", "lab").stderr
    lab.acl("allow lab\n")
    os.chown(lab.etc / "acl", 60003, 60003)
    assert "root alone may write" in lab.vm("other", "lab").stderr
    lab.acl("include /etc/lanloom/more\n")
    os.chown(lab.etc / "acl", 0, 0)
    lab.acl("allow lab\n", "more", mode=0o646)
    assert "root alone may write" in lab.vm("other", "lab").stderr


def test_each_users_guest_is_his(lab):
    """Of the same name, for two users: other MACs, other devices. A declared one has one MAC for all."""
    lab.acl("allow lab\nallow lab user:60003 guest:web\n")
    mine = {user: lab.vm(user, "lab", "--guest", "mine").stdout.split()[-1] for user in USERS}
    assert len(set(mine.values())) == 4
    assert mine["other"] == lab.vm("other", "lab", "--guest", "mine").stdout.split()[-1]
    web = {lab.vm(user, "lab", "--guest", "web").stdout.split()[-1].split("mac=")[1] for user in ("root", "owner", "other")}
    assert len(web) == 1


def helper(lab, user, *words, before="", fd="3<>/dev/null"):
    path = lab.folder / "lanloom-vm-helper"
    script = f'{before} exec -a "${{NAME-lanloom-vm-helper}}" {path} "$@" {fd}'
    return lab.run(user, "bash", "-c", script, "x", *words)


def test_the_helper_does_nothing_else(lab):
    lab.acl("allow all\n")
    for words in ([], ["--network=lab"], ["up"], ["--network=lab", "--queues=65"], ["--network="], ["--network=ns/x"],
                  ["--network=" + "x" * 16], ["--network=" + "x" * 255], ["--network=lab", "--guest="],
                  ["--network=lab", "--guest=" + "g" * 64], ["--network=lab", "--queues=-1"], ["--help"]):
        for fd in ("3<>/dev/null", "3>&-"):
            done = helper(lab, "other", *words, fd=fd)
            assert done.returncode == 1 and not done.stdout, (words, done)
    # whatever it is called as, it is the helper; whatever else the file is called, it is nothing
    for name in ("lanloom", "lanloomd", "qemu-bridge-helper", ""):
        done = helper(lab, "other", "add", "bridge", "br1", before=f"NAME='{name}';")
        assert done.returncode == 1 and not done.stdout
    shutil.copy(lab.folder / "lanloom-vm-helper", lab.folder / "lanloom-vm-helper2")
    (lab.folder / "lanloom-vm-helper2").chmod(0o4755)
    done = lab.run("other", lab.folder / "lanloom-vm-helper2", "--network=lab")
    assert done.returncode == 1 and "must not be set-user-ID" in done.stderr
    assert lab.host.links() == lab.links


@pytest.mark.parametrize("before", ["export LANLOOM_RUN=/tmp LANLOOM_LIB=/tmp LANLOOM_ETC=/tmp;", "ulimit -f 0;",
                                    "umask 777;", "cd /proc/self/fd;", "exec 0<&- 1>&- 2>&-;", "trap '' PIPE TERM INT;"])
def test_what_a_caller_leaves_behind_counts_for_nothing(lab, before):
    lab.acl("allow lab user:60003\n")
    words = ["bash", "-c", f'exec 9>&1; {before} exec "$0" vm lab --guest new -- sh -c "echo {{fds}} >&9"', lab.folder / "lanloom"]
    done = lab.run("other", *words)
    if "ulimit" in before and "File too large" in done.stderr:  # a root without CAP_SYS_RESOURCE
        assert not list(lab.host.state_folders()[0].glob("*.new*"))
        done = lab.run("other", *words[:2], words[2].replace(before, ""), words[3])
    assert done.returncode == 0 and done.stdout.strip().isdigit(), (before, done)
    assert not lab.may("owner", "lab")


def test_the_command_has_no_power(lab):
    """What runs is the user: no capability, no other identity, no descriptor but its own and the TAP."""
    lab.acl("allow lab user:60003\n")
    status = lab.vm("other", "lab", say=["sh", "-c", "cat /proc/self/status; id -u; id -g; ls /proc/self/fd; echo {fds}"]).stdout
    assert {line.split()[1] for line in status.splitlines() if line.startswith(("CapEff", "CapPrm", "CapInh", "CapAmb"))} \
        == {"0" * 16}
    assert "Uid:\t60003\t60003\t60003\t60003" in status and "Gid:\t60003\t60003\t60003\t60003" in status
    numbers = status[status.index("60003\n60003\n"):].split()[2:]
    assert set(numbers[:-1]) == {"0", "1", "2", "3", numbers[-1]}  # 3 is the folder that ls reads
    for words in (["add", "bridge", "br1"], ["up", "/dev/null"], ["down", "--all"], ["set", "lab", "mtu=1400"], ["undo"],
                  ["exec", "x", "true"], ["vm", f"{NETNS.name}/lab", "--", "x", "{fds}"]):
        assert lab.run("other", lab.folder / "lanloom", *words).returncode in (1, 2), words
    assert lab.host.links() == lab.links


def test_a_helper_that_is_killed_leaves_nothing(lab):
    lab.acl("allow lab\n")
    for delay in ("0.000", "0.002", "0.004", "0.006", "0.01"):
        lab.run("other", "timeout", "-s", "KILL", delay if float(delay) else "0.001", lab.folder / "lanloom", "vm", "lab",
                "--guest", "mine", "--", "sleep", "0.01{fds}")
    until(lambda: lab.host.links() == lab.links, 10, "nothing is left")


@pytest.mark.limit(200)
def test_a_plain_users_guests(lab):
    """Two machines of one who is not root, one of them declared as his."""
    machine.image()
    lab.acl("allow lab user:60001\n")
    guests = []
    for name, address in (("web", "192.168.57.2/24"), ("mine", "192.168.57.3/24")):
        words = [lab.folder / "lanloom", "vm", "lab", "--", *machine.QEMU, "-name", name, "-append", machine.append(name, address)]
        guests.append(machine.Machine(lab.host, lab.words("owner", *words)))
    for guest in guests:
        guest.ready()
    assert guests[0].pings("192.168.57.3")
    uids = {pathlib.Path(f"/proc/{pid}").stat().st_uid for pid in lab.host.pids()
            if b"qemu" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()}
    assert uids == {60001}
    for guest in guests:
        guest.end()
    until(lambda: lab.host.links() == lab.links, 10, "nothing is left")
