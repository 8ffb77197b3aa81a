/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The wire's door: one or two UDP sockets, many datagrams per system call (in trains, by
 * UDP_SEGMENT and UDP_GRO, where they are of one size), "don't fragment" on all, and answers that
 * leave from the address that was asked. io_udp.c receives, io_udp_send.c sends.
 */
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>
#include "tunnel/drop.h"
#include "tunnel/endpoint.h"
#include "tunnel/frame.h"

#define UDP_BATCH_TRAINS 4     /* received at once, of up to 64 KiB each */
#define UDP_BATCH 64	       /* trains per system call, and datagrams where there are no trains */
#define UDP_DATAGRAM_MAX 16384 /* of one */
#define UDP_TRAIN_MAX 65487    /* what an IPv6 packet has room for */
#define UDP_TRAIN_LEN 64       /* datagrams; older kernels take no more */
#define UDP_OUT_SIZE (4 * 65536)
#define UDP_OUT_SOON 65536 /* so much shall not wait for more */
#define UDP_REFUSED 32
#define UDP_SOCKET_BUFFER (4 << 20)

enum udp_family { UDP_IPV4, UDP_IPV6, UDP_FAMILIES };

union udp_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* Room for both kinds of packet information (a dual-stack socket gives both) and a size. */
union udp_control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
		      CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

/* Datagrams of one size to one endpoint (the last may be shorter), side by side. */
struct udp_train {
	struct endpoint to;
	uint32_t peer_id;
	enum udp_family family;
	int fd;
	uint32_t start, size; /* in the buffer */
	uint32_t step, n;     /* size and number of datagrams */
};

/* What goes out. */
struct udp_out {
	struct udp_train trains[UDP_BATCH];
	struct mmsghdr messages[UDP_BATCH];
	struct iovec parts[UDP_BATCH];
	union udp_address addresses[UDP_BATCH];
	union udp_control controls[UDP_BATCH];
	uint32_t n, size; /* trains, bytes of the buffer */
	uint8_t buffer[UDP_OUT_SIZE];
};

/* What came in: each message is a train or one datagram. */
struct udp_in {
	struct mmsghdr messages[UDP_BATCH];
	struct iovec parts[UDP_BATCH];
	union udp_address addresses[UDP_BATCH];
	union udp_control controls[UDP_BATCH];
	/* Counted from the start on; their buffers are a ring. Below `kept` they may be
	 * overwritten. */
	uint64_t kept, batch, end; /* `batch`: the first of the last batch; `end`: behind it */
	uint32_t i, at;		   /* the one that is handed out, and from where */
	uint32_t step;		   /* of its datagrams */
	struct endpoint from;
	bool trains; /* the last batch had some: fewer messages fill the caches */
	uint8_t buffers[UDP_BATCH][65536 + 64];
};

/* A datagram that was too big for the system. */
struct udp_refused {
	uint32_t peer_id;
	size_t size;
};

struct io_udp {
	/*
	 * Of all lanes: each sends from the socket that endpoint.lane says. NULL: there is this one
	 * only. Others look at fds and dual_stack alone, and must not while they change.
	 */
	struct io_udp *const *lanes;
	int fds[UDP_FAMILIES];	   /* -1: none */
	bool dual_stack;	   /* the IPv6 socket carries IPv4 as well */
	bool single[UDP_FAMILIES]; /* the kernel, or the way out, takes no trains */
	struct udp_in in;
	struct udp_out out;
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
 * Receives a batch from that socket: io_udp_next hands it out. It goes where nothing is kept.
 * False: there was none, or no room.
 */
bool io_udp_receive(struct io_udp *udp, enum udp_family family);

/*
 * The next datagram of the batch, NULL after the last; its sender in *from, which is the same place
 * for all. It may be written to; it stays until io_udp_release.
 */
uint8_t *io_udp_next(struct io_udp *udp, size_t *size, const struct endpoint **from);

/* The number of the batch that was received last. */
static inline uint64_t io_udp_batch(const struct io_udp *udp)
{
	return udp->in.batch;
}

/* What came before that batch is wanted no more; UINT64_MAX: nor is the last one. */
void io_udp_release(struct io_udp *udp, uint64_t batch);

/* Room for no whole batch? */
bool io_udp_is_crowded(const struct io_udp *udp);

/* As engine_ops has them; what has gathered is sent when there is no room for more. */
uint8_t *io_udp_room(struct io_udp *udp, size_t size);
void io_udp_send(struct io_udp *udp, const struct endpoint *to, uint8_t *datagram, size_t size,
		 uint32_t peer_id);

/* Is so much gathered that it should go, whatever else is to come? */
static inline bool io_udp_is_full(const struct io_udp *udp)
{
	return udp->out.size >= UDP_OUT_SOON;
}

/* Sends what has gathered. */
void io_udp_flush(struct io_udp *udp);
