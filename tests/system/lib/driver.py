# SPDX-License-Identifier: LGPL-2.1-or-later
"""tests/kind/driver.c inside a host: single steps on the system, below plans and descriptions."""
import pathlib
import subprocess
import urllib.parse

from .net import LANLOOM

DRIVER = pathlib.Path(LANLOOM).parent / "tests" / "kind" / "kind-driver"


class Refused(Exception):
    """A step was refused: by which errno, about which object and field, in which words."""

    def __init__(self, line):
        code, self.object, self.field, self.message, self.hint = line.split("|")
        self.code = int(code)
        super().__init__(line)


def escape(value):
    text = {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    return "".join(c if "!" <= c <= "~" and c not in "%=" else "".join(f"%{b:02x}" for b in c.encode())
                   for c in text)


def record(kind, ns="", **keys):
    """A record; "_" in a key stands for "-", "__" for "."."""
    words = [kind, f"{ns}/"]
    words += [f"{key.replace('__', '.').replace('_', '-')}={escape(value)}" for key, value in keys.items()]
    return " ".join(words)


class Driver:
    def __init__(self, host, *arguments):
        self.process = host.start(DRIVER, *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def say(self, *words):
        """The lines of the answer, without the last, which says how it ended."""
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        lines = []
        while True:
            line = self.process.stdout.readline()
            assert line, f"the driver died of {words}"
            line = line.rstrip("\n")
            if line == "ok":
                return lines
            if line.startswith("refused "):
                raise Refused(line.removeprefix("refused "))
            assert not line.startswith("broken "), line
            lines.append(line)

    def want(self, kind, ns="", **keys):
        self.say("want", record(kind, ns, **keys))

    def step(self, word, kind, ns="", **keys):
        self.say(word, record(kind, ns, **keys))

    def create(self, kind, ns="", **keys):
        self.step("create", kind, ns, **keys)
        self.say("go")

    def change(self, kind, ns="", **keys):
        self.read()
        self.step("change", kind, ns, **keys)
        self.say("go")

    def delete(self, kind, ns="", **keys):
        self.read()
        self.step("delete", kind, ns, **keys)
        self.say("go")

    def read(self):
        """Objects: dictionaries with kind, ns, auto and the keys as texts."""
        objects = []
        for line in self.say("read"):
            word, kind, ns, *pairs = line.split(" ")
            keys = dict(pair.split("=", 1) for pair in pairs)
            objects.append({"kind": kind, "ns": ns[:-1], "auto": word == "auto"} |
                           {key: urllib.parse.unquote(value) for key, value in keys.items()})
        return objects

    def find(self, kind, **keys):
        """The one object read that has these values; None if there is none."""
        wanted = {key.replace("__", ".").replace("_", "-"): str(value) for key, value in keys.items()}
        found = [one for one in self.read()
                 if one["kind"] == kind and all(one.get(key) == value for key, value in wanted.items())]
        assert len(found) <= 1, found
        return found[0] if found else None

    def disturbed(self):
        """What others changed: a list of (kind, name or device); None: nothing."""
        lines = self.say("disturbed")
        touched = []
        for line in lines[:-1]:
            _, kind, _, *pairs = line.split(" ")
            keys = dict(pair.split("=", 1) for pair in pairs)
            touched.append((kind, keys.get("name") or keys.get("device") or keys.get("to")))
        return touched if lines[-1] == "yes" else None
