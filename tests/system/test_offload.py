# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests that leave segmentation and checksums to others, as VMs do.

    guest-alpha      alpha                            beta      guest-beta
    eth0 ------ port0 [br0] lan0 ~~ wire0 -- wire0 ~~ lan0 [br0] port0 ------ eth0

Where a test switches port0's offloads off, the host has to cut and to compute before a frame leaves
for the guest: so what is seen at the guest's eth0 is what a real card would put on a wire.
"""
import random
import struct

import pytest
from lib import bulk
from lib.bulk import MIB
from lib.fabric import Fabric


@pytest.fixture(params=["v4", "v6"])
def guests(request, net):
    fabric = Fabric(net)
    fabric.up()
    fabric.joined()
    addresses = ["10.77.0.11", "10.77.0.12"]
    if request.param == "v6":
        addresses = ["fd77::11", "fd77::12"]
        for guest, address in zip(fabric.guests, addresses):
            guest.ip("addr", "add", f"{address}/64", "dev", "eth0", "nodad")
    return fabric, fabric.guests, addresses


@pytest.mark.limit(180)
def test_content_is_the_same_by_hash(guests):
    """Both ways, in writes of many sizes, through a host that cuts by itself and one that need not."""
    fabric, (here, there), addresses = guests
    bulk.no_offloads(fabric.hosts[1])
    for sizes, size in (([MIB], 40 * MIB), ([1, 3000, 70000, 17, 1400], 8 * MIB)):
        for sender, receiver, address in ((here, there, addresses[1]), (there, here, addresses[0])):
            assert bulk.carry(sender, receiver, address, bulk.text_of(size, size), sizes)


@pytest.mark.limit(120)
def test_every_checksum_and_size_is_right_at_the_far_end(guests):
    fabric, (here, there), addresses = guests
    bulk.no_offloads(fabric.hosts[1])
    watch = bulk.Watch(there)
    same = bulk.carry(here, there, addresses[1], bulk.text_of(1, 6 * MIB), [MIB, 999])
    watch.end()
    assert same
    assert watch.wrong == []
    assert watch.seen > 1000 and watch.longest <= 1514
    print(f"{watch.seen} packets of at most {watch.longest} bytes")


def test_datagrams_that_are_cut_keep_their_sizes(guests):
    fabric, (here, there), addresses = guests
    bulk.no_offloads(fabric.hosts[1])
    sizes = (1200, 100, 1372, 9) if ":" in addresses[1] else (1200, 100, 1372, 1452, 9)
    bulk.datagrams_keep_sizes(here, there, addresses[1], sizes)


def test_small_datagrams_stay_in_order(guests):
    _, (here, there), addresses = guests
    with bulk.datagrams(here, there, addresses[1]) as (sender, receiver):
        lengths = random.Random(7)
        for burst in range(40):
            sent = [struct.pack("!II", burst, number) + bytes(lengths.choice((0, 10, 10, 10, 1300)))
                    for number in range(100)]
            for one in sent:
                sender.send(one)
            assert [receiver.recv(2000) for _ in sent] == sent
