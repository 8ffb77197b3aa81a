# SPDX-License-Identifier: LGPL-2.1-or-later
"""Handshakes between the twin and a real worker: doc/protocol.md sections 2, 3, 7 and 8."""
import time

import pytest

import lan_noise
from lan_crypto import AES, CHACHA, SUITES, public_of
from lan_node import NODE_KEY, TWIN_KEY, frame_of, from_node, until

PSK, OTHER_PSK = bytes([5]) * 32, bytes([6]) * 32
each_suite = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.word)


def talk(host, node, seed=1):
    """A frame each way."""
    host.send_frame(frame_of(100, seed))
    assert node.get() == frame_of(100, seed)
    node.put(from_node(200, seed))
    assert host.frame() == from_node(200, seed)


@each_suite
def test_the_twin_initiates(make, suite):
    host, node = make.pair(suites=(suite,))
    talk(host, node)
    peer = node.peer()
    assert peer["connected"] and peer["cipher"] == suite.word
    assert peer["endpoint"] == host.endpoint()


@each_suite
def test_the_node_initiates(make, suite):
    host = make.host(suites=(suite,))
    node = make.node(host.words(endpoint=host.endpoint()), cipher=suite.word)
    assert host.pump(lambda: host.peer.current), "no initiation, or the session was not confirmed"
    first = host.heard[0]
    assert lan_noise.message_type(first) == lan_noise.INITIATION
    assert not host.peer.current.initiated and host.peer.current.suite is suite
    talk(host, node)


both_ways = pytest.mark.parametrize("host_key, node_key", [(TWIN_KEY, NODE_KEY), (NODE_KEY, TWIN_KEY)],
                                    ids=["one", "other"])


@both_ways
@pytest.mark.parametrize("kept", [True, False], ids=["node's session", "twin's session"])
def test_one_side_forgot_everything(make, host_key, node_key, kept):
    """A host started anew refuses what belongs to its former life. Its new session is the one that
    counts, however young the old one is and whoever has the greater key."""
    host = make.host(key=host_key, node_public=public_of(node_key))
    node = make.node(host.words(**{"endpoint": host.endpoint()} if kept else {}), key=node_key)
    host.knows(node)
    assert host.pump(lambda: host.peer.current) if kept else host.connect()
    host.settle()
    host.twin.forget_all(host.peer)
    node.put(from_node(90, 1))
    host.settle(0.1)
    assert {why for why, _ in host.twin.refused} == {"unknown index"}
    assert host.connect()
    talk(host, node, 2)


def test_frames_wait_for_the_session_in_order(make):
    host = make.host()
    node = make.node(host.words(endpoint=host.endpoint()))
    for seed in range(20):
        node.put(from_node(90, seed))
    until(lambda: node.status()["tunnel"]["rx-frames"] or True, "")
    time.sleep(0.05)
    assert [host.frame() for _ in range(20)] == [from_node(90, seed) for seed in range(20)]


@each_suite
def test_psk(make, suite):
    host = make.host(suites=(suite,), psk=PSK)
    node = make.node(host.words(psk=PSK.hex()))
    host.knows(node)
    assert host.connect()
    talk(host, node)


@each_suite
def test_another_psk_is_refused_by_the_twin(make, suite):
    host = make.host(suites=(suite,), psk=PSK)
    node = make.node(host.words(psk=OTHER_PSK.hex()))
    host.knows(node)
    host.raw(host.initiate())
    assert host.pump(lambda: host.twin.refused)
    assert lan_noise.message_type(host.twin.refused[0][1]) == lan_noise.RESPONSE
    assert not node.peer()["connected"]
    assert node.ask("peer " + host.words(psk=PSK.hex())) == "ok"
    time.sleep(0.021)
    assert host.connect()
    talk(host, node)


@each_suite
def test_another_psk_is_refused_by_the_node(make, suite):
    host = make.host(suites=(suite,), psk=OTHER_PSK)
    node = make.node(host.words(psk=PSK.hex(), endpoint=host.endpoint()), cipher=suite.word)
    host.pump(lambda: node.drops("handshake-bad"))
    assert node.drops("handshake-bad") == 1 and not node.peer()["connected"]


@pytest.mark.parametrize("cipher, refused", [("aes256gcm", CHACHA), ("chacha20poly1305", AES)])
def test_a_suite_not_accepted_is_not_answered(make, cipher, refused):
    host = make.host(suites=(refused,))
    node = make.node(host.words(), cipher=cipher)
    host.knows(node)
    host.raw(host.initiate())
    until(lambda: node.drops("cipher-refused") == 1, "counted as cipher-refused")
    assert host.answer() is None


def test_a_suite_not_accepted_from_this_peer_only(make):
    host, other = make.host(suites=(CHACHA,)), make.host(suites=(CHACHA,), key=bytes([9]) * 32)
    node = make.node(host.words(cipher="aes256gcm"), other.words())
    host.knows(node)
    other.knows(node)
    host.raw(host.initiate())
    until(lambda: node.drops("cipher-refused") == 1, "counted as cipher-refused")
    assert host.answer() is None
    assert other.connect()


def test_a_stranger_is_not_answered(make):
    host, stranger = make.host(), make.host(key=bytes([9]) * 32)
    node = make.node(host.words())
    stranger.knows(node)
    stranger.raw(stranger.initiate())
    until(lambda: node.drops("unknown-peer") == 1, "counted as unknown-peer")
    assert stranger.answer() is None


@each_suite
def test_zero_diffie_hellman_is_refused(make, suite):
    """An ephemeral of low order, with a right mac1."""
    host = make.host(suites=(suite,))
    node = make.node(host.words())
    host.knows(node)
    good = host.initiate()
    for point in (bytes(32), b"\1" + bytes(31)):
        bad = lan_noise.with_macs(suite, node.public, good[:8] + point + good[40:116])
        host.raw(bad)
    until(lambda: node.drops("handshake-bad") == 2, "counted as handshake-bad")
    assert host.answer() is None
    host.raw(good)
    assert host.answer(1)


def test_initiations_must_be_newer_and_20_ms_apart(make):
    host, node = make.pair()
    time.sleep(0.04)
    wall = time.time()
    host.twin.wall = lambda now: wall
    again = host.initiate()
    older = lambda now: wall - 1  # noqa: E731
    same_time = host.initiate()
    host.twin.wall = older
    back = host.initiate()
    host.twin.wall = lambda now: wall + 1
    too_soon, later = host.initiate(), host.initiate()
    host.raw(again)
    assert host.answer(1)
    host.raw(too_soon)
    until(lambda: node.drops("handshake-replay") == 1, "sooner than 20 ms")
    time.sleep(0.04)
    for message in (again, same_time, back):
        host.raw(message)
    until(lambda: node.drops("handshake-replay") == 4, "replayed, of the same time, and of an earlier one")
    assert host.answer() is None
    host.raw(later)
    assert host.answer(1)


@each_suite
def test_a_new_handshake_on_a_living_session(make, suite):
    """Both sessions open; the node sends in the old until the new is confirmed."""
    host, node = make.pair(suites=(suite,))
    talk(host, node)
    old = host.peer.current
    time.sleep(0.04)
    host.raw(host.initiate())
    response = host.take(1)
    node.put(from_node(80, 7))
    host.twin.feed(*host.take(1), host.now())
    assert host.twin.frames.pop()[1].bytes == from_node(80, 7), "in the old session"
    host.twin.feed(*response, host.now())
    host.flush()
    assert host.peer.current is not old
    host.send_inner(b"\1" + bytes(7) + frame_of(64, 3), old)
    assert node.get() == frame_of(64, 3), "what was underway in the old session"
    talk(host, node, 9)
    assert not host.twin.refused


@both_ways
def test_both_initiate_at_once(make, host_key, node_key):
    """Whoever has the greater public key keeps its own session; so both send in the same one."""
    host = make.host(key=host_key, node_public=public_of(node_key))
    node = make.node(host.words(endpoint=host.endpoint()), key=node_key)
    host.knows(node)
    theirs = host.take(1)
    host.raw(host.initiate())
    host.twin.feed(*theirs, host.now())
    host.flush()
    assert host.pump(lambda: host.peer.current and not host.peer.next)
    host.settle(0.1)
    talk(host, node)
    mine_wins = host.twin.public > node.public
    assert host.peer.current.initiated == mine_wins
    newest = host.peer.current.greatest[0]
    node.put(from_node(99, 1))
    assert host.frame() == from_node(99, 1)
    assert host.peer.current.greatest[0] == newest + 1, "the node sends in the session the twin kept"
    # Only the host with the smaller key follows when the other sends in the second session.
    other = host.peer.previous
    newest = other.greatest[0]
    host.send_inner(b"\1" + bytes(7) + frame_of(60, 2), other)
    assert node.get() == frame_of(60, 2)
    node.put(from_node(99, 2))
    assert host.frame() == from_node(99, 2)
    assert (other.greatest[0] > newest) == mine_wins


def test_roaming(make):
    host, node = make.pair()
    talk(host, node)
    stale = host.peer.current.seal(b"")
    host.send_frame(frame_of(60))
    assert node.get()
    host.roam()
    host.raw(stale)
    forged = bytearray(host.peer.current.seal(b"", counter=5000))
    forged[-1] ^= 1
    host.raw(bytes(forged))
    until(lambda: node.drops("data-bad") == 1, "the forged one is dropped")
    node.put(from_node(70, 1))
    assert host.take(0.1) is None, "an old counter or a forged message does not move the endpoint"
    host.send_frame(frame_of(61))
    assert node.get()
    assert node.peer()["endpoint"] == host.endpoint()
    node.put(from_node(70, 2))
    assert host.frame() == from_node(70, 2)


def test_ipv6(make):
    host = make.host(address="::1")
    node = make.node(host.words(endpoint=host.endpoint()), address="::1")
    assert host.pump(lambda: host.peer.current)
    talk(host, node)
    assert host.pump(lambda: node.peer()["path-mtu"] > 1500)
