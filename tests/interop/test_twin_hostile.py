# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a stranger on the wire can do to a real worker: repeat, flip bits, forge, flood. doc/protocol.md
sections 3, 4 and 5."""
import os
import struct
import time

import pytest

import lan_noise
from lan_crypto import AES, CHACHA, SUITES, hash, mac
from lan_node import frame_of, from_node, until

each_suite = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.word)
LOAD = 300  # handshake messages at once; from 256 a second on a host is under load


def flipped(message, at):
    """A bit of byte `at` turned, another one from byte to byte."""
    bad = bytearray(message)
    bad[at] ^= 1 << at % 8
    return bytes(bad)


def with_top_bit(message, at):
    bad = bytearray(message)
    bad[at] ^= 0x80
    return bytes(bad)


def dropped(node, before, count):
    """`count` more drops than before, whatever their names."""
    def so():
        return sum(node.status()["tunnel"]["drops"].values()) - before == count
    until(so, f"{count} messages are dropped")


def all_drops(node):
    return sum(node.status()["tunnel"]["drops"].values())


# Bits

@each_suite
def test_bits_of_an_initiation(make, suite):
    """Whatever is flipped there is no answer, but for mac2, which counts only under load."""
    host = make.host(suites=(suite,))
    node = make.node(host.words())
    host.knows(node)
    good = host.initiate()
    bad = [flipped(good, at) for at in range(len(good) - 16)]
    # and by somebody who knows the key the message goes to, so that its mac1 is right
    covered = [*range(8, 116)]
    bad += [lan_noise.with_macs(suite, node.public, flipped(good, at)[:116]) for at in covered]
    bad += [lan_noise.with_macs(suite, node.public, with_top_bit(good, 39)[:116])]
    for message in bad:
        host.raw(message)
    dropped(node, 0, len(bad))
    drops = node.status()["tunnel"]["drops"]
    assert drops == {"malformed": 4, "bad-mac1": len(good) - 16 - 4, "handshake-bad": len(covered) + 1}
    assert host.answer() is None
    host.raw(flipped(good, 140))
    assert host.answer(1)


@each_suite
def test_bits_of_a_response(make, suite):
    host = make.host(suites=(suite,))
    node = make.node(host.words(endpoint=host.endpoint()), cipher=suite.word)
    initiation, source = host.take(2)
    host.twin.feed(initiation, source, host.now())
    (good, _), = host.twin.sent
    host.peer.endpoint = source
    bad = [flipped(good, at) for at in range(len(good) - 16)]
    bad += [lan_noise.with_macs(suite, node.public, flipped(good, at)[:60]) for at in range(8, 60)]
    for message in bad:
        host.raw(message)
    dropped(node, 0, len(bad))
    assert not node.peer()["connected"]
    host.flush()
    assert host.pump(lambda: host.peer.current), "the right one is accepted after all the wrong ones"
    node.put(from_node(60))
    assert host.frame() == from_node(60)


@each_suite
def test_bits_of_data(make, suite):
    host, node = make.pair(suites=(suite,))
    good = host.peer.current.seal(b"\1" + bytes(7) + frame_of(60, 1))
    before = all_drops(node)
    for at in range(len(good)):
        host.raw(flipped(good, at))
    dropped(node, before, len(good))
    host.raw(good)
    assert node.get() == frame_of(60, 1)
    assert node.get(0.01) is None


def test_sizes_and_types(make):
    """Shortened, lengthened, of types that do not exist; never an answer."""
    host = make.host()
    node = make.node(host.words())
    host.knows(node)
    good = host.initiate()
    bad = [good[:size] for size in range(len(good))] + [good + b"\0"]
    bad += [bytes([kind]) + good[1:] for kind in (0, 2, 3, 5, 255)]
    bad += [os.urandom(size) for size in (0, 1, 31, 32, 64, 92, 148, 1400, 9000)]
    for message in bad:
        host.raw(message)
    dropped(node, 0, len(bad))
    assert host.answer() is None
    host.raw(good)
    assert host.answer(1)


def test_mac1_for_somebody_else_or_of_another_label(make):
    host = make.host(suites=(CHACHA,))
    node = make.node(host.words())
    host.knows(node)
    good = host.initiate()
    wireguard = good[:116] + mac(hash(b"mac1----", node.public), good[:116]) + bytes(16)
    bad = [good[:116] + os.urandom(16) + bytes(16), good[:116] + bytes(32), wireguard,
           lan_noise.with_macs(CHACHA, host.twin.public, good[:116])]
    for message in bad:
        host.raw(message)
    until(lambda: node.drops("bad-mac1") == len(bad), "counted as bad-mac1")
    # The other suite's label leads to the other suite's keys, under which nothing opens.
    host.raw(lan_noise.with_macs(AES, node.public, good[:116]))
    until(lambda: node.drops("handshake-bad") == 1, "counted as handshake-bad")
    assert host.answer() is None


# Repeats

def test_messages_repeated_to_a_responder(make):
    host = make.host()
    node = make.node(host.words())
    host.knows(node)
    initiation = host.initiate()
    host.raw(initiation)
    assert host.pump(lambda: host.peer.current)
    data = host.send_inner(b"\1" + bytes(7) + frame_of(60, 1))
    assert node.get() == frame_of(60, 1)
    time.sleep(0.03)
    before = all_drops(node)
    host.raw(initiation)
    until(lambda: node.drops("handshake-replay") == 1, "the initiation is refused")
    for _ in range(3):
        host.raw(data)
    until(lambda: node.drops("replay") == 3, "the data message is refused")
    assert all_drops(node) == before + 4
    assert host.answer() is None and node.get(0.01) is None
    host.send_frame(frame_of(60, 2))
    assert node.get() == frame_of(60, 2), "the session goes on"


def test_messages_repeated_to_an_initiator(make):
    host = make.host()
    node = make.node(host.words(endpoint=host.endpoint()))
    initiation, source = host.take(2)
    host.twin.feed(initiation, source, host.now())
    response = host.twin.sent[0][0]
    host.flush()
    assert host.pump(lambda: host.peer.current)
    host.raw(response)
    until(lambda: node.drops("unknown-index") == 1, "the response is refused")
    node.put(from_node(60))
    assert host.frame() == from_node(60), "the session goes on"


@each_suite
def test_the_replay_window(make, suite):
    host, node = make.pair(suites=(suite,))
    session = host.peer.current
    inner = b"\1" + bytes(7)

    def accepted(counter):
        before = all_drops(node)
        host.raw(session.seal(inner + frame_of(60, counter), counter=counter))
        until(lambda: all_drops(node) > before or node.has_frame(), "something becomes of it")
        return all_drops(node) == before and node.get() == frame_of(60, counter)

    # The twin's keepalive was 0; greatest 20000, the window reaches 8128 back.
    wanted = [(1, True), (1, False), (0, False), (20000, True), (20000, False), (20000 - 8128, True),
              (20000 - 8128, False), (20000 - 8129, False), (19999, True), (2, False), (20001, True),
              (20001 - 8128, True), (20001 - 8129, False), (15000, True), (15000, False)]
    got = [(counter, accepted(counter)) for counter, _ in wanted]
    assert got == wanted


@each_suite
def test_counters_over_the_limit(make, suite):
    host, node = make.pair(suites=(suite,))
    inner = b"\1" + bytes(7) + frame_of(60, 1)
    session = host.peer.current
    limit = suite.refuse_after
    head = struct.pack("<IIQ", lan_noise.DATA, session.their_index, limit)
    host.raw(head + suite.seal(session.send_key, 0, limit, inner, b""))
    until(lambda: node.drops("expired") == 1, "refused after the limit")
    host.raw(session.seal(inner, counter=limit - 1))
    assert node.get() == frame_of(60, 1), "and accepted up to it"


# Load

def flood(host, node, suite):
    """Messages with a right mac1 and nothing behind it, until the node asks for cookies."""
    junk = struct.pack("<I", lan_noise.INITIATION)
    for _ in range(LOAD):
        host.raw(lan_noise.with_macs(suite, node.public, junk + os.urandom(112)))
    until(lambda: node.status()["tunnel"]["under-load"] == 1, "the node is under load")
    host.settle(0.02)
    host.heard.clear()
    host.twin.refused.clear()


@each_suite
def test_under_load_a_cookie_is_asked_for(make, suite):
    host, thief = make.host(suites=(suite,)), make.host()
    node = make.node(host.words())
    host.knows(node)
    thief.knows(node)
    flood(host, node, suite)
    first = host.initiate()
    host.raw(first)
    reply = host.answer(1)
    assert lan_noise.message_type(reply) == lan_noise.COOKIE
    assert reply[4:8] == first[4:8]
    for at in (*range(1, 4), *range(8, 64)):  # an index of somebody else is refused, too, but not by the tag
        host.twin.feed(flipped(reply, at), node.address, host.now())
    assert len(host.twin.refused) == 59 and not host.peer.cookie
    host.twin.feed(reply, node.address, host.now())
    assert host.peer.cookie
    host.twin.feed(reply, node.address, host.now())
    assert host.twin.refused[-1][0] == "a cookie nobody asked for"
    with_cookie = host.initiate()
    assert with_cookie[-16:] != bytes(16)
    thief.raw(flipped(with_cookie, 147))
    thief.raw(with_cookie)
    assert {thief.answer(1)[0], thief.answer(1)[0]} == {lan_noise.COOKIE}, "from another port it is worth nothing"
    host.raw(with_cookie)
    assert host.pump(lambda: host.peer.current), "a handshake with a cookie goes through"
    assert node.status()["tunnel"]["under-load"] == 1
    host.send_frame(frame_of(60))
    assert node.get() == frame_of(60)


def test_under_load_one_address_has_a_limit(make):
    host = make.host()
    node = make.node(host.words())
    host.knows(node)
    flood(host, node, CHACHA)
    host.raw(host.initiate())
    host.twin.feed(host.answer(1), node.address, host.now())
    # made before, sent at once: a busy machine makes fewer of them a second than one address may send
    initiations = [host.initiate() for _ in range(60)]
    flood(host, node, CHACHA)
    for initiation in initiations:
        host.raw(initiation)
    until(lambda: node.drops("rate-limit") > 40, "counted as rate-limit")
    assert host.pump(lambda: host.peer.current or host.twin.refused)


@each_suite
def test_a_cookie_for_a_response(make, suite):
    """A node that answers somebody under load keeps the cookie it gets; a forged one is refused."""
    host = make.host(suites=(suite,))
    node = make.node(host.words())
    host.knows(node)
    host.raw(host.initiate())
    response = host.answer(1)
    host.twin.under_load = True
    host.twin.feed(response, node.address, host.now())
    (reply, _), = host.twin.sent
    before = node.drops("cookie-bad")
    for at in range(8, 64):
        host.raw(flipped(reply, at))
    until(lambda: node.drops("cookie-bad") == before + 56, "forged cookies are refused")
    host.raw(reply)
    host.raw(reply)
    until(lambda: node.drops("cookie-bad") == before + 57, "one is accepted, its copy not")
    time.sleep(0.04)
    value = lan_noise.cookie_value(host.twin.secrets[0][0], bytes([127, 0, 0, 1]), node.address[1])
    host.raw(host.initiate())
    response = host.answer(1)
    assert lan_noise.mac2_is_right(response, value), "the next response carries mac2"
    host.twin.sent.clear()
    host.twin.feed(response, node.address, host.now())
    host.flush()
    assert host.peer.current


def test_a_reflected_initiation_is_refused(make):
    host = make.host()
    node = make.node(host.words(endpoint=host.endpoint()))
    initiation, source = host.take(2)
    host.raw(initiation, source)
    until(lambda: node.drops("bad-mac1") == 1, "its own initiation, reflected")
    assert host.answer() is None
