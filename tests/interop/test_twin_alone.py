# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two twins with each other, on a clock of the test's own: what would take minutes otherwise, and what
the worker does not do (more than one lane)."""
import random

import pytest

import lan_inner
import lan_noise
from lan_crypto import AES, CHACHA
from lan_inner import Frame, Piece
from lan_node import NODE_KEY, TWIN_KEY, frame_of
from lan_twin import Twin

A, B = ("192.0.2.1", 1000), ("2001:db8::2", 2000)


class Pair:
    def __init__(self, a_key=TWIN_KEY, b_key=NODE_KEY, kept=False, **words):
        self.now = 1000.0
        self.a, self.b = Twin(a_key, **words), Twin(b_key, **words)
        self.b_of_a = self.a.add_peer(self.b.public, endpoint=B)
        self.a_of_b = self.b.add_peer(self.a.public, endpoint=A)
        if not kept:
            self.b_of_a.configured = self.a_of_b.configured = None
        self.lost = []  # what the wire swallowed
        self.wire_up = True
        self.log = []

    def carry(self):
        """All there is, also what it brings about."""
        while self.a.sent or self.b.sent:
            for one, other, source in ((self.a, self.b, A), (self.b, self.a, B)):
                sent, one.sent = one.sent, []
                for datagram, to in sent:
                    self.log.append((source, datagram))
                    if self.wire_up:
                        other.feed(datagram, source, self.now)

    def live(self, seconds, step=0.25):
        end = self.now + seconds
        while self.now < end:
            self.now += step
            for twin in (self.a, self.b):
                twin.tick(self.now)
            self.carry()

    def types(self, source, kind):
        return [d for s, d in self.log if s == source and d[0] == kind]

    def say(self, seed=0):
        """A frame each way arrives."""
        for one, other, peer in ((self.a, self.b, self.b_of_a), (self.b, self.a, self.a_of_b)):
            one.send_frame(peer, frame_of(60, seed), self.now)
            self.carry()
            assert [f.bytes for _, f in other.frames] == [frame_of(60, seed)]
            other.frames.clear()


def test_rekey_and_silence():
    """The initiator of a session makes a new one after 120 s; frames pass all the time."""
    pair = Pair()
    for second in range(600):
        pair.say(second)
        pair.live(1)
    assert len(pair.types(A, lan_noise.INITIATION)) in (5, 6) and not pair.types(B, lan_noise.INITIATION)
    assert not pair.a.refused and not pair.b.refused
    pair.live(200)
    assert not pair.b_of_a.sessions() and not pair.a_of_b.sessions(), "all erased"
    assert not pair.a.indices and not pair.b.indices
    pair.say()


def test_kept_peers_stay_connected_over_a_long_silence():
    pair = Pair(kept=True)
    pair.live(1000)
    assert pair.b_of_a.current and pair.a_of_b.current
    pair.wire_up = False
    pair.live(400)
    assert not pair.b_of_a.current
    pair.wire_up = True
    pair.live(16)
    pair.say()


def test_keepalive_answers_data_once():
    pair = Pair()
    pair.say()
    pair.log.clear()
    pair.a.send_frame(pair.b_of_a, frame_of(60), pair.now)
    pair.live(60)
    assert len(pair.types(A, lan_noise.DATA)) == 1
    answers = pair.types(B, lan_noise.DATA)
    assert len(answers) == 1 and len(answers[0]) == 32


def test_unanswered_data_leads_to_a_handshake_and_an_end():
    pair = Pair()
    pair.say()
    pair.wire_up = False
    pair.log.clear()
    pair.a.send_frame(pair.b_of_a, frame_of(60), pair.now)
    pair.live(14.5)
    assert not pair.types(A, lan_noise.INITIATION)
    pair.live(1)
    first, = pair.types(A, lan_noise.INITIATION)
    pair.live(200)
    all_of_them = pair.types(A, lan_noise.INITIATION)
    assert 16 <= len(all_of_them) <= 19, "90 s long every 5 s and a bit"
    assert len({m[8:40] for m in all_of_them}) == len(all_of_them), "each with a new ephemeral"


@pytest.mark.parametrize("keys", [(TWIN_KEY, NODE_KEY), (NODE_KEY, TWIN_KEY)], ids=["one", "other"])
def test_both_at_once_whatever_comes_first(keys):
    """However the messages of two handshakes overtake one another, both hosts send in one session."""
    for seed in range(40):
        pair, chance = Pair(*keys), random.Random(seed)
        a, b = pair.b_of_a, pair.a_of_b
        to_do = [lambda: pair.a.start_handshake(a, pair.now), lambda: pair.b.start_handshake(b, pair.now)]
        queues = {A: [], B: []}
        while to_do or queues[A] or queues[B]:
            if to_do and chance.random() < 0.3:
                to_do.pop(chance.randrange(len(to_do)))()
            source = A if chance.random() < chance.random() else B
            if queues[source]:
                (pair.b if source is A else pair.a).feed(
                    queues[source].pop(chance.choice([0, 0, -1])), source, pair.now)
            for twin, where in ((pair.a, A), (pair.b, B)):
                queues[where] += [datagram for datagram, _ in twin.sent]
                twin.sent = []
            pair.now += 0.01
        pair.say()
        pair.say()
        assert a.current.index == b.current.their_index, seed
        assert b.current.index == a.current.their_index, seed


def test_cookies():
    pair = Pair()
    pair.b.under_load = True
    pair.a.send_frame(pair.b_of_a, frame_of(60), pair.now)
    pair.carry()
    assert len(pair.types(B, lan_noise.COOKIE)) == 1 and not pair.a_of_b.current
    pair.live(6)
    assert pair.a_of_b.current, "the next initiation had a mac2"
    assert pair.b.frames
    # the cookie of the secret before is good for 120 s after it was replaced, and no longer
    value, since = pair.b_of_a.cookie
    for age, good in ((119, True), (121, True), (239, True), (241, False)):
        pair.b_of_a.cookie = (value, since + age)
        pair.now = since + age
        pair.log.clear()
        pair.b_of_a.initiated_at = None
        pair.a.start_handshake(pair.b_of_a, pair.now)
        pair.carry()
        assert bool(pair.types(B, lan_noise.RESPONSE)) == good, age


def test_lanes():
    """Three lanes with four: what has them takes them, each with its own counter and window, under the same keys."""
    pair = Pair()
    pair.a.lanes, pair.b.lanes = 3, 4
    pair.say()
    a, b = pair.b_of_a.current, pair.a_of_b.current
    inner = lan_inner.pack_frame(Frame(frame_of(100)), 1400)
    pair.b.feed(a.seal(inner, 2), A, pair.now)
    assert len(pair.b.frames) == 1, "nobody need have told how many"
    pair.a.send_probe(pair.b_of_a, None, pair.now)
    pair.carry()
    assert a.lanes == 4 and b.lanes == 3
    sealed = [a.seal(inner, lane, counter=7) for lane in range(4)]
    assert len({m[16:] for m in sealed}) == 4, "the lane is in the nonce"
    for lane in range(4):
        pair.b.feed(sealed[lane], A, pair.now)
        pair.b.feed(sealed[lane], A, pair.now)
        assert pair.b.refused.pop()[0] == "replay"
    assert len(pair.b.frames) == 5 and not pair.b.refused
    pair.a.feed(b.seal(inner, 3), B, pair.now)
    assert pair.a.refused.pop()[0] == "unknown index", "it has three"


def test_suites_of_one_peer():
    pair = Pair()
    pair.a_of_b.suites = (AES,)
    pair.a.send_frame(pair.b_of_a, frame_of(60), pair.now)
    pair.carry()
    assert pair.b.refused[0][0] == "a suite that no peer accepts" and not pair.b.sent
    pair.b.send_frame(pair.a_of_b, frame_of(60), pair.now)
    pair.carry()
    assert pair.b_of_a.current.suite is AES and pair.a.frames
    assert CHACHA in pair.a.suites


def test_the_limits_of_messages():
    pair = Pair()
    pair.b_of_a.suites = pair.a_of_b.suites = (AES,)
    pair.say()
    session = pair.b_of_a.current
    pair.now += 10
    session.counters[0] = AES.rekey_after + 1
    pair.say()
    assert pair.b_of_a.current is not session, "a new one after 2^26"


def test_pieces_that_overlap():
    joiner = lan_inner.Joiner(1522)
    frame, like = frame_of(300, 1), Frame(b"")
    assert not joiner.add(None, Piece(1, 0, 300, frame[:100], like), 0)
    with pytest.raises(lan_inner.Refused):
        joiner.add(None, Piece(1, 99, 300, frame[99:], like), 0)
    assert not joiner.open
    assert not joiner.add(None, Piece(1, 100, 300, frame[100:], like), 0)
    assert joiner.add(None, Piece(1, 0, 300, frame[:100], like), 0.9).bytes == frame
    assert not joiner.add(None, Piece(2, 0, 300, frame[:100], like), 0)
    joiner.expire(1.1)
    assert joiner.lost == 1 and not joiner.open


@pytest.mark.parametrize("room", range(516, 1500, 61))
def test_cut_and_joined(room):
    for size in (14, 15, 508, 509, 1514, 9014, 16022):
        frame = Frame(frame_of(size, room), segment=5, hop=2, start=14, offset=0)
        messages = lan_inner.messages_of(frame, 3, room)
        assert all(len(inner) <= room for inner in messages)
        assert all(len(inner) % 16 == 0 for inner in messages[:-1])
        joiner = lan_inner.Joiner(16022)
        parsed = [lan_inner.parse(inner) for inner in messages]
        got = parsed if len(parsed) == 1 else [joiner.add(0, piece, 0) for piece in parsed]
        assert got[-1] == frame and not any(got[:-1])
