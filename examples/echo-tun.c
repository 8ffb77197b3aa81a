/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Answers pings to every address behind a TUN:
 *
 *	lanloom add tun tun0 owner=alice addresses=10.8.0.1/24
 *	cc echo-tun.c -llanloom -o echo-tun && ./echo-tun tun0 &
 *	ping 10.8.0.99
 */
#include <lanloom.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define IPV4_HEADER 20
#define ICMP 1
#define ECHO_REPLY 0
#define ECHO_REQUEST 8

/* A request turned into its answer, in place. false: it is none. */
static bool echo(unsigned char *ip, size_t size)
{
	size_t header = (ip[0] & 15) * 4u;
	unsigned char *icmp = ip + header, address[4];
	unsigned int sum;

	if (size < IPV4_HEADER || ip[0] >> 4 != 4 || header < IPV4_HEADER || size < header + 8 ||
	    ip[9] != ICMP || icmp[0] != ECHO_REQUEST)
		return false;
	memcpy(address, ip + 12, 4);
	memcpy(ip + 12, ip + 16, 4);
	memcpy(ip + 16, address, 4);
	/* RFC 1624: the type's byte became less by 8, so the complement of the sum grows by that */
	icmp[0] = ECHO_REPLY;
	sum = (icmp[2] << 8 | icmp[3]) + (ECHO_REQUEST << 8);
	sum = (sum & 0xffff) + (sum >> 16);
	icmp[2] = (unsigned char)(sum >> 8);
	icmp[3] = (unsigned char)sum;
	return true;
}

static void serve(struct loom_tap *tap)
{
	static unsigned char room[LOOM_PACKET_MOST];
	struct pollfd queue = {.fd = loom_tap_fd(tap), .events = POLLIN};
	struct loom_packet packet;
	int got;

	while (poll(&queue, 1, -1) > 0) {
		while ((got = loom_tap_read(tap, room, sizeof(room), &packet)) > 0)
			if (echo(packet.bytes, packet.size))
				loom_tap_write(tap, &packet);
		if (got < 0)
			return; /* the device is gone */
	}
}

int main(int argc, char **argv)
{
	struct loom *loom = loom_new();
	struct loom_doc *doc = NULL;
	struct loom_tap *tap = NULL;

	if (!loom || argc != 2) {
		fprintf(stderr, "usage: echo-tun DEVICE\n");
		return 2;
	}
	if (loom_tap_open(loom, argv[1], LOOM_TAP_PLAIN, &tap, &doc) == LOOM_DONE) {
		puts("ready");
		fflush(stdout);
		serve(tap);
	} else {
		loom_doc_print(doc, stderr);
	}
	loom_tap_close(tap);
	loom_doc_free(doc);
	loom_free(loom);
	return tap ? 0 : 1;
}
