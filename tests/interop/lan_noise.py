# SPDX-License-Identifier: LGPL-2.1-or-later
"""Handshake messages, their MACs and cookies, by doc/protocol.md sections 3 and 4."""
import struct

from lan_crypto import KEY_SIZE, SUITES, ZERO_KEY, Refused, dh, hash, kdf, mac, public_of, xopen, xseal

INITIATION, RESPONSE, COOKIE, DATA = 1, 2, 3, 4
INITIATION_SIZE, RESPONSE_SIZE, COOKIE_SIZE, DATA_MIN = 148, 92, 64, 32
SIZES = {INITIATION: INITIATION_SIZE, RESPONSE: RESPONSE_SIZE, COOKIE: COOKIE_SIZE}
TAI_BASE = 0x400000000000000A
NO_MAC = bytes(16)


def message_type(message):
    """The type of a message whose outer form is right."""
    if len(message) < DATA_MIN or message[1:4] != bytes(3):
        raise Refused("too short, or reserved bytes are not zero")
    if message[0] != DATA and SIZES.get(message[0]) != len(message):
        raise Refused("no such type, or not of its length")
    return message[0]


def tai64n(seconds):
    """12 bytes of a wall clock time, its low 24 bits of nanoseconds cleared."""
    whole = int(seconds)
    nanoseconds = int((seconds - whole) * 1e9) & ~0xFFFFFF
    return struct.pack(">QI", TAI_BASE + whole, nanoseconds)


class Noise:
    """C and H of one handshake."""

    def __init__(self, suite, responder_public):
        self.suite = suite
        self.chain = hash(suite.construction)
        self.hash = hash(hash(self.chain, suite.identifier), responder_public)

    def mix_hash(self, data):
        self.hash = hash(self.hash, data)

    def mix_ephemeral(self, public):
        self.chain, = kdf(1, self.chain, public)
        self.mix_hash(public)

    def mix_chain(self, secret):
        self.chain, = kdf(1, self.chain, secret)

    def mix_key(self, secret):
        self.chain, key = kdf(2, self.chain, secret)
        return key

    def seal(self, key, plain):
        sealed = self.suite.seal(key, 0, 0, plain, self.hash)
        self.mix_hash(sealed)
        return sealed

    def open(self, key, sealed):
        plain = self.suite.open(key, 0, 0, sealed, self.hash)
        self.mix_hash(sealed)
        return plain

    def mix_psk(self, psk):
        self.chain, temporary, key = kdf(3, self.chain, psk)
        self.mix_hash(temporary)
        return key

    def transport_keys(self):
        """T_i, T_r."""
        return kdf(2, self.chain, b"")


class Initiator:
    """One initiation and the response to it."""

    def __init__(self, suite, private, responder_public, psk=ZERO_KEY):
        self.suite = suite
        self.private = private
        self.responder_public = responder_public
        self.psk = psk

    def initiation(self, index, ephemeral, timestamp):
        """The message up to mac1."""
        self.index = index
        self.ephemeral = ephemeral
        self.noise = noise = Noise(self.suite, self.responder_public)
        public = public_of(ephemeral)
        noise.mix_ephemeral(public)
        key = noise.mix_key(dh(ephemeral, self.responder_public))
        static = noise.seal(key, public_of(self.private))
        key = noise.mix_key(dh(self.private, self.responder_public))
        stamp = noise.seal(key, timestamp)
        return struct.pack("<II", INITIATION, index) + public + static + stamp

    def finish(self, response):
        """T_i, T_r and the responder's index, from a response that verifies."""
        their_index, my_index = struct.unpack_from("<II", response, 4)
        if my_index != self.index:
            raise Refused("not the answer to this initiation")
        noise = Noise.__new__(Noise)
        noise.__dict__.update(self.noise.__dict__)  # a forged response must not spoil the state
        public = response[12:44]
        noise.mix_ephemeral(public)
        noise.mix_chain(dh(self.ephemeral, public))
        noise.mix_chain(dh(self.private, public))
        noise.open(noise.mix_psk(self.psk), response[44:60])
        return (*noise.transport_keys(), their_index)


class Responder:
    """Opens an initiation, then answers it."""

    def __init__(self, suite, private, message):
        self.noise = noise = Noise(suite, public_of(private))
        self.suite = suite
        self.their_index, = struct.unpack_from("<I", message, 4)
        self.their_ephemeral = message[8:40]
        noise.mix_ephemeral(self.their_ephemeral)
        key = noise.mix_key(dh(private, self.their_ephemeral))
        self.initiator_public = noise.open(key, message[40:88])
        key = noise.mix_key(dh(private, self.initiator_public))
        self.timestamp = noise.open(key, message[88:116])

    def response(self, index, ephemeral, psk=ZERO_KEY):
        """The message up to mac1."""
        noise = self.noise
        public = public_of(ephemeral)
        noise.mix_ephemeral(public)
        noise.mix_chain(dh(ephemeral, self.their_ephemeral))
        noise.mix_chain(dh(ephemeral, self.initiator_public))
        empty = noise.seal(noise.mix_psk(psk), b"")
        return struct.pack("<III", RESPONSE, index, self.their_index) + public + empty


def with_macs(suite, to_public, message, cookie=None):
    """A handshake message completed; cookie: the value, if one is at hand."""
    message += mac(hash(suite.label_mac1, to_public), message)
    return message + (mac(cookie, message) if cookie else NO_MAC)


def suite_of(message, my_public, suites=SUITES):
    """The suite whose mac1 verifies."""
    for suite in suites:
        if mac(hash(suite.label_mac1, my_public), message[:-32]) == message[-32:-16]:
            return suite
    raise Refused("mac1")


def mac1_of(message):
    return message[-32:-16]


def cookie_value(secret, address, port):
    """address: its 4 or 16 bytes."""
    return mac(secret, address + struct.pack(">H", port))


def mac2_is_right(message, cookie):
    return mac(cookie, message[:-16]) == message[-16:]


def cookie_reply(suite, my_public, message, nonce, value):
    """What a host under load answers a handshake message with."""
    assert len(nonce) == 24 and len(my_public) == KEY_SIZE
    sealed = xseal(hash(suite.label_cookie, my_public), nonce, value, mac1_of(message))
    return struct.pack("<I", COOKIE) + message[4:8] + nonce + sealed


def open_cookie_reply(suite, their_public, reply, mac1):
    """The cookie's value; mac1: that of the message it answers."""
    return xopen(hash(suite.label_cookie, their_public), reply[8:32], reply[32:64], mac1)
