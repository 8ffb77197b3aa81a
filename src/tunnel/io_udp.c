/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/io_udp.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

static void set_option(int fd, int level, int option, int value)
{
	/* What an old kernel does not know costs comfort, not function. */
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

/*
 * As much as the system lets everybody have; more where we may force it, and none less where
 * somebody who might has done so before. The kernel answers twice of what was asked for.
 */
static void widen(int fd, int option, int force)
{
	int now = 0;
	socklen_t size = sizeof(now);

	/*
	 * syscall: getsockopt(1 = SOL_SOCKET, 2 = SO_RCVBUF)
	 * syscall: getsockopt(1 = SOL_SOCKET, 2 = SO_SNDBUF)
	 * syscall: setsockopt(1 = SOL_SOCKET, 2 = SO_RCVBUF); where nobody did it before
	 * syscall: setsockopt(1 = SOL_SOCKET, 2 = SO_SNDBUF); where nobody did it before
	 * syscall: setsockopt(1 = SOL_SOCKET, 2 = SO_RCVBUFFORCE); where nobody did it before
	 * syscall: setsockopt(1 = SOL_SOCKET, 2 = SO_SNDBUFFORCE); where nobody did it before
	 */
	if (getsockopt(fd, SOL_SOCKET, option, &now, &size) == 0 && now >= 2 * UDP_SOCKET_BUFFER)
		return;
	set_option(fd, SOL_SOCKET, option, UDP_SOCKET_BUFFER);
	set_option(fd, SOL_SOCKET, force, UDP_SOCKET_BUFFER);
}

void io_udp_widen(int fd)
{
	widen(fd, SO_RCVBUF, SO_RCVBUFFORCE);
	widen(fd, SO_SNDBUF, SO_SNDBUFFORCE);
}

void io_udp_set(struct io_udp *udp, enum udp_family family, int fd)
{
	int only = 1;
	socklen_t size = sizeof(only);

	if (udp->fds[family] >= 0)
		close(udp->fds[family]); /* syscall: close */
	udp->fds[family] = fd;
	if (fd < 0)
		return;
	/* syscall: fcntl(1 = F_GETFL), fcntl(1 = F_SETFL) */
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	io_udp_widen(fd);
	/*
	 * syscall: setsockopt(1 = IPPROTO_UDP, 2 = UDP_GRO)
	 * syscall: setsockopt(1 = IPPROTO_IP, 2 = IP_MTU_DISCOVER)
	 * syscall: setsockopt(1 = IPPROTO_IP, 2 = IP_PKTINFO)
	 * syscall: setsockopt(1 = IPPROTO_IPV6, 2 = IPV6_MTU_DISCOVER)
	 * syscall: setsockopt(1 = IPPROTO_IPV6, 2 = IPV6_RECVPKTINFO)
	 * syscall: getsockopt(1 = IPPROTO_IPV6, 2 = IPV6_V6ONLY)
	 */
	/* Trains, where the kernel knows them: without, each datagram comes alone. */
	set_option(fd, IPPROTO_UDP, UDP_GRO, 1);
	udp->single[family] = false;
	/* PROBE: don't fragment, and believe no ICMP. A dual-stack socket needs IPv4's as well. */
	set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
	if (family == UDP_IPV4)
		return;
	set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
	set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	udp->dual_stack = getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size) == 0 && !only;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void prepare(struct udp_in *in, uint32_t i)
{
	in->parts[i] = (struct iovec){in->buffers[i], sizeof(in->buffers[i])};
	in->messages[i].msg_hdr = (struct msghdr){
		.msg_name = &in->addresses[i],
		.msg_namelen = sizeof(in->addresses[i]),
		.msg_iov = &in->parts[i],
		.msg_iovlen = 1,
		.msg_control = &in->controls[i],
		.msg_controllen = sizeof(in->controls[i]),
	};
}

bool io_udp_receive(struct io_udp *udp, enum udp_family family)
{
	struct udp_in *in = &udp->in;
	uint32_t first = in->end % UDP_BATCH, most = in->trains ? UDP_BATCH_TRAINS : UDP_BATCH;

	most = least(most, UDP_BATCH - (uint32_t)(in->end - in->kept));
	most = least(most, UDP_BATCH - first);
	for (uint32_t i = first; i < first + most; i++)
		prepare(in, i);
	/* syscall: recvmmsg */
	int n = most ? recvmmsg(udp->fds[family], in->messages + first, most, MSG_DONTWAIT, NULL)
		     : 0;
	in->batch = in->end;
	in->end += n < 0 ? 0 : (uint32_t)n;
	in->i = first;
	in->at = 0;
	in->trains = false;
	return n > 0;
}

void io_udp_release(struct io_udp *udp, uint64_t batch)
{
	struct udp_in *in = &udp->in;

	in->kept = batch < in->end ? batch : in->end;
	/* From the start again: memory that was not touched need not be. */
	if (in->kept == in->end)
		in->kept = in->batch = in->end = 0;
}

bool io_udp_is_crowded(const struct io_udp *udp)
{
	return udp->in.end - udp->in.kept > UDP_BATCH - UDP_BATCH_TRAINS;
}

static void read_control(struct udp_in *in, struct msghdr *header)
{
	struct endpoint *from = &in->from;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(from->local, &info.ipi_spec_dst, 4);
			from->interface = (uint32_t)info.ipi_ifindex;
			from->has_local = true;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			if (from->remote.family != 6)
				continue; /* of a mapped address: IP_PKTINFO tells it */
			memcpy(from->local, &info.ipi6_addr, 16);
			from->interface = info.ipi6_ifindex;
			from->has_local = true;
		} else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			int step;

			memcpy(&step, CMSG_DATA(c), sizeof(step));
			in->step = step > 0 ? (uint32_t)step : 0;
			in->trains = true;
		}
	}
}

static void read_address(const union udp_address *address, struct endpoint *from)
{
	memset(from, 0, sizeof(*from));
	if (address->any.sa_family == AF_INET) {
		from->remote.family = 4;
		from->remote.port = ntohs(address->in.sin_port);
		memcpy(from->remote.address, &address->in.sin_addr, 4);
	} else if (IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr)) {
		from->remote.family = 4;
		from->remote.port = ntohs(address->in6.sin6_port);
		memcpy(from->remote.address, &address->in6.sin6_addr.s6_addr[12], 4);
	} else {
		from->remote.family = 6;
		from->remote.port = ntohs(address->in6.sin6_port);
		from->remote.scope = address->in6.sin6_scope_id;
		memcpy(from->remote.address, &address->in6.sin6_addr, 16);
	}
}

/* The first of a message says who sent it, and what the datagrams in it are like. */
static void begin_message(struct udp_in *in)
{
	struct msghdr *header = &in->messages[in->i].msg_hdr;

	read_address(&in->addresses[in->i], &in->from);
	in->step = in->messages[in->i].msg_len;
	read_control(in, header);
	/* What was cut off is no message of ours: a size of 0 is refused as malformed. */
	if (header->msg_flags & MSG_TRUNC || !in->step)
		in->messages[in->i].msg_len = in->step = 0;
}

uint8_t *io_udp_next(struct io_udp *udp, size_t *size, const struct endpoint **from)
{
	struct udp_in *in = &udp->in;

	if (in->i == in->end - in->batch + in->batch % UDP_BATCH)
		return NULL;
	if (!in->at)
		begin_message(in);
	uint32_t left = in->messages[in->i].msg_len - in->at;
	uint8_t *datagram = in->buffers[in->i] + in->at;
	*size = left < in->step ? left : in->step;
	*from = &in->from;
	in->at += (uint32_t)*size;
	if (left <= in->step) {
		in->i++;
		in->at = 0;
	}
	if (*size > UDP_DATAGRAM_MAX)
		*size = 0;
	return datagram;
}
