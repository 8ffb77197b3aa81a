/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/io_udp.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define FULL_WAIT_MS 5 /* for a socket buffer that is full */

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
	 * syscall: setsockopt(1 = IPPROTO_IP, 2 = IP_MTU_DISCOVER)
	 * syscall: setsockopt(1 = IPPROTO_IP, 2 = IP_PKTINFO)
	 * syscall: setsockopt(1 = IPPROTO_IPV6, 2 = IPV6_MTU_DISCOVER)
	 * syscall: setsockopt(1 = IPPROTO_IPV6, 2 = IPV6_RECVPKTINFO)
	 * syscall: getsockopt(1 = IPPROTO_IPV6, 2 = IPV6_V6ONLY)
	 */
	/* PROBE: don't fragment, and believe no ICMP. A dual-stack socket needs IPv4's as well. */
	set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
	if (family == UDP_IPV4)
		return;
	set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
	set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	udp->dual_stack = getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size) == 0 && !only;
}

static void prepare(struct udp_batch *batch, int i, size_t size)
{
	batch->parts[i] = (struct iovec){batch->buffers[i] + FRAME_HEADROOM, size};
	batch->messages[i].msg_hdr = (struct msghdr){
		.msg_name = &batch->addresses[i],
		.msg_namelen = sizeof(batch->addresses[i]),
		.msg_iov = &batch->parts[i],
		.msg_iovlen = 1,
		.msg_control = &batch->controls[i],
		.msg_controllen = sizeof(batch->controls[i]),
	};
}

int io_udp_receive(struct io_udp *udp, enum udp_family family)
{
	for (int i = 0; i < UDP_BATCH; i++)
		prepare(&udp->in, i, UDP_DATAGRAM_MAX);
	/* syscall: recvmmsg */
	int n = recvmmsg(udp->fds[family], udp->in.messages, UDP_BATCH, MSG_DONTWAIT, NULL);
	return n < 0 ? 0 : n;
}

static void read_control(struct msghdr *header, struct endpoint *from)
{
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
		}
	}
}

uint8_t *io_udp_datagram(struct io_udp *udp, int i, size_t *size, struct endpoint *from)
{
	const union udp_address *address = &udp->in.addresses[i];
	struct msghdr *header = &udp->in.messages[i].msg_hdr;

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
	read_control(header, from);
	/* What was cut off is no message of ours: a size of 0 is refused as malformed. */
	*size = header->msg_flags & MSG_TRUNC ? 0 : udp->in.messages[i].msg_len;
	return udp->in.buffers[i] + FRAME_HEADROOM;
}

static void put_address(const struct control_endpoint *to, bool mapped, union udp_address *out,
			socklen_t *size)
{
	if (to->family == 4 && !mapped) {
		out->in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(to->port)};
		memcpy(&out->in.sin_addr, to->address, 4);
		*size = sizeof(out->in);
		return;
	}
	out->in6 = (struct sockaddr_in6){
		.sin6_family = AF_INET6, .sin6_port = htons(to->port), .sin6_scope_id = to->scope};
	if (mapped) {
		out->in6.sin6_addr.s6_addr[10] = out->in6.sin6_addr.s6_addr[11] = 0xff;
		memcpy(&out->in6.sin6_addr.s6_addr[12], to->address, 4);
	} else {
		memcpy(&out->in6.sin6_addr, to->address, 16);
	}
	*size = sizeof(out->in6);
}

/* Says which of our addresses to send from; the interface only where the address needs one. */
static void put_control(const struct endpoint *to, struct msghdr *header)
{
	if (!to->has_local) {
		header->msg_control = NULL;
		header->msg_controllen = 0;
		return;
	}
	struct cmsghdr *c = header->msg_control;
	if (to->remote.family == 4) {
		struct in_pktinfo info = {0};

		memcpy(&info.ipi_spec_dst, to->local, 4);
		header->msg_controllen = CMSG_SPACE(sizeof(info));
		*c = (struct cmsghdr){CMSG_LEN(sizeof(info)), IPPROTO_IP, IP_PKTINFO};
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	} else {
		struct in6_pktinfo info = {.ipi6_ifindex = to->remote.scope ? to->interface : 0};

		memcpy(&info.ipi6_addr, to->local, 16);
		header->msg_controllen = CMSG_SPACE(sizeof(info));
		*c = (struct cmsghdr){CMSG_LEN(sizeof(info)), IPPROTO_IPV6, IPV6_PKTINFO};
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
}

uint8_t *io_udp_room(struct io_udp *udp, size_t size)
{
	if (size > UDP_DATAGRAM_MAX)
		return NULL;
	if (udp->n_out == UDP_BATCH)
		io_udp_flush(udp);
	return udp->out.buffers[udp->n_out] + FRAME_HEADROOM;
}

void io_udp_send(struct io_udp *udp, const struct endpoint *to, uint8_t *datagram, size_t size,
		 uint32_t peer_id)
{
	uint32_t i = udp->n_out;
	bool mapped = to->remote.family == 4 && udp->fds[UDP_IPV4] < 0;
	enum udp_family family = to->remote.family == 6 || mapped ? UDP_IPV6 : UDP_IPV4;

	if (udp->fds[family] < 0 || (mapped && !udp->dual_stack)) {
		udp->n_errors++;
		return;
	}
	prepare(&udp->out, (int)i, size);
	struct msghdr *header = &udp->out.messages[i].msg_hdr;
	put_address(&to->remote, mapped, &udp->out.addresses[i], &header->msg_namelen);
	put_control(to, header);
	udp->families[i] = (uint8_t)family;
	udp->peer_ids[i] = peer_id;
	udp->n_out++;
}

/* The datagram could not be sent. True: try it again, it has been changed or there is room now. */
static bool retry(struct io_udp *udp, int fd, uint32_t i, int error, bool *waited)
{
	struct msghdr *header = &udp->out.messages[i].msg_hdr;

	if (error == EINTR)
		return true;
	if (error == EMSGSIZE) {
		if (udp->n_refused < UDP_REFUSED)
			udp->refused[udp->n_refused++] =
				(struct udp_refused){udp->peer_ids[i], udp->out.parts[i].iov_len};
		else
			udp->n_errors++;
		return false;
	}
	if ((error == EAGAIN || error == ENOBUFS) && !*waited) {
		struct pollfd full = {.fd = fd, .events = POLLOUT};

		/* syscall: poll */
		/* syscall: ppoll; where there is no poll */
		*waited = true;
		return poll(&full, 1, FULL_WAIT_MS) > 0;
	}
	if (header->msg_control) {
		/* Our address may have gone: let the routing choose. */
		header->msg_control = NULL;
		header->msg_controllen = 0;
		return true;
	}
	udp->n_errors++;
	return false;
}

void io_udp_flush(struct io_udp *udp)
{
	uint32_t at = 0;
	bool waited = false;

	while (at < udp->n_out) {
		uint32_t end = at + 1;

		while (end < udp->n_out && udp->families[end] == udp->families[at])
			end++;
		int fd = udp->fds[udp->families[at]];
		/* syscall: sendmmsg */
		int n = sendmmsg(fd, udp->out.messages + at, end - at, MSG_DONTWAIT);
		if (n > 0)
			at += (uint32_t)n;
		else if (!retry(udp, fd, at, errno, &waited))
			at++;
	}
	udp->n_out = 0;
}
