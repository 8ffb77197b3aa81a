# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where bytes lie in a process's memory, and how that memory is guarded."""
import contextlib
import re

MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+\s*(.*)$")


def mappings(pid):
    """Begin, end, name and flags ("lo" locked, "dd" not dumped, "wf" wiped in a fork) of each."""
    begin = end = name = None
    with open(f"/proc/{pid}/smaps") as smaps:
        for line in smaps:
            if found := MAPPING.match(line):
                begin, end, name = int(found[1], 16), int(found[2], 16), found[4].strip()
            elif line.startswith("VmFlags:"):
                yield begin, end, name, set(line.split()[1:])


def contents(pid):
    """Name, flags and bytes of each mapping that can be read."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end, name, flags in mappings(pid):
            if "rd" not in flags or name in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                continue
            with contextlib.suppress(OSError):
                memory.seek(begin)
                yield name, flags, memory.read(end - begin)


def find(pid, wanted):
    """A list of (name, flags) of the mappings that hold the bytes somewhere."""
    return [(name, flags) for name, flags, content in contents(pid) if wanted in content]
