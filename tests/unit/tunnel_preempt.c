/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a worker waits for others, and when it lingers, second by second, under a fake clock. */
#include <sched.h>
#include "tunnel/preempt.h"
#include "unit/test.h"

#define SECOND_NS 1000000000ULL
#define LOOKS 20 /* a second */

static struct preempt preempt;
static uint64_t now;

static void begin(void)
{
	preempt = (struct preempt){.fd = -1};
	now = 1000 * SECOND_NS;
	preempt.looked_ns = now;
}

/* A period passes as this one; what follows from it. */
static bool after(struct preempt_period period)
{
	now += PREEMPT_LOOK_NS;
	preempt.period = period;
	bool waits = preempt_decide(&preempt, now);
	preempt.looked_ns = now;
	return waits;
}

/* In how many of `n` such periods it waited. */
static int of(int n, struct preempt_period period)
{
	int waits = 0;

	for (int i = 0; i < n; i++)
		waits += after(period);
	return waits;
}

static const struct preempt_period
	calm = {.n_frames = 5, .small = true, .n_runs = 10, .waited_ns = 100000},
	busy = {.n_frames = 5, .small = true, .n_runs = 10, .waited_ns = 30000000},
	bulk = {.n_frames = 500, .n_super = 400, .n_runs = 100, .waited_ns = 40000000},
	trains = {.n_frames = 500, .n_super = 400, .trains = true},
	mixed = {.n_frames = 500, .n_super = 400, .small = true},
	flood = {.n_frames = 5000, .small = true, .n_runs = 30, .waited_ns = 40000000};

static void calm_waits_where_that_is_short(void)
{
	begin();
	CHECK(of(LOOKS, calm) == LOOKS);
	/* One period is lost, then a second passes. */
	CHECK(of(1, busy) == 0);
	CHECK(of(LOOKS - 1, calm) == 0);
	CHECK(of(LOOKS, calm) == LOOKS);
}

static void others_that_stay_are_tried_ever_more_seldom(void)
{
	begin();
	for (int seconds = 1; seconds <= 64; seconds *= 2) {
		CHECK(of(1, busy) == 0);
		CHECK(of(seconds * LOOKS - 1, calm) == 0);
		CHECK(of(1, calm) == 1);
	}
	CHECK(of(1, busy) == 0);
	CHECK(of(64 * LOOKS - 1, calm) == 0);
	/* After as long without them it is as at first. */
	CHECK(of(65 * LOOKS, calm) == 65 * LOOKS);
	CHECK(of(1, busy) == 0);
	CHECK(of(LOOKS, calm) == 1);
}

static void bulk_alone_waits_after_a_second(void)
{
	begin();
	CHECK(of(LOOKS - 1, bulk) == 0);
	CHECK(of(3 * LOOKS, bulk) == 3 * LOOKS);
	/* A pause, and it begins again. */
	CHECK(of(1, calm) == 1);
	CHECK(of(LOOKS - 1, bulk) == 0);
}

static void bulk_beside_small_frames_does_not(void)
{
	begin();
	CHECK(of(2 * LOOKS, mixed) == 0);
	/* A second after the last of them. */
	CHECK(of(LOOKS - 3, bulk) == 0);
	CHECK(of(LOOKS, bulk) == LOOKS);
	/* One or two are a connection's beginning. */
	CHECK(of(2, mixed) == 2);
	CHECK(of(1, mixed) == 0);
}

static void small_frames_in_masses_wait_at_once(void)
{
	begin();
	CHECK(of(LOOKS, flood) == LOOKS);
	CHECK(of(1, calm) == 1);
}

static void what_is_not_known_changes_nothing(void)
{
	struct preempt_period unknown = {.n_frames = 5};

	begin();
	CHECK(of(LOOKS, unknown) == 0);
	/* After an hour without a frame nothing of what was before counts. */
	CHECK(of(2 * LOOKS, bulk) == LOOKS + 1);
	now += 3600 * SECOND_NS;
	CHECK(of(1, bulk) == 0);
	CHECK(preempt.bulk == 1);
}

static void bulk_without_trains_lingers(void)
{
	begin();
	after(calm);
	CHECK(!preempt.lingers);
	after(bulk);
	CHECK(preempt.lingers);
	after(mixed);
	CHECK(preempt.lingers);
	/* One train tells that the wire has them. */
	after(trains);
	CHECK(!preempt.lingers);
	after(bulk);
	CHECK(!preempt.lingers);
	after(bulk);
	CHECK(preempt.lingers);
	after(flood);
	CHECK(!preempt.lingers);
}

/* The kernel's file is read, and a thread with an ordinary share stays as it is. */
static void a_look(void)
{
	struct preempt own = {.fd = -1};

	preempt_open(&own);
	preempt_count(&own, 5000, false);
	preempt_look(&own, now);
	CHECK(sched_getscheduler(0) == SCHED_OTHER);
	CHECK(own.period.n_frames == 0 && own.looked_ns == now);
	CHECK(own.fd < 0 || own.n_runs > 0);
	preempt_count(&own, 1, true);
	preempt_look(&own, now + PREEMPT_LOOK_NS - 1);
	CHECK(own.period.n_super == 1);
	for (int i = 0; i < 100; i++)
		preempt_count(&own, 1, true);
	preempt_look(&own, now + PREEMPT_LOOK_NS);
	CHECK(own.bulk & 1 && !own.lingers);
	preempt_close(&own);
	CHECK(own.fd == -1);
}

int main(void)
{
	TEST(calm_waits_where_that_is_short);
	TEST(others_that_stay_are_tried_ever_more_seldom);
	TEST(bulk_alone_waits_after_a_second);
	TEST(bulk_beside_small_frames_does_not);
	TEST(small_frames_in_masses_wait_at_once);
	TEST(what_is_not_known_changes_nothing);
	TEST(bulk_without_trains_lingers);
	TEST(a_look);
	return test_done();
}
