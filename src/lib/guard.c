/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes that are undone unless somebody confirms them, or when they take a target out of reach.
 *
 * Before the first step the guard (apply/guard.h) is written down and a keeper found that has seen
 * it; from then on whatever dies, somebody acts. When the run is over the guard passes from the
 * run to the keeper, which checks the targets and keeps the time; `lanloom confirm` ends it. The
 * keeper undoes as `lanloom undo` does: there is nothing of its own to it. When it has died, too,
 * the next command finds the guard: one that is too late is undone first, for one that waits there
 * is a keeper again.
 */
#include "lib/lib.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "model/describe.h"
#include "sys/reach.h"
#include "world/keeper_door.h"

#define AFTER_MS 5000 /* for targets to answer behind a change */
#define VERDICT_MS 60000
#define NUDGE_MS 2000

/* "change 7", "changes 7 to 9": what a guard is over. */
static void changes_name(const struct guard *guard, uint64_t newest, char text[60])
{
	if (newest <= guard->base + 1)
		snprintf(text, 60, "change %" PRIu64, guard->base + 1);
	else
		snprintf(text, 60, "changes %" PRIu64 " to %" PRIu64, guard->base + 1, newest);
}

int guard_undo(struct visit *visit, const struct loom *loom, struct answer *answer)
{
	const struct loom *before = visit->loom;
	uint64_t newest = store_history_newest(&visit->store);

	visit->loom = loom;
	visit->unguarded = true;
	for (uint64_t n = newest; n > visit->guard.base && answer->status != LOOM_FAILED; n--) {
		struct answer part;

		answer_init(&part);
		undo_change(visit, n, &part);
		if (part.status == LOOM_FAILED)
			answer->status = LOOM_FAILED;
		answer_merge(answer, &part);
	}
	visit->unguarded = false;
	visit->loom = before;
	if (answer->status == LOOM_FAILED)
		return -EIO;
	guard_remove(visit->store.folder);
	visit->guards = GUARD_NONE;
	visit->base = store_history_newest(&visit->store);
	return 0;
}

/* Undone by nobody's command, because of `why`. */
static int undo_unasked(struct visit *visit, const char *why, struct err *err)
{
	struct loom loom = {.force = true, .who = KEEPER_NAME};
	char changes[60], command[200];
	struct answer answer;
	int r;

	answer_init(&answer);
	changes_name(&visit->guard, visit->base, changes);
	snprintf(command, sizeof(command), "undo %s (%s)", changes, why);
	loom.command = command;
	r = guard_undo(visit, &loom, &answer);
	if (r && answer.diag.error_count)
		*err = answer.diag.errors[0];
	else if (r)
		err_set(err, r, "it is refused");
	if (r) {
		visit->guards = GUARD_FOUND;
		err_context(err, "%s (%s) could not be undone", changes, why);
		err_hint(err, "lanloom confirm leaves all as it is");
	}
	snprintf(visit->undone, sizeof(visit->undone), "%s: undone%s: %s", changes,
		 answer.status == LOOM_PARTIAL ? " in part" : "", why);
	if (r)
		visit->undone[0] = '\0';
	answer_drop(&answer);
	return r ? err->code : 0;
}

static int too_late(struct visit *visit, struct err *err)
{
	char why[60];

	snprintf(why, sizeof(why), "not confirmed within %u s", visit->guard.seconds);
	return undo_unasked(visit, why, err);
}

static bool is_keeper(const struct visit *visit)
{
	return visit->loom->who != NULL;
}

/* The run that it was written for is dead: we have its lock. */
static int take_over(struct visit *visit, struct err *err)
{
	struct guard *guard = &visit->guard;

	guard->phase = guard->keep_count ? GUARD_CHECKS : GUARD_WAITS;
	return guard_write(visit->store.folder, guard, err);
}

static int refuse(const struct visit *visit, struct err *err)
{
	uint32_t left = guard_left_s(&visit->guard, clock_now_ns());
	char changes[60];

	changes_name(&visit->guard, visit->base, changes);
	if (visit->guard.seconds)
		err_set(err, -EBUSY, "%s waits for lanloom confirm: %u s left", changes, left);
	else
		err_set(err, -EBUSY, "%s: its targets are being looked for", changes);
	return err_hint(err, "lanloom confirm keeps it, lanloom undo takes it back at once");
}

int guard_settle(struct visit *visit, struct err *err)
{
	struct guard *guard = &visit->guard;
	struct err ignored;
	int r = guard_read(visit->store.folder, guard, err);

	if (r <= 0)
		return r;
	if (guard->phase == GUARD_RUNS && visit->base <= guard->base) {
		guard_remove(visit->store.folder); /* nothing came of it */
		return 0;
	}
	if (guard->phase == GUARD_RUNS && take_over(visit, err))
		return err->code;
	if (guard->seconds && clock_now_ns() >= guard->deadline_ns)
		return too_late(visit, err);
	visit->guards = GUARD_FOUND;
	if (!is_keeper(visit))
		keeper_notify(visit->store.folder, PROMISED_SOMETHING, &ignored);
	return visit->aim == VISIT_CHANGE ? refuse(visit, err) : 0;
}

void guard_look(struct visit *visit, struct diag *diag)
{
	struct guard guard;
	struct err warning, ignored;
	char changes[60];
	pid_t keeper;

	if (guard_read(visit->store.folder, &guard, &ignored) != 1)
		return;
	if (keeper_ping(visit->store.folder, &keeper, &ignored))
		keeper_notify(visit->store.folder, PROMISED_SOMETHING, &ignored);
	if (guard.phase != GUARD_WAITS)
		return;
	changes_name(&guard, store_history_newest(&visit->store), changes);
	err_set(&warning, 0, "%s waits for lanloom confirm: %u s left", changes,
		guard_left_s(&guard, clock_now_ns()));
	err_hint(&warning, "lanloom confirm keeps it, lanloom undo takes it back at once");
	diag_warn(diag, &warning);
}

void guard_describe(const struct guard *guard, json_t *to)
{
	json_t *json = json_object(), *keep = json_array();

	for (size_t i = 0; i < guard->keep_count; i++)
		json_array_append_new(keep, describe_text(guard->keep[i]));
	if (guard->seconds)
		json_object_set_new(json, "seconds", json_integer(guard->seconds));
	json_object_set_new(json, "keep", keep);
	json_object_set_new(to, "confirm", json);
}

void guard_finish(struct visit *visit, struct answer *answer)
{
	struct guard *guard = &visit->guard;
	struct err err;

	answer_take(answer, &visit->diag);
	if (visit->guards != GUARD_OURS)
		return;
	visit->base = store_history_newest(&visit->store);
	if (visit->base == guard->base || answer->status == LOOM_FAILED) {
		guard_remove(visit->store.folder);
		visit->guards = GUARD_ENDED;
		return;
	}
	guard->phase = guard->keep_count ? GUARD_CHECKS : GUARD_WAITS;
	guard_restart(guard, clock_now_ns());
	if (guard_write(visit->store.folder, guard, &err))
		diag_warn(&answer->diag, &err); /* the keeper takes over without it */
	guard_describe(guard, answer->json);
}

/* Has the keeper undone something behind change `n`? Tells what. */
static bool undone_behind(uint64_t n, char said[200])
{
	struct change *changes;
	struct store store;
	struct err err;
	bool found = false;
	size_t len;

	if (store_open(&store, false, &err))
		return false;
	len = store_history_list(&store, &changes);
	for (size_t i = 0; i < len && changes[i].n > n && !found; i++) {
		found = text_same(changes[i].user, KEEPER_NAME);
		if (found)
			snprintf(said, 200, "%s", changes[i].command);
	}
	store_close(&store);
	return found;
}

/* The keeper is looking for the targets: what does it find? */
static void verdict_await(const struct visit *visit, struct answer *answer)
{
	const char *folder = visit->store.folder;
	struct guard guard = {.phase = GUARD_CHECKS};
	char said[200] = "";
	struct err err;

	for (int ms = 0; ms < VERDICT_MS && guard.phase == GUARD_CHECKS; ms += 50) {
		if (ms % NUDGE_MS == 0 && keeper_notify(folder, PROMISED_SOMETHING, &err))
			diag_warn(&answer->diag, &err);
		poll(NULL, 0, 50);
		if (guard_read(folder, &guard, &err) != 1)
			break;
	}
	if (!undone_behind(visit->base, said))
		return;
	err_set(&err, -EHOSTUNREACH, "the keeper took it back at once: %s", said);
	answer_fail(answer, &err);
	json_object_del(answer->json, "confirm");
	json_object_set_new(answer->json, "result", json_string(result_words[RESULT_ROLLED_BACK]));
}

void guard_await(struct visit *visit, struct answer *answer)
{
	struct err err;

	if (visit->guards == GUARD_ENDED)
		keeper_notify(visit->store.folder, PROMISED_UNKNOWN, &err);
	if (visit->guards != GUARD_OURS)
		return;
	if (keeper_notify(visit->store.folder, PROMISED_SOMETHING, &err))
		diag_warn(&answer->diag, &err);
	if (visit->guard.phase == GUARD_CHECKS)
		verdict_await(visit, answer);
}

/* The first target that is out of reach now; "": none. */
static void check(const struct guard *guard, char lost[GUARD_KEEP_SIZE])
{
	struct reach_target list[GUARD_KEEP_MOST];
	struct err err;
	size_t len = 0;

	lost[0] = '\0';
	for (size_t i = 0; i < guard->keep_count; i++)
		if (reach_parse(guard->keep[i], &list[len], &err) == 0)
			len++;
	reach_all(list, len, AFTER_MS, &err);
	for (size_t i = 0; i < len && !lost[0]; i++)
		if (!list[i].reached)
			memcpy(lost, list[i].name, REACH_NAME_SIZE);
}

static int checked(struct visit *visit, const char *lost, struct err *err)
{
	char why[GUARD_KEEP_SIZE + 40];

	if (lost[0]) {
		snprintf(why, sizeof(why), "%s is out of reach", lost);
		return undo_unasked(visit, why, err);
	}
	visit->guard.phase = GUARD_WAITS;
	if (visit->guard.seconds)
		return guard_write(visit->store.folder, &visit->guard, err);
	guard_remove(visit->store.folder);
	return 0;
}

int guard_act(const char *folder, char said[200], struct err *err)
{
	struct loom loom = {.force = true, .who = KEEPER_NAME};
	char lost[GUARD_KEEP_SIZE] = "";
	struct visit visit;
	struct guard seen;
	int r = guard_read(folder, &seen, err);

	said[0] = '\0';
	if (r <= 0)
		return r;
	if (seen.phase == GUARD_CHECKS)
		check(&seen, lost);
	r = visit_open(&visit, &loom, VISIT_DECIDE, err);
	if (!r && seen.phase == GUARD_CHECKS && visit.guards == GUARD_FOUND &&
	    visit.guard.phase == GUARD_CHECKS && visit.guard.deadline_ns == seen.deadline_ns)
		r = checked(&visit, lost, err);
	snprintf(said, 200, "%s", visit.undone);
	visit_close(&visit);
	return r;
}
