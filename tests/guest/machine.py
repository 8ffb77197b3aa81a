# SPDX-License-Identifier: LGPL-2.1-or-later
"""A whole machine: QEMU with a kernel of the distribution and systemd as its first process.

Its root is an ext4 image put together here of this system's own systemd, a static busybox and the
lanloom under test, with the libraries they need; no more units than a machine must have. One
serial line is the console, kept in a file; on the other one runs a shell that begins when
network-online.target is reached: a line in, its output and "@done STATUS" back. Killing QEMU is a
power cut: what the guest has not written to its disk by then is lost.
"""
import os
import pathlib
import re
import select
import shutil
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LANLOOM = str(pathlib.Path(os.environ.get("LANLOOM", ROOT / "build" / "lanloom")).resolve())
CACHE = pathlib.Path("/var/cache/lanloom/guest-systemd")
MODULES = ("virtio_blk", "crc32c_generic", "ext4", "af_packet", "ipv6", "tun", "veth", "bridge")
SYSTEMD = pathlib.Path("/usr/lib/systemd") if pathlib.Path("/usr/lib/systemd/systemd").exists() \
    else pathlib.Path("/lib/systemd")
PROGRAMS = ("systemctl", "systemd-run")
UNITS = ("systemd-poweroff.service", "systemd-reboot.service")

SHELL = """[Unit]
Description=The test's shell
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/bin/sh /shell
StandardInput=tty-force
StandardOutput=tty
TTYPath=/dev/ttyS1
KillMode=process
"""

SCRIPT = """stty -echo -onlcr
PATH=/bin:/sbin TERM=dumb
export PATH TERM
echo @ready
while read -r line; do
	eval "$line" </dev/null 2>&1
	echo "@done $?"
done
"""


def tool(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{words[0]}: {done.stdout}{done.stderr}"
    return done.stdout


def kernel():
    """The kernel and the first stage, which mounts the image and leaves; fetched once."""
    options = [word for module in MODULES for word in ("-m", module)]
    tool("sh", ROOT / "share" / "guest-image", *options, CACHE, timeout=240)


def copy_file(tree, path):
    path = pathlib.Path(path)
    target = tree / str(path.parent.resolve() / path.name).lstrip("/")
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path.resolve(), target)


def copy_program(tree, path):
    """A program with the libraries it names."""
    copy_file(tree, path)
    for line in tool("ldd", path).splitlines():
        if found := re.search(r"(/\S+) \(0x", line):
            copy_file(tree, found[1])


def busybox():
    for path in ("/bin/busybox", "/usr/bin/busybox"):
        if pathlib.Path(path).exists() and b"/ld-" not in pathlib.Path(path).read_bytes()[:2048]:
            return path
    raise AssertionError("no static busybox; ./dev deps installs busybox-static")


def plant(tree):
    """Everything but the descriptions."""
    for name in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc/systemd/system", "proc", "sys", "dev",
                 "run", "tmp", "var/lib", "root"):
        (tree / name).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (tree / name).symlink_to(f"usr/{name}")
    shutil.copy2(busybox(), tree / "usr/bin/busybox")
    for applet in tool(busybox(), "--list").split():
        if not (tree / "usr/bin" / applet).exists():
            (tree / "usr/bin" / applet).symlink_to("busybox")
    for name in PROGRAMS:
        (tree / "usr/bin" / name).unlink(missing_ok=True)
        copy_program(tree, shutil.which(name))
    for name in ("systemd", "systemd-shutdown", "systemd-executor"):
        if (SYSTEMD / name).exists():
            copy_program(tree, SYSTEMD / name)
    (tree / "usr/sbin/init").symlink_to(SYSTEMD / "systemd")
    copy_program(tree, LANLOOM)
    if LANLOOM != "/usr/bin/lanloom":
        (tree / "usr/bin/lanloom").symlink_to(LANLOOM)
    for unit in [*(SYSTEMD / "system").glob("*.target"), *(SYSTEMD / "system" / name for name in UNITS)]:
        copy_file(tree, unit)


def settle(tree, files):
    """The files of /etc, the shell, and what the test wants there."""
    wants = tree / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "shell.service").symlink_to("/etc/systemd/system/shell.service")
    (tree / "etc/systemd/system/default.target").symlink_to(SYSTEMD / "system/multi-user.target")
    texts = {
        "etc/systemd/system/shell.service": SHELL,
        "shell": SCRIPT,
        "etc/systemd/system.conf": "[Manager]\nDefaultStandardOutput=tty\nShowStatus=no\n"
                                   "RuntimeWatchdogSec=off\nLogTarget=console\n",
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
        "etc/group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
        "etc/hostname": "town\n",
        "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
        "etc/os-release": "ID=test\nNAME=test\n",
        "etc/fstab": "",
        **files,
    }
    for name, text in texts.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def image(folder, files):
    """The disk of a machine that was never booted."""
    tree, disk = folder / "tree", folder / "disk"
    plant(tree)
    settle(tree, files)
    with open(disk, "wb") as out:
        out.truncate(256 << 20)
    tool("mkfs.ext4", "-q", "-F", "-d", tree, disk)
    shutil.rmtree(tree)
    return disk


def accelerator():
    """A /dev/kvm alone says nothing: a machine that is itself a guest may have one that hangs."""
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    return "kvm" if re.search(r"\b(vmx|svm)\b", flags) and os.access("/dev/kvm", os.R_OK | os.W_OK) else "tcg"


class Machine:
    """A machine that is on. Leaving the `with` cuts its power."""

    def __init__(self, disk, console):
        self.console = console
        self.text = b""
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-name", "lanloom-test-town", "-nodefaults", "-no-user-config",
             "-display", "none", "-no-reboot", "-accel", accelerator(), "-m", "256",
             "-kernel", str(CACHE / "vmlinuz"), "-initrd", str(CACHE / "initrd"), "-append",
             "console=ttyS0 quiet panic=-1 no_timer_check lanloom.root=/dev/vda net.ifnames=0",
             "-drive", f"file={disk},if=virtio,format=raw", "-netdev", "user,id=net,restrict=on",
             "-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci",
             "-serial", f"file:{console}", "-serial", "stdio"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        self.booted = time.monotonic()
        try:
            self.read_to(rb"^@ready\r?\n", 300)
        except BaseException:
            self.cut()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.cut()

    def trouble(self, what):
        tail = pathlib.Path(self.console).read_text(errors="replace")[-3000:]
        return AssertionError(f"the machine {what}\n--- shell\n{self.text.decode(errors='replace')}"
                              f"\n--- console\n{tail}")

    def read_to(self, pattern, seconds):
        """What comes before a line that matches; the line is dropped, the match answered, too."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text, re.M)):
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise self.trouble(f"did not say {pattern} within {seconds} s")
            piece = self.process.stdout.read(65536)
            if not piece:
                raise self.trouble("went off")
            self.text += piece
        before, self.text = self.text[:found.start()], self.text[found.end():]
        return before.decode(errors="replace").replace("\r", ""), found

    def begin(self, line):
        """Starts a line of shell; nobody waits for its end."""
        self.process.stdin.write(line.encode() + b"\n")

    def run(self, line, seconds=120, check=True):
        """Runs a line of shell; its output. check: it has to end with 0."""
        self.begin(line)
        output, found = self.read_to(rb"^@done (\d+)\r?\n", seconds)
        self.status = int(found[1])
        if check and self.status:
            raise self.trouble(f"says to {line!r}, status {self.status}:\n{output}")
        return output

    def cut(self):
        """The power goes, at once."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def off(self):
        """Shut down in an orderly way."""
        self.begin("systemctl poweroff")
        try:
            self.process.wait(180)
        except subprocess.TimeoutExpired:
            raise self.trouble("does not shut down") from None
        self.cut()
