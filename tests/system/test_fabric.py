# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two hosts become one Ethernet from one file.

    guest-alpha      alpha                            beta      guest-beta
    eth0 ------ port0 [br0] lan0 ~~ wire0 -- wire0 ~~ lan0 [br0] port0 ------ eth0
    10.77.0.11                   10.99.0.1   10.99.0.2                  10.77.0.12

Where frames are compared byte for byte, port0 is a TAP that the test holds open on both hosts: what
is written to the one has to come out of the other.
"""
import json
import struct

import pytest
from lib import frames
from lib.fabric import Fabric
from lib.net import until

ALPHA, BETA = "02:aa:00:00:00:01", "02:aa:00:00:00:02"


@pytest.fixture
def fabric(net):
    made = Fabric(net)
    made.up()
    return made


def test_guests_ping_at_once(fabric):
    alpha, beta = fabric.guests
    # "At once": no packet is lost to the first handshake, and none to a port that listens first.
    assert alpha.ping("10.77.0.12", count=1, wait=3)
    assert beta.ping("10.77.0.11", count=1, wait=3)
    fabric.joined()


@pytest.mark.parametrize("size", [56, 1472])
def test_full_frames_cross_a_1500_byte_path(fabric, size):
    alpha = fabric.guests[0]
    done = alpha.run("ping", "-n", "-M", "do", "-c", "5", "-i", "0.2", "-W", "2", "-s", size,
                     "10.77.0.12")
    assert " 0% packet loss" in done.stdout


def ours(frame):
    return frame[:3] == b"\x02\xaa\x00" and frame[6:9] == b"\x02\xaa\x00"


def open_taps(net, **options):
    fabric = Fabric(net, taps=True, **options)
    fabric.up()
    ends = [frames.Tap(host, "port0", ours) for host in fabric.hosts]
    for host in fabric.hosts:
        until(lambda host=host: "LOWER_UP" in host.link("port0")["flags"], 5, "the TAP has carrier")
    return fabric, ends


def learn(ends):
    """One frame each way, so that both bridges and tunnels know where the addresses are."""
    one, other = ends
    frames.assert_carried(one, other, [frames.plain(BETA, ALPHA, 60, 1)])
    frames.assert_carried(other, one, [frames.plain(ALPHA, BETA, 60, 2)])


def train(dst, src, saddr, daddr, start, count, size):
    """TCP segments as a sender makes them: sequence numbers and packet numbers without a gap."""
    return [frames.tcp(dst, src, saddr, daddr, start + i * size, frames.pattern(i, size), ident=i)
            for i in range(count)]


@pytest.mark.limit(240)
@pytest.mark.parametrize("wire_mtu", [1500, 1400])
def test_every_size_arrives_byte_equal(net, wire_mtu):
    _, ends = open_taps(net, wire_mtu=wire_mtu)
    learn(ends)
    for sender, receiver, dst, src in ((*ends, BETA, ALPHA), (*ends[::-1], ALPHA, BETA)):
        for size in range(60, 1515):
            frames.assert_carried(sender, receiver,
                                  [frames.plain(dst, src, size, seed) for seed in range(20)], 20)
    for end in ends:
        end.close()


@pytest.mark.limit(120)
def test_trains_of_tcp_segments_arrive_as_they_were(net):
    _, ends = open_taps(net)
    learn(ends)
    # Not below 6: a bridge with br_netfilter cuts off the padding of an IP packet in a 60-byte frame.
    for size in (6, 100, 536, 1000, 1447, 1448, 1459, 1460):
        segments = train(BETA, ALPHA, "10.77.0.11", "10.77.0.12", 4294960000, 64, size)
        frames.assert_carried(*ends, segments, window=32)
    # Trains that look alike but must not be joined: a gap, another flag, another size in the midst.
    segments = train(BETA, ALPHA, "10.77.0.11", "10.77.0.12", 1000, 32, 1448)
    frames.assert_carried(*ends, segments[:5] + segments[6:12] + segments[13:], window=32)
    odd = frames.tcp(BETA, ALPHA, "10.77.0.11", "10.77.0.12", 1000 + 6 * 1448,
                     frames.pattern(6, 700), flags=0x18, ident=6)
    frames.assert_carried(*ends, segments[:6] + [odd] + segments[7:], window=32)
    # A wrong checksum is not ours to mend.
    broken = bytearray(segments[3])
    broken[50] ^= 0xFF
    frames.assert_carried(*ends, segments[:3] + [bytes(broken)] + segments[4:], window=32)
    for end in ends:
        end.close()


VIRTIO_TCPV4 = 1
VIRTIO_NEEDS_CSUM = 1
PACKET_VNET_HDR = 15


def super_frame(segments, size):
    """What a sender with segmentation offload hands over for these segments."""
    first = bytearray(segments[0])
    payload = b"".join(segment[54:] for segment in segments)
    first[16:18] = struct.pack("!H", 40 + len(payload))
    first[24:26] = b"\0\0"
    first[24:26] = struct.pack("!H", frames.checksum(bytes(first[14:34])))
    pseudo = bytes(first[26:34]) + struct.pack("!BBH", 0, 6, 20 + len(payload))
    first[50:52] = struct.pack("!H", ~frames.checksum(pseudo) & 0xFFFF)
    header = struct.pack("=BBHHHH", VIRTIO_NEEDS_CSUM, VIRTIO_TCPV4, 54, size, 34, 16)
    return header + bytes(first[:54]) + payload


@pytest.mark.parametrize("size", [536, 1300, 1448])
def test_a_super_frame_comes_out_cut(net, size):
    """The guest on alpha sends 40 segments as one frame, as a VM with offloads does. What would need
    pieces on this path is cut to smaller segments."""
    fabric = Fabric(net, taps=True)
    alpha, _ = fabric.hosts
    guest = net.host("guest")
    net.wire(guest, "eth0", alpha, "vguest")
    fabric.path.write_text(fabric.path.read_text().replace(
        "  alpha:\n", "  alpha:\n    bridges: {br0: {interfaces: [vguest]}}\n"))
    fabric.up()
    segments = train(BETA, ALPHA, "10.77.0.11", "10.77.0.12", 5000, 40, size)
    whole = super_frame(segments, size)
    if size > 1378:  # 1500 less what the tunnel adds, less Ethernet, IPv4 and TCP
        text = b"".join(segment[54:] for segment in segments)
        segments = [frames.tcp(BETA, ALPHA, "10.77.0.11", "10.77.0.12", 5000 + at, text[at:at + 1378],
                               ident=at // 1378) for at in range(0, len(text), 1378)]
    with frames.Tap(fabric.hosts[1], "port0", ours) as tap, frames.Packet(guest, "eth0") as sender:
        until(lambda: "LOWER_UP" in fabric.hosts[1].link("port0")["flags"], 5, "carrier")
        frames.assert_carried(sender, tap, [frames.plain(BETA, ALPHA, 60, 1)])
        sender.socket.setsockopt(frames.SOL_PACKET, PACKET_VNET_HDR, 1)
        sender.send(whole)
        got = tap.receive(len(segments), 5)
    assert [len(frame) for frame in got] == [len(segment) for segment in segments]
    assert got == segments


@pytest.mark.limit(120)
def test_thirty_seconds_without_a_silent_one(fabric):
    alpha, beta = fabric.guests
    server = beta.start("iperf3", "-s", "-1", "-B", "10.77.0.12")
    until(lambda: ":5201 " in beta.run("ss", "-ltn").stdout, 5, "iperf3 listens")
    done = alpha.run("iperf3", "-c", "10.77.0.12", "-t", "30", "-i", "1", "-J", timeout=60)
    server.wait(10)
    seconds = [interval["sum"]["bytes"] for interval in json.loads(done.stdout)["intervals"]]
    assert len(seconds) >= 30 and min(seconds) > 0, f"bytes in each second: {seconds}"


@pytest.mark.parametrize("count", [3, 4])
def test_a_broadcast_reaches_each_host_once(net, count):
    """With the hosts on a switch; every tunnel has all others as peers."""
    fabric = Fabric(net, count=count, taps=True)
    fabric.up()
    ends = [frames.Tap(host, "port0", ours_or_broadcast) for host in fabric.hosts]
    for host in fabric.hosts:
        until(lambda host=host: "LOWER_UP" in host.link("port0")["flags"], 5, "the TAP has carrier")
    for number, sender in enumerate(ends):
        source = f"02:aa:00:00:00:{number + 1:02x}"
        sent = [frames.plain("ff:ff:ff:ff:ff:ff", source, 100, seed) for seed in range(10)]
        for frame in sent:
            sender.send(frame)
        for other in ends:
            got = other.receive(30, 1)
            assert got == ([] if other is sender else sent)
    for end in ends:
        end.close()


def ours_or_broadcast(frame):
    return frame[6:9] == b"\x02\xaa\x00" and frame[12:14] == b"\x88\xb5"


def test_the_wire_shows_nothing_of_what_is_said(fabric):
    alpha, beta = fabric.hosts
    word = b"the-word-that-nobody-may-read"
    with frames.Packet(alpha, "wire0", outgoing=True) as wire:
        fabric.guests[0].run("ping", "-n", "-c", "5", "-i", "0.2", "-p", word.hex()[:32],
                             "-s", "200", "10.77.0.12")
        seen = wire.receive(1000, 0.5)
    assert len(seen) >= 10
    assert not [frame for frame in seen if word[:16] in frame]
    # Not even the guests' addresses are to be seen.
    mac = frames.mac(fabric.guests[0].link("eth0")["address"])
    assert not [frame for frame in seen if mac in frame]
