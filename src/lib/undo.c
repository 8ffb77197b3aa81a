/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The history and going back in it. Change N has the promises of one description before and after
 * it. Undoing it desires what is promised now, but for the objects that differ between the two:
 * those as they were before.
 */
#include <errno.h>
#include <inttypes.h>

#include "lib/lib.h"
#include "model/describe.h"
#include "model/record.h"

static bool same_record(const struct object *a, const struct object *b)
{
	struct text left TEXT_CLEANUP = {0};
	struct text right TEXT_CLEANUP = {0};

	record_put(a, &left);
	record_put(b, &right);
	return text_same(text_get(&left), text_get(&right));
}

/* Both states as one may desire them: identities are not compared. */
struct touched {
	struct state before, after;
};

static void touched_init(struct touched *touched, const struct change *change, struct arena *arena)
{
	visit_desired(change->before, arena, &touched->before);
	visit_desired(change->after, arena, &touched->after);
}

static void undo_plan(const struct touched *touched, struct state *desired)
{
	for (size_t i = 0; i < touched->after.len; i++)
		if (!state_find(&touched->before, touched->after.objects[i]))
			state_remove(desired, touched->after.objects[i]);
	for (size_t i = 0; i < touched->before.len; i++) {
		struct object *was = touched->before.objects[i];
		struct object *became = state_find(&touched->after, was);

		if (!became || !same_record(was, became))
			state_put(desired, was);
	}
}

void undo_change(struct visit *visit, uint64_t n, struct answer *answer)
{
	struct change change = {0};
	const struct committed *now;
	struct touched touched;
	struct state desired;
	struct err err = {0};

	if (store_history_get(&visit->store, n, &change, &err)) {
		err_hint(&err, "lanloom log lists the changes");
		answer_fail(answer, &err);
		return;
	}
	now = store_committed(&visit->store, change.name);
	visit_desired(now, &visit->arena, &desired);
	touched_init(&touched, &change, &visit->arena);
	undo_plan(&touched, &desired);
	run_wish(visit,
		 &(struct wish){
			 .name = arena_text(&visit->arena, change.name),
			 .file = arena_text(&visit->arena, now		   ? now->file
							   : change.before ? change.before->file
									   : ""),
			 .operation = "undo",
			 .keep = now ? now->keep : change.before && change.before->keep,
			 .desired = &desired,
			 .gone = desired.len == 0,
		 },
		 answer);
}

/* Which one `undo` without a number means; 0: none, the answer says why. */
static uint64_t last_change(struct visit *visit, struct answer *answer)
{
	uint64_t newest = store_history_newest(&visit->store);
	struct change change = {0};
	struct err err = {0};

	if (!newest) {
		err_set(&err, -ENOENT, "no change has been made here yet");
	} else if (store_history_get(&visit->store, newest, &change, &err) == 0) {
		if (!text_same(change.user, KEEPER_NAME))
			return newest;
		/* undoing that would do again what somebody wants to be rid of */
		err_set(&err, -EALREADY, "the keeper has undone the last change already: %s",
			change.command);
		err_hint(&err,
			 "lanloom log lists the changes; lanloom undo %" PRIu64
			 " goes back behind the keeper's",
			 newest);
	}
	answer_fail(answer, &err);
	return 0;
}

static void undo_asked(struct visit *visit, uint64_t n, struct answer *answer)
{
	struct err err = {0};

	run_recovered(visit, answer);
	if (visit->guards == GUARD_FOUND && !n) {
		guard_undo(visit, visit->loom, answer);
		visit->guards = GUARD_ENDED;
		return;
	}
	if (visit->guards == GUARD_FOUND) {
		err_set(&err, -EBUSY, "a change waits for lanloom confirm");
		err_hint(&err, "lanloom confirm keeps it, lanloom undo takes it back at once");
		answer_fail(answer, &err);
		return;
	}
	if (!n && !visit->undone[0])
		n = last_change(visit, answer);
	if (n)
		undo_change(visit, n, answer);
}

enum loom_status loom_undo(struct loom *loom, unsigned long long n, struct loom_doc **doc)
{
	struct visit visit;
	struct answer answer;
	struct err err = {0};

	answer_init(&answer);
	if (visit_open(&visit, loom, VISIT_DECIDE, &err))
		answer_fail(&answer, &err);
	else
		undo_asked(&visit, n, &answer);
	visit_end(&visit, &answer);
	return answer_end(&answer, doc);
}

static void touched_describe(const struct touched *touched, struct arena *arena, json_t *to)
{
	for (size_t i = 0; i < touched->before.len; i++) {
		const struct object *was = touched->before.objects[i];
		const struct object *became = state_find(&touched->after, was);

		if (!became || !same_record(was, became))
			json_array_append_new(to, describe_text(object_label(was, arena)));
	}
	for (size_t i = 0; i < touched->after.len; i++)
		if (!state_find(&touched->before, touched->after.objects[i]))
			json_array_append_new(
				to, describe_text(object_label(touched->after.objects[i], arena)));
}

static json_t *change_describe(struct visit *visit, const struct change *change)
{
	json_t *json = json_object(), *objects = json_array();
	struct touched touched;

	json_object_set_new(json, "change", json_integer((json_int_t)change->n));
	json_object_set_new(json, "time", json_integer(change->time));
	json_object_set_new(json, "uid", json_integer(change->uid));
	json_object_set_new(json, "user", describe_text(change->user ? change->user : ""));
	json_object_set_new(json, "command", describe_text(change->command ? change->command : ""));
	json_object_set_new(json, "description", describe_text(change->name));
	touched_init(&touched, change, &visit->arena);
	touched_describe(&touched, &visit->arena, objects);
	json_object_set_new(json, "objects", objects);
	return json;
}

enum loom_status loom_log(struct loom *loom, struct loom_doc **doc)
{
	struct visit visit;
	struct answer answer;
	struct change *changes;
	struct err err = {0};
	json_t *list = json_array();
	size_t len;

	answer_init(&answer);
	json_object_set_new(answer.json, "changes", list);
	if (visit_open(&visit, loom, VISIT_LOOK, &err)) {
		answer_fail(&answer, &err);
	} else {
		guard_look(&visit, &answer.diag);
		len = store_history_list(&visit.store, &changes);
		for (size_t i = 0; i < len; i++)
			json_array_append_new(list, change_describe(&visit, &changes[i]));
	}
	visit_close(&visit);
	return answer_end(&answer, doc);
}
