/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/preempt.h"
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Between two looks: 20 MB/s, and 20,000 frames a second. */
#define MANY_SUPER 16
#define MANY_FRAMES 1000
#define LOOKS (1000000000 / PREEMPT_LOOK_NS) /* a second */
#define SECOND ((1U << LOOKS) - 1)	     /* they as bits */
#define LATELY 3			     /* the last two */
#define SMALL_OFTEN 3			     /* of those */
#define LONG_WAIT_NS 200000		     /* before a run, on the average of a period */
#define HOLD_LEAST_NS 1000000000ULL
#define HOLD_MOST_NS (64 * HOLD_LEAST_NS)

void preempt_open(struct preempt *preempt)
{
	preempt->fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
}

void preempt_close(struct preempt *preempt)
{
	if (preempt->fd >= 0)
		close(preempt->fd);
	preempt->fd = -1;
}

/* Whoever has been waiting again so soon after the last time holds on twice as long. */
static void hold(struct preempt *preempt, uint64_t now)
{
	bool again = preempt->hold_ns && now < preempt->firm_ns + preempt->hold_ns;

	if (!again)
		preempt->hold_ns = HOLD_LEAST_NS;
	else if (preempt->hold_ns < HOLD_MOST_NS)
		preempt->hold_ns *= 2;
	preempt->firm_ns = now + preempt->hold_ns;
}

static void remember(uint32_t *bits, uint64_t looks, bool bit)
{
	*bits = (looks < 32 ? *bits << looks : 0) | bit;
}

/* Bulk, for a second already, and nothing else. */
static bool is_bulk_alone(const struct preempt *preempt)
{
	return (preempt->bulk & SECOND) == SECOND &&
	       __builtin_popcount(preempt->small & SECOND) < SMALL_OFTEN;
}

bool preempt_decide(struct preempt *preempt, uint64_t now)
{
	const struct preempt_period *period = &preempt->period;
	uint64_t looks = (now - preempt->looked_ns) / PREEMPT_LOOK_NS;
	bool bulk = period->n_super >= MANY_SUPER;

	remember(&preempt->small, looks, period->small);
	remember(&preempt->bulk, looks, bulk);
	remember(&preempt->trains, looks, period->trains);
	preempt->lingers = bulk && !(preempt->trains & LATELY);
	if (bulk)
		return is_bulk_alone(preempt);
	if (period->n_frames >= MANY_FRAMES)
		return true;
	if (!period->n_runs)
		return false;
	if (period->waited_ns > period->n_runs * LONG_WAIT_NS && now >= preempt->firm_ns)
		hold(preempt, now);
	return now >= preempt->firm_ns;
}

/* Documentation/scheduler/sched-stats.rst: what it ran, what it waited, how often it ran. */
static void read_waits(struct preempt *preempt)
{
	unsigned long long waited_ns, n_runs;
	char text[96];
	/* syscall: pread64 */
	ssize_t n = preempt->fd >= 0 ? pread(preempt->fd, text, sizeof(text) - 1, 0) : 0;

	if (n <= 0)
		return;
	text[n] = '\0';
	if (sscanf(text, "%*u %llu %llu", &waited_ns, &n_runs) != 2)
		return;
	preempt->period.waited_ns = waited_ns - preempt->waited_ns;
	preempt->period.n_runs = n_runs - preempt->n_runs;
	preempt->waited_ns = waited_ns;
	preempt->n_runs = n_runs;
}

/* Has the calling thread a greater share than others? */
static bool has_more(int policy)
{
	/* syscall: getpriority(0 = PRIO_PROCESS, 1 = 0) */
	return (policy == SCHED_OTHER || policy == SCHED_BATCH) && getpriority(PRIO_PROCESS, 0) < 0;
}

static void become(struct preempt *preempt, bool waits)
{
	/* syscall: sched_getscheduler(0 = 0) */
	int policy = sched_getscheduler(0), wanted = waits ? SCHED_BATCH : SCHED_OTHER;

	if (!has_more(policy)) {
		preempt->lingers = false;
		return;
	}
	/* syscall: sched_setscheduler(0 = 0, 1 = SCHED_OTHER) */
	/* syscall: sched_setscheduler(0 = 0, 1 = SCHED_BATCH) */
	if (policy != wanted)
		(void)sched_setscheduler(0, wanted, &(struct sched_param){0});
}

void preempt_look(struct preempt *preempt, uint64_t now)
{
	if (now - preempt->looked_ns < PREEMPT_LOOK_NS)
		return;
	read_waits(preempt);
	become(preempt, preempt_decide(preempt, now));
	preempt->period = (struct preempt_period){0};
	preempt->looked_ns = now;
}
