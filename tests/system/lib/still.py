# SPDX-License-Identifier: LGPL-2.1-or-later
"""A snapshot of a host that has come to rest."""
import time

from . import snapshot, trace
from .net import until


def take_still(host):
    """The snapshot, when it is the same twice: carriers, link-local addresses and their routes take a
    while to settle after a change. A carrier's change is worked up once a second (linkwatch), so the
    two are further apart than that."""
    trace.settled(host)
    last = snapshot.take(host, names=host.net.prefix)

    def still():
        nonlocal last
        time.sleep(1.2)
        now = snapshot.take(host, names=host.net.prefix)
        same, last = now == last, now
        return same

    until(still, 20, "the system keeps still")
    return last
