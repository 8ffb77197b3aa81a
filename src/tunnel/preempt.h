/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does a worker's thread that is woken take the processor from who has it (SCHED_OTHER), or wait
 * until that one sleeps (SCHED_BATCH, sched(7))?
 *
 * To wait is better where nobody is kept waiting by it: who sends small frames gets done with many
 * before they are taken, and nobody is put off in the middle of his work, to be moved to another
 * processor. So a thread waits for others, but not
 *
 *	in the first second of bulk, nor while small frames pass beside it;
 *	with few frames, if it has waited long: others keep the processor busy.
 *
 * And does it sleep at once when there is nothing to do? Not while bulk passes over a wire without
 * trains: there the next datagram is microseconds away, and whoever sleeps is woken for each few
 * of them, late. It lingers: it looks again, and lets everybody else have the processor first.
 *
 * Both are for threads with a greater share than others, nice below 0; the rest stay as they are.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PREEMPT_LOOK_NS 50000000ULL /* between two looks, at least */
#define PREEMPT_LINGER_NS 60000ULL  /* without anything to do, at most */

/* Since the last look. */
struct preempt_period {
	uint32_t n_frames, n_super; /* from and to the device; the latter are of the former */
	bool small;		    /* among them was one that somebody may want answered */
	bool trains;		    /* datagrams came several in one */
	uint64_t waited_ns;	    /* for a processor, though there was something to do */
	uint64_t n_runs;	    /* how often it got one; 0: not known */
};

struct preempt {
	int fd;		    /* of its schedstat in /proc; -1: none */
	uint64_t looked_ns; /* 0: never */
	struct preempt_period period;
	uint64_t waited_ns, n_runs;   /* in all, when it looked last */
	uint32_t small, bulk, trains; /* were there any? Bit 0: at the last look */
	bool lingers;
	uint64_t firm_ns, hold_ns; /* it preempts until then; for so long the last time */
};

/* For the calling thread; before it gives up its files. */
void preempt_open(struct preempt *preempt);
void preempt_close(struct preempt *preempt);

/* Frames have passed. */
static inline void preempt_count(struct preempt *preempt, uint32_t n, bool super)
{
	preempt->period.n_frames += n;
	preempt->period.n_super += super;
}

/* Once in PREEMPT_LOOK_NS: decides, and tells the kernel. Of the calling thread. */
void preempt_look(struct preempt *preempt, uint64_t now);

/* What follows from the period that ends `now`, `lingers` with it. True: it waits for others. */
bool preempt_decide(struct preempt *preempt, uint64_t now);
