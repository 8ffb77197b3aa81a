# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may ask the keeper: root anything, the configured group how things are, others nothing."""
import contextlib
import errno
import json
import os
import pathlib
import tempfile

import pytest
from lib import keeper
from lib.net import LANLOOM, run, until

GROUP = 4242  # nobody's: a number will do, and the machine's groups stay what they are
NOBODY = 65534
CHANGES = [(keeper.APPLY, ""), (keeper.APPLY, "step\nnonsense\n"), (keeper.NOTICE, ""), (77, "")]


@pytest.fixture
def open_folder():
    """One that everybody may pass through, unlike the test's own."""
    with tempfile.TemporaryDirectory(prefix="lanloom-test-") as name:
        os.chmod(name, 0o711)
        yield pathlib.Path(name)


@pytest.fixture
def host(net, open_folder):
    made = net.host("alpha")
    made.open_folder = open_folder
    return made


def start(net, host, group):
    """A tunnel whose keeper finds that group in its configuration (None: there is no file)."""
    etc, state = net.folder / "etc", host.open_folder / "state"
    etc.mkdir()
    if group is not None:
        (etc / "group").write_text(f"{group}\n")
    host.environment = {**os.environ, "LANLOOM_ETC": str(etc), "LANLOOM_RUN": str(state)}
    run(LANLOOM, "key", "new", net.folder / "host.key")
    host.file = net.file("lone.yaml", "name: lone\ntunnels:\n  lan0: {mode: lan, key: %s, port: 51821, "
                         "peers: []}\n" % (net.folder / "host.key"))
    host.loom("up", host.file, env=host.environment)
    return keeper.folder_of(host)


def as_user(gid, groups, act):
    """What act() answers in a process of another user; None if it was not let in at all."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.setgroups(groups)
            os.setresgid(gid, gid, gid)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            os.write(writes, json.dumps(act()).encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else None


@pytest.mark.parametrize("gid, groups", [(GROUP, []), (NOBODY, [NOBODY, GROUP]),
                                         (NOBODY, [*range(100, 200), GROUP])])
def test_members_read_and_change_nothing(net, host, gid, groups):
    folder = start(net, host, GROUP)
    control = (folder / "control").stat()
    assert control.st_mode & 0o777 == 0o660 and (control.st_uid, control.st_gid) == (0, GROUP)
    for step in (folder, folder.parent):
        assert step.stat().st_mode & 0o777 == 0o710 and step.stat().st_gid == GROUP
    code, listed = keeper.ask(folder, keeper.LIST)
    for request in (keeper.PING, keeper.LIST, keeper.STATUS):
        code, text = as_user(gid, groups, lambda what=request: keeper.ask(folder, what))
        assert code == 0
        assert request != keeper.LIST or text == listed
        assert request != keeper.STATUS or json.loads(text)["tunnels"][0]["name"] == "lan0"
    for request, text in CHANGES[:-1]:
        code, answer = as_user(gid, groups, lambda what=request, text=text: keeper.ask(folder, what, text))
        assert code == -errno.EPERM and answer.startswith("message only%20root")
    assert as_user(gid, groups, lambda: keeper.ask(folder, *CHANGES[-1])) is None  # no such request
    assert keeper.ask(folder, keeper.LIST) == (0, listed)
    # nor do the files beside the socket tell them anything
    assert as_user(gid, groups, lambda: os.listdir(folder)) is None
    for name in ("log", "lock", "committed"):
        assert (folder / name).exists() and not (folder / name).stat().st_mode & 0o077


@pytest.mark.parametrize("group", [GROUP, None, "no-such-group", ""])
def test_others_are_not_let_in(net, host, group):
    folder = start(net, host, group)
    member = as_user(GROUP, [GROUP], lambda: keeper.ask(folder, keeper.PING))
    assert (member is not None) == (group == GROUP)
    assert as_user(NOBODY, [NOBODY], lambda: keeper.ask(folder, keeper.PING)) is None
    if group != GROUP:
        assert (folder / "control").stat().st_mode & 0o777 == 0o600
        assert folder.stat().st_mode & 0o777 == 0o700
    assert ("no group is called no-such-group" in (folder / "log").read_text()) == (group == "no-such-group")
    assert keeper.ask(folder, keeper.PING)[0] == 0


def test_what_decides_is_who_asks_not_the_modes(net, host):
    folder = start(net, host, GROUP)
    (folder / "control").chmod(0o666)
    folder.chmod(0o711)
    folder.parent.chmod(0o711)
    assert as_user(NOBODY, [NOBODY], lambda: keeper.ask(folder, keeper.PING)) is None
    assert as_user(GROUP, [], lambda: keeper.ask(folder, keeper.PING))[0] == 0


def test_a_group_by_its_name(net, host):
    """daemon is a group of every machine."""
    folder = start(net, host, "daemon")
    gid = (folder / "control").stat().st_gid
    assert gid > 0 and as_user(gid, [], lambda: keeper.ask(folder, keeper.PING))[0] == 0


def test_members_cannot_keep_root_out(net, host):
    folder = start(net, host, GROUP)
    release, releases = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(releases)
        with contextlib.suppress(OSError):
            os.setresgid(GROUP, GROUP, GROUP)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            held = []
            for _ in range(60):
                with contextlib.suppress(OSError):
                    held.append(keeper.connect(folder))
            os.read(release, 1)
        os._exit(0)
    os.close(release)
    try:
        for _ in range(10):
            until(lambda: keeper.ask(folder, keeper.PING), 3, "root is answered")
        with contextlib.ExitStack() as mine:
            for _ in range(10):
                mine.enter_context(keeper.connect(folder))
            assert keeper.ask(folder, keeper.PING)[0] == 0
    finally:
        os.close(releases)
        os.waitpid(child, 0)


def test_members_use_the_command(net, host):
    folder = start(net, host, GROUP)

    def loom(gid, *words):
        return host.run("setpriv", f"--reuid={NOBODY}", f"--regid={gid}", "--clear-groups", program, *words,
                        env=host.environment, check=False)

    program = host.open_folder / "lanloom"  # where it is built nobody else may be able to go
    program.write_bytes(pathlib.Path(LANLOOM).read_bytes())
    program.chmod(0o755)
    done = loom(GROUP, "tunnel", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["tunnels"][0]["name"] == "lan0"
    assert "lan0" in loom(GROUP, "show").stdout
    assert loom(GROUP, "down", "lone").returncode == 1
    assert loom(NOBODY, "tunnel").returncode == 1
    assert keeper.ask(folder, keeper.LIST)[1]
