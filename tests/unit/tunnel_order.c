/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What waits and what goes first: in both directions frames of one flow keep their order, small
 * ones of other flows do not wait for super-frames, and datagrams stay while something in them is
 * still to be written. Ethernet frames, and IP packets as of a TUN.
 */
#include "unit/test.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tunnel/ahead.h"
#include "tunnel/backlog.h"
#include "tunnel/io_udp.h"
#include "tunnel/wire.h"

#define FRAMES 2000
#define ROOM 128
#define SMALL 60

enum sort { UDP_PACKET, ICMP_PACKET, FRAGMENT, OTHER, SORTS };

static enum frame_link link_sort;
static uint8_t bytes[FRAMES][ROOM];
static uint32_t written[FRAMES], n_written;
static uint64_t state = 88172645463325252;

static uint32_t dice(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16) % n;
}

static uint32_t link_size(void)
{
	return link_sort == LINK_ETHERNET ? ETHERNET_HEADER : 0;
}

/* The frame's number stands at its end, its flow in the port. */
static struct frame build(uint32_t number, enum sort sort, uint16_t flow, bool super)
{
	uint8_t *data = bytes[number], *ip = data + link_size();

	memset(data, 0, ROOM);
	if (link_sort == LINK_ETHERNET)
		put_be16(data + 12, sort == OTHER ? 0x88cc : 0x0800);
	ip[0] = sort == OTHER ? 0x55 : 0x45;
	put_be16(ip + 2, (uint16_t)(SMALL - link_size()));
	put_be16(ip + 6, sort == FRAGMENT ? 0x2000 : 0);
	ip[9] = sort == ICMP_PACKET ? 1 : 17;
	put_be16(ip + 20, flow);
	put_be16(ip + 24, (uint16_t)(SMALL - link_size() - 20));
	put_be32(data + SMALL - 4, number);
	return (struct frame){.data = data,
			      .size = SMALL,
			      .link = link_sort,
			      .gso_type = super ? GSO_UDP_L4 : GSO_NONE,
			      .gso_size = 8,
			      .lasting = true};
}

static uint32_t number_of(const struct frame *frame)
{
	return get_be32(frame->data + SMALL - 4);
}

static uint16_t flow_of(uint32_t number)
{
	return get_be16(bytes[number] + link_size() + 20);
}

static bool is_whole(uint32_t number, uint8_t protocol)
{
	const uint8_t *ip = bytes[number] + link_size();

	return ip[0] == 0x45 && ip[9] == protocol && !ip[6];
}

static void write_down(void *context, const struct frame *frame, const struct iovec *parts,
		       uint32_t n, uint32_t header_size)
{
	(void)context;
	CHECK(parts[0].iov_base == frame->data);
	CHECK(header_size == (n > 1 ? link_size() + 28 : 0));
	written[n_written++] = number_of(frame);
}

/* Frames of one flow in order; what may belong to any flow, behind all that came before it. */
static void check_order(uint32_t n)
{
	uint32_t last[8] = {0}, greatest = 0;

	CHECK(n_written == n);
	for (uint32_t i = 0; i < n_written; i++) {
		uint32_t number = written[i];

		if (is_whole(number, 17)) {
			CHECK(number >= last[flow_of(number)]);
			last[flow_of(number)] = number;
		} else if (!is_whole(number, 1)) {
			CHECK(number >= greatest);
		}
		greatest = number > greatest ? number : greatest;
	}
}

static void pass(struct backlog *backlog, struct frame frame, uint32_t n)
{
	struct iovec parts[2] = {{frame.data, SMALL}, {frame.data, 0}};

	backlog_take(backlog, &frame, parts, n, n > 1 ? link_size() + 28 : 0);
}

static void small_frames_pass_super_frames(void)
{
	static struct backlog backlog = {.write = write_down};

	n_written = 0;
	pass(&backlog, build(0, UDP_PACKET, 1, true), 2);
	pass(&backlog, build(1, UDP_PACKET, 2, false), 1);
	pass(&backlog, build(2, ICMP_PACKET, 0, false), 1);
	pass(&backlog, build(3, UDP_PACKET, 1, false), 1);
	CHECK(n_written == 2 && written[0] == 1 && written[1] == 2);
	backlog_write(&backlog);
	backlog_write(&backlog);
	CHECK(n_written == 4 && written[2] == 0 && written[3] == 3);
	backlog_write(&backlog);
	CHECK(n_written == 4 && backlog_oldest_mark(&backlog) == UINT64_MAX);
}

static void a_frame_whose_bytes_do_not_last_is_written_at_once(void)
{
	static struct backlog backlog = {.write = write_down};
	struct frame frame = build(1, UDP_PACKET, 1, false);

	n_written = 0;
	pass(&backlog, build(0, UDP_PACKET, 1, true), 2);
	frame.lasting = false;
	pass(&backlog, frame, 1);
	CHECK(n_written == 2 && written[0] == 0 && written[1] == 1);
}

static void order_of_flows_stays_towards_the_tap(void)
{
	static struct backlog backlog = {.write = write_down};

	n_written = 0;
	for (uint32_t i = 0; i < FRAMES; i++) {
		enum sort sort = dice(8) ? UDP_PACKET : dice(SORTS);
		bool super = sort == UDP_PACKET && dice(2);

		struct frame frame = build(i, sort, (uint16_t)dice(8), super);

		frame.mark = i;
		pass(&backlog, frame, super ? 2 : 1);
		CHECK(backlog_oldest_mark(&backlog) > i || backlog.n);
		if (!dice(3))
			backlog_write(&backlog);
	}
	backlog_flush(&backlog);
	check_order(FRAMES);
}

static void note(const struct frame *frame)
{
	written[n_written++] = number_of(frame);
}

static void order_of_flows_stays_towards_the_wire(void)
{
	static struct ahead ahead;
	struct frame *next;
	uint32_t buffer;

	n_written = 0;
	for (uint32_t i = 0; i < FRAMES; i++) {
		enum sort sort = dice(8) ? UDP_PACKET : dice(SORTS);
		struct frame frame =
			build(i, sort, (uint16_t)dice(8), sort == UDP_PACKET && dice(2));

		if (!ahead_room(&ahead, 0, &buffer) || !dice(4))
			if ((next = ahead_next(&ahead)))
				note(next);
		/* Where nothing waits, a few may have been read at once. */
		CHECK(ahead_room(&ahead, ahead.n ? 0 : dice(8), &buffer));
		switch (ahead_take(&ahead, &frame, buffer)) {
		case AHEAD_LAST:
			while ((next = ahead_next(&ahead)))
				note(next);
			note(&frame);
			break;
		case AHEAD_NOW:
			note(&frame);
			break;
		case AHEAD_WAITS:
			break;
		}
	}
	while ((next = ahead_next(&ahead)))
		note(next);
	check_order(FRAMES);
}

static int open_pair(int *sender)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t size = sizeof(in);

	CHECK(bind(fd, (void *)&in, sizeof(in)) == 0);
	CHECK(getsockname(fd, (void *)&in, &size) == 0);
	*sender = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(connect(*sender, (void *)&in, sizeof(in)) == 0);
	return fd;
}

/* Receives all that is there; the place of the first datagram of each batch. */
static uint32_t take_all(struct io_udp *udp, uint32_t *count)
{
	const struct endpoint *from;
	uint8_t *datagram;
	uint32_t n = 0;
	size_t size;

	while (io_udp_receive(udp, UDP_IPV4)) {
		while ((datagram = io_udp_next(udp, &size, &from))) {
			CHECK(size == sizeof(uint32_t) && get_be32(datagram) == *count);
			++*count;
			n++;
		}
	}
	return n;
}

static void datagrams_stay_until_they_are_released(void)
{
	struct io_udp *udp = calloc(1, sizeof(*udp));
	uint32_t sent = 0, taken = 0;
	uint8_t text[4];
	int sender;

	udp->fds[UDP_IPV4] = udp->fds[UDP_IPV6] = -1;
	io_udp_set(udp, UDP_IPV4, open_pair(&sender));
	for (int round = 0; round < 50; round++) {
		uint32_t n = 1 + dice(30);

		for (uint32_t i = 0; i < n; i++) {
			put_be32(text, sent++);
			CHECK(send(sender, text, sizeof(text), 0) == sizeof(text));
		}
		uint64_t kept = udp->in.kept;
		take_all(udp, &taken);
		CHECK(udp->in.end - udp->in.kept <= UDP_BATCH);
		CHECK(io_udp_is_crowded(udp) || taken == sent);
		for (uint64_t at = kept; at < udp->in.end; at++)
			CHECK(get_be32(udp->in.buffers[at % UDP_BATCH]) ==
			      taken - (uint32_t)(udp->in.end - at));
		io_udp_release(udp, kept + dice((uint32_t)(udp->in.end - kept) + 1));
	}
	io_udp_release(udp, UINT64_MAX);
	CHECK(udp->in.end == 0 && !io_udp_is_crowded(udp));
	while (taken < sent && take_all(udp, &taken))
		io_udp_release(udp, UINT64_MAX);
	CHECK(taken == sent);
	io_udp_set(udp, UDP_IPV4, -1);
	close(sender);
	free(udp);
}

int main(void)
{
	for (link_sort = LINK_ETHERNET; link_sort <= LINK_NONE; link_sort++) {
		TEST(small_frames_pass_super_frames);
		TEST(a_frame_whose_bytes_do_not_last_is_written_at_once);
		TEST(order_of_flows_stays_towards_the_tap);
		TEST(order_of_flows_stays_towards_the_wire);
	}
	TEST(datagrams_stay_until_they_are_released);
	return test_done();
}
