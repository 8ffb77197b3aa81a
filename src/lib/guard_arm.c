/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands before the first step of a guarded change: see guard.c. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "lib/lib.h"
#include "sys/reach.h"
#include "world/keeper_door.h"

#define UPLINK_CONFIRM_S 60
#define RUN_S 60
#define BEFORE_MS 2000 /* for targets to answer before a change */

_Static_assert(GUARD_KEEP_SIZE >= REACH_NAME_SIZE, "a guard holds what a target is called by");

struct targets {
	struct reach_target list[GUARD_KEEP_MOST];
	size_t len;
	bool ssh; /* the last one is the SSH client, which nobody asked for */
};

static int targets_parse(const struct loom *loom, struct targets *targets, struct err *err)
{
	if (loom->keep_count >= GUARD_KEEP_MOST)
		return err_set(err, -E2BIG, "more than %d targets to keep", GUARD_KEEP_MOST - 1);
	for (size_t i = 0; i < loom->keep_count; i++)
		if (reach_parse(loom->keep[i], &targets->list[targets->len++], err))
			return err->code;
	return 0;
}

/* The SSH client, where the plan touches the way to it; `seconds`: what --confirm becomes. */
static int uplink_consider(struct visit *visit, const struct plan *plan, const struct state *actual,
			   struct targets *targets, uint32_t *seconds)
{
	const struct loom *loom = visit->loom;
	struct uplink *uplink;

	if (loom->keep_none && !loom->confirm_uplink)
		return 0;
	uplink = arena_make(&visit->arena, struct uplink);
	if (uplink_find(uplink, actual) || !uplink_touched(uplink, plan))
		return 0;
	if (loom->confirm_uplink && !*seconds)
		*seconds = UPLINK_CONFIRM_S;
	if (loom->keep_none)
		return 0;
	targets->ssh = true;
	targets->list[targets->len++] = (struct reach_target){.address = uplink->peer};
	reach_name(&targets->list[targets->len - 1]);
	return 0;
}

/* What cannot be reached now cannot be told from what the change takes away. */
static int targets_ask(struct visit *visit, struct targets *targets, struct err *err)
{
	int r = targets->len ? reach_all(targets->list, targets->len, BEFORE_MS, err) : 0;
	struct reach_target *last = targets->len ? &targets->list[targets->len - 1] : NULL;

	if (r < 0)
		return r;
	if (targets->ssh && !last->reached) {
		struct err warning;

		err_set(&warning, 0,
			"%s, where your SSH session comes from, does not answer pings: whether the "
			"change cuts it off cannot be watched",
			last->name);
		err_hint(&warning, "--confirm SECONDS");
		diag_warn(&visit->diag, &warning);
		targets->len--;
	}
	for (size_t i = 0; i < targets->len; i++) {
		if (targets->list[i].reached)
			continue;
		err_set(err, -EHOSTUNREACH,
			"%s cannot be reached before the change, so it cannot be kept",
			targets->list[i].name);
		return err_hint(err, "another --keep, or none; nothing has been changed");
	}
	return 0;
}

static int arm(struct visit *visit, const struct targets *targets, uint32_t seconds,
	       struct err *err)
{
	struct guard *guard = &visit->guard;
	const char *folder = visit->store.folder;

	*guard = (struct guard){
		.phase = GUARD_RUNS,
		.base = visit->base,
		.seconds = seconds,
		.keep_count = targets->len,
	};
	guard_restart(guard, clock_now_ns());
	if (!seconds) /* for the run alone, which is late then */
		guard->deadline_ns += RUN_S * UINT64_C(1000000000);
	for (size_t i = 0; i < targets->len; i++)
		snprintf(guard->keep[i], GUARD_KEEP_SIZE, "%s", targets->list[i].name);
	if (guard_write(folder, guard, err))
		return err->code;
	if (keeper_guard(folder, err)) {
		guard_remove(folder);
		return err_context(err, "nobody would undo it in time");
	}
	visit->guards = GUARD_OURS;
	visit->guarded = true;
	return 0;
}

/* Said before anything is done: afterwards nobody may be there to read it. */
static void announce(const struct visit *visit)
{
	const struct loom *loom = visit->loom;
	json_t *json;

	if (!loom->progress)
		return;
	json = json_object();
	guard_describe(&visit->guard, json);
	loom->progress(loom->data, doc_of(json), 0, 0);
	json_decref(json);
}

int guard_arm(struct visit *visit, const struct plan *plan, const struct state *actual,
	      struct err *err)
{
	uint32_t seconds = visit->loom->confirm;
	struct targets targets = {0};

	if (visit->guarded || visit->unguarded)
		return 0;
	if (targets_parse(visit->loom, &targets, err) ||
	    uplink_consider(visit, plan, actual, &targets, &seconds) ||
	    targets_ask(visit, &targets, err))
		return err->code;
	if (!seconds && !targets.len)
		return 0;
	if (arm(visit, &targets, seconds, err))
		return err->code;
	announce(visit);
	return 0;
}
