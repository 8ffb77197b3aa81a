# SPDX-License-Identifier: LGPL-2.1-or-later
"""tools/layers, tools/sizes, tools/registry and tools/syscalls say what they should about small trees."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tree(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def said(tool, folder):
    done = subprocess.run([ROOT / "tools" / tool, folder], capture_output=True, text=True, timeout=30)
    assert (done.returncode == 1) == bool(done.stderr), done
    return done.stderr


KIND = 'const struct kind kind_vlan = {\n\t.base = &kind_link,\n};\nstruct vlan {\n\tint id;\n};\n'


@pytest.fixture
def house(tmp_path):
    tree(tmp_path, include__lanloom_dot_h="", src__base__err_dot_h="", src__model__kind_dot_h="",
         src__kind__link_dot_h="struct link {\n};\n", src__kind__bridge_dot_h="", src__kind__vlan_dot_c=KIND,
         src__cmd__cmd_dot_h='#include "lanloom.h"\n', src__cmd__demo_dot_h="",
         src__tunnel__worker_dot_h="")
    return tmp_path


@pytest.mark.parametrize("path, text, problem", [
    ("base/a.c", '#include "model/kind.h"', "base may not include"),
    ("tunnel/a.c", '#include "model/kind.h"', "tunnel may not include"),
    ("cmd/up.c", '#include "base/err.h"', "cmd may not include"),
    ("cmd/up.c", '#include "cmd/demo.h"', "a command includes"),
    ("cmd/demo_vm.c", '#include "cmd/demo.h"', None),
    ("cmd/up.c", '#include "cmd/cmd.h"\n#include "lanloom.h"\n#include <stdio.h>', None),
    ("plan/a.c", '#include "lanloom.h"', "plan may not include the public header"),
    ("plan/a.c", '#include "kind/link.h"', "plan may not know a kind"),
    ("plan/a.c", "struct vlan *vlan;", "struct vlan is known to kind/vlan.c alone"),
    ("plan/a.c", "return &kind_vlan;", "the table kind_vlan is known to kind/vlan.c alone"),
    ("plan/a.c", "/* struct vlan, kind_vlan */ const char *x = \"struct vlan\";", None),
    ("explain/a.c", '#include "kind/link.h"', None),
    ("kind/b.c", '#include "kind/link.h"\nconst struct kind kind_b = {\n\t.base = &kind_link,\n};', None),
    ("kind/b.c", '#include "kind/bridge.h"\nconst struct kind kind_b = {\n\t.base = &kind_link,\n};',
     "only its base's header"),
    ("world/a.c", '#include "kind/registry.h"', None),
    ("apply/a.c", '#include "kind/registry.h"', "the registry of kinds"),
    ("lib/a.c", '#include "tunnel/worker.h"', "threads are the daemon's"),
    ("daemon/a.c", '#include "tunnel/worker.h"', None),
    ("base/a.c", '#include "err.h"', 'as it is seen from src/'),
    ("base/a.c", '#include "base/none.h"', "there is no src/base/none.h"),
    ("base/a.c", '#include <base/err.h>', "is ours"),
    ("attic/a.c", "", "not in the table"),
])
def test_layers(house, path, text, problem):
    tree(house, **{"src__" + path.replace("/", "__").replace(".", "_dot_"): text + "\n"})
    answer = said("layers", house)
    if problem is None:
        assert answer == ""
    else:
        assert problem in answer and f"src/{path}:" in answer


def function(lines, depth=1):
    body = "\n".join("\t" * i + "if (x) {" for i in range(1, depth + 1))
    return "int f(void)\n{\n" + body + "\n" + "\tx();\n" * (lines - depth - 2) + "}\n"


@pytest.mark.parametrize("path, text, problem", [
    ("base/a.c", function(60), None),
    ("base/a.c", function(61), "a function of 61 lines"),
    ("base/a.c", function(40, depth=3), None),
    ("base/a.c", function(40, depth=4), "nested 4 deep"),
    ("base/a.h", "int x;\n" * 601, "601 lines"),
    ("base/a.h", "int x;\n" * 600, None),
    ("kind/a.c", "int x;\n" * 80, None),
    ("kind/a.c", "int x;\n" * 81, "a kind of 81 lines of tables alone"),
    ("kind/a.c", "int x;\n" * 81 + function(5), "say in tools/sizes"),
])
def test_sizes(tmp_path, path, text, problem):
    tree(tmp_path, **{"src__" + path.replace("/", "__").replace(".", "_dot_"): text})
    answer = said("sizes", tmp_path)
    assert answer == "" if problem is None else problem in answer


def test_registry_lists_the_kinds_by_name(house):
    done = subprocess.run([ROOT / "tools/registry", house / "src/kind/vlan.c", house / "src/kind/link.h"],
                          capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.count("&kind_") == 1 and "\t&kind_vlan,\n\tNULL,\n" in done.stdout


def gathered(folder, text, *options):
    tree(folder, tunnel__a_dot_c=text)
    return subprocess.run([ROOT / "tools/syscalls", *options, folder / "tunnel/a.c"], capture_output=True,
                          text=True, timeout=30)


def test_syscalls_gathers_what_stands_beside_the_calls(tmp_path):
    text = """/*
 * syscall: mmap(2 & PROT_EXEC = 0), munmap
 */
\tread(); /* syscall: read */
\t/* syscall: tgkill(0 = self, 2 = SIGABRT); abort */
\tx("syscall: open"); // syscall: socket
\t/* syscall: brk; at times */ brk(); /* syscall: brk */
"""
    assert gathered(tmp_path, text, "--list").stdout.splitlines() == [
        "brk", "mmap(2 & PROT_EXEC = 0)", "munmap", "read", "tgkill(0 = self, 2 = SIGABRT); abort"]
    made = gathered(tmp_path, text).stdout
    assert "{.number = SCMP_SYS(read)}, /* tunnel/a.c:4 */" in made
    assert "CONFINE_SELF(0), CONFINE_TEST(2, UINT32_MAX, SIGABRT)" in made
    assert "{CONFINE_TEST(2, PROT_EXEC, 0)}" in made and "open" not in made and "socket" not in made


@pytest.mark.parametrize("line", ["", "read write", "read()", "read(fd = 3)", "ioctl(7 = X)", "Read", "ioctl(1 == X)",
                                  "ioctl(1 = X", "; never"])
def test_syscalls_refuses_what_it_does_not_understand(tmp_path, line):
    done = gathered(tmp_path, f"\n/* syscall: {line} */\n")
    assert done.returncode == 1 and "tunnel/a.c:2: " in done.stderr and not done.stdout


def test_soak_names_its_parts():
    done = subprocess.run([ROOT / "dev", "soak", "--list"], capture_output=True, text=True, timeout=30)
    parts = sorted(path.stem for path in (ROOT / "tools" / "dev" / "soak").glob("*.sh"))
    assert parts and [line.split(None, 1)[0] for line in done.stdout.splitlines()] == parts
    assert all(len(line.split(None, 1)) == 2 for line in done.stdout.splitlines()), "each says what it does"
    done = subprocess.run([ROOT / "dev", "soak", "nosuch"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and 'no part "nosuch"' in done.stderr
