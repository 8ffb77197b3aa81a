/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fast path over a TUN device, with the production code and without an engine: what a mode that
 * carries IP packets will be made of.
 *
 *	tun_path TUN OWN-ADDRESS OTHER-ADDRESS low|high
 *
 *	TUN -> io_tap -> ahead -> cut -> aead_seal -> io_udp ~~~ wire
 *	TUN <- io_tap <- backlog <- join <- aead_open <- io_udp ~~~ wire
 *
 * A message is its counter (8 bytes, little endian) and the packet, sealed, with its checksum
 * complete, as WireGuard's are. The keys are no secrets; `low` and `high` say whose is whose. It
 * says "ready" when it is, ends when stdin closes, and says then what went through, in one line of
 * JSON.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "sys/tun.h"
#include "tunnel/ahead.h"
#include "tunnel/backlog.h"
#include "tunnel/crypto.h"
#include "tunnel/cut.h"
#include "tunnel/io_udp.h"
#include "tunnel/join.h"
#include "tunnel/offload.h"
#include "tunnel/wire.h"

#define PORT 7777
#define TURN 64
#define COUNTER_SIZE 8
#define ROOM                                                                                       \
	1300 /* of a packet that is cut: less than the device's MTU, so that it is for us to say   \
	      */

struct counts {
	uint64_t packets, supers, cut;		    /* read from the TUN; made of super-frames */
	uint64_t written, joined, supers_written;   /* towards the TUN */
	uint64_t lies, not_authentic, not_writable; /* all 0 if all is well */
};

static struct io_tap tun = {.fd = -1, .link = LINK_NONE};
static struct io_udp udp = {.fds = {-1, -1}};
static struct ahead ahead;
static struct join join;
static struct backlog backlog;
static struct aead *seal, *open_;
static struct endpoint other;
static uint64_t counter;
static struct counts counts;

static void check(bool fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "tun_path: %s\n", what);
	exit(1);
}

static void send_packet(struct frame *packet)
{
	size_t size = COUNTER_SIZE + packet->size + TAG_SIZE;
	uint8_t nonce[NONCE_SIZE], *room = io_udp_room(&udp, size);

	check(room, "a packet is too long");
	offload_complete_checksum(packet);
	put_le64(room, counter);
	aead_nonce(SUITE_AES, 0, counter++, nonce);
	check(aead_seal(seal, nonce, NULL, 0, packet->data, packet->size, room + COUNTER_SIZE) == 0,
	      "it cannot be sealed");
	io_udp_send(&udp, &other, room, size, 1);
}

static void send_frame(struct frame *frame)
{
	struct frame segment;
	struct cut cut;

	counts.packets++;
	if (frame->gso_type == GSO_NONE) {
		send_packet(frame);
		return;
	}
	counts.supers++;
	if (!cut_fits(frame)) {
		counts.lies++;
		return;
	}
	cut_begin(&cut, frame, ROOM);
	while (cut_next(&cut, &segment)) {
		counts.cut++;
		send_packet(&segment);
	}
	if (io_udp_is_full(&udp))
		io_udp_flush(&udp);
}

static void send_ahead(void)
{
	struct frame *frame;

	while ((frame = ahead_next(&ahead)))
		send_frame(frame);
}

static void take_frames(void)
{
	struct frame frame;
	uint32_t buffer;

	for (int i = 0; i < TURN && ahead_room(&ahead, 0, &buffer); i++) {
		int rc = io_tap_read(&tun, buffer, &frame);

		check(rc >= 0, "the TUN is gone");
		if (rc == 0)
			break;
		enum ahead_order order = ahead_take(&ahead, &frame, buffer);
		if (order == AHEAD_LAST)
			send_ahead();
		if (order != AHEAD_WAITS)
			send_frame(&frame);
	}
	io_udp_flush(&udp);
}

static void take_datagram(uint8_t *datagram, size_t size)
{
	uint8_t nonce[NONCE_SIZE], *packet = datagram + COUNTER_SIZE;

	if (size < COUNTER_SIZE + TAG_SIZE) {
		counts.not_authentic++;
		return;
	}
	size -= COUNTER_SIZE + TAG_SIZE;
	aead_nonce(SUITE_AES, 0, get_le64(datagram), nonce);
	if (aead_open(open_, nonce, NULL, 0, packet, size, packet)) {
		counts.not_authentic++;
		return;
	}
	struct frame frame = {
		.data = packet, .size = (uint32_t)size, .link = LINK_NONE, .lasting = true};
	join_frame(&join, &frame);
}

static void release(void)
{
	uint64_t joins = join_oldest_mark(&join), waits = backlog_oldest_mark(&backlog);

	io_udp_release(&udp, joins < waits ? joins : waits);
}

static void take_datagrams(void)
{
	const struct endpoint *from;
	uint8_t *datagram;
	size_t size;

	if (!io_udp_receive(&udp, UDP_IPV4))
		return;
	join.mark = io_udp_batch(&udp);
	while ((datagram = io_udp_next(&udp, &size, &from)))
		take_datagram(datagram, size);
	join_settle(&join);
	release();
}

static void write_frame(void *context, const struct frame *frame, const struct iovec *parts,
			uint32_t n, uint32_t header_size)
{
	(void)context;
	counts.written++;
	if (n > 1) {
		counts.supers_written++;
		counts.joined += n;
	}
	if (io_tap_write(&tun, frame, parts, n, header_size))
		counts.not_writable++;
}

static void let_wait(void *context, const struct frame *frame, const struct iovec *parts,
		     uint32_t n, uint32_t header_size)
{
	(void)context;
	backlog_take(&backlog, frame, parts, n, header_size);
}

static void start_keys(bool low)
{
	uint8_t one[KEY_SIZE] = {1}, two[KEY_SIZE] = {2};
	struct crypto *crypto = crypto_new(NULL);

	check(crypto, "no ciphers");
	seal = aead_new(crypto, SUITE_AES, low ? one : two, true);
	open_ = aead_new(crypto, SUITE_AES, low ? two : one, false);
	check(seal && open_, "no ciphers");
}

static void start(char **argv)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct err err = {0};

	check(inet_pton(AF_INET, argv[2], &in.sin_addr) == 1, "no own address");
	check(bind(fd, (void *)&in, sizeof(in)) == 0, "no socket");
	io_udp_set(&udp, UDP_IPV4, fd);
	other.remote = (struct control_endpoint){.family = 4, .port = PORT};
	check(inet_pton(AF_INET, argv[3], other.remote.address) == 1, "no other address");
	check(tun_open_queue(argv[1], IFF_TUN, &fd, &err) == 0, err.message);
	io_tap_set(&tun, fd);
	check(tun.tcp, "the TUN has no offloads");
	join = (struct join){.write = let_wait, .tcp = tun.tcp, .udp = tun.udp};
	backlog.write = write_frame;
	start_keys(strcmp(argv[4], "low") == 0);
}

static void serve(void)
{
	struct pollfd ready[3] = {{.fd = 0, .events = POLLIN},
				  {.fd = tun.fd, .events = POLLIN},
				  {.fd = udp.fds[UDP_IPV4], .events = POLLIN}};

	while (!ready[0].revents) {
		bool waits = ahead.n || backlog.n || join.n;

		check(poll(ready, 3, waits ? 0 : -1) >= 0, "poll");
		if (ready[1].revents)
			take_frames();
		if (ready[2].revents)
			take_datagrams();
		struct frame *frame = ahead_next(&ahead);
		if (frame)
			send_frame(frame);
		io_udp_flush(&udp);
		if (!backlog.n)
			join_write_oldest(&join);
		backlog_write(&backlog);
		release();
	}
}

int main(int argc, char **argv)
{
	check(argc == 5, "usage: tun_path TUN OWN-ADDRESS OTHER-ADDRESS low|high");
	start(argv);
	puts("ready");
	fflush(stdout);
	serve();
	printf("{\"packets\": %" PRIu64 ", \"supers\": %" PRIu64 ", \"cut\": %" PRIu64
	       ", \"written\": %" PRIu64 ", \"supers-written\": %" PRIu64 ", \"joined\": %" PRIu64
	       ", \"wrong\": %" PRIu64 "}\n",
	       counts.packets, counts.supers, counts.cut, counts.written, counts.supers_written,
	       counts.joined, counts.lies + counts.not_authentic + counts.not_writable);
	return 0;
}
