# SPDX-License-Identifier: LGPL-2.1-or-later
"""One session's keys, counters and replay window, by doc/protocol.md section 5."""
import collections
import struct

from lan_crypto import Refused
from lan_noise import DATA

REJECT_AFTER_TIME = 180
WINDOW = 8128


class Session:
    def __init__(self, suite, index, their_index, send_key, receive_key, born, initiated):
        self.suite = suite
        self.index, self.their_index = index, their_index
        self.send_key, self.receive_key = send_key, receive_key
        self.born, self.initiated = born, initiated
        self.crossed = False  # its initiation came while an own one was unanswered
        self.lanes = 1  # the peer's, until it says more
        self.counters = collections.Counter()  # the next of each lane
        self.seen = collections.defaultdict(set)  # all there ever were: a window without its cleverness
        self.greatest = collections.defaultdict(lambda: -1)
        self.piece_id = 0

    def worn(self):
        """Its messages passed the rekey limit."""
        return sum(self.counters.values()) > self.suite.rekey_after

    def seal(self, inner, lane=0, counter=None):
        if counter is None:
            counter = self.counters[lane]
            self.counters[lane] += 1
        if counter >= self.suite.refuse_after:
            raise Refused("the session's messages are used up")
        head = struct.pack("<IIQ", DATA, self.their_index + lane, counter)
        return head + self.suite.seal(self.send_key, lane, counter, inner, b"")

    def open(self, lane, counter, sealed):
        if counter >= self.suite.refuse_after:
            raise Refused("counter over the limit")
        if counter in self.seen[lane] or self.greatest[lane] - counter > WINDOW:
            raise Refused("replay")
        inner = self.suite.open(self.receive_key, lane, counter, sealed, b"")
        self.seen[lane].add(counter)
        self.greatest[lane] = max(self.greatest[lane], counter)
        return inner
