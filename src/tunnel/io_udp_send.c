/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include "tunnel/io_udp.h"

#define FULL_WAIT_MS 5 /* for a socket buffer that is full */

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
static void put_source(const struct endpoint *to, struct msghdr *header)
{
	struct cmsghdr *c = header->msg_control;

	header->msg_controllen = 0;
	if (!to->has_local)
		return;
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

/* Says that it is a train. */
static void put_step(const struct udp_train *train, struct msghdr *header)
{
	uint16_t step = (uint16_t)train->step;
	uint8_t *end = (uint8_t *)header->msg_control + header->msg_controllen;

	if (train->n == 1)
		return;
	*(struct cmsghdr *)end = (struct cmsghdr){CMSG_LEN(sizeof(step)), IPPROTO_UDP, UDP_SEGMENT};
	memcpy(CMSG_DATA((struct cmsghdr *)end), &step, sizeof(step));
	header->msg_controllen += CMSG_SPACE(sizeof(step));
}

uint8_t *io_udp_room(struct io_udp *udp, size_t size)
{
	if (size > UDP_DATAGRAM_MAX)
		return NULL;
	if (udp->out.size + size > UDP_OUT_SIZE)
		io_udp_flush(udp);
	return udp->out.buffer + udp->out.size;
}

/* Is there a train that it can be coupled to? */
static bool takes(const struct io_udp *udp, const struct udp_train *train,
		  const struct endpoint *to, size_t size, uint32_t peer_id)
{
	return train->size == train->n * train->step && size <= train->step &&
	       train->size + size <= UDP_TRAIN_MAX && train->n < UDP_TRAIN_LEN &&
	       train->peer_id == peer_id && !udp->single[train->family] &&
	       memcmp(&train->to, to, sizeof(*to)) == 0;
}

void io_udp_send(struct io_udp *udp, const struct endpoint *to, uint8_t *datagram, size_t size,
		 uint32_t peer_id)
{
	struct udp_out *out = &udp->out;
	struct udp_train *train = out->n ? &out->trains[out->n - 1] : NULL;

	if (train && takes(udp, train, to, size, peer_id)) {
		train->n++;
		train->size += (uint32_t)size;
		out->size += (uint32_t)size;
		return;
	}
	const struct io_udp *from = udp->lanes ? udp->lanes[to->lane] : udp;
	bool mapped = to->remote.family == 4 && from->fds[UDP_IPV4] < 0;
	enum udp_family family = to->remote.family == 6 || mapped ? UDP_IPV6 : UDP_IPV4;
	if (from->fds[family] < 0 || (mapped && !from->dual_stack)) {
		udp->n_errors++;
		return;
	}
	if (out->n == UDP_BATCH) {
		/* The room was given out of a buffer that is full of trains, not of bytes. */
		io_udp_flush(udp);
		memmove(out->buffer, datagram, size);
	}
	out->trains[out->n++] = (struct udp_train){
		.to = *to,
		.peer_id = peer_id,
		.family = family,
		.fd = from->fds[family],
		.start = out->size,
		.size = (uint32_t)size,
		.step = (uint32_t)size,
		.n = 1,
	};
	out->size += (uint32_t)size;
}

static void prepare(struct io_udp *udp, uint32_t i)
{
	struct udp_out *out = &udp->out;
	const struct udp_train *train = &out->trains[i];
	struct msghdr *header = &out->messages[i].msg_hdr;
	bool mapped = train->family == UDP_IPV6 && train->to.remote.family == 4;

	out->parts[i] = (struct iovec){out->buffer + train->start, train->size};
	*header = (struct msghdr){
		.msg_name = &out->addresses[i],
		.msg_iov = &out->parts[i],
		.msg_iovlen = 1,
		.msg_control = &out->controls[i],
	};
	put_address(&train->to.remote, mapped, &out->addresses[i], &header->msg_namelen);
	put_source(&train->to, header);
	put_step(train, header);
}

static void refuse(struct io_udp *udp, const struct udp_train *train)
{
	for (uint32_t i = 0; i < train->n; i++) {
		size_t size = train->size - i * train->step;

		if (udp->n_refused == UDP_REFUSED)
			udp->n_errors++;
		else
			udp->refused[udp->n_refused++] = (struct udp_refused){
				train->peer_id, size < train->step ? size : train->step};
	}
}

/* The train could not be sent. True: try it again, it has been changed or there is room now. */
static bool retry(struct io_udp *udp, uint32_t i, int error, bool *waited)
{
	struct udp_train *train = &udp->out.trains[i];

	if (error == EINTR)
		return true;
	if (error == EMSGSIZE) {
		refuse(udp, train);
		return false;
	}
	if ((error == EAGAIN || error == ENOBUFS) && !*waited) {
		struct pollfd full = {.fd = train->fd, .events = POLLOUT};

		/* syscall: poll */
		/* syscall: ppoll; where there is no poll */
		*waited = true;
		return poll(&full, 1, FULL_WAIT_MS) > 0;
	}
	if (train->to.has_local) {
		/* Our address may have gone: let the routing choose. */
		train->to.has_local = false;
		prepare(udp, i);
		return true;
	}
	udp->n_errors += train->n;
	return false;
}

/* A train that nobody takes (EIO: the device computes no checksums), datagram by datagram. */
static void send_singly(struct io_udp *udp, uint32_t i, bool *waited)
{
	struct udp_train *train = &udp->out.trains[i], whole = *train;

	for (uint32_t at = 0; at < whole.size; at += whole.step) {
		train->start = whole.start + at;
		train->size = whole.size - at < whole.step ? whole.size - at : whole.step;
		train->step = train->size;
		train->n = 1;
		prepare(udp, i);
		while (sendmmsg(train->fd, &udp->out.messages[i], 1, MSG_DONTWAIT) < 1 &&
		       retry(udp, i, errno, waited))
			;
	}
}

/* What became of train i, which was not sent. True: go on behind it. */
static bool give_up(struct io_udp *udp, uint32_t i, int error, bool *waited)
{
	struct udp_train *train = &udp->out.trains[i];

	if (train->n > 1 && (error == EIO || error == EINVAL)) {
		udp->single[train->family] |= error == EIO;
		send_singly(udp, i, waited);
		return true;
	}
	return !retry(udp, i, error, waited);
}

void io_udp_flush(struct io_udp *udp)
{
	struct udp_out *out = &udp->out;
	bool waited = false;
	uint32_t at = 0;

	for (uint32_t i = 0; i < out->n; i++)
		prepare(udp, i);
	while (at < out->n) {
		int fd = out->trains[at].fd;
		uint32_t end = at + 1;

		while (end < out->n && out->trains[end].fd == fd)
			end++;
		/* syscall: sendmmsg */
		int n = sendmmsg(fd, out->messages + at, end - at, MSG_DONTWAIT);
		if (n > 0)
			at += (uint32_t)n;
		else if (give_up(udp, at, errno, &waited))
			at++;
	}
	out->n = 0;
	out->size = 0;
}
