# SPDX-License-Identifier: LGPL-2.1-or-later
"""The primitives of mode lan, by doc/protocol.md sections 1 and 2.

Written for reading, not for speed: the second opinion that the engine is compared with. What is
kept secret in a real host is not wiped here.
"""
import dataclasses
import hashlib
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEY_SIZE = 32
TAG_SIZE = 16
ZERO_KEY = bytes(KEY_SIZE)


class Refused(Exception):
    """A message that the protocol says to drop; the text says why."""


@dataclasses.dataclass(frozen=True)
class Suite:
    word: str  # of the description's `cipher`
    construction: bytes
    identifier: bytes
    label_mac1: bytes
    label_cookie: bytes
    aead: type
    counter: str  # how the nonce holds the counter, for struct
    rekey_after: int
    refuse_after: int

    def nonce(self, lane, counter):
        return bytes([0, 0, 0, lane]) + struct.pack(self.counter, counter)

    def seal(self, key, lane, counter, plain, aad):
        return self.aead(key).encrypt(self.nonce(lane, counter), plain, aad)

    def open(self, key, lane, counter, sealed, aad):
        if len(sealed) < TAG_SIZE:
            raise Refused("shorter than a tag")
        try:
            return self.aead(key).decrypt(self.nonce(lane, counter), sealed, aad)
        except InvalidTag:
            raise Refused("did not authenticate") from None


CHACHA = Suite("chacha20poly1305", b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s",
               b"lanloom lan v1 chacha20poly1305", b"mac1-l2c", b"cook-l2c", ChaCha20Poly1305, "<Q",
               1 << 60, (1 << 64) - (1 << 13) - 1)
AES = Suite("aes256gcm", b"Noise_IKpsk2_25519_AESGCM_BLAKE2s", b"lanloom lan v1 aes256gcm",
            b"mac1-l2a", b"cook-l2a", AESGCM, ">Q", 1 << 26, 1 << 27)
SUITES = (CHACHA, AES)


def public_of(private):
    key = x25519.X25519PrivateKey.from_private_bytes(private)
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def dh(private, public):
    try:
        return x25519.X25519PrivateKey.from_private_bytes(private).exchange(
            x25519.X25519PublicKey.from_public_bytes(public))
    except ValueError:  # how the library reports a result of zeros
        raise Refused("an all-zero Diffie-Hellman result") from None


def hash(*parts):  # noqa: A001 - the document's name
    return hashlib.blake2s(b"".join(parts)).digest()


def mac(key, text):
    return hashlib.blake2s(text, key=key, digest_size=16).digest()


def hmac(key, text):
    """RFC 2104 by hand: keys here are never longer than a block."""
    block = key.ljust(64, b"\0")
    inner = hash(bytes(b ^ 0x36 for b in block), text)
    return hash(bytes(b ^ 0x5C for b in block), inner)


def kdf(n, key, text):
    """KDFn: a list of n keys."""
    root = hmac(key, text)
    keys = [hmac(root, b"\x01")]
    while len(keys) < n:
        keys.append(hmac(root, keys[-1] + bytes([len(keys) + 1])))
    return keys


def rotated(word, bits):
    word &= 0xFFFFFFFF
    return (word << bits | word >> (32 - bits)) & 0xFFFFFFFF


def quarter_round(x, a, b, c, d):
    for one, two, three, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        x[one] = (x[one] + x[two]) & 0xFFFFFFFF
        x[three] = rotated(x[three] ^ x[one], bits)


def hchacha20(key, nonce16):
    """draft-irtf-cfrg-xchacha-03 section 2.2: ChaCha's rounds without the last addition."""
    x = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce16))
    for _ in range(10):
        for column in range(4):
            quarter_round(x, column, 4 + column, 8 + column, 12 + column)
        for i in range(4):
            quarter_round(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<8I", *x[:4], *x[12:])


def xseal(key, nonce24, plain, aad):
    inner = ChaCha20Poly1305(hchacha20(key, nonce24[:16]))
    return inner.encrypt(bytes(4) + nonce24[16:], plain, aad)


def xopen(key, nonce24, sealed, aad):
    inner = ChaCha20Poly1305(hchacha20(key, nonce24[:16]))
    try:
        return inner.decrypt(bytes(4) + nonce24[16:], sealed, aad)
    except InvalidTag:
        raise Refused("did not authenticate") from None
