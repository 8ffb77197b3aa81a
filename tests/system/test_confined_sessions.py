# SPDX-License-Identifier: LGPL-2.1-or-later
"""The keys of sessions, which nobody is told, are found in a worker by trying all of its memory.

    guest-alpha      alpha                            beta      guest-beta
    eth0 ------ port0 [br0] lan0 ~~ wire0 -- wire0 ~~ lan0 [br0] port0 ------ eth0
"""
import struct

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from lib import frames, memory
from lib.fabric import Fabric
from lib.net import until
from test_confined import real_one, worker_of

CIPHERS = {"aes256gcm": (AESGCM, ">Q"), "chacha20poly1305": (ChaCha20Poly1305, "<Q")}
KEY, DATA = 32, 4


def data_message(frame):
    """The UDP payload of a packet, if it is a data message of a tunnel; else nothing."""
    if frame[12:14] != b"\x08\x00" or frame[23] != 17:
        return b""
    payload = frame[14 + 4 * (frame[14] & 15) + 8:]
    return payload if payload[:4] == bytes([DATA, 0, 0, 0]) else b""


def fits(key, message, cipher):
    """Is it the key of that data message? (doc/protocol.md sections 2 and 5.1)"""
    aead, order = CIPHERS[cipher]
    nonce = bytes(4) + struct.pack(order, *struct.unpack("<Q", message[8:16]))
    try:
        aead(key).decrypt(nonce, message[16:], None)
        return True
    except InvalidTag:
        return False


def candidates(content):
    """Whatever 32 bytes, at a multiple of 8, may be a key: no word of them is a small number or an address."""
    found = set()
    for page in range(0, len(content), 4096):
        bytes_then = content[page:page + 4096 + 24]
        if not any(bytes_then):
            continue
        words = memoryview(bytes_then)[:len(bytes_then) // 8 * 8].cast("Q")
        random = [word >> 48 != 0 for word in words]
        found |= {bytes_then[8 * at:8 * at + KEY] for at in range(len(words) - 3) if all(random[at:at + 4])}
    return found


def search(pid, message, cipher):
    """For each mapping that is written to: its name, flags, how often the key is in it, of how many tried."""
    for name, flags, content in memory.contents(pid):
        if "wr" in flags:
            keys = candidates(content)
            yield name, flags, sum(fits(key, message, cipher) for key in keys), len(keys)


@real_one
@pytest.mark.parametrize("cipher", CIPHERS)
def test_session_keys_are_in_guarded_memory_only(net, cipher):
    fabric = Fabric(net, tunnel=f", cipher: {cipher}")
    fabric.up()
    here, alpha = fabric.guests[0], fabric.hosts[0]
    here.ping("10.77.0.12", wait=3)
    for _ in range(3):  # two hosts that begin at the same moment soon leave one of their two sessions
        with frames.Packet(alpha, "wire0", data_message, outgoing=True) as wire:
            here.ping("10.77.0.12", wait=3)
            messages = [data_message(frame) for frame in wire.receive(2, 5)]
        assert len(messages) == 2
        n_found = n_tried = 0
        for message in messages:
            for name, flags, found, tried in search(worker_of(alpha), message, cipher):
                assert not found or {"lo", "dd", "wf"} <= flags, (name, flags)
                n_found += found
                n_tried += tried
        if n_found >= 2:
            break
    print(f"{n_tried} keys tried on two messages, {n_found} fitted, all in locked memory that is not dumped")
    assert n_found >= 2, "they are there, so the search finds them"
