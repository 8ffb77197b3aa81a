# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames, pieces, control messages and path MTU between the twin and a real worker: doc/protocol.md
sections 5, 6 and 9."""
import random
import struct

import pytest

import lan_inner
import lan_noise
from lan_crypto import SUITES
from lan_inner import Control, Frame, Piece, ones_sum
from lan_node import NODE_MAC, PATIENCE, TWIN_MAC, frame_of, from_node, until

each_suite = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.word)
SIZES = range(60, 1515)
BATCH = 16  # frames underway at once: what every socket's buffer holds


def to_node(host, node, frames):
    for at in range(0, len(frames), BATCH):
        for frame in frames[at:at + BATCH]:
            host.send_frame(frame)
        for frame in frames[at:at + BATCH]:
            assert node.get() == frame


def to_host(host, node, frames):
    for at in range(0, len(frames), BATCH):
        for frame in frames[at:at + BATCH]:
            node.put(frame)
        for frame in frames[at:at + BATCH]:
            assert host.frame() == frame


def found(host, node, size):
    """Both sides know a path of this size."""
    host.twin.probe_up(host.peer, host.now())
    host.flush()
    assert host.pump(lambda: host.peer.path_mtu >= size and node.peer()["path-mtu"] >= size)


@each_suite
def test_every_size_both_ways_whole(make, suite):
    host, node = make.pair(suites=(suite,))
    found(host, node, 1514)
    mixed = list(SIZES)
    random.Random(1).shuffle(mixed)
    for turn, sizes in enumerate((SIZES, mixed)):
        to_node(host, node, [frame_of(size, size + turn) for size in sizes])
        to_host(host, node, [from_node(size, size + turn) for size in sizes])
    assert not host.twin.refused


@pytest.mark.parametrize("path", [576, 600, 1280, 1499])
def test_every_size_both_ways_in_pieces(make, path):
    host, node = make.pair(host={"path": path})
    to_node(host, node, [frame_of(size, size) for size in SIZES])
    to_host(host, node, [from_node(size, size) for size in SIZES])
    check_the_path_was_respected(host, node, path)


def check_the_path_was_respected(host, node, path):
    """Nothing but probes was larger than the path."""
    assert node.peer()["path-mtu"] <= path
    for datagram in host.oversized:
        assert opened(host, datagram).type == lan_inner.PROBE


def opened(host, datagram):
    """What is in a data message that the path swallowed."""
    assert datagram[0] == lan_noise.DATA
    session = host.twin.indices[struct.unpack_from("<I", datagram, 4)[0]][1]
    counter, = struct.unpack_from("<Q", datagram, 8)
    return lan_inner.parse(session.suite.open(session.receive_key, 0, counter, datagram[16:], b""))


def test_ipv6_in_pieces(make):
    host, node = make.pair(host={"path": 1280, "address": "::1"}, node={"address": "::1"})
    to_node(host, node, [frame_of(size, size) for size in range(1100, 1515)])
    to_host(host, node, [from_node(size, size) for size in range(1100, 1515)])
    check_the_path_was_respected(host, node, 1280)


def test_large_frames(make):
    """MTU 9000, whole over the wide path of the loopback device and in pieces over a narrow one."""
    sizes = [14, 15, 60, 1514, 4000, 8999, 9014, 9022]
    for path in (65535, 576):
        host, node = make.pair(host={"mtu": 9000, "path": path}, node={"mtu": 9000})
        if path > 9000:
            found(host, node, 9022)
        to_node(host, node, [frame_of(size, size) for size in sizes])
        to_host(host, node, [from_node(size, size) for size in sizes])
        check_the_path_was_respected(host, node, path)


def test_the_largest_mtu(make):
    host, node = make.pair(host={"mtu": 16000}, node={"mtu": 16000})
    found(host, node, 16022)
    to_node(host, node, [frame_of(16022, 1)])
    to_host(host, node, [from_node(16022, 1)])
    host.send_inner(lan_inner.pack_frame(Frame(frame_of(16023, 1)), 65535))
    until(lambda: node.drops("frame-long") == 1, "one byte more is too large")


# Pieces the node did not cut itself

def pieces(frame, *edges, id=7, **fields):
    like = Frame(b"", **fields)
    edges = [0, *edges, len(frame)]
    return [Piece(id, a, len(frame), frame[a:b], like) for a, b in zip(edges, edges[1:])]


def send_pieces(host, parts):
    for part in parts:
        host.send_inner(lan_inner.pack_piece(part, 1 << 16))


def test_pieces_of_any_cut_in_any_order(make):
    host, node = make.pair()
    shuffle = random.Random(2).shuffle
    for id in range(60):
        frame = frame_of(1514, id)
        edges = sorted(random.Random(id).sample(range(1, 1514), id % 24 + 1))
        parts = pieces(frame, *edges, id=0xFFFFFFF0 + id & 0xFFFFFFFF)
        shuffle(parts)
        send_pieces(host, parts)
        assert node.get() == frame


def test_pieces_of_several_frames_mixed(make):
    host, node = make.pair()
    frames = [frame_of(1400, id) for id in range(16)]
    parts = [part for id, frame in enumerate(frames) for part in pieces(frame, 400, 900, id=id)]
    for third in (2, 0, 1):
        send_pieces(host, parts[third::3])
    assert [node.get() for _ in frames] == frames


WRONG_PIECES = {
    "overlap": ("piece-bad", lambda f: pieces(f, 500)[:1] + [Piece(7, 499, 1000, f[499:], Frame(b""))]),
    "doubled": ("piece-bad", lambda f: pieces(f, 500)[:1] * 2 + pieces(f, 500)[1:]),
    "other total": ("piece-bad", lambda f: pieces(f, 500)[:1] + [Piece(7, 500, 1001, f[500:] + b"x", Frame(b""))]),
    "other hop": ("piece-bad", lambda f: pieces(f, 500)[:1] + pieces(f, 500, hop=1)[1:]),
    "other checksum": ("piece-bad", lambda f: pieces(f, 500)[:1] + pieces(f, 500, start=34, offset=6)[1:]),
    "too many holes": ("piece-bad", lambda f: pieces(f, *range(10, 1000, 10))[1:67:2]),
}


@pytest.mark.parametrize("name", WRONG_PIECES)
def test_pieces_that_contradict_take_the_frame_with_them(make, name):
    drop, make_parts = WRONG_PIECES[name]
    host, node = make.pair()
    send_pieces(host, make_parts(frame_of(1000, 1)))
    until(lambda: node.drops(drop) >= 1, f"counted as {drop}")
    send_pieces(host, pieces(frame_of(1000, 2), 500, id=8))
    assert node.get() == frame_of(1000, 2), "and nothing before it"


def test_a_frame_may_have_32_stretches(make):
    host, node = make.pair()
    frame = frame_of(1000, 1)
    parts = pieces(frame, *range(10, 1000, 10))
    apart = parts[:64:2]
    send_pieces(host, apart + [part for part in parts if part not in apart])
    assert node.get() == frame


@pytest.mark.parametrize("piece", [
    Piece(7, 0, 13, bytes(13), Frame(b"")), Piece(7, 900, 1000, bytes(101), Frame(b"")),
    Piece(7, 0, 1523, bytes(100), Frame(b"")), Piece(7, 0, 1000, b"", Frame(b"")),
    Piece(7, 65535, 65535, b"x", Frame(b"")), Piece(7, 0, 100, bytes(50), Frame(b"", start=99)),
], ids=["short total", "beyond", "too large", "nothing", "wrap", "checksum beyond"])
def test_a_piece_that_cannot_be(make, piece):
    host, node = make.pair()
    host.send_inner(lan_inner.pack_piece(piece, 0))
    until(lambda: node.drops("inner-bad") + node.drops("piece-bad") == 1, "counted")


def test_too_many_frames_in_pieces(make):
    """The oldest goes for the seventeenth."""
    host, node = make.pair()
    frames = [frame_of(1000, id) for id in range(17)]
    for half in (0, 1):
        for id, frame in list(enumerate(frames))[half:]:
            send_pieces(host, [pieces(frame, 500, id=id)[half]])
    assert [node.get() for _ in frames[1:]] == frames[1:]
    assert node.drops("piece-full") == 1


def test_a_partial_frame_is_forgotten_after_a_second(make):
    host, node = make.pair()
    first, second = pieces(frame_of(1000, 1), 500)
    send_pieces(host, [first])
    assert node.get(1.3) is None
    send_pieces(host, [second])
    until(lambda: node.drops("piece-lost") == 1, "counted as piece-lost")
    send_pieces(host, [first])
    assert node.get() == frame_of(1000, 1), "the second piece began anew"


# What is wrong inside

def head(kind=1, flags=0, start=0, offset=0, segment=0):
    return struct.pack(">BBBBI", kind, flags, start, offset, segment)


BODY = frame_of(100, 1)
WRONG_INNER = {
    "kind 0": (head(0) + BODY, "inner-bad"),
    "kind 4": (head(4) + BODY, "inner-bad"),
    "an IPv4 packet": (b"\x45" + head()[1:] + BODY, "inner-bad"),
    "reserved flag": (head(flags=0x80) + BODY, "inner-bad"),
    "other reserved flag": (head(flags=0x40) + BODY, "inner-bad"),
    "padding not zero": (head(flags=0x02) + BODY + b"\0\1", "inner-bad"),
    "padding not there": (head(flags=0x0F) + bytes(4), "inner-bad"),
    "header cut": (head()[:7], "inner-bad"),
    "one byte": (b"\1", "inner-bad"),
    "frame of 13": (head() + BODY[:13], "inner-bad"),
    "frame of 13 and padding": (head(flags=3) + BODY[:13] + bytes(3), "inner-bad"),
    "frame too large": (head() + frame_of(1523), "frame-long"),
    "offset without start": (head(offset=1) + BODY, "inner-bad"),
    "start in the header": (head(start=13) + BODY, "inner-bad"),
    "checksum beyond": (head(start=98, offset=1) + BODY, "inner-bad"),
    "other segment": (head(segment=1) + BODY, "segment-other"),
    "piece cut": (head(2) + bytes(7), "inner-bad"),
    "control cut": (head(3) + bytes(7), "inner-bad"),
    "control type": (head(3) + struct.pack(">BBHI", 9, 1, 48, 1), "control-unknown"),
    "control with hop": (head(3, 0x10) + struct.pack(">BBHI", 1, 1, 48, 1), "inner-bad"),
    "control with a segment": (head(3, segment=1) + struct.pack(">BBHI", 1, 1, 48, 1), "inner-bad"),
    "control with checksum": (head(3, start=14) + struct.pack(">BBHI", 1, 1, 48, 1), "inner-bad"),
    "no lanes": (head(3) + struct.pack(">BBHI", 1, 0, 48, 1), "inner-bad"),
    "17 lanes": (head(3) + struct.pack(">BBHI", 1, 17, 48, 1), "inner-bad"),
    "probe of another size": (head(3) + struct.pack(">BBHI", 1, 1, 49, 1), "inner-bad"),
    "fill not zero": (head(3) + struct.pack(">BBHI", 1, 1, 52, 1) + b"\0\0\1\0", "inner-bad"),
}


@pytest.mark.parametrize("name", WRONG_INNER)
def test_what_is_wrong_inside_is_counted_and_dropped(make, name):
    inner, drop = WRONG_INNER[name]
    host, node = make.pair()
    host.settle()
    host.send_inner(inner)
    until(lambda: node.drops(drop) == 1, f"counted as {drop}: {node.status()['tunnel']['drops']}")
    host.send_inner(head() + BODY)
    assert node.get() == BODY, "its right twin is delivered"
    host.settle()
    assert not [c for _, c in host.twin.controls if c.type == lan_inner.REPLY]


def test_right_but_unusual(make):
    """Padding of any length, 14 bytes, a hop count, a VLAN tag twice."""
    host, node = make.pair()
    for pad in range(16):
        host.send_inner(head(flags=pad) + BODY + bytes(pad))
        assert node.get() == BODY
    tagged = TWIN_MAC[:0] + NODE_MAC + TWIN_MAC + bytes.fromhex("88a800058100000a0800") + bytes(1500)
    for frame in (BODY[:14], tagged):
        host.send_inner(head() + frame)
        assert node.get() == frame
    host.send_inner(head(flags=0x30) + BODY)
    assert node.get() == BODY
    node.put(BODY[6:12] + BODY[:6] + tagged[12:])
    assert host.frame() == BODY[6:12] + BODY[:6] + tagged[12:]


def test_segments(make):
    host, node = make.pair(host={"segment": 0xABCDEF01}, node={"segment": 0xABCDEF01})
    to_node(host, node, [frame_of(size) for size in (60, 600, 1514)])
    to_host(host, node, [from_node(size) for size in (60, 600, 1514)])
    host.send_inner(head() + BODY)
    until(lambda: node.drops("segment-other") == 1, "segment 0 is another")


# Checksums

def udp_frames(size, dst, src, seed=0, text=b""):
    """(with a partial checksum, with the complete one); start 34, offset 6."""
    length = size - 34
    pseudo = bytes([10, 0, 0, 1, 10, 0, 0, 2, 0, 17]) + struct.pack(">H", length)
    payload = (text + bytes((seed + i * 5) & 255 for i in range(length - 8)))[:length - 8]
    begin = dst + src + b"\x08\x00" + b"\x45" + bytes(19)
    ports = struct.pack(">HHH", 1000, 2000, length)
    part = ones_sum(pseudo)
    whole = ~ones_sum(pseudo + ports + bytes(2) + payload) & 0xFFFF
    return (begin + ports + struct.pack(">H", part) + payload,
            begin + ports + struct.pack(">H", whole or 0xFFFF) + payload)


@pytest.mark.parametrize("size", [60, 61, 1000, 1001, 1514])
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "pieces"])
def test_partial_checksums(make, size, whole):
    host, node = make.pair(host={} if whole else {"path": 576})
    if whole:
        found(host, node, 1514)
    part, complete = udp_frames(size, NODE_MAC, TWIN_MAC, size)
    host.send_frame(Frame(part, start=34, offset=6))
    assert node.get() == complete
    part, complete = udp_frames(size, TWIN_MAC, NODE_MAC, size)
    node.put(part, struct.pack("<BBHHHH", 1, 0, 0, 0, 34, 6))
    assert host.frame() == complete


@pytest.mark.parametrize("zero", [False, True], ids=["usual", "zero"])
def test_a_checksum_far_behind_is_completed_before_sending(make, zero):
    """A start over 255 does not fit the header; and a result of zero is stored as ones."""
    host, node = make.pair()
    for size in (330, 1401):
        frame = bytearray(from_node(size, size))
        frame[308:310] = bytes(2)
        frame[308:310] = struct.pack(">H", ~ones_sum(bytes(frame[300:])) & 0xFFFF if zero else 0x1234)
        whole = ~ones_sum(bytes(frame[300:])) & 0xFFFF
        assert (whole == 0) == zero
        # At 304 is what stands for the pseudo header's sum; it is part of what is summed.
        node.put(bytes(frame), struct.pack("<BBHHHH", 1, 0, 0, 0, 300, 4))
        frame[304:306] = struct.pack(">H", whole or 0xFFFF)
        assert host.pump(lambda: host.twin.frames)
        assert host.twin.frames.pop()[1] == Frame(bytes(frame))


# Control messages and path MTU

def test_probes_are_answered(make):
    host, node = make.pair()
    sizes = [76, 77, 100, 576, 1500, 9000, 16384 + 28]
    for size in sizes:
        id = host.twin.send_probe(host.peer, size, host.now())
        host.flush()
        assert host.pump(lambda: id not in host.peer.probes), f"no reply to a probe of {size}"
    replies = [c for _, c in host.twin.controls if c.type == lan_inner.REPLY]
    assert [c.size for c in replies] == [size - 28 for size in sizes]
    assert {c.lanes for c in replies} == {1}


def test_the_node_starts_safe_and_probes_up(make):
    host, node = make.pair()
    assert host.pump(lambda: node.peer()["path-mtu"] > 1500)
    probes = [c.size + 28 for _, c in host.twin.controls if c.type == lan_inner.PROBE]
    assert probes[:7] == [1280, 1400, 1420, 1452, 1472, 1492, 1500] and len(probes) == 8
    assert 1522 + 68 <= probes[7] <= 1522 + 68 + 15, "top: the largest frame as one message"


def test_replies_nobody_asked_for_do_not_raise_the_path(make):
    host, node = make.pair(host={"path": 576})
    for id in range(20):
        control = Control(lan_inner.REPLY, 1, 1472, id)
        host.send_inner(lan_inner.pack_control(control))
    host.send_frame(frame_of(60))
    assert node.get(PATIENCE)
    assert node.peer()["path-mtu"] == 576


def test_a_late_reply_says_nothing_about_another_path(make):
    """The answer to a probe that went to where the peer was before it moved."""
    host, node = make.pair(host={"path": 576})
    assert host.pump(lambda: len(host.oversized) >= 8)
    parsed = [opened(host, datagram) for datagram in host.oversized]
    host.roam()
    host.send_frame(frame_of(60, 1))
    assert node.get() == frame_of(60, 1)
    for probe in parsed:
        host.send_inner(lan_inner.pack_control(Control(lan_inner.REPLY, 1, probe.size, probe.id)))
    host.send_frame(frame_of(60, 2))
    assert node.get() == frame_of(60, 2)
    assert node.peer()["path-mtu"] == 576


def test_a_tap_that_is_gone_is_left_alone(make):
    """Also while somebody else has its descriptor; the worker says it once and goes on."""
    host = make.host()
    node = make.node(host.words(), keep_tap=True)
    host.knows(node)
    node.tap.close()
    until(lambda: "the TAP is gone" in node.said(), "it is noticed")
    assert host.connect()
    host.settle(0.1)
    assert node.said().count("the TAP is gone") == 1


def test_lanes_of_a_peer_with_many(make):
    """A node with one lane takes messages on lane 0 only, whatever the peer has."""
    host, node = make.pair(host={"lanes": 4})
    host.twin.send_probe(host.peer, 100, host.now())
    host.flush()
    assert host.pump(lambda: not host.peer.probes)
    host.send_inner(head() + BODY, lane=1)
    until(lambda: node.drops("unknown-index") == 1, "lane 1 is dropped")
    to_node(host, node, [frame_of(60, 1)])
    to_host(host, node, [from_node(60, 1)])
    assert not host.twin.refused


def test_a_node_opens_its_lanes(make):
    """By probes that are answered on the lane; what comes in on one needs no permission."""
    host, node = make.pair(host={"lanes": 2}, node={"lanes": 3})
    host.twin.send_probe(host.peer, 100, host.now())
    assert host.pump(lambda: node.peer()["lanes"] == 2), "two are common, and the host answers on both"
    base = host.peer.current.index
    lanes = {int.from_bytes(datagram[4:8], "little") - base for datagram in host.heard if datagram[0] == 4}
    assert lanes == {0, 1}
    probes = [c for _, c in host.twin.controls if c.type == lan_inner.PROBE and c.lanes == 3 and c.size == 64]
    assert probes, "a probe of a lane has sixteen bytes of fill"
    for lane in range(3):
        host.send_inner(head() + frame_of(60, lane), lane=lane)
        assert node.get(PATIENCE) == frame_of(60, lane)
    assert not node.drops("unknown-index") and not node.drops("replay")
    host.send_inner(head() + BODY, lane=3)
    until(lambda: node.drops("unknown-index") == 1, "there is no fourth")
    assert not host.twin.refused
