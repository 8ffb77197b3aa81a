/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * No allocation on a frame's path: every malloc of the process, libcrypto's included, is counted
 * while frames pass, whole and in pieces, known, flooded, relayed, waiting and refused.
 */
#include "base/sanitized.h"
#include "unit/test.h"
#include "unit/tunnel_net.h"

#if !SANITIZED && defined(__GLIBC__)
#define COUNTED 1
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
static bool counting;
static int allocations;

void *malloc(size_t size)
{
	allocations += counting;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	allocations += counting;
	return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	allocations += counting;
	return __libc_realloc(old, size);
}
#else
#define COUNTED 0 /* a sanitizer has its own malloc */
static bool counting;
static int allocations;
#endif

static struct net net;

/* What the wire carries meanwhile: kept by hand, as the net's own queue allocates. */
static uint8_t wire[64][2000];
static size_t wire_size[64];
static int wire_to[64], n_wire;

static void keep(void *context, const struct endpoint *to, uint8_t *bytes, size_t size,
		 uint32_t peer_id)
{
	struct net_node *node = context;

	(void)peer_id, (void)node;
	if (n_wire == 64 || size > sizeof(wire[0]))
		return;
	memcpy(wire[n_wire], bytes, size);
	wire_size[n_wire] = size;
	wire_to[n_wire++] = to->remote.address[3] - 1;
}

static int delivered;

static void count_frame(void *context, struct frame *frame)
{
	(void)context, (void)frame;
	delivered++;
}

static void carry(void)
{
	for (int i = 0; i < n_wire; i++) {
		struct net_node *to = &net.nodes[wire_to[i]];
		struct net_node *from = to == &net.nodes[0] ? &net.nodes[1] : &net.nodes[0];

		net_inject(to, &from->endpoint, wire[i], wire_size[i]);
	}
	n_wire = 0;
}

static void frames_pass_without_allocation(void)
{
	static uint8_t bytes[2000];
	struct engine_config config = {.mtu = 1500};

	for (enum suite suite = 0; suite < SUITE_COUNT; suite++) {
		net_init(&net, 1);
		net.mtu = 1500;
		config.preferred = suite;
		for (int i = 0; i < 3; i++)
			net_add(&net, &config);
		net_introduce(&net.nodes[0], &net.nodes[1], true);
		net_introduce(&net.nodes[1], &net.nodes[0], true);
		net_introduce(&net.nodes[0], &net.nodes[2], true); /* never answers: a queue */
		net.nodes[2].dead = true;
		net_run(&net, 5);
		for (int i = 0; i < 2; i++) {
			net.nodes[i].engine->ops.datagram_send = keep;
			net.nodes[i].engine->ops.frame_deliver = count_frame;
		}
		delivered = 0;
		allocations = 0;
		counting = true;
		for (uint32_t i = 0; i < 2000; i++) {
			net_make_frame(bytes, 60 + i % 1455, (uint8_t)(1 + i % 9), i % 3 ? 20 : 255,
				       i);
			net_frame_in(&net.nodes[0], bytes, 60 + i % 1455);
			carry();
			net_make_frame(bytes, 1514, 20, (uint8_t)(1 + i % 9), i);
			net_frame_in(&net.nodes[1], bytes, 1514);
			carry();
			net_inject(&net.nodes[1], &net.nodes[0].endpoint, bytes, 100);
		}
		counting = false;
		CHECK(delivered == 4000);
		CHECK(allocations == 0);
		net_fini(&net);
	}
	if (!COUNTED)
		printf("# not counted in this build\n");
}

int main(void)
{
	TEST(frames_pass_without_allocation);
	return test_done();
}
