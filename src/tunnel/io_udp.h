/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The wire's door: one or two UDP sockets, many datagrams per system call, "don't fragment" on
 * all, and answers that leave from the address that was asked.
 */
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>
#include "tunnel/drop.h"
#include "tunnel/endpoint.h"
#include "tunnel/frame.h"

#define UDP_BATCH 64
#define UDP_DATAGRAM_MAX 16384
#define UDP_REFUSED 32
#define UDP_SOCKET_BUFFER (4 << 20)

enum udp_family { UDP_IPV4, UDP_IPV6, UDP_FAMILIES };

union udp_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* Room for both kinds of packet information: a dual-stack socket gives both. */
union udp_control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
		      CMSG_SPACE(sizeof(struct in_pktinfo))];
};

/* One direction's batch. */
struct udp_batch {
	struct mmsghdr messages[UDP_BATCH];
	struct iovec parts[UDP_BATCH];
	union udp_address addresses[UDP_BATCH];
	union udp_control controls[UDP_BATCH];
	uint8_t buffers[UDP_BATCH][FRAME_HEADROOM + UDP_DATAGRAM_MAX + FRAME_TAILROOM];
};

/* A datagram that was too big for the system. */
struct udp_refused {
	uint32_t peer_id;
	size_t size;
};

struct io_udp {
	int fds[UDP_FAMILIES]; /* -1: none */
	bool dual_stack;       /* the IPv6 socket carries IPv4 as well */
	struct udp_batch in, out;
	uint32_t n_out;
	uint8_t families[UDP_BATCH]; /* of what is in `out` */
	uint32_t peer_ids[UDP_BATCH];
	struct udp_refused refused[UDP_REFUSED]; /* since the caller last emptied it */
	uint32_t n_refused;
	uint64_t n_errors; /* datagrams lost otherwise */
};

/*
 * Makes its buffers large. Only who has CAP_NET_ADMIN gets all that is wanted, so whoever made the
 * socket calls it; a worker does what it can.
 */
void io_udp_widen(int fd);

/* Takes a socket over, sets its options, and closes an older one. */
void io_udp_set(struct io_udp *udp, enum udp_family family, int fd);

/*
 * Receives a batch from that socket: returns how many; datagram i is at io_udp_datagram, with
 * head- and tailroom, its sender in *from.
 */
int io_udp_receive(struct io_udp *udp, enum udp_family family);
uint8_t *io_udp_datagram(struct io_udp *udp, int i, size_t *size, struct endpoint *from);

/* As engine_ops has them; full batches are sent on the way. */
uint8_t *io_udp_room(struct io_udp *udp, size_t size);
void io_udp_send(struct io_udp *udp, const struct endpoint *to, uint8_t *datagram, size_t size,
		 uint32_t peer_id);

/* Sends what has gathered. */
void io_udp_flush(struct io_udp *udp);
