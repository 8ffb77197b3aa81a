#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the tests that need another kernel than this one's, inside a machine; ./dev test calls it.

    tests/guest/tier.py RESULTS [-k PATTERN]

The machine is QEMU with the distribution's full kernel. Its root is this very system, read-only by
9p with a tmpfs above, so the tests, the program and the tools are those of here at the paths of
here. What is to be done comes and goes through a second shared folder:

    start       the first process: mounts what a system has, runs pytest, switches off
    log         what pytest says, as it says it
    guest.xml   its report, when it is through

RESULTS gets guest.xml, or, when the machine died or hung, a line "not ok" in its `checks`.
A python3 takes a second to start inside, so there is one machine, and one pytest in it, for all.
"""
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree

import machine

sys.path.insert(0, str(machine.ROOT / "tests"))
from place import lacks  # noqa: E402

ROOT = machine.ROOT
CACHE = pathlib.Path("/var/cache/lanloom/guest-full")
MODULES = ("9p", "9pnet_virtio", "overlay")
BOOT_SECONDS = 150
SILENT_SECONDS = 420  # no test takes longer than its limit, SLOWNESS times
WHOLE_SECONDS = 1080
SLOWNESS = {"kvm": 1, "tcg": 5}

START = """# The first process of the guest: tests/guest/tier.py wrote it.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /run/lock /run/tests
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs tests /run/tests
mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
ln -s /proc/self/fd /dev/fd 2>/dev/null
mkdir -p /lib/modules
mount -t tmpfs modules /lib/modules
ln -s {modules}/* /lib/modules/
modprobe -q tun # its node is there on every system that has booted by systemd or udev
hostname guest
ip link set lo up
echo @up
cd {root} || poweroff -f
export {environment}
{{ timeout -k 10 {seconds} /usr/bin/python3 -m pytest -v --color=no --tb=short -p no:cacheprovider \\
	-p no:xdist -o junit_family=xunit1 --basetemp=/run/tests/base --junitxml=/run/tests/guest.xml {words}
echo "ended with $?"; }} >/run/job/log 2>&1
cp /run/tests/guest.xml /run/job/guest.xml.part && mv /run/job/guest.xml.part /run/job/guest.xml
echo @done
sync
echo o >/proc/sysrq-trigger
sleep 10
"""


def environment(place):
    kept = {key: os.environ[key] for key in ("LANLOOM", "BUILD", "ASAN_OPTIONS", "UBSAN_OPTIONS")
            if key in os.environ}
    slowness = SLOWNESS[machine.accelerator()] if place == "guest" else 1
    return kept | {"PYTHONDONTWRITEBYTECODE": "1", "LANLOOM_TEST_PLACE": place,
                   "LANLOOM_TEST_SLOWNESS": str(slowness), "LANLOOM_TEST_LACKS": " ".join(sorted(lacks()))}


def files():
    """Those that have tests for the guest: to collect the others there would take long."""
    marks = ("pytest.mark.guest", "pytest.mark.needs")
    found = [path for path in sorted((ROOT / "tests").rglob("test_*.py"))
             if "guest" not in path.relative_to(ROOT).parts and any(m in path.read_text() for m in marks)]
    return [str(path.relative_to(ROOT)) for path in found]


def collected(arguments):
    """The tests that are the guest's, by name."""
    done = subprocess.run(
        ["/usr/bin/python3", "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
         *arguments], cwd=ROOT, capture_output=True, text=True, env=os.environ | environment("guest-to-be"))
    if done.returncode not in (0, 5):
        raise SystemExit(f"the guest's tests cannot be collected:\n{done.stdout}{done.stderr}")
    return [line for line in done.stdout.splitlines() if "::" in line]


class Guest:
    """The machine that runs them, in a folder of its own."""

    def __init__(self, folder, arguments):
        self.folder = folder
        self.arguments = arguments
        self.console = folder / "console"
        self.log = folder / "log"
        self.process = None

    def power_on(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.console.touch()
        words = " ".join(shlex.quote(word) for word in self.arguments)
        values = " ".join(f"{key}={shlex.quote(value)}" for key, value in environment("guest").items())
        (self.folder / "start").write_text(START.format(
            modules=CACHE / "modules", root=shlex.quote(str(ROOT)), environment=values, words=words,
            seconds=WHOLE_SECONDS))
        share = "local,security_model=none,multidevs=remap"
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-name", "lanloom-test-guest", "-nodefaults", "-no-user-config",
             "-display", "none", "-no-reboot", "-accel", machine.accelerator(), "-m", "1536", "-smp", "2",
             "-kernel", str(CACHE / "vmlinuz"), "-initrd", str(CACHE / "initrd"), "-append",
             "console=ttyS0 quiet panic=-1 oops=panic no_timer_check net.ifnames=0 lanloom.share=host",
             "-fsdev", f"{share},id=host,path=/,readonly=on", "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
             "-fsdev", f"{share},id=job,path={self.folder}",
             "-device", "virtio-9p-pci,fsdev=job,mount_tag=host-job",
             "-device", "virtio-rng-pci", "-serial", f"file:{self.console}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(self.folder / "qemu", "w"))

    def power_off(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def says(self, word):
        return word in self.console.read_text(errors="replace")

    def boots(self):
        """Whether the kernel comes up; on a loaded machine an emulated one may die of lost clock ticks."""
        self.power_on()
        end = time.monotonic() + BOOT_SECONDS
        while not self.says("@up"):
            if self.process.poll() is not None or time.monotonic() > end:
                self.power_off()
                return self.says("@up")
            time.sleep(0.2)
        return True

    def runs(self):
        """What went wrong, or None. It has to say something every now and then."""
        end, heard, size = time.monotonic() + WHOLE_SECONDS, time.monotonic(), 0
        while self.process.poll() is None:
            if self.log.exists() and self.log.stat().st_size != size:
                heard, size = time.monotonic(), self.log.stat().st_size
            if time.monotonic() > min(end, heard + SILENT_SECONDS):
                return f"the guest hangs: {'it takes too long' if time.monotonic() > end else 'it is silent'}"
            time.sleep(0.2)
        return None if (self.folder / "guest.xml").exists() else "the guest went off before it was through"

    def ends(self):
        """The last it said, for people."""
        texts = []
        for path, lines in ((self.folder / "qemu", 10), (self.console, 60), (self.log, 25)):
            if path.exists():
                tail = path.read_text(errors="replace").splitlines()[-lines:]
                texts.append(f"--- the end of the guest's {path.name}\n" + "\n".join(tail))
        return "\n".join(texts)


def count(report):
    return sum(1 for _ in xml.etree.ElementTree.parse(report).iter("testcase"))


def failed(results, guest, expected, why):
    """A crash is told as a test that failed; those that were not run are told, too."""
    with open(results / "checks", "a") as checks:
        print("not ok guest", file=checks)
    print(f"{why}; {expected} tests were to run there\n{guest.ends()}")
    return 1


def main():
    results = pathlib.Path(sys.argv[1]).resolve()
    picked = files()
    arguments = [*sys.argv[2:], *picked]
    expected = len(collected(arguments)) if picked else 0
    if not expected:
        return 0
    options = [word for module in MODULES for word in ("-m", module)]
    machine.tool("sh", ROOT / "share" / "guest-image", "-f", *options, CACHE, timeout=400)
    guest = Guest(results / "guest", arguments)
    try:
        if not guest.boots():
            print(f"the guest's kernel does not come up; once more\n{guest.ends()}")
            if not guest.boots():
                return failed(results, guest, expected, "the guest's kernel does not come up, twice")
        why = guest.runs()
    finally:
        guest.power_off()
    if why:
        return failed(results, guest, expected, why)
    shutil.copy(guest.folder / "guest.xml", results / "guest.xml")
    text = guest.log.read_text(errors="replace")
    start = text.find("= FAILURES =")
    print(text[start:] if start >= 0 else text.splitlines()[-2])
    ran = count(results / "guest.xml")
    return 0 if ran == expected else failed(results, guest, expected, f"{ran} tests ran in the guest")


if __name__ == "__main__":
    sys.exit(main())
