# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line without root: the manual and the examples are what the program's tables say."""
import json
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LANLOOM = pathlib.Path(os.environ.get("LANLOOM", ROOT / "build" / "lanloom"))
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def lanloom(*words, code=0, **options):
    done = subprocess.run([LANLOOM, *words], capture_output=True, text=True, timeout=30, cwd=ROOT,
                          stdin=subprocess.DEVNULL, **options)
    assert done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done


@pytest.fixture(scope="module")
def page():
    done = subprocess.run([ROOT / "tools/manual", LANLOOM, ROOT / "doc/man/lanloom.1"],
                          capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.replace("\\-", "-")


@pytest.fixture(scope="module")
def commands():
    return json.loads(lanloom("help", "--json").stdout)["commands"]


def test_the_manual_has_every_command_and_option(page, commands):
    for command in commands:
        head = f'.SS "lanloom {command["name"]}'
        assert head in page, head
        section = page[page.index(head) + 4:].split(".SS", 1)[0] + page[page.index("options of every"):]
        for option in command["options"]:
            assert f"--{option['name']}" in section, f"{command['name']} --{option['name']}"


def test_the_manual_has_every_key(page):
    for kind in json.loads(lanloom("kinds", "--json").stdout)["kinds"]:
        if kind.get("hidden"):
            continue
        assert f".SS {kind['name']}\n" in page
        for key in kind["keys"]:
            if not key.get("read-only") and not (key.get("identity") and "section" in kind):
                assert f"\n.B {key['key']}\n" in page, f"{kind['name']} {key['key']}"


def test_the_manual_names_no_command_that_is_not_there(page, commands):
    names = {command["name"] for command in commands}
    said = re.findall(r"^    lanloom ([a-z]+)", (ROOT / "README.md").read_text(), re.M)
    said += re.findall(r"^lanloom ([a-z]+)", page, re.M)
    assert len(said) > 10 and not set(said) - names


def test_the_manual_is_troff_without_complaint(page, tmp_path):
    try:
        done = subprocess.run(["groff", "-k", "-man", "-Tutf8", "-wmac", "-Wbreak", "-z"], input=page, text=True,
                              capture_output=True, timeout=60)
    except FileNotFoundError:
        # a minimal Debian has no groff: then only what every man needs is looked at
        assert page.startswith(".\\\"") and ".SH NAME" in page
        return
    assert done.returncode == 0 and done.stderr == ""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_right(path):
    document = json.loads(lanloom("check", path, "--json").stdout)
    assert document["descriptions"][0]["name"] and "errors" not in document


def examples_of(text):
    """Commands of a text that need neither root nor a changed system."""
    lines = re.findall(r"^(?:    )?(?:build/)?lanloom ((?:check|help|kinds)\b.*)$", text, re.M)
    return [line.split("#")[0].split(">")[0].split() for line in lines]


def test_examples_of_readme_and_manual_run(page):
    found = examples_of((ROOT / "README.md").read_text()) + examples_of(page)
    assert len(found) >= 3
    for words in found:
        lanloom(*words)


def test_descriptions_in_readme_and_manual_are_right(page, tmp_path):
    texts = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    texts += [text for text in re.findall(r"^\.EX\n(.*?)\.EE", page, re.M | re.S)
              if text.startswith("name:")]
    assert len(texts) >= 2
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text.replace("alice", "nobody"))
        lanloom("check", path)


def test_the_tour_names_what_is_there():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    names = re.findall(r"`([\w/]+/|(?:[\w/]+/)?\w+\.(?:c|h|md))`", text)
    assert len(names) > 40
    files = [str(path.relative_to(ROOT)) for top in ("src", "include", "tests", "doc")
             for path in (ROOT / top).rglob("*.*")]
    for name in names:
        there = (ROOT / name).is_dir() or (ROOT / "src" / name).is_dir() or (ROOT / name).is_file()
        assert there or any(path.endswith("/" + name) for path in files), name


def test_every_command_tells_its_help(commands):
    for command in commands:
        for words in ((command["name"], "-h"), (command["name"], "--help"), ("help", command["name"])):
            assert f"lanloom {command['name']}" in lanloom(*words).stdout
        one = json.loads(lanloom("help", command["name"], "--json").stdout)["commands"]
        assert one == [command]


def test_the_completion_is_a_script_that_knows_all(commands):
    script = lanloom("help", "--bash").stdout
    subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=30)
    ask = script + """
words() { COMP_WORDS=(lanloom "$@"); COMP_CWORD=$#; COMPREPLY=(); _lanloom 2>/dev/null; echo "${COMPREPLY[*]}"; }
words ''; words ki; words up --ho; words add bri; words add bridge br0 parameters.st
words key n; words import ''
"""
    done = subprocess.run(["bash"], input=ask, text=True, capture_output=True, check=True, timeout=30)
    lines = done.stdout.splitlines()
    assert set(lines[0].split()) == {command["name"] for command in commands}
    assert lines[1] == "kinds" and lines[2] == "--host" and lines[3] == "bridge"
    assert lines[4] == "parameters.stp=" and lines[5] == "new"
    refused = lanloom("import", "none", code=2).stderr
    assert lines[6].split() == refused.split("expected ")[1].replace(",", "").replace(" or ", " ").split()


@pytest.mark.parametrize("words, said", [
    (["chekc"], "did you mean check?"),
    (["up", "--hots", "alpha"], "did you mean --host?"),
    (["up", "--host"], "--host needs a value: NAME"),
    (["up", "--force=yes"], "--force takes no value"),
    (["log", "more"], "one argument too many"),
    (["add", "bridge"], "usage: lanloom add KIND NAME"),
    (["undo", "x"], "number of a change"),
    (["key", "make", "x"], "new FILE"),
    (["down", "--all", "x"], "not both"),
    (["kinds", "brigde"], "did you mean bridge?"),
    (["help", "plam"], "did you mean plan?"),
    (["up", "-z"], "no option -z"),
])
def test_a_wrong_command_line_ends_with_2_and_the_way_out(words, said):
    done = lanloom(*words, code=2)
    assert said in done.stderr and "try: lanloom" in done.stderr and done.stdout == ""
    document = json.loads(lanloom(*words[:1], "--json", *words[1:], code=2).stdout)
    assert said in document["errors"][0]["message"] and document["errors"][0]["try"]


def test_without_a_command_the_overview_is_shown():
    assert "Usage: lanloom COMMAND" in lanloom(code=2).stdout
    assert lanloom("--help").stdout == lanloom("help").stdout == lanloom("-h").stdout
    assert re.fullmatch(r"lanloom \d+\.\d+\.\d+\n", lanloom("--version").stdout)


def test_errors_have_place_thing_and_way_out(tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_text("name: lab\nbridges:\n  br0: {mtuu: 1400}\n")
    done = lanloom("check", path, code=1)
    assert re.search(r"lab\.yaml:3:\d+: .*mtuu", done.stderr) and "mtu" in done.stderr
    error = json.loads(lanloom("check", path, "--json", code=1).stdout)["errors"][0]
    assert error["line"] == 3 and error["file"].endswith("lab.yaml") and "mtuu" in error["message"]
    assert lanloom("check", path, "-q", code=1).stderr == done.stderr


@pytest.mark.parametrize("lines", ["mode: nat", "mode: routed", "mode: nat, addresses: [10.1.0.1/24]", "mode: isolated"])
def test_a_gateway_without_an_address_is_told(lines):
    text = f"name: n\nnetworks:\n  lab: {{{lines}}}\n"
    done = subprocess.run([LANLOOM, "check", "-"], input=text, text=True, timeout=30, capture_output=True, check=True)
    told = "warning: network lab: it has no address, so its guests have no gateway\ntry: addresses: " in done.stderr
    assert told == (lines in ("mode: nat", "mode: routed"))


def test_standard_input_needs_a_name():
    text = "bridges: {br0: {}}\n"

    def check(*words):
        return subprocess.run([LANLOOM, "check", "-", *words], input=text, text=True, timeout=30,
                              capture_output=True)

    done = check()
    assert done.returncode == 1 and "try: name:" in done.stderr
    assert check("--name", "lab").returncode == 0


def test_an_answer_that_cannot_be_written_is_an_error():
    with open("/dev/full", "w") as full:
        done = subprocess.run([LANLOOM, "kinds"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == 1 and "No space left" in done.stderr


def test_a_terminal_gets_colour_and_folded_lines():
    command = f"stty cols 80 rows 24; {LANLOOM} kinds bridge; NO_COLOR=1 {LANLOOM} help up"
    done = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, text=True,
                          timeout=30, stdin=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm"})
    head, _, tail = done.stdout.partition("[OPTION")
    assert "\033[1m" in head and "\033[" not in tail
    for line in done.stdout.splitlines():
        assert len(re.sub(r"\033\[\d*m", "", line)) <= 80, line


def test_letters_may_be_joined_as_often_as_one_likes():
    assert lanloom("up", "-" + "h" * 5000).stdout == lanloom("help", "up").stdout
    lanloom("kinds", "-" + "qv" * 5000)


def test_a_command_line_of_any_bytes_is_answered():
    for word in (b"\xff", b"\x1b[31m", b"--\xe2\x82"):
        done = subprocess.run([LANLOOM, word], capture_output=True, timeout=30, check=False)
        assert done.returncode == 2
        assert b"?" in done.stderr and b"\x1b" not in done.stderr and b"\xff" not in done.stderr
        done = subprocess.run([LANLOOM, word, "--json"], capture_output=True, timeout=30, check=False)
        assert json.loads(done.stdout)["errors"][0]["message"]


def test_a_new_key_makes_its_folder(tmp_path):
    path = tmp_path / "etc" / "lan0.key"
    public = lanloom("key", "new", path).stdout
    assert lanloom("key", "public", path).stdout == public and path.stat().st_mode & 0o777 == 0o600
    done = lanloom("key", "new", tmp_path / "no" / "such" / "key", code=1)
    assert "No such file or directory" in done.stderr and not (tmp_path / "no").exists()


def test_errors_are_folded_on_a_terminal_only(tmp_path):
    text = tmp_path / "long.yaml"
    text.write_text("taps: {tap0: {a-key-that-is-so-long-that-it-has-to-be-folded: true}}\n")
    piped = lanloom("check", text, code=1).stderr
    assert piped.count("\n") == 2 and piped.splitlines()[1].startswith("try: ")
    shown = subprocess.run(["script", "-qec", f"{LANLOOM} check {text} >/dev/null", "/dev/null"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                           env={**os.environ, "COLUMNS": "60", "NO_COLOR": "1", "TERM": "xterm"})
    lines = shown.stdout.replace("\r", "").splitlines()
    assert "\n  " in "\n".join(lines) and all(len(line) <= 60 for line in lines if " " in line.strip())
    assert " ".join(" ".join(lines).split()) == " ".join(piped.split())
