# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program of Debian unstable, unpacked aside: nothing of it is installed."""
import pathlib

from lib.net import run

CACHE = pathlib.Path(__file__).resolve().parents[2] / "bench" / "cache"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SOURCE = f"deb [signed-by={KEYRING}] http://deb.debian.org/debian sid main\n"


def program(package, path):
    """The path of a program of that package; fetched once, with lists of its own."""
    found = CACHE / package / path
    if found.exists():
        return found
    for folder in ("lists/partial", "archives/partial", package):
        (CACHE / folder).mkdir(parents=True, exist_ok=True)
    (CACHE / "sid.list").write_text(SOURCE)
    apt = ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={CACHE}/sid.list", "-o", "Dir::Etc::sourceparts=-",
           "-o", f"Dir::State::lists={CACHE}/lists", "-o", f"Dir::Cache={CACHE}"]
    run(*apt, "update", timeout=300)
    run(*apt, "download", package, timeout=300, cwd=CACHE)
    run("dpkg-deb", "-x", next(CACHE.glob(f"{package}_*.deb")), CACHE / package)
    return found
