/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/pathmtu.h"

#define SECOND_NS 1000000000ULL
#define TRIES 3
#define CONFIRM_TRIES 4
#define CLOSE_ENOUGH 8u
#define RAISE_NS (600 * SECOND_NS)

/* What paths usually take: tunnels, PPPoE, Ethernet. */
static const uint16_t usual[] = {1280, 1400, 1420, 1452, 1472, 1492, 1500};
#define N_USUAL ((int)(sizeof(usual) / sizeof(usual[0])))
_Static_assert(N_USUAL + 2 <= PATHMTU_PROBES, "room for the usual, the top and a confirmation");

void pathmtu_reset(struct pathmtu *path, bool ipv6, uint16_t top)
{
	uint16_t base = ipv6 ? PATHMTU_IPV6 : PATHMTU_IPV4;

	*path = (struct pathmtu){
		.base = base, .value = base, .top = top > base ? top : base, .due_ns = UINT64_MAX};
	path->fail = path->top + 1u;
}

static void begin(struct pathmtu *path, uint64_t now)
{
	path->phase = PATHMTU_VOLLEY;
	path->tries = 0;
	path->due_ns = now;
}

void pathmtu_start(struct pathmtu *path, uint64_t now)
{
	if (path->phase == PATHMTU_IDLE)
		begin(path, now);
}

uint64_t pathmtu_due(const struct pathmtu *path)
{
	uint64_t due = path->phase == PATHMTU_IDLE ? UINT64_MAX : path->due_ns;

	return path->big && path->confirm_ns < due ? path->confirm_ns : due;
}

/* The candidates that are still open; the least of them is the first. */
static int candidates(const struct pathmtu *path, uint16_t sizes[PATHMTU_PROBES])
{
	int n = 0;

	for (int i = 0; i < N_USUAL; i++)
		if (usual[i] > path->value && usual[i] < path->fail && usual[i] < path->top)
			sizes[n++] = usual[i];
	if (path->top > path->value && path->top < path->fail)
		sizes[n++] = path->top;
	return n;
}

/* The next size between what passes and what does not; 0: near enough, and the search rests. */
static int bisect(struct pathmtu *path, uint64_t now, uint16_t sizes[PATHMTU_PROBES])
{
	path->phase = PATHMTU_BISECT;
	if (path->tries == TRIES) {
		path->fail = path->probe;
		path->tries = 0;
	}
	if (path->tries == 0 || path->probe <= path->value || path->probe >= path->fail) {
		path->tries = 0;
		path->probe = (uint16_t)((path->value + path->fail) / 2);
	}
	if (path->fail - path->value <= CLOSE_ENOUGH || path->value == path->top) {
		path->phase = PATHMTU_REST;
		path->due_ns = now + RAISE_NS;
		return 0;
	}
	path->tries++;
	path->due_ns = now + SECOND_NS;
	sizes[0] = path->probe;
	return 1;
}

static int search(struct pathmtu *path, uint64_t now, uint16_t sizes[PATHMTU_PROBES])
{
	if (path->phase == PATHMTU_REST) {
		path->fail = path->top + 1u;
		begin(path, now);
	}
	if (path->phase == PATHMTU_BISECT)
		return bisect(path, now, sizes);
	int n = candidates(path, sizes);
	if (n && path->tries < TRIES) {
		path->tries++;
		path->due_ns = now + SECOND_NS;
		return n;
	}
	if (n)
		path->fail = sizes[0];
	path->tries = 0;
	return bisect(path, now, sizes);
}

int pathmtu_run(struct pathmtu *path, uint64_t now, uint16_t sizes[PATHMTU_PROBES])
{
	int n = 0;

	if (path->big && path->confirm_ns <= now && path->confirm_tries == CONFIRM_TRIES) {
		/* Nothing of that size comes through any more. */
		uint16_t top = path->top;

		pathmtu_reset(path, path->base == PATHMTU_IPV6, top);
		begin(path, now);
	}
	if (path->phase != PATHMTU_IDLE && path->due_ns <= now)
		n = search(path, now, sizes);
	if (path->big && path->confirm_ns <= now) {
		path->confirm_tries++;
		path->confirm_ns = now + SECOND_NS;
		sizes[n++] = path->value;
	}
	return n;
}

void pathmtu_reply(struct pathmtu *path, uint32_t size, uint64_t now)
{
	uint16_t sizes[PATHMTU_PROBES];

	if (size > path->top)
		return;
	if (size >= path->value) {
		path->big = false;
		path->value = (uint16_t)size;
	}
	if (size >= path->fail)
		path->fail = path->top + 1u;
	/* Go on at once where there is nothing left to wait for. */
	if ((path->phase == PATHMTU_BISECT && size >= path->probe) ||
	    (path->phase == PATHMTU_VOLLEY && candidates(path, sizes) == 0))
		path->due_ns = now;
}

void pathmtu_refused(struct pathmtu *path, uint32_t size, uint64_t now)
{
	if (size > path->value) {
		/* A probe: the answer is no. */
		uint16_t sizes[PATHMTU_PROBES];

		if (size < path->fail)
			path->fail = size;
		if (path->phase == PATHMTU_VOLLEY && candidates(path, sizes) == 0)
			path->due_ns = now;
		return;
	}
	if (size <= path->base)
		return;
	pathmtu_reset(path, path->base == PATHMTU_IPV6, path->top);
	path->fail = size;
	begin(path, now);
}
