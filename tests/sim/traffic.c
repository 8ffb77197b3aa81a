/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which frames are sent when. After everything that was wrong is over, all speak to all once a
 * second, so that it shows how soon they hear each other; otherwise episodes of silence, of one
 * voice, of all, and of bursts, sparse enough for an hour to pass in a moment.
 */
#include "sim/sim.h"

#define DENSE_NS SIM_ALONE_NS
/* Shortly before everybody must be heard they speak more often, so that a second is not lost. */
#define HURRY_NS (SIM_HEALED_NS - SECOND_NS)
#define HURRY_STEP_NS (SECOND_NS / 5)
#define TAIL_NS (45 * SECOND_NS)

enum mode { MODE_SILENT, MODE_ONE, MODE_ALL, MODE_BURST, MODE_COUNT };

/* Eight bytes that belong to this place of this frame only. */
static uint64_t pattern(uint32_t number, uint32_t at)
{
	uint64_t state = (uint64_t)number << 20 | at;

	return sim_random(&state);
}

void traffic_make(uint32_t number, uint8_t from, uint8_t to, struct frame *frame)
{
	static const uint8_t head[] = {0x52, 0x54, 0, 0, 0, 0, 0x52, 0x54, 0, 0, 0, 0, 0x88, 0xb5};
	uint64_t kind = pattern(number, 0xfffff) % 8;

	for (uint32_t at = 0; at < frame->size; at += 8) {
		uint64_t eight = pattern(number, at);

		memcpy(frame->data + at, &eight, frame->size - at < 8 ? frame->size - at : 8);
	}
	memcpy(frame->data, head, sizeof(head));
	frame->data[5] = (uint8_t)(to + 1);
	frame->data[11] = (uint8_t)(from + 1);
	if (to == SIM_ALL)
		memset(frame->data, 0xff, 6);
	put_be32(frame->data + 14, number);
	frame->csum_start = frame->csum_offset = 0;
	if (kind == 0 && frame->size >= 60) {
		frame->csum_start = 34; /* travels as it is */
		frame->csum_offset = 16;
	} else if (kind == 1 && frame->size >= 400) {
		frame->csum_start = 300; /* too far in: is completed before it is sent */
		frame->csum_offset = 6;
	}
}

static uint32_t draw_size(struct world *world)
{
	uint64_t *random = &world->traffic_random;
	uint32_t most = world->scenario->mtu + 14;

	switch (sim_below(random, 4)) {
	case 0:
		return most;
	case 1:
		return (uint32_t)sim_between(random, 18, most);
	default:
		return (uint32_t)sim_between(random, 18, 200);
	}
}

bool traffic_is_due(const struct world *world, const struct calm *calm, int i, int j)
{
	return !calm->one_way || world->now >= calm->from + DENSE_NS ||
	       (i == calm->speaker && scenario_may_speak_alone(world->scenario, i, j));
}

/* Until they speak again, who did so long after the bad times. */
static uint64_t dense_pause(uint64_t after)
{
	if (after >= HURRY_NS && after < SIM_HEALED_NS)
		return HURRY_STEP_NS;
	return after < DENSE_NS ? SECOND_NS : 5 * SECOND_NS;
}

/* From everybody to everybody: small ones, now and then large ones. */
static void send_dense(struct world *world)
{
	const struct calm *calm = &world->calms[world->calm_at];
	uint64_t second = (world->now - calm->from) / SECOND_NS;
	int n = world->scenario->n_nodes;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			if (i != j && traffic_is_due(world, calm, i, j))
				node_feed(&world->nodes[i], (uint8_t)j,
					  second % 5 == 2 ? world->scenario->mtu + 14 : 64);
	world->dense_due = world->now + dense_pause(world->now - calm->from);
	uint64_t alone = calm->one_way ? SIM_ALONE_NS : 0;
	if (world->dense_due >= calm->from + TAIL_NS + alone || world->dense_due >= calm->until) {
		uint64_t next = world->calm_at + 1 < world->n_calms ? calm[1].from : UINT64_MAX;

		world->dense_due = next;
	}
}

static void new_episode(struct world *world)
{
	uint64_t *random = &world->traffic_random;

	world->mode = (int)sim_below(random, MODE_COUNT);
	world->mode_from = (uint8_t)sim_below(random, (uint64_t)world->scenario->n_nodes);
	world->episode_end = world->now + sim_between(random, 20, 300) * SECOND_NS;
}

static void send_sparse(struct world *world)
{
	uint64_t *random = &world->traffic_random, n = (uint64_t)world->scenario->n_nodes;
	bool burst = world->mode == MODE_BURST;

	const struct calm *calm = &world->calms[world->calm_at];

	if (world->now >= world->episode_end)
		new_episode(world);
	if (world->calm_at < world->n_calms && calm->one_way && world->now >= calm->from &&
	    world->now < calm->from + DENSE_NS) {
		world->sparse_due = calm->from + DENSE_NS; /* nobody interrupts */
		return;
	}
	for (int i = 0; i < (burst ? 12 : 1); i++) {
		uint64_t from = world->mode == MODE_ONE ? world->mode_from : sim_below(random, n);
		uint64_t to = (from + sim_between(random, 1, n - 1)) % n;
		bool group = sim_below(random, 6) == 0;

		node_feed(&world->nodes[from], group ? SIM_ALL : (uint8_t)to, draw_size(world));
	}
	world->sparse_due = world->now + sim_between(random, 1, burst ? 40000 : 8000) * SIM_MS;
	if (world->mode == MODE_SILENT)
		world->sparse_due = world->episode_end;
}

void traffic_init(struct world *world)
{
	world->dense_due = world->n_calms ? world->calms[0].from : UINT64_MAX;
	world->sparse_due = world->now + SECOND_NS;
	world->episode_end = world->now;
}

uint64_t traffic_due(const struct world *world)
{
	return world->dense_due < world->sparse_due ? world->dense_due : world->sparse_due;
}

void traffic_run(struct world *world)
{
	if (world->dense_due <= world->sparse_due)
		send_dense(world);
	else
		send_sparse(world);
}
