# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a command asks the kernel to change, seen by strace, and what the kernel announces."""
import os
import re
import signal
import subprocess
import tempfile
import time

from .net import LANLOOM, run

SENDS = re.compile(r"(?:^|\s)(?:sendto|sendmsg|sendmmsg|write|writev)\(")
MESSAGE = re.compile(r"\b(RTM_(?:NEW|DEL|SET)\w+|NFT_MSG_(?:NEW|DEL)\w+)")
TUN = re.compile(r"\b(TUNSET(?:IFF|PERSIST|OWNER|GROUP|IFINDEX|LINK))\b")
CONTROL = re.compile(r"\b(SIOCS\w+|SIOCBR\w+|SIOCDEL\w+|SIOCADD\w+)\b")
SYSCTL = re.compile(r"\b(?:write|pwrite64|writev)\(\d+<(/proc/sys/[^>]+)>")
CALLS = "sendto,sendmsg,sendmmsg,ioctl,write,pwrite64,writev"


def changes_of(text):
    """The changing requests in strace's output, in order: message names and paths of sysctls."""
    found = []
    for line in text.splitlines():
        if "ERESTARTNOINTR" in line:
            continue  # the kernel could not have its lock at once, and does the call again by itself
        if sysctl := SYSCTL.search(line):
            found.append(sysctl[1])
        elif "ioctl(" in line:
            found += TUN.findall(line) + CONTROL.findall(line)
        elif SENDS.search(line):
            found += MESSAGE.findall(line)
    return found


def changes(host, *words, check=True, pids=()):
    """Runs lanloom in a host; answers (what it sent that changes something, the finished command).

    pids: processes that may act on its behalf, and are watched meanwhile.
    """
    # The leak checker of a sanitized program does not work beside strace.
    leaks = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    with tempfile.NamedTemporaryFile("r", suffix=".strace") as log:
        watchers = []
        for pid in pids:
            watchers.append(subprocess.Popen(["strace", "-f", "-y", "-v", "-s", "64", "-e", f"trace={CALLS}",
                                              "-A", "-o", log.name, "-p", str(pid)],
                                             stderr=subprocess.PIPE, text=True))
            watchers[-1].stderr.readline()  # "strace: Process N attached"
        try:
            done = host.run("strace", "-f", "-y", "-v", "-s", "64", "-e", f"trace={CALLS}", "-A", "-o",
                            log.name, LANLOOM, *words, check=check, timeout=90,
                            env={**os.environ, "ASAN_OPTIONS": leaks})
        finally:
            for watcher in watchers:
                watcher.send_signal(signal.SIGINT)
                watcher.wait(10)
                watcher.stderr.close()
        return changes_of(log.read()), done


class Monitor:
    """Writes down what the kernel announces in a namespace between enter and exit."""

    def __init__(self, host, objects=("all",)):
        self.host = host
        self.objects = objects
        self.text = ""

    def __enter__(self):
        self.out = tempfile.TemporaryFile("w+")
        self.processes = [self.host.start(*words, stdout=self.out, stderr=subprocess.DEVNULL)
                          for words in (["ip", "monitor", *self.objects], ["nft", "monitor"])]
        time.sleep(0.5)  # both have their sockets by then
        return self

    def __exit__(self, *error):
        time.sleep(0.5)
        for process in self.processes:
            process.terminate()
            process.wait()
        self.out.seek(0)
        self.text = self.out.read()
        self.out.close()


def settled(host, seconds=6):
    """Waits until no address is tentative and the kernel has been silent for a moment."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if "tentative" not in host.ip("addr", "show"):
            return
        time.sleep(0.1)


def ifindex(host, name):
    link = host.link(name)
    return link["ifindex"] if link else None


def nft(host, text):
    return host.run("nft", "-f", "-", input=text)


__all__ = ["changes", "changes_of", "Monitor", "settled", "ifindex", "nft", "run"]
