# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs command lines one after the other in a network namespace of their own, and says what each came to.

    side.py FOLDER < SPEC        FOLDER: where tunctl and brctl are looked up first

SPEC and answer are JSON: {"sys": true, "lines": [[word…]…]} and [{"out", "err", "status", "state"}…].
A line that begins with "@" is a step of the stage and not looked at: "@" COMMAND WORD…, "@frames"
DEVICE COUNT (COUNT frames from as many addresses), "@wires" COUNT (pairs w0a w0b, w1a …), "@carrier" DEVICE… (waits for it), "@acl" NAME TEXT
(a file in /etc/qemu, which is the namespace's own). A word with {fd} gets the number of a socket; what TAP
comes over it is in the answer: its name, its flags, and the state while it is open.
"""
import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 1 << 18
TUNGETIFF = 0x800454d2
libc = ctypes.CDLL(None, use_errno=True)

# What runs by itself, and what follows a change in the kernel's own time (operstate and carrier); and random addresses: all devices of the stage have one that begins with 02:00:0.
RUNNING = {"hello_timer", "tcn_timer", "topology_change_timer", "gc_timer", "forward_delay_timer",
           "hold_timer", "message_age_timer", "operstate", "qdisc"}
LATE = {"LOWER_UP", "NO-CARRIER"}


def call(result, what):
    if result:
        raise OSError(ctypes.get_errno(), what)


def enter(with_sys):
    """A network namespace, with its own /sys or, as in a container made in haste, with another's."""
    call(libc.unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare")
    call(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "private mounts")
    if with_sys:
        call(libc.mount(b"sysfs", b"/sys", b"sysfs", 0, None), "sysfs")
    else:
        call(libc.mount(b"tmpfs", b"/sys", b"tmpfs", 0, None), "tmpfs")


def own_etc():
    """An /etc for files of the test's own, with what looking up users takes."""
    call(libc.mount(b"tmpfs", b"/mnt", b"tmpfs", 0, None), "tmpfs")
    for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache"):
        with contextlib.suppress(FileNotFoundError):
            shutil.copy(f"/etc/{name}", f"/mnt/{name}")
    os.mkdir("/mnt/qemu")
    call(libc.mount(b"/mnt", b"/etc", None, MS_BIND, None), "bind")


def silence():
    """Nobody sends by itself: what a bridge learned would depend on the moment."""
    for which in ("all", "default"):
        path = pathlib.Path(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6")
        if path.exists():
            path.write_text("1")


def still(value):
    if isinstance(value, dict):
        return {key: still(inner) for key, inner in value.items()
                if key not in RUNNING and not (key == "address" and not inner.startswith("02:00:0"))}
    if isinstance(value, list):
        return [still(inner) for inner in value if not (isinstance(inner, str) and inner in LATE)]
    return value


def state():
    done = subprocess.run(["ip", "-j", "-d", "link"], capture_output=True, text=True, check=True)
    return still(json.loads(done.stdout))


def until(condition, what):
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


def carrier(*devices):
    """Waits until these pass packets."""
    def is_up(device):
        done = subprocess.run(["ip", "-j", "link", "show", "dev", device], capture_output=True, text=True)
        return json.loads(done.stdout)[0]["operstate"] == "UP"

    until(lambda: all(map(is_up, devices)), f"{devices} are not up")


def nobody_holds():
    """The state when what goes with its last holder is gone: that is a moment after it ended."""
    def is_so():
        found.append(state())
        return all(link.get("linkinfo", {}).get("info_data", {}).get("persist", True) for link in found[-1])

    found = []
    until(is_so, "a TAP is still held")
    return found[-1]


def frames(device, count):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((device, 0))
        for i in range(int(count)):
            raw.send(bytes.fromhex("02ffffffffff") + bytes((2, 0xaa, 0, 0, i >> 8, i & 255))
                     + b"\x88\xb5" + bytes(46))


def wires(count):
    """Every end has an address that sorts otherwise than its number."""
    lines = "".join(
        f"link add w{i}a address 02:00:01:00:{255 - i & 255:02x}:{i >> 8:02x} type veth"
        f" peer name w{i}b address 02:00:02:00:{255 - i & 255:02x}:{i >> 8:02x}\n"
        for i in range(int(count)))
    subprocess.run(["ip", "-batch", "-"], input=lines, text=True, check=True)


def stage(words):
    if words[0] == "@frames":
        frames(*words[1:])
    elif words[0] == "@wires":
        wires(*words[1:])
    elif words[0] == "@carrier":
        carrier(*words[1:])
    elif words[0] == "@acl":
        path = pathlib.Path("/etc/qemu", words[1])
        path.write_bytes(words[2].encode())
        path.chmod(0o600 if words[1].endswith("root") else 0o644)
    else:
        subprocess.run(words[1:], check=True)


def settle(text):
    """Without the figures that run by themselves."""
    text = re.sub(r"((?:hello|tcn|gc|hold|topology change|message age|forward delay) timer\t+) *-?\d+\.\d\d",
                  r"\1T", text)
    return re.sub(r"(\tno\t\t) *\d+\.\d\d$", r"\1T", text, flags=re.M)


def received(ours):
    """The TAPs that came over a socket, with their flags."""
    ours.setblocking(False)
    try:
        data, taps, _, _ = socket.recv_fds(ours, 100, 4)
    except BlockingIOError:
        return []
    found = [data.hex()]
    for tap in taps:
        request = bytearray(40)
        fcntl.ioctl(tap, TUNGETIFF, request)
        found.append([request[:16].rstrip(b"\0").decode(), int.from_bytes(request[16:18], sys.byteorder)])
    found.append(state())
    for tap in taps:
        os.close(tap)
    return found


def run_given(words):
    """With a socket in place of {fd}."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        words = [word.replace("{fd}", str(theirs.fileno())) for word in words]
        done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, timeout=90,
                              pass_fds=[theirs.fileno()])
        taps = received(ours)
        return {"taps": taps, "out": done.stdout.decode("latin-1"), "err": done.stderr.decode("latin-1"),
                "status": done.returncode, "state": nobody_holds()}


def run(words):
    if any("{fd}" in word for word in words):
        return run_given(words)
    done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, timeout=90)
    return {"out": settle(done.stdout.decode("latin-1")), "err": done.stderr.decode("latin-1"),
            "status": done.returncode, "state": nobody_holds()}


def main():
    os.environ["PATH"] = sys.argv[1] + ":" + os.environ["PATH"]
    # a leak is looked for with ptrace, which strace has taken already
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    os.environ.pop("LANLOOM_LEDGER", None)
    spec = json.load(sys.stdin)
    enter(spec["sys"])
    if spec.get("acl"):
        own_etc()
    silence()
    os.chdir("/")
    answers = []
    for words in spec["lines"]:
        if words[0].startswith("@"):
            stage(words)
            answers.append(None)
        else:
            answers.append(run(words))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    assert pathlib.Path(sys.argv[1]).is_dir()
    main()
