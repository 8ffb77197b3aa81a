# SPDX-License-Identifier: LGPL-2.1-or-later
"""What stands inside a data message, by doc/protocol.md section 6: frames, pieces, control."""
import dataclasses
import struct

from lan_crypto import Refused

FRAME, PIECE, CONTROL = 1, 2, 3
PROBE, REPLY = 1, 2
HEAD_SIZE = 8
PIECE_HEAD_SIZE = 16
CONTROL_SIZE = 16
OUTER_SIZE = 32  # of a data message: header and tag
FRAME_MIN = 14
PIECES_LIFE_S = 1.0
PIECES_OPEN_MAX = 16
STRETCHES_MAX = 32
LANES_MAX = 16


@dataclasses.dataclass
class Frame:
    bytes: bytes
    segment: int = 0
    hop: int = 0
    start: int = 0  # of a partial checksum; 0: checksums are complete
    offset: int = 0

    def fields(self):
        return self.segment, self.hop, self.start, self.offset

    def check(self, limit):
        if not FRAME_MIN <= len(self.bytes) <= limit:
            raise Refused("frame size")
        check_checksum(self.start, self.offset, len(self.bytes))


@dataclasses.dataclass
class Piece:
    id: int
    offset: int
    total: int
    bytes: bytes
    like: Frame  # its fields; bytes empty


@dataclasses.dataclass
class Control:
    type: int
    lanes: int
    size: int
    id: int


def check_checksum(start, offset, size):
    if start == 0 and offset != 0:
        raise Refused("checksum fields")
    if start and (start < FRAME_MIN or start + offset + 2 > size):
        raise Refused("checksum fields")


def ones_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def completed(frame):
    """The bytes with a complete checksum."""
    if frame.start == 0:
        return frame.bytes
    value = ~ones_sum(frame.bytes[frame.start:]) & 0xFFFF
    at = frame.start + frame.offset
    return frame.bytes[:at] + struct.pack(">H", value or 0xFFFF) + frame.bytes[at + 2:]


def packed(kind, like, body, room):
    """An inner message; padded to a multiple of 16 where that fits into `room` bytes."""
    pad = -(HEAD_SIZE + len(body)) % 16
    if HEAD_SIZE + len(body) + pad > room:
        pad = 0
    head = struct.pack(">BBBBI", kind, like.hop << 4 | pad, like.start, like.offset, like.segment)
    return head + body + bytes(pad)


def pack_frame(frame, room):
    return packed(FRAME, frame, frame.bytes, room)


def pack_control(control, fill=0):
    body = struct.pack(">BBHI", control.type, control.lanes, control.size, control.id)
    return struct.pack(">BBBBI", CONTROL, 0, 0, 0, 0) + body + bytes(fill)


def pack_piece(piece, room):
    body = struct.pack(">IHH", piece.id, piece.offset, piece.total) + piece.bytes
    return packed(PIECE, piece.like, body, room)


def cut(frame, id, room):
    """The pieces of a frame, none of a message of more than `room` bytes."""
    size = (room - PIECE_HEAD_SIZE) // 16 * 16
    like = dataclasses.replace(frame, bytes=b"")
    return [Piece(id, at, len(frame.bytes), frame.bytes[at:at + size], like)
            for at in range(0, len(frame.bytes), size)]


def messages_of(frame, id, room):
    """The inner messages a frame is sent in, whole or in pieces."""
    if HEAD_SIZE + len(frame.bytes) <= room:
        return [pack_frame(frame, room)]
    return [pack_piece(piece, room) for piece in cut(frame, id, room)]


def parse(inner):
    """A Frame, Piece or Control; the Control's fill is checked against its size by the caller."""
    if len(inner) < HEAD_SIZE:
        raise Refused("shorter than its header")
    kind, flags, start, offset, segment = struct.unpack_from(">BBBBI", inner)
    pad = flags & 15
    if flags & 0xC0:
        raise Refused("reserved flags")
    if kind not in (FRAME, PIECE, CONTROL):
        raise Refused("kind")
    if len(inner) < HEAD_SIZE + pad or any(inner[len(inner) - pad:]):
        raise Refused("padding")
    body = inner[HEAD_SIZE:len(inner) - pad]
    frame = Frame(body, segment, flags >> 4, start, offset)
    if kind == FRAME:
        return frame
    if kind == PIECE:
        return parse_piece(frame, body)
    if flags >> 4 or start or offset or segment:
        raise Refused("a control message with a frame's fields")
    return parse_control(body, OUTER_SIZE + len(inner))


def parse_piece(frame, body):
    if len(body) < 9:
        raise Refused("a piece of nothing")
    id, offset, total = struct.unpack_from(">IHH", body)
    piece = Piece(id, offset, total, body[8:], dataclasses.replace(frame, bytes=b""))
    if piece.offset + len(piece.bytes) > total or total < FRAME_MIN:
        raise Refused("a piece beyond its frame")
    check_checksum(frame.start, frame.offset, total)
    return piece


def parse_control(body, datagram_size):
    if len(body) < 8:
        raise Refused("a control message too short")
    control = Control(*struct.unpack_from(">BBHI", body))
    if control.type not in (PROBE, REPLY):
        raise Refused("control type")
    if not 1 <= control.lanes <= LANES_MAX or any(body[8:]):
        raise Refused("lanes, or fill")
    if control.type == PROBE and control.size != datagram_size:
        raise Refused("a probe of another size than it says")
    if control.type == REPLY and len(body) > 8:
        raise Refused("a reply with fill")
    return control


class Partial:
    """A frame of which pieces have come."""

    def __init__(self, piece, now):
        self.first = now
        self.like = piece.like
        self.total = piece.total
        self.bytes = bytearray(piece.total)
        self.here = bytearray(piece.total)  # 1: this byte has come

    def add(self, piece):
        at = slice(piece.offset, piece.offset + len(piece.bytes))
        if piece.total != self.total or piece.like != self.like or any(self.here[at]):
            raise Refused("pieces overlap or differ")
        self.bytes[at] = piece.bytes
        self.here[at] = b"\1" * len(piece.bytes)
        if sum(1 for run in bytes(self.here).split(b"\0") if run) > STRETCHES_MAX:
            raise Refused("too many holes")

    def complete(self):
        return all(self.here)


class Joiner:
    """Pieces of one peer in, frames out."""

    def __init__(self, limit):
        self.limit = limit
        self.open = {}
        self.lost = 0

    def expire(self, now):
        for key in [k for k, partial in self.open.items() if now - partial.first > PIECES_LIFE_S]:
            del self.open[key]
            self.lost += 1

    def add(self, session, piece, now):
        """The whole Frame, or None."""
        self.expire(now)
        if piece.total > self.limit:
            raise Refused("frame size")
        key = (session, piece.id)
        if key not in self.open:
            self.open[key] = Partial(piece, now)
        try:
            self.open[key].add(piece)
        except Refused:
            del self.open[key]
            raise
        if self.open[key].complete():
            partial = self.open.pop(key)
            return dataclasses.replace(partial.like, bytes=bytes(partial.bytes))
        while len(self.open) > PIECES_OPEN_MAX:
            del self.open[min(self.open, key=lambda k: self.open[k].first)]
            self.lost += 1
        return None
