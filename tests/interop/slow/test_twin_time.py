# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a real worker does when time passes: doc/protocol.md section 7, and what of 4, 8 and 9 has to
wait. All scenes play at once, each in a thread, so that the whole takes as long as its longest."""
import concurrent.futures
import time

import pytest

import lan_inner
import lan_noise
from lan_crypto import AES, CHACHA
from lan_node import Made, frame_of, from_node, until

SLACK = 1.5  # seconds that a busy machine may be late


def listen(host, seconds, kind, feed=True):
    """[(seconds after the start, datagram)] of one type that came in that time."""
    start, found = host.now(), []
    while (left := start + seconds - host.now()) > 0:
        if not (got := host.take(min(left, 0.1))):
            continue
        if got[0][0] == kind:
            found.append((host.now() - start, got[0]))
        if feed:
            host.twin.feed(*got, host.now())
            host.flush()
    return found


def about(value, expected, more=0.0):
    return expected - 0.05 <= value <= expected + more + SLACK


def initiations_are_repeated(made):
    """Every 5 to 5 1/3 s, each one new, and after a cookie with its mac2."""
    for suite in (CHACHA, AES):
        host = made.host(suites=(suite,))
        node = made.node(host.words(endpoint=host.endpoint()), cipher=suite.word)
        first, source = host.take(2)
        host.twin.under_load = True
        host.twin.feed(first, source, host.now())
        forged = bytearray(host.twin.sent[0][0])
        forged[40] ^= 1
        host.raw(bytes(forged), source)
        until(lambda: node.drops("cookie-bad") == 1, "a forged cookie is refused")
        host.flush()
        (after, second), = listen(host, 5.5 + SLACK, lan_noise.INITIATION)[:1]
        assert about(after, 5, 1 / 3), after
        assert first[4:] != second[4:] and first[8:40] != second[8:40]
        assert lan_noise.mac2_is_right(second, lan_noise.cookie_value(
            host.twin.secrets[0][0], bytes([127, 0, 0, 1]), source[1]))
        assert host.peer.current, "with the cookie the twin under load answers"
        stamps = [lan_noise.Responder(suite, host.twin.private, m).timestamp for m in (first, second)]
        assert stamps[0] < stamps[1]


def data_is_answered_by_a_keepalive(made):
    host, node = made.pair()
    host.settle(5)  # until the path is known
    host.send_frame(frame_of(60))
    assert node.get() == frame_of(60)
    sent = listen(host, 11 + SLACK, lan_noise.DATA, feed=False)
    assert len(sent) == 1 and about(sent[0][0], 10) and len(sent[0][1]) == 32, [s[0] for s in sent]


def silence_after_data_leads_to_a_handshake(made):
    host, node = made.pair()
    host.settle(5)
    node.put(from_node(60))
    found = listen(host, 16 + SLACK, lan_noise.INITIATION, feed=False)
    assert len(found) == 1 and about(found[0][0], 15), found


def a_kept_peer_is_probed_when_it_is_silent(made):
    host = made.host()
    made.node(host.words(endpoint=host.endpoint()))
    host.settle(8)
    host.twin.controls.clear()
    listen(host, 26 + SLACK, lan_noise.DATA)
    bare = [c for _, c in host.twin.controls if c.type == lan_inner.PROBE and c.size == 48]
    assert len(bare) == 1


def persistent_keepalives(made):
    host = made.host()
    made.node(host.words(endpoint=host.endpoint(), keepalive=1))
    assert host.pump(lambda: host.peer.current)
    host.settle(6)
    empty = [m for _, m in listen(host, 5.5, lan_noise.DATA) if len(m) == 32]
    assert 4 <= len(empty) <= 6, len(empty)


def the_path_is_searched_within_eight_bytes(made):
    host, node = made.pair(host={"path": 1437})
    assert host.pump(lambda: node.peer()["path-mtu"] > 1437 - 9, 40)
    assert node.peer()["path-mtu"] <= 1437


def a_black_hole_is_noticed(made):
    """The path becomes narrow while large messages are sent over it."""
    host, node = made.pair()
    assert host.pump(lambda: node.peer()["path-mtu"] > 1514)
    host.path = 1300
    end = host.now() + 15
    while host.now() < end and node.peer()["path-mtu"] > 1300:
        node.put(from_node(1514, 1))
        host.settle(0.2)
    assert node.peer()["path-mtu"] <= 1300, "within 5 + 4 s and a little"
    assert host.pump(lambda: node.peer()["path-mtu"] >= 1280)
    host.settle(0.1)
    host.twin.frames.clear()
    node.put(from_node(1514, 2))
    assert host.frame() == from_node(1514, 2), "in pieces"


def the_node_rekeys_what_it_initiated(made):
    """A kept peer, no frame at all, both suites."""
    scenes = []
    for suite in (CHACHA, AES):
        host = made.host(suites=(suite,))
        node = made.node(host.words(endpoint=host.endpoint()), cipher=suite.word)
        assert host.pump(lambda: host.peer.current)
        scenes.append((host, node, host.peer.current, host.now()))
    while scenes[0][0].now() < scenes[0][3] + 118:
        for host, *_ in scenes:
            host.settle(0.5)
    for host, node, old, since in scenes:
        assert host.peer.current is old
        assert host.pump(lambda: host.peer.current is not old)
        assert about(host.now() - since, 120), host.now() - since
        host.send_inner(b"\1" + bytes(7) + frame_of(60, 3), old)
        assert node.get() == frame_of(60, 3), "the old session still opens"
        node.put(from_node(60, 4))
        assert host.frame() == from_node(60, 4)
        assert not host.twin.refused


def a_session_ends_after_180_seconds(made):
    """One the twin initiated and does not renew; the node asks again when it has something to send."""
    host, node = made.pair()
    session, since = host.peer.current, host.now()
    while host.now() < since + 175:
        listen(host, 1, lan_noise.DATA)
        host.send_inner(b"", session)
    host.send_inner(b"\1" + bytes(7) + frame_of(60, 1), session)
    assert node.get() == frame_of(60, 1)
    time.sleep(max(0, since + 180.2 - host.now()))
    before = node.drops("expired") + node.drops("unknown-index")
    host.send_inner(b"\1" + bytes(7) + frame_of(60, 2), session)
    until(lambda: node.drops("expired") + node.drops("unknown-index") == before + 1, "it is refused")
    while host.take():
        pass
    node.put(from_node(60, 3))
    assert host.frame() == from_node(60, 3), "after a handshake the node began"
    assert not host.peer.current.initiated


def attempts_end_after_90_seconds(made):
    """For a peer whose endpoint was learned; what waited is gone."""
    host, node = made.pair()
    host.settle(1)
    node.put(from_node(60))
    found = listen(host, 15 + 90 + 12, lan_noise.INITIATION, feed=False)
    times = [at for at, _ in found]
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert about(times[0], 15) and all(about(gap, 5, 1 / 3) for gap in gaps), times
    assert 88 <= times[-1] - times[0] + 5 <= 97, times
    assert len({m[8:40] for _, m in found}) == len(found)


def attempts_slow_down_for_kept_peers(made):
    host = made.host()
    made.node(host.words(endpoint=host.endpoint()))
    times = [at for at, _ in listen(host, 130, lan_noise.INITIATION, feed=False)]
    gaps = [(a, b - a) for a, b in zip(times, times[1:])]
    assert all(about(gap, 5, 1 / 3) for at, gap in gaps if at < 84), times
    assert all(about(gap, 10, 1 / 3) for at, gap in gaps if at > 91), times
    assert times[-1] > 115


SCENES = [initiations_are_repeated, data_is_answered_by_a_keepalive, silence_after_data_leads_to_a_handshake,
          a_kept_peer_is_probed_when_it_is_silent, persistent_keepalives,
          the_path_is_searched_within_eight_bytes, a_black_hole_is_noticed, the_node_rekeys_what_it_initiated,
          a_session_ends_after_180_seconds, attempts_end_after_90_seconds, attempts_slow_down_for_kept_peers]


def play(scene):
    made = Made()
    try:
        scene(made)
    finally:
        made.close()


@pytest.mark.limit(300)
def test_what_takes_time():
    with concurrent.futures.ThreadPoolExecutor(len(SCENES)) as pool:
        running = {scene.__name__: pool.submit(play, scene) for scene in SCENES}
        failed = {name: repr(error) for name, one in running.items() if (error := one.exception())}
    assert not failed
