/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A host of one address behind a TAP: answers ARP for it, and pings to it.
 *
 *	lanloom add bridge br0 addresses=10.0.1.1/24
 *	lanloom add tap tap0 owner=alice && lanloom set br0 interfaces+=tap0
 *	cc echo-tap.c -llanloom -o echo-tap && ./echo-tap tap0 10.0.1.9 &
 *	ping 10.0.1.9
 *
 * It takes super-packets, too, and throws them away; who asks for them gets TCP at the speed of
 * memory.
 */
#include <lanloom.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define ETHERNET_HEADER 14
#define IPV4_HEADER 20
#define ARP_SIZE 28
#define ICMP 1
#define ECHO_REPLY 0
#define ECHO_REQUEST 8

static const unsigned char own_mac[6] = {0x02, 0x45, 0x43, 0x48, 0x4f, 0x01};

/* RFC 826: who has our address? That MAC. */
static bool arp(unsigned char *arp, size_t size, const unsigned char own[4])
{
	static const unsigned char request[8] = {0, 1, 8, 0, 6, 4, 0, 1};

	if (size < ARP_SIZE || memcmp(arp, request, sizeof(request)) != 0 ||
	    memcmp(arp + 24, own, 4) != 0)
		return false;
	arp[7] = 2; /* reply */
	memcpy(arp + 18, arp + 8, 10);
	memcpy(arp + 8, own_mac, sizeof(own_mac));
	memcpy(arp + 14, own, 4);
	return true;
}

static bool echo(unsigned char *ip, size_t size, const unsigned char own[4])
{
	size_t header = (ip[0] & 15) * 4u;
	unsigned char *icmp = ip + header;
	unsigned int sum;

	if (size < IPV4_HEADER || ip[0] >> 4 != 4 || header < IPV4_HEADER || size < header + 8 ||
	    ip[9] != ICMP || memcmp(ip + 16, own, 4) != 0 || icmp[0] != ECHO_REQUEST)
		return false;
	memcpy(ip + 16, ip + 12, 4);
	memcpy(ip + 12, own, 4);
	/* RFC 1624: the type's byte became less by 8, so the complement of the sum grows by that */
	icmp[0] = ECHO_REPLY;
	sum = (icmp[2] << 8 | icmp[3]) + (ECHO_REQUEST << 8);
	sum = (sum & 0xffff) + (sum >> 16);
	icmp[2] = (unsigned char)(sum >> 8);
	icmp[3] = (unsigned char)sum;
	return true;
}

/* A frame turned into its answer, in place. false: there is none. */
static bool answer(unsigned char *frame, size_t size, const unsigned char own[4])
{
	unsigned int type;

	if (size < ETHERNET_HEADER + IPV4_HEADER)
		return false;
	type = frame[12] << 8 | frame[13];
	if (!(type == 0x0806 && arp(frame + ETHERNET_HEADER, size - ETHERNET_HEADER, own)) &&
	    !(type == 0x0800 && echo(frame + ETHERNET_HEADER, size - ETHERNET_HEADER, own)))
		return false;
	memcpy(frame, frame + 6, 6);
	memcpy(frame + 6, own_mac, 6);
	return true;
}

static void serve(struct loom_tap *tap, const unsigned char own[4])
{
	static unsigned char room[LOOM_PACKET_MOST];
	struct pollfd queue = {.fd = loom_tap_fd(tap), .events = POLLIN};
	struct loom_packet packet;
	int got;

	while (poll(&queue, 1, -1) > 0) {
		while ((got = loom_tap_read(tap, room, sizeof(room), &packet)) > 0)
			if (packet.super == LOOM_WHOLE && answer(packet.bytes, packet.size, own))
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
	unsigned char own[4];

	if (!loom || argc != 3 || inet_pton(AF_INET, argv[2], own) != 1) {
		fprintf(stderr, "usage: echo-tap DEVICE ADDRESS\n");
		return 2;
	}
	if (loom_tap_open(loom, argv[1], LOOM_TAP_SUPER, &tap, &doc) == LOOM_DONE) {
		puts("ready");
		fflush(stdout);
		serve(tap, own);
	} else {
		loom_doc_print(doc, stderr);
	}
	loom_tap_close(tap);
	loom_doc_free(doc);
	loom_free(loom);
	return tap ? 0 : 1;
}
