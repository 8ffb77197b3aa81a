# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lines of doc/protocol.md section 12, made anew byte for byte; and the primitives under them."""
import pathlib
import re

import pytest

import lan_crypto
import lan_inner
import lan_noise
from lan_crypto import AES, CHACHA, Refused, public_of
from lan_inner import Control, Frame
from lan_session import Session

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "doc" / "protocol.md"
S_I, S_R, E_I, E_R, PSK = (bytes([byte]) * 32 for byte in (0x11, 0x22, 0x33, 0x44, 0x55))
NONCE, SECRET = b"\x66" * 24, b"\x77" * 32
STAMP = bytes.fromhex("400000006500000a00000000")
INDEX_I, INDEX_R = 0x01020310, 0x0A0B0C20
THE_FRAME = bytes.fromhex("02000000000b02000000000a88b5") + b"loom"
SUITES = {"ChaCha": CHACHA, "AES": AES}


def written(suite):
    """The lines of one suite, by name."""
    section = DOCUMENT.read_text().split("\n## 12. ")[1].split(f"\n### {suite}\n")[1].split("\n###")[0]
    return dict(re.findall(r"^    ([A-Za-z_. 0-9]+) = ([0-9a-f]+)$", section, re.M))


def handshake(suite):
    """Its lines, and the two sessions."""
    initiator = lan_noise.Initiator(suite, S_I, public_of(S_R), PSK)
    initiation = lan_noise.with_macs(suite, public_of(S_R), initiator.initiation(INDEX_I, E_I, STAMP))
    value = lan_noise.cookie_value(SECRET, bytes([192, 0, 2, 1]), 51821)
    assert lan_noise.suite_of(initiation, public_of(S_R)) is suite
    responder = lan_noise.Responder(suite, S_R, initiation)
    assert (responder.initiator_public, responder.timestamp) == (public_of(S_I), STAMP)
    response = lan_noise.with_macs(suite, public_of(S_I), responder.response(INDEX_R, E_R, PSK))
    t_i, t_r = responder.noise.transport_keys()
    assert initiator.finish(response) == (t_i, t_r, INDEX_R)
    reply = lan_noise.cookie_reply(suite, public_of(S_R), initiation, NONCE, value)
    assert lan_noise.open_cookie_reply(suite, public_of(S_R), reply, lan_noise.mac1_of(initiation)) == value
    lines = {
        "initiation": initiation, "cookie reply": reply, "cookie value": value,
        "mac2 of that initiation": lan_crypto.mac(value, initiation[:-16]),
        "response": response, "T_i": t_i, "T_r": t_r}
    return lines, (Session(suite, INDEX_I, INDEX_R, t_i, t_r, 0, True),
                   Session(suite, INDEX_R, INDEX_I, t_r, t_i, 0, False))


def transport(lines, initiator, responder):
    frame = Frame(THE_FRAME)
    piece = lan_inner.Piece(7, 16, 18, THE_FRAME[16:], Frame(b""))
    inners = {
        "frame": lan_inner.pack_frame(frame, 1000),
        "piece": lan_inner.pack_piece(piece, 1000),
        "probe": lan_inner.pack_control(Control(lan_inner.PROBE, 1, 64, 0x01020304), 16)}
    lines["keepalive"] = initiator.seal(b"")
    for name, inner in inners.items():
        lines[f"{name} inner"] = inner
        lines[f"{name} message"] = initiator.seal(inner)
        assert responder.open(0, initiator.counters[0] - 1, lines[f"{name} message"][16:]) == inner
    assert lan_inner.parse(inners["frame"]) == frame
    assert lan_inner.parse(inners["piece"]) == piece
    reply = lan_inner.pack_control(Control(lan_inner.REPLY, 1, 64, 0x01020304))
    lines["reply inner"], lines["reply message"] = reply, responder.seal(reply)


@pytest.mark.parametrize("name", SUITES)
def test_vectors_of_the_document(name):
    lines, sessions = handshake(SUITES[name])
    transport(lines, *sessions)
    if name == "ChaCha":
        lines["S_i.pub"], lines["S_r.pub"] = public_of(S_I), public_of(S_R)
    assert {key: value.hex() for key, value in lines.items()} == written(name)


def test_blake2s_in_its_two_forms():
    # RFC 7693 appendix B, and the last of the keyed known answers (key 0…31, text 0…254)
    assert lan_crypto.hash(b"abc").hex() == (
        "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982")
    # HMAC by hand against the library's
    import hashlib
    import hmac
    for size in (0, 1, 63, 64, 65, 200):
        text = bytes(range(size % 256))
        assert lan_crypto.hmac(S_I, text) == hmac.new(S_I, text, hashlib.blake2s).digest()


def test_hchacha20_of_the_draft():
    # draft-irtf-cfrg-xchacha-03 section 2.2.1
    key = bytes(range(32))
    nonce = bytes.fromhex("000000090000004a0000000031415927")
    assert lan_crypto.hchacha20(key, nonce).hex() == (
        "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc")


def test_xchacha20_poly1305_of_the_draft():
    # appendix A.3.1
    plain = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
             b"future, sunscreen would be it.")
    aad = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    key, nonce = bytes(range(0x80, 0xA0)), bytes(range(0x40, 0x58))
    sealed = lan_crypto.xseal(key, nonce, plain, aad)
    assert sealed[-16:].hex() == "c0875924c1c7987947deafd8780acf49"
    assert sealed[:16].hex() == "bd6d179d3e83d43b9576579493c0e939"
    assert lan_crypto.xopen(key, nonce, sealed, aad) == plain
    with pytest.raises(Refused):
        lan_crypto.xopen(key, nonce, sealed, b"")


@pytest.mark.parametrize("point", ["00" * 32, "01" + "00" * 31])
def test_points_of_low_order_are_refused(point):
    with pytest.raises(Refused):
        lan_crypto.dh(S_I, bytes.fromhex(point))
