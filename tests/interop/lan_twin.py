# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host of mode lan without I/O, by doc/protocol.md: the protocol's second implementation.

Datagrams and frames go in with the time, datagrams and frames come out in lists. It has no table of
MAC addresses (section 10): whoever uses it names the peer a frame goes to. Of section 9 it knows the
first ladder of probes, no search between its steps; lanes are announced, received and sent in, but
opened by the caller. All else is here, plainly and slowly.

    twin = Twin(private)
    peer = twin.add_peer(public, endpoint=("127.0.0.1", 51821))
    twin.feed(datagram, source, now)     whenever one came
    twin.tick(now)                       a few times a second
    twin.sent, twin.frames, twin.refused what came of it: (datagram, to), (peer, Frame), (why, datagram)
"""
import collections
import os
import random
import socket
import struct

import lan_inner
import lan_noise
from lan_crypto import SUITES, ZERO_KEY, Refused, public_of
from lan_inner import Control, Frame, Joiner, Piece
from lan_session import REJECT_AFTER_TIME, Session

REKEY_AFTER_TIME = 120
REKEY_ATTEMPT_TIME = 90
REKEY_TIMEOUT = 5
KEEPALIVE_TIMEOUT = 10
IDLE_TIMEOUT = 25
SLOW_ATTEMPT_TIME = 10  # between a kept peer's initiations after REKEY_ATTEMPT_TIME
BOTH_AT_ONCE = 5
INITIATION_GAP = 0.02
COOKIE_LIFE = 120
WAITING_MAX = 128
WAITING_LIFE = 10
LADDER = (1280, 1400, 1420, 1452, 1472, 1492, 1500)


def ip_overhead(address):
    return 28 if "." in address else 48


def path_start(address):
    return 576 if "." in address else 1280


def packed_address(address):
    return socket.inet_pton(socket.AF_INET if "." in address else socket.AF_INET6, address)


def wants_answer(inner):
    """Rule 4 of section 7: frames, pieces, and probes without fill do."""
    if inner and inner[0] == lan_inner.CONTROL:
        return inner[8] == lan_inner.PROBE and len(inner) == lan_inner.CONTROL_SIZE
    return bool(inner)


def born_together(one, other):
    """One initiated by each host, in the same seconds."""
    return one.initiated != other.initiated and abs(one.born - other.born) < BOTH_AT_ONCE


class Peer:
    def __init__(self, public, endpoint=None, psk=ZERO_KEY, suites=SUITES, keepalive=0, limit=1522):
        self.public, self.psk, self.suites, self.keepalive = public, psk, suites, keepalive
        self.configured = endpoint
        self.endpoint = endpoint
        self.path_mtu = path_start(endpoint[0]) if endpoint else 576
        self.timestamp = bytes(12)  # the greatest accepted
        self.accepted_at = None
        self.current = self.previous = self.next = None
        self.handshake = None  # an Initiator whose answer is awaited
        self.attempt_since = self.initiated_at = None
        self.retry_at = None
        self.cookie = None  # (value, when it came)
        self.mac1 = None  # of the last handshake message, until a cookie answered it
        self.waiting = collections.deque(maxlen=WAITING_MAX)
        self.joiner = Joiner(limit)
        self.sent_at = self.received_at = None
        self.owes_since = None  # data came, nothing went
        self.unanswered_since = None  # data went, nothing came
        self.probes = {}  # id: size of the IP packet
        self.probed_at = None

    def kept(self):
        return self.configured or (self.keepalive and self.endpoint)

    def sessions(self):
        return [s for s in (self.current, self.previous, self.next) if s]

    def locate(self, endpoint):
        """It is there now; what was known of the path to elsewhere is forgotten."""
        if endpoint != self.endpoint:
            self.endpoint = endpoint
            self.path_mtu = path_start(endpoint[0])
            self.probes.clear()

    def room(self):
        """The greatest inner message."""
        return self.path_mtu - ip_overhead(self.endpoint[0]) - lan_inner.OUTER_SIZE


class Twin:
    def __init__(self, private, suites=SUITES, mtu=1500, segment=0, lanes=1, randoms=os.urandom,
                 wall=lambda now: now):
        self.private, self.public = private, public_of(private)
        self.suites = suites  # accepted; the first is sent
        self.limit = mtu + 22
        self.segment, self.lanes = segment, lanes
        self.randoms, self.wall = randoms, wall
        self.peers = {}
        self.indices = {}  # of handshakes and sessions: (Peer, Session or None)
        self.under_load = False
        self.secrets = []  # of cookies: (R, made at), the newest first
        self.sent, self.frames, self.refused = [], [], []
        self.controls = []  # (Peer, Control) as they came

    def add_peer(self, public, **words):
        peer = self.peers[public] = Peer(public, **{"suites": self.suites, "limit": self.limit, **words})
        return peer

    # Out

    def send(self, peer, datagram, now):
        self.sent.append((datagram, peer.endpoint))
        peer.sent_at = now
        peer.owes_since = None

    def send_inner(self, peer, session, inner, now, lane=0):
        self.send(peer, session.seal(inner, lane), now)
        if wants_answer(inner) and peer.unanswered_since is None:
            peer.unanswered_since = now
        old = session.initiated and now - session.born >= REKEY_AFTER_TIME
        if session is peer.current and (old or session.worn()):
            self.start_handshake(peer, now)

    def send_frame(self, peer, frame, now):
        """frame: bytes, or a Frame."""
        if isinstance(frame, bytes):
            frame = Frame(frame, segment=self.segment)
        frame.check(self.limit)
        if not peer.current or now - peer.current.born >= REJECT_AFTER_TIME:
            peer.waiting.append((frame, now))
            return self.start_handshake(peer, now)
        session = peer.current
        session.piece_id += 1
        for inner in lan_inner.messages_of(frame, session.piece_id & 0xFFFFFFFF, peer.room()):
            self.send_inner(peer, session, inner, now)

    def send_waiting_or_keepalive(self, peer, now):
        waiting = [frame for frame, since in peer.waiting if now - since <= WAITING_LIFE]
        peer.waiting.clear()
        for frame in waiting:
            self.send_frame(peer, frame, now)
        if not waiting:
            self.send_keepalive(peer, now)

    def send_keepalive(self, peer, now):
        self.send_inner(peer, peer.current, b"", now)

    def send_probe(self, peer, size, now, lane=0):
        """size: of the IP packet, or None for a probe without fill."""
        bare = lan_inner.OUTER_SIZE + lan_inner.CONTROL_SIZE
        payload = size - ip_overhead(peer.endpoint[0]) if size else bare
        id, = struct.unpack(">I", self.randoms(4))
        peer.probes[id] = payload + ip_overhead(peer.endpoint[0])
        control = Control(lan_inner.PROBE, self.lanes, payload, id)
        inner = lan_inner.pack_control(control, payload - bare)
        self.send_inner(peer, peer.current, inner, now, lane)
        return id

    def probe_up(self, peer, now):
        overhead = ip_overhead(peer.endpoint[0])
        top = min(65535, overhead + lan_inner.OUTER_SIZE + lan_inner.HEAD_SIZE + (self.limit + 15) // 16 * 16)
        for size in sorted({*LADDER, top}):
            if size > peer.path_mtu:
                self.send_probe(peer, size, now)

    # Handshakes

    def new_index(self, peer):
        """The first of `lanes` consecutive ones that are free."""
        while True:
            base, = struct.unpack("<I", self.randoms(4))
            wanted = [base + k for k in range(self.lanes)]
            if wanted[-1] < 1 << 32 and not any(index in self.indices for index in wanted):
                self.indices.update((index, (peer, None)) for index in wanted)
                return base

    def forget(self, index):
        for k in range(self.lanes):
            self.indices.pop(index + k, None)

    def forget_all(self, peer):
        """As a host that has just been started."""
        for session in peer.sessions():
            self.forget(session.index)
        peer.current = peer.previous = peer.next = None

    def start_handshake(self, peer, now):
        """Unless one was sent less than REKEY_TIMEOUT ago."""
        if not peer.endpoint or (peer.initiated_at is not None and now - peer.initiated_at < REKEY_TIMEOUT):
            return
        if peer.attempt_since is None:
            peer.attempt_since = now
        self.initiate(peer, now)

    def initiate(self, peer, now):
        if peer.handshake:
            self.forget(peer.handshake.index)
            if peer.configured and peer.endpoint != peer.configured:
                peer.locate(peer.configured)
        suite = next(s for s in self.suites if s in peer.suites)
        handshake = lan_noise.Initiator(suite, self.private, peer.public, peer.psk)
        stamp = lan_noise.tai64n(self.wall(now))
        body = handshake.initiation(self.new_index(peer), self.randoms(32), stamp)
        peer.handshake = handshake
        peer.initiated_at = now
        peer.retry_at = now + REKEY_TIMEOUT + random.uniform(0, 1 / 3)
        self.send_handshake(peer, suite, body, now)

    def send_handshake(self, peer, suite, body, now):
        cookie = peer.cookie and now - peer.cookie[1] <= COOKIE_LIFE and peer.cookie[0]
        message = lan_noise.with_macs(suite, peer.public, body, cookie)
        peer.mac1 = lan_noise.mac1_of(message)
        self.send(peer, message, now)

    def on_initiation(self, message, source, now):
        suite = self.screened(message, source, now)
        if not any(suite in peer.suites for peer in self.peers.values()):
            raise Refused("a suite that no peer accepts")
        opened = lan_noise.Responder(suite, self.private, message)
        peer = self.peers.get(opened.initiator_public)
        if not peer:
            raise Refused("unknown peer")
        if suite not in peer.suites:
            raise Refused("a suite that this peer does not accept")
        if opened.timestamp <= peer.timestamp:
            raise Refused("replayed initiation")
        if peer.accepted_at is not None and now - peer.accepted_at < INITIATION_GAP:
            raise Refused("initiations too fast")
        peer.timestamp, peer.accepted_at = opened.timestamp, now
        peer.locate(source)
        index = self.new_index(peer)
        body = opened.response(index, self.randoms(32), peer.psk)
        their_send, my_send = opened.noise.transport_keys()
        session = Session(suite, index, opened.their_index, my_send, their_send, now, initiated=False)
        session.crossed = peer.handshake is not None
        self.place(peer, "next", session)
        self.send_handshake(peer, suite, body, now)

    def on_response(self, message, source, now):
        index, = struct.unpack_from("<I", message, 8)
        peer, _ = self.indices.get(index, (None, None))
        if not peer or not peer.handshake or peer.handshake.index != index:
            raise Refused("unknown index")
        handshake = peer.handshake
        self.screened(message, source, now, (handshake.suite,))
        my_send, their_send, their_index = handshake.finish(message)
        session = Session(handshake.suite, index, their_index, my_send, their_send, now, initiated=True)
        peer.handshake = peer.attempt_since = peer.retry_at = None
        peer.unanswered_since = None
        peer.received_at = now
        peer.locate(source)
        if peer.next and now - peer.next.born > BOTH_AT_ONCE:
            self.place(peer, "next", None)
        self.place(peer, "previous", peer.current)
        self.place(peer, "current", session)
        self.send_waiting_or_keepalive(peer, now)

    def place(self, peer, name, session):
        """Puts a session into one of the three places; who fell out is erased."""
        before = peer.sessions()
        setattr(peer, name, session)
        if session:
            for k in range(self.lanes):
                self.indices[session.index + k] = (peer, session)
        for old in before:
            if old not in peer.sessions() and old is not session:
                self.forget(old.index)

    def confirm(self, peer, now):
        """A data message opened under `next`."""
        session, old = peer.next, peer.current
        peer.next = None
        if old and self.stays(peer, old, session):
            old, session = session, old
        if peer.handshake:
            self.forget(peer.handshake.index)
            peer.handshake = peer.retry_at = peer.attempt_since = None
        self.place(peer, "previous", old)
        self.place(peer, "current", session)
        waiting, peer.waiting = peer.waiting, collections.deque(maxlen=WAITING_MAX)
        for frame, since in waiting:
            if now - since <= WAITING_LIFE:
                self.send_frame(peer, frame, now)

    def stays(self, peer, current, confirmed):
        """Is the current session kept although `confirmed` has been confirmed?"""
        younger = current.born > confirmed.born
        if born_together(current, confirmed) and (confirmed.crossed or younger):
            return self.public > peer.public
        return younger

    def follow(self, peer):
        """The peer with the greater key sends in what is `previous` here."""
        if self.public < peer.public and peer.current and born_together(peer.current, peer.previous):
            peer.current, peer.previous = peer.previous, peer.current

    # mac1, mac2, cookies

    def screened(self, message, source, now, suites=SUITES):
        suite = lan_noise.suite_of(message, self.public, suites)
        if not self.under_load:
            return suite
        self.renew_secret(now)
        address = packed_address(source[0])
        values = [lan_noise.cookie_value(secret, address, source[1]) for secret, _ in self.secrets]
        if any(lan_noise.mac2_is_right(message, value) for value in values):
            return suite
        reply = lan_noise.cookie_reply(suite, self.public, message, self.randoms(24), values[0])
        self.sent.append((reply, source))
        raise Refused("under load")

    def renew_secret(self, now):
        if not self.secrets or now - self.secrets[0][1] >= COOKIE_LIFE:
            self.secrets.insert(0, (self.randoms(32), now))
        # The one before is good for as long after it was replaced.
        self.secrets = self.secrets[:2 if now - self.secrets[0][1] < COOKIE_LIFE else 1]

    def on_cookie(self, message, source, now):
        index, = struct.unpack_from("<I", message, 4)
        peer, session = self.indices.get(index, (None, None))
        if not peer or not peer.mac1:
            raise Refused("a cookie nobody asked for")
        suite = session.suite if session else peer.handshake.suite
        value = lan_noise.open_cookie_reply(suite, peer.public, message, peer.mac1)
        peer.mac1 = None
        peer.cookie = (value, now)

    # Data

    def on_data(self, message, source, now):
        index, counter = struct.unpack_from("<IQ", message, 4)
        peer, session = self.indices.get(index, (None, None))
        if not session:
            raise Refused("unknown index")
        if now - session.born >= REJECT_AFTER_TIME:
            raise Refused("an old session")
        lane = index - session.index
        if lane >= self.lanes:
            raise Refused("no such lane")
        newest = session.greatest[lane]
        inner = session.open(lane, counter, message[16:])
        if counter > newest and lane == 0:
            peer.locate(source)
        if counter > newest and session is peer.previous:
            self.follow(peer)
        if lane == 0:
            peer.received_at, peer.unanswered_since = now, None
        if session is peer.next:
            self.confirm(peer, now)
        if inner:
            self.on_inner(peer, session, lane, lan_inner.parse(inner), now)
        if session is peer.current and session.initiated and now - session.born >= (
                REJECT_AFTER_TIME - KEEPALIVE_TIMEOUT - REKEY_TIMEOUT):
            self.start_handshake(peer, now)

    def on_inner(self, peer, session, lane, what, now):
        if isinstance(what, Control):
            return self.on_control(peer, session, lane, what, now)
        if lane == 0:
            self.owe(peer, now)
        fields = what.like if isinstance(what, Piece) else what
        if fields.segment != self.segment:
            raise Refused("another segment")
        frame = peer.joiner.add(session, what, now) if isinstance(what, Piece) else what
        if frame:
            frame.check(self.limit)
            self.frames.append((peer, frame))

    def on_control(self, peer, session, lane, control, now):
        session.lanes = control.lanes
        self.controls.append((peer, control))
        if control.type == lan_inner.REPLY:
            size = peer.probes.pop(control.id, 0)
            if size == control.size + ip_overhead(peer.endpoint[0]):
                peer.path_mtu = max(peer.path_mtu, size)
            return
        answer = Control(lan_inner.REPLY, self.lanes, control.size, control.id)
        self.send_inner(peer, session, lan_inner.pack_control(answer), now, lane)

    def owe(self, peer, now):
        if peer.owes_since is None:
            peer.owes_since = now

    # In

    def feed(self, datagram, source, now):
        handlers = {lan_noise.INITIATION: self.on_initiation, lan_noise.RESPONSE: self.on_response,
                    lan_noise.COOKIE: self.on_cookie, lan_noise.DATA: self.on_data}
        try:
            handlers[lan_noise.message_type(datagram)](datagram, source, now)
        except Refused as refused:
            self.refused.append((str(refused), datagram))

    # Time

    def tick(self, now):
        for peer in self.peers.values():
            self.expire(peer, now)
            self.repeat_handshake(peer, now)
            self.keep(peer, now)

    def expire(self, peer, now):
        for name in ("current", "previous", "next"):
            session = getattr(peer, name)
            if session and now - session.born >= REJECT_AFTER_TIME:
                self.place(peer, name, None)
        peer.joiner.expire(now)

    def repeat_handshake(self, peer, now):
        if not peer.handshake or now < peer.retry_at:
            return
        if now - peer.attempt_since < REKEY_ATTEMPT_TIME:
            return self.initiate(peer, now)
        peer.waiting.clear()
        if peer.kept():
            self.initiate(peer, now)
            return self.slow_down(peer)
        self.forget(peer.handshake.index)
        peer.handshake = peer.attempt_since = peer.retry_at = None

    def slow_down(self, peer):
        peer.retry_at += SLOW_ATTEMPT_TIME - REKEY_TIMEOUT

    def keep(self, peer, now):
        if peer.unanswered_since is not None and now - peer.unanswered_since >= (
                KEEPALIVE_TIMEOUT + REKEY_TIMEOUT):
            peer.unanswered_since = None
            self.start_handshake(peer, now)
        if not peer.current:
            if peer.kept() and not peer.handshake:
                self.start_handshake(peer, now)
            return
        if peer.owes_since is not None and now - peer.owes_since >= KEEPALIVE_TIMEOUT:
            self.send_keepalive(peer, now)
        if peer.keepalive and now - max(peer.sent_at, peer.received_at) >= peer.keepalive:
            self.send_keepalive(peer, now)
        if peer.kept():
            self.keep_connected(peer, now)

    def keep_connected(self, peer, now):
        age = now - peer.current.born
        if (peer.current.initiated and age >= REKEY_AFTER_TIME) or age >= (
                REJECT_AFTER_TIME - KEEPALIVE_TIMEOUT - REKEY_TIMEOUT):
            if not peer.handshake:
                self.start_handshake(peer, now)
        heard = max(peer.received_at or 0, peer.probed_at or 0)
        if peer.configured and now - heard >= IDLE_TIMEOUT:
            peer.probed_at = now
            self.send_probe(peer, None, now)
