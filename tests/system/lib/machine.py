# SPDX-License-Identifier: LGPL-2.1-or-later
"""A whole machine on a TAP: QEMU without KVM and the image of share/guest-image, run over its serial console."""
import os
import select
import subprocess
import time

from lib.net import LANLOOM, ROOT, SLOWNESS, run

IMAGE = "/var/cache/lanloom/guest"
QEMU = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-accel", "tcg",
        "-m", "128", "-kernel", f"{IMAGE}/vmlinuz", "-initrd", f"{IMAGE}/initrd", "-serial", "stdio"]


def image():
    """The image is cached; the first time it fetches a kernel of the distribution."""
    run("sh", ROOT / "share" / "guest-image", timeout=180)


def append(name, *addresses):
    """The kernel's command line: a guest that is called so and has these addresses."""
    words = [f"lanloom.address={address}" for address in addresses]
    # A kernel that waits for its timer on a busy, emulating host gives up too early.
    return " ".join(["console=ttyS0 quiet panic=-1 no_timer_check", f"lanloom.name={name}", *words])


class Machine:
    """`command` ends in QEMU's words; it is started in the host's namespace."""

    def __init__(self, host, command):
        self.text = b""
        self.process = host.start(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def read_to(self, mark, seconds):
        end = time.monotonic() + seconds * SLOWNESS
        while not (found := [line for line in self.text.split(b"\n")[:-1] if line.startswith(mark)]):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            got = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not got:
                raise AssertionError(f"no {mark!r} of the guest:\n{self.text.decode(errors='replace')[-3000:]}")
            self.text += got
        before, _, self.text = self.text.partition(found[0] + b"\n")
        return before.decode(errors="replace"), found[0].decode().strip()

    def ready(self):
        self.read_to(b"@ready", 120)
        return self

    def sh(self, line, check=True, seconds=60):
        os.write(self.process.stdin.fileno(), line.encode() + b"\n")
        said, done = self.read_to(b"@done", seconds)
        assert not check or done == "@done 0", f"{line}: {done}\n{said}"
        return said

    def pings(self, address):
        return " 0% packet loss" in self.sh(f"ping -q -c 2 -W 10 {address}", check=False)

    def end(self):
        self.process.kill()
        self.process.wait()


def vm(host, network, name, *addresses, options=(), qemu=()):
    """A guest by `lanloom vm`."""
    return Machine(host, [LANLOOM, "vm", network, *options, "--", *QEMU, "-name", name, *qemu,
                          "-append", append(name, *addresses)])
