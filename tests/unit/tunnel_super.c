/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Super-frames: cut as a network card would cut them (a plain reference says how), and joined only
 * to what cuts to the same frames again: cut(join(x)) = x, over random flows with every fault.
 * Ethernet frames with and without VLANs, and IP packets alone, mixed.
 */
#include "unit/test.h"
#include "unit/tunnel_net.h"
#include "tunnel/cut.h"
#include "tunnel/join.h"
#include "tunnel/offload.h"

#define ROOM (FRAME_HEADROOM + 65536 + 200 + FRAME_TAILROOM)
#define GUARD 0xa5

static uint64_t state = 88172645463325252;

static uint32_t dice(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16) % n;
}

/* How a packet is built; what a flow has in common. */
struct flow {
	int tags; /* of VLANs; -1: an IP packet alone, as of a TUN */
	bool ipv6, tcp;
	uint8_t ip_options, tcp_options; /* bytes, multiples of 4 */
	uint8_t port, ttl, flags;
	uint16_t id;
	uint32_t sequence, ack;
};

static uint32_t slow_sum(uint32_t sum, const uint8_t *bytes, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint32_t slow_pseudo(const uint8_t *ip, bool ipv6, bool tcp, uint32_t length)
{
	uint8_t rest[4] = {0, tcp ? 6 : 17, (uint8_t)(length >> 8), (uint8_t)length};
	uint32_t sum = ipv6 ? slow_sum(0, ip + 8, 32) : slow_sum(0, ip + 12, 8);

	return slow_sum(sum, rest, 4);
}

static uint32_t network_of(const struct flow *flow)
{
	return flow->tags < 0 ? 0 : ETHERNET_HEADER + 4u * (uint32_t)flow->tags;
}

static uint32_t transport_of(const struct flow *flow)
{
	return network_of(flow) + (flow->ipv6 ? 40u : 20u + flow->ip_options);
}

static uint32_t headers_of(const struct flow *flow)
{
	return transport_of(flow) + (flow->tcp ? 20u + flow->tcp_options : 8u);
}

static void put_ip(uint8_t *ip, const struct flow *flow, uint32_t length)
{
	uint32_t size = 20u + flow->ip_options;

	for (uint32_t i = 0; i < 40; i++)
		ip[i] = (uint8_t)(flow->port + i);
	if (flow->ipv6) {
		put_be32(ip, 0x60000000 | flow->port);
		put_be16(ip + 4, (uint16_t)length);
		ip[6] = flow->tcp ? 6 : 17;
		ip[7] = flow->ttl;
		return;
	}
	memset(ip + 20, 1, flow->ip_options); /* "no operation" */
	ip[0] = (uint8_t)(0x40 | size / 4);
	ip[1] = 0;
	put_be16(ip + 2, (uint16_t)(size + length));
	put_be16(ip + 4, flow->id);
	put_be16(ip + 6, 0x4000);
	ip[8] = flow->ttl;
	ip[9] = flow->tcp ? 6 : 17;
	put_be16(ip + 10, 0);
	put_be16(ip + 10, (uint16_t)~slow_sum(0, ip, size));
}

static void put_transport(uint8_t *at, const struct flow *flow, uint32_t length)
{
	put_be16(at, flow->port);
	put_be16(at + 2, 80);
	if (!flow->tcp) {
		put_be16(at + 4, (uint16_t)length);
		return;
	}
	put_be32(at + 4, flow->sequence);
	put_be32(at + 8, flow->ack);
	at[12] = (uint8_t)((20 + flow->tcp_options) / 4 << 4);
	at[13] = flow->flags;
	put_be16(at + 14, 501);
	put_be16(at + 18, 0);
	memset(at + 20, 1, flow->tcp_options);
}

static void put_link(uint8_t *frame, const struct flow *flow)
{
	for (uint32_t i = 0; i < 12; i++)
		frame[i] = (uint8_t)(2 * (i / 6 * 6) + flow->port * (i % 6 == 5));
	for (int i = 0; i < flow->tags; i++)
		put_be32(frame + 12 + 4 * i, i ? 0x81000007 : 0x88a80000u + flow->port);
	if (flow->tags == 1)
		put_be16(frame + 12, 0x8100);
	put_be16(frame + network_of(flow) - 2, flow->ipv6 ? 0x86dd : 0x0800);
}

/* The flow's next packet; its payload follows from where it lies in the flow. */
static uint32_t build(uint8_t *frame, const struct flow *flow, uint32_t payload, bool partial,
		      struct frame *out)
{
	uint32_t network = network_of(flow), transport = transport_of(flow);
	uint32_t headers = headers_of(flow), length = headers - transport + payload;
	uint32_t field = transport + (flow->tcp ? 16 : 6);

	if (flow->tags >= 0)
		put_link(frame, flow);
	put_ip(frame + network, flow, length);
	put_transport(frame + transport, flow, length);
	for (uint32_t i = 0; i < payload; i++)
		frame[headers + i] = (uint8_t)((flow->sequence + i) * 131 >> 3);
	put_be16(frame + field, 0);
	uint32_t sum = slow_pseudo(frame + network, flow->ipv6, flow->tcp, length);
	if (!partial) {
		sum = slow_sum(sum, frame + transport, length);
		sum = ~sum & 0xffff ? ~sum : 0xffff;
	}
	put_be16(frame + field, (uint16_t)sum);
	*out = (struct frame){.data = frame,
			      .size = headers + payload,
			      .link = flow->tags < 0 ? LINK_NONE : LINK_ETHERNET,
			      .lasting = true};
	if (partial) {
		out->csum_start = (uint16_t)transport;
		out->csum_offset = flow->tcp ? 16 : 6;
	}
	return out->size;
}

static struct flow random_flow(uint8_t port)
{
	struct flow flow = {
		.tags = (int)dice(4) - 1,
		.ipv6 = dice(2),
		.tcp = dice(3) > 0,
		.port = port,
		.ttl = 64,
		.flags = 0x10,
		.id = (uint16_t)dice(65536),
		.sequence = dice(4) ? dice(1u << 31) : 0xffffffff - dice(5000),
		.ack = dice(1u << 31),
		.ip_options = (uint8_t)(dice(8) ? 0 : 4 * dice(11)),
		.tcp_options = (uint8_t)(dice(2) ? 12 : 4 * dice(11)),
	};

	return flow;
}

static uint8_t type_of(const struct flow *flow)
{
	return !flow->tcp ? GSO_UDP_L4 : flow->ipv6 ? GSO_TCP6 : GSO_TCP4;
}

static bool is_complete(struct frame *frame, const struct flow *flow)
{
	uint32_t transport = transport_of(flow), length = frame->size - transport;
	const uint8_t *ip = frame->data + network_of(flow);

	offload_complete_checksum(frame);
	return (flow->ipv6 || slow_sum(0, ip, transport - network_of(flow)) == 0xffff) &&
	       slow_sum(slow_pseudo(ip, flow->ipv6, flow->tcp, length), frame->data + transport,
			length) == 0xffff;
}

/* Cuts the super-frame and compares each segment with the packet that would have been built. */
static void compare_cuts(struct frame *super, struct flow flow, uint32_t payload, uint32_t room)
{
	static uint8_t expected[ROOM];
	uint32_t step = super->gso_size, at = 0, size, i = 0;
	uint8_t flags = flow.flags;
	struct frame segment, want;
	struct cut cut;

	if (flow.tcp && room - headers_of(&flow) < step)
		step = room - headers_of(&flow);
	cut_begin(&cut, super, room);
	CHECK(cut.n == (payload + step - 1) / step);
	while (cut_next(&cut, &segment)) {
		size = payload - at < step ? payload - at : step;
		flow.flags = (uint8_t)(flags & ~(i ? 0x80 : 0) & ~(at + size < payload ? 9 : 0));
		build(expected, &flow, size, true, &want);
		/* Without a sequence, what build() fills in begins anew in each packet. */
		if (!flow.tcp)
			memcpy(expected + headers_of(&flow), segment.data + headers_of(&flow),
			       size);
		CHECK(segment.size == want.size && segment.gso_type == GSO_NONE &&
		      segment.link == want.link);
		CHECK(segment.csum_start == want.csum_start &&
		      segment.csum_offset == want.csum_offset);
		CHECK(memcmp(segment.data, expected, want.size) == 0);
		memset(segment.data - CUT_BEFORE, 1, CUT_BEFORE);
		memset(segment.data + segment.size, 2, CUT_BEHIND);
		CHECK(is_complete(&want, &flow));
		at += size;
		i++;
		flow.id++;
		flow.sequence += flow.tcp ? size : 0;
	}
	CHECK(at == payload);
}

static void cut_as_a_card_would(void)
{
	static uint8_t bytes[ROOM], before[ROOM];

	for (int round = 0; round < 400; round++) {
		struct flow flow = random_flow((uint8_t)(1 + dice(200)));
		uint32_t headers = headers_of(&flow), most = 65535 - (headers - network_of(&flow));
		uint32_t payload = 1 + dice(round % 4 ? 6000 : most);
		struct frame super;

		flow.flags |= (uint8_t)(dice(2) ? 0x89 : dice(2) ? 0x08 : 0);
		memset(bytes, GUARD, sizeof(bytes));
		build(bytes + FRAME_HEADROOM, &flow, payload, true, &super);
		super.gso_type = type_of(&flow);
		super.gso_size = (uint16_t)(1 + dice(2000));
		if (payload / super.gso_size > 500)
			super.gso_size = 1400;
		memcpy(before, bytes, sizeof(bytes));
		CHECK(cut_fits(&super));
		compare_cuts(&super, flow, payload, dice(2) ? headers + 64 + dice(1400) : 65536);
		CHECK(memcmp(before, bytes, sizeof(bytes)) == 0);
	}
}

/* Whatever a TAP may say: cut_fits refuses it, or it can be cut within its bounds. */
static void what_lies_is_refused(void)
{
	for (int round = 0; round < 20000; round++) {
		struct flow flow = random_flow(1);
		uint32_t payload = dice(300), whole = headers_of(&flow) + payload;
		/* On the heap, so that a sanitizer sees the ends. */
		uint8_t *bytes = calloc(1, FRAME_HEADROOM + whole + FRAME_TAILROOM);
		struct frame super, segment;
		struct cut cut;

		build(bytes + FRAME_HEADROOM, &flow, payload, true, &super);
		super.gso_type = dice(4) ? type_of(&flow) : (uint8_t)dice(256);
		super.gso_size = (uint16_t)dice(dice(2) ? 400 : 65536);
		for (uint32_t n = dice(3); n--;)
			super.data[dice(2) ? dice(whole) : dice(72) % whole] ^=
				(uint8_t)(1 << dice(8));
		if (!dice(4))
			super.size -= dice(super.size);
		if (!dice(8))
			super.csum_start = (uint16_t)dice(100);
		uint32_t sum = 0;
		if (cut_fits(&super)) {
			cut_begin(&cut, &super, dice(2000));
			while (cut_next(&cut, &segment))
				sum += segment.size - cut.headers.size;
			CHECK(sum == super.size - cut.headers.size);
		}
		free(bytes);
	}
}

/* What the join writes, cut again: frames by flow, checksums complete. */
#define FLOWS 12
#define FRAMES 400

static struct ledger {
	struct kept {
		uint32_t size;
		uint8_t *bytes;
	} in[FRAMES], out[FRAMES];
	int n_in, n_out;
} ledgers[256];
static int n_writes, n_supers, n_joined;

/* A flow is known by its port, which build() writes into the source address as well. */
static uint8_t port_of(const struct frame *frame)
{
	const uint8_t *data = frame->data;

	if (frame->link == LINK_ETHERNET)
		return data[11];
	return data[0] >> 4 == 6 ? (uint8_t)(data[8] - 8) : (uint8_t)(data[12] - 12);
}

static void keep(struct frame *frame, bool in)
{
	struct ledger *ledger = &ledgers[port_of(frame)];
	int *n = in ? &ledger->n_in : &ledger->n_out;
	struct frame copy = *frame;

	if (*n == FRAMES)
		return;
	copy.data = malloc(frame->size);
	memcpy(copy.data, frame->data, frame->size);
	offload_complete_checksum(&copy);
	*(in ? &ledger->in[*n] : &ledger->out[*n]) = (struct kept){copy.size, copy.data};
	++*n;
}

static void write_down(void *context, const struct frame *frame, const struct iovec *parts,
		       uint32_t n, uint32_t header_size)
{
	static uint8_t bytes[ROOM];
	struct frame whole = *frame, segment;
	uint32_t size = 0;
	struct cut cut;

	(void)context;
	whole.data = bytes + FRAME_HEADROOM;
	for (uint32_t i = 0; i < n; i++) {
		memcpy(whole.data + size, parts[i].iov_base, parts[i].iov_len);
		size += (uint32_t)parts[i].iov_len;
	}
	CHECK(size == frame->size);
	n_writes++;
	if (frame->gso_type == GSO_NONE) {
		CHECK(n == 1);
		keep(&whole, false);
		return;
	}
	n_supers++;
	n_joined += (int)n;
	CHECK(n > 1 && cut_fits(&whole));
	if (!cut_fits(&whole))
		return;
	cut_begin(&cut, &whole, 65536);
	CHECK(cut.n == n && cut.headers.size == header_size);
	while (cut_next(&cut, &segment))
		keep(&segment, false);
}

/* Something that ends a super-frame, or makes a packet one that never joins. */
static void spoil(struct frame *frame, const struct flow *flow)
{
	uint8_t *ip = frame->data + network_of(flow), *tcp = frame->data + transport_of(flow);

	switch (dice(12)) {
	case 0:
		tcp[flow->tcp ? 16 : 6] ^= 4; /* a checksum that is wrong */
		break;
	case 1:
		ip[flow->ipv6 ? 7 : 8]--; /* TTL (and with it IPv4's sum) */
		break;
	case 2:
		ip[1] ^= 4;
		break;
	case 3:
		frame->size += 1 + dice(5); /* filling */
		break;
	case 4:
		frame->data[frame->size - 1] ^= 1;
		break;
	case 5:
		ip[6] ^= 0x20; /* more fragments; another protocol in IPv6 */
		break;
	case 6:
		put_be16(tcp + (flow->tcp ? 16 : 6), 0);
		break;
	case 7:
		frame->lasting = false;
		break;
	case 8:
		if (!flow->ipv6)
			put_be16(ip + 10, 0);
		break;
	default:
		if (flow->tcp)
			tcp[12 + dice(8)] ^= (uint8_t)(1 << dice(8));
		break;
	}
}

static void step_on(struct flow *flow, uint32_t payload)
{
	flow->id++;
	if (flow->tcp)
		flow->sequence += payload;
	if (!dice(30))
		flow->id = (uint16_t)dice(65536);
	if (!dice(30))
		flow->sequence += dice(3000);
	if (!dice(30))
		flow->ack++;
}

/* Empties the ledgers. Returns how many frames were in them. */
static int compare_flows(void)
{
	int n = 0;

	for (struct ledger *ledger = ledgers; ledger < ledgers + 256; ledger++) {
		CHECK(ledger->n_out == ledger->n_in);
		for (int i = 0; i < ledger->n_in && i < ledger->n_out; i++)
			CHECK(ledger->in[i].size == ledger->out[i].size &&
			      memcmp(ledger->in[i].bytes, ledger->out[i].bytes,
				     ledger->in[i].size) == 0);
		n += ledger->n_in;
		while (ledger->n_in)
			free(ledger->in[--ledger->n_in].bytes);
		while (ledger->n_out)
			free(ledger->out[--ledger->n_out].bytes);
	}
	return n;
}

static void random_batch(struct join *join, struct flow *flows, uint32_t n_flows, uint32_t evil)
{
	static uint8_t arena[400][2200];
	uint32_t n = 1 + dice(300), usual = 1 + dice(1400), f = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct frame frame;

		f = dice(8) ? f : dice(n_flows);
		struct flow *flow = &flows[f];
		uint32_t payload = dice(12) ? usual : dice(1400);
		flow->flags = (uint8_t)(0x10 | (dice(15) ? 0 : dice(256) & 0xcf));
		memset(arena[i], GUARD, sizeof(arena[i]));
		build(arena[i] + 64, flow, payload, dice(3), &frame);
		if (evil && !dice(evil))
			spoil(&frame, flow);
		keep(&frame, true);
		join_frame(join, &frame);
		step_on(flow, payload);
		if (!dice(40)) {
			join_settle(join);
			join->mark++;
		}
	}
	join_flush(join);
	CHECK(!join->n && join_oldest_mark(join) == UINT64_MAX);
}

static void cut_of_join_is_the_same(void)
{
	static struct join join;
	int frames = 0;

	n_writes = n_supers = n_joined = 0;
	for (int round = 0; round < 150; round++) {
		struct flow flows[FLOWS];
		uint32_t n_flows = 1 + dice(FLOWS);

		join = (struct join){.write = write_down, .tcp = dice(9), .udp = dice(9)};
		for (uint32_t i = 0; i < n_flows; i++)
			flows[i] = random_flow((uint8_t)(i + 1));
		random_batch(&join, flows, n_flows, round % 3 * 8);
		frames += compare_flows();
	}
	printf("# %d frames in %d writes, %d of them joined in %d\n", frames, n_writes, n_joined,
	       n_supers);
	CHECK(n_joined > frames / 2 && n_supers * 2 < n_joined);
}

static void join_next(struct join *join, uint8_t *arena, struct flow *flow, bool partial)
{
	struct frame frame;

	build(arena + 64, flow, 1348, partial, &frame);
	keep(&frame, true);
	join_frame(join, &frame);
	flow->id++;
	flow->sequence += 1348;
}

/* A plain flow is joined whole: as many segments as a super-frame takes. */
static void a_train_becomes_one_write(void)
{
	static uint8_t arena[64][1500];
	static struct join join;

	for (int kind = 0; kind < 12; kind++) {
		struct flow flow = {.ipv6 = kind & 1,
				    .tcp = kind & 2,
				    .flags = 0x10,
				    .port = 3,
				    .ttl = 64,
				    .tags = (kind >> 2) - 1};

		n_writes = 0;
		join = (struct join){.write = write_down, .tcp = true, .udp = true};
		for (int i = 0; i < 45; i++) {
			join_next(&join, arena[i], &flow, i & 1);
			CHECK(n_writes == 0);
		}
		join_flush(&join);
		CHECK(n_writes == 1 && compare_flows() == 45);
	}
}

/* It waits for the next batch as long as each adds to it; what came alone does not. */
static void a_super_frame_grows_over_batches(void)
{
	/* Segments of each batch; at its end: writes so far, the oldest mark that waits. */
	static const int batches[6][3] = {{8, 0, 0},  {9, 0, 0},  {1, 0, 0},
					  {0, 1, -1}, {1, 2, -1}, {2, 2, 5}};
	static struct join join = {.write = write_down, .tcp = true};
	static uint8_t arena[32][1500];
	struct flow flow = {.tcp = true, .flags = 0x10, .port = 3, .ttl = 64, .tags = -1};
	int n = n_writes = 0;

	for (; join.mark < 6; join.mark++) {
		for (int i = 0; i < batches[join.mark][0]; i++)
			join_next(&join, arena[n++], &flow, true);
		join_settle(&join);
		CHECK(n_writes == batches[join.mark][1]);
		CHECK(join_oldest_mark(&join) == (uint64_t)batches[join.mark][2]);
	}
	join_write_oldest(&join);
	join_write_oldest(&join);
	CHECK(n_writes == 3 && join.n == 0 && compare_flows() == n);
}

static struct net net;

static void send_super(struct net_node *node, struct flow *flow, uint32_t payload, uint16_t step)
{
	static uint8_t bytes[ROOM];
	struct frame frame;

	build(bytes + FRAME_HEADROOM, flow, payload, true, &frame);
	frame.gso_type = type_of(flow);
	frame.gso_size = step;
	engine_frame(node->engine, &frame, net.now);
	net_tell_refused(node);
}

/* What arrives is of a size that needs no pieces, balanced, in order, and the payload whole. */
static void over_the_wire(void)
{
	for (uint32_t mtu = 600; mtu <= 9000; mtu += 700) {
		struct flow flow = {.tcp = true, .flags = 0x18, .port = 2, .ttl = 9, .id = 7};
		uint32_t got = 0, headers = headers_of(&flow), room;

		net_init(&net, mtu);
		struct net_node *a = net_add(&net, NULL), *b = net_add(&net, NULL);
		net_mesh(&net);
		net.mtu = mtu;
		/* Without a session the segments wait. */
		send_super(a, &flow, 10000, 1460);
		net_run(&net, 20);
		CHECK(b->n_frames == 7);
		net_forget_frames(&net);
		send_super(a, &flow, 60000, 1460);
		net_run(&net, 1);
		room = peer_inner_max(net_peer_of(a, b)) - INNER_HEADER;
		for (int i = 0; i < b->n_frames; i++) {
			const struct net_frame *frame = &b->frames[i];

			CHECK(get_be32(frame->bytes + 38) == got);
			CHECK(frame->size <= room && frame->size <= headers + 1460);
			for (uint32_t j = headers; j < frame->size; j++)
				CHECK(frame->bytes[j] == (uint8_t)((got + j - headers) * 131 >> 3));
			got += (uint32_t)frame->size - headers;
		}
		CHECK(got == 60000);
		CHECK(net_balanced(a) && net_balanced(b));
		/* UDP's segments keep their size, whatever the path. */
		flow.tcp = false;
		net_forget_frames(&net);
		send_super(a, &flow, 5000, 1400);
		net_run(&net, 1);
		CHECK(b->n_frames == 4 && b->frames[0].size == headers_of(&flow) + 1400);
		CHECK(net_balanced(a) && net_balanced(b));
		send_super(a, &flow, 5000, 2000);
		CHECK(a->engine->drops[DROP_FRAME_LONG] == 1);
		net_fini(&net);
	}
	net_unused();
}

int main(void)
{
	TEST(cut_as_a_card_would);
	TEST(what_lies_is_refused);
	TEST(a_train_becomes_one_write);
	TEST(a_super_frame_grows_over_batches);
	TEST(cut_of_join_is_the_same);
	TEST(over_the_wire);
	return test_done();
}
