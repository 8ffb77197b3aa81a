# SPDX-License-Identifier: LGPL-2.1-or-later
"""A name one letter off is answered with the one that was meant.

    alpha: the namespace PREFIX-guest, the bridge br0, the description lab
"""


def test_a_name_that_nothing_has(net):
    alpha = net.host("alpha")
    guest = net.space("guest")
    alpha.loom("up", net.file("lab.yaml", f"name: lab\nbridges: {{br0: {{}}}}\nnamespaces: {{{guest}: {{}}}}\n"))
    for words, code, said in (
            (["exec", guest[:-2] + "ts", "true"], 1, f"try: lanloom exec {guest}"),
            (["show", "br00"], 1, "lanloom: br00: no device, namespace or tunnel has this name\ntry: lanloom show br0"),
            (["show", guest[:-1]], 1, f"try: lanloom show {guest}"),
            (["tunnel", "lan0"], 1, "no tunnel of this name is up"),
            (["down", "--name", "lba"], 0, "lba: no description of this name is up\ntry: lanloom down --name lab"),
            (["down", "/nosuch.yaml"], 1, "such file or directory\ntry: lanloom show has the names of what is up")):
        done = alpha.loom(*words, check=False)
        assert done.returncode == code, words
        assert said in done.stderr, done.stderr
    assert alpha.loom("show", "br0").returncode == 0
