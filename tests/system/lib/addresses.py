# SPDX-License-Identifier: LGPL-2.1-or-later
"""Addresses by netlink: the mark of who made one (IFA_PROTO), which older `ip` neither sets nor shows.

linux/if_addr.h, linux/rtnetlink.h; addresses are "10.0.0.1/24" or "fd00::1/64".
"""
import ipaddress
import socket
import struct

RTM_NEWADDR, RTM_GETADDR, NLMSG_DONE, NLMSG_ERROR = 20, 22, 3, 2
REQUEST_ACK_CREATE, REQUEST_DUMP = 0x1 | 0x4 | 0x400, 0x1 | 0x300
IFA_ADDRESS, IFA_LOCAL, IFA_PROTO = 1, 2, 11


def attribute(number, value):
    return struct.pack("=HH", 4 + len(value), number) + value + bytes(-len(value) % 4)


def talk(host, kind, flags, body):
    """The messages that answer, without their headers."""
    with host.entered(), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as door:
        door.sendto(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body, (0, 0))
        while True:
            data = door.recv(1 << 18)
            while data:
                size, kind = struct.unpack_from("=IH", data)
                if kind == NLMSG_ERROR:
                    error = struct.unpack_from("=i", data, 16)[0]
                    assert error == 0, error
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    return
                yield data[16:size]
                data = data[(size + 3) & ~3:]


def add(host, device, text, proto):
    address = ipaddress.ip_interface(text)
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    body = struct.pack("=BBBBI", family, address.network.prefixlen, 0, 0, host.link(device)["ifindex"])
    for number in (IFA_LOCAL, IFA_ADDRESS):
        body += attribute(number, address.ip.packed)
    list(talk(host, RTM_NEWADDR, REQUEST_ACK_CREATE, body + attribute(IFA_PROTO, bytes([proto]))))


def protos(host):
    """{"10.0.0.1/24": 77, …} of all that have one."""
    found = {}
    for message in talk(host, RTM_GETADDR, REQUEST_DUMP, struct.pack("=BBBBI", 0, 0, 0, 0, 0)):
        length, at, attributes = message[1], 8, {}
        while at + 4 <= len(message):
            size, number = struct.unpack_from("=HH", message, at)
            attributes[number] = message[at + 4:at + size]
            at += (size + 3) & ~3
        if IFA_PROTO in attributes:
            address = ipaddress.ip_address(attributes.get(IFA_LOCAL) or attributes[IFA_ADDRESS])
            found[f"{address}/{length}"] = attributes[IFA_PROTO][0]
    return found
