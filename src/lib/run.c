/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check, plan, up and down. Several files are several transactions in their order; when one is
 * refused, those before it are undone, so that together they are all or nothing.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lib/lib.h"
#include "model/describe.h"
#include "world/keeper_door.h"
#include "world/keeper_files.h"

#define MISSING_MS 200 /* how often devices that are missing are looked for */

struct running {
	struct visit *visit;
};

static int reopen(void *data, struct world **world, struct err *err)
{
	struct running *running = data;

	return world_live_new(running->visit->store.folder, world, err);
}

static int planned(void *data, const struct plan *plan, const struct state *actual, struct err *err)
{
	return guard_arm(((struct running *)data)->visit, plan, actual, err);
}

static void progress(void *data, const struct breath *breath, size_t n, size_t of)
{
	struct running *running = data;
	const struct loom *loom = running->visit->loom;
	json_t *step = step_describe(&breath->steps[breath->leader], NULL);

	loom->progress(loom->data, doc_of(step), n, of);
	json_decref(step);
}

void run_recovered(const struct visit *visit, struct answer *answer)
{
	struct err err = {0};

	if (visit->undone[0]) {
		err_set(&err, 0, "%s", visit->undone);
		diag_warn(&answer->diag, &err);
	}
	if (visit->recovered == RECOVER_NOTHING)
		return;
	err_set(&err, 0, "an earlier run was killed; what it had begun was %s first",
		visit->recovered == RECOVER_FINISHED ? "finished" : "taken back");
	diag_warn(&answer->diag, &err);
}

/* A later result of the same answer never hides an earlier one that did something. */
static void result_set(struct answer *answer, enum result result)
{
	const char *before = json_string_value(json_object_get(answer->json, "result"));

	if (before && result == RESULT_UNCHANGED)
		return;
	json_object_set_new(answer->json, "result", json_string(result_words[result]));
}

static void left_describe(const struct state *left, json_t *to)
{
	json_t *list = json_array();

	for (size_t i = 0; i < left->len; i++) {
		struct step step = {.before = left->objects[i]};

		json_array_append_new(list, step_describe(&step, NULL));
	}
	json_object_set_new(to, "left", list);
}

/* Puts what a plan or run came to into the answer. */
static void outcome_tell(struct apply_outcome *outcome, int r, bool plan_only, struct err *err,
			 struct answer *answer)
{
	struct diag *diag = &outcome->diag;

	plan_describe(&outcome->plan, answer->json);
	/* it was done all the same: what went wrong on the way is news, no failure */
	for (size_t i = 0; !r && i < diag->error_count; i++)
		diag_warn(&answer->diag, &diag->errors[i]);
	if (!r)
		diag->error_count = 0;
	if (outcome->result == RESULT_PARTIAL) {
		answer->status = LOOM_PARTIAL;
		left_describe(&outcome->left, answer->json);
	}
	answer_take(answer, &outcome->plan.diag);
	answer_take(answer, diag);
	if (r && !outcome->plan.diag.error_count && !diag->error_count)
		answer_fail(answer, err);
	if (plan_only && !r && !plan_empty(&outcome->plan) && answer->status == LOOM_DONE)
		answer->status = LOOM_NO;
	if (!plan_only && !outcome->plan.diag.error_count)
		result_set(answer, outcome->result);
	if (outcome->change)
		json_object_set_new(answer->json, "change",
				    json_integer((json_int_t)outcome->change));
}

/* The keeper serves what is committed: it looks again, begins or ends. */
static void keeper_tell(const struct visit *visit, struct answer *answer)
{
	enum promised promised = PROMISED_NOTHING;
	struct err err = {0};
	bool leases = false;

	for (size_t i = 0; i < visit->store.len; i++) {
		const struct committed *committed = visit->store.committed[i];

		if (committed->keep)
			promised = PROMISED_SOMETHING;
		for (size_t j = 0; j < committed->len; j++) {
			const struct kind *kind = committed->entries[j].object->kind;

			if (kind->flags & KIND_KEPT)
				promised = PROMISED_SOMETHING;
			/* one that just came does not run it yet: it looks before it ends */
			else if (kind->door == DOOR_KEEPER && promised < PROMISED_UNKNOWN)
				promised = PROMISED_UNKNOWN;
			leases = leases || kind_is(kind, "dhcp");
		}
	}
	if (keeper_notify(visit->store.folder, promised, &err))
		diag_warn(&answer->diag, &err);
	if (!leases)
		keeper_files_clear(visit->store.folder);
}

uint64_t run_wish(struct visit *visit, const struct wish *wish, struct answer *answer)
{
	const struct loom *loom = visit->loom;
	struct running running = {.visit = visit};
	struct apply_request request = {
		.store = &visit->store,
		.world = visit->world,
		.name = wish->name,
		.file = wish->file,
		.command = loom->command ? loom->command : wish->operation,
		.keep = wish->keep,
		.desired = wish->desired,
		.gone = wish->gone,
		.adopt = loom->adopt,
		.force = loom->force,
		.who = loom->who,
		.guarded = &visit->guarded,
		.planned = planned,
		.reopen = reopen,
		.progress = loom->progress ? progress : NULL,
		.data = &running,
	};
	struct apply_outcome outcome;
	struct err err = {0};
	uint64_t change;
	int r;

	r = wish->plan_only ? apply_plan(&request, &outcome, &err)
			    : apply_run(&request, &outcome, &err);
	outcome_tell(&outcome, r, wish->plan_only, &err, answer);
	if (!r && wish->ahead && ahead_go(visit, wish->ahead, &outcome.plan, &err))
		answer_fail(answer, &err);
	if (!wish->plan_only)
		keeper_tell(visit, answer);
	change = outcome.change;
	apply_outcome_fini(&outcome);
	return change;
}

static void description_tell(struct answer *answer, const struct description *description)
{
	json_t *list = json_object_get(answer->json, "descriptions"), *one = json_object();
	size_t objects = description->desired.len;

	if (!list) {
		list = json_array();
		json_object_set_new(answer->json, "descriptions", list);
	}
	json_object_set_new(one, "name", describe_text(description->name));
	json_object_set_new(one, "file", describe_text(description->file));
	if (description->host_count) {
		json_t *hosts = json_array();

		for (size_t i = 0; i < description->host_count; i++)
			json_array_append_new(hosts, describe_text(description->hosts[i]));
		json_object_set_new(one, "hosts", hosts);
	}
	if (description->host_count && !description->host)
		objects = 0;
	for (size_t i = 0; i < description->host_count && !description->host; i++)
		objects += description->states[i].len;
	json_object_set_new(one, "objects", json_integer((json_int_t)objects));
	json_array_append_new(list, one);
}

enum loom_status loom_check(struct loom *loom, const char *const *files, size_t count,
			    struct loom_doc **doc)
{
	struct answer answer;
	struct diag diag = {0};
	struct files loaded;

	answer_init(&answer);
	files_load(&loaded, loom, files, count, false, &diag);
	for (size_t i = 0; i < loaded.len; i++)
		description_tell(&answer, &loaded.list[i]);
	answer_take(&answer, &diag);
	diag_fini(&diag);
	answer_end(&answer, doc);
	files_fini(&loaded);
	return answer.status;
}

static uint64_t up_one(struct visit *visit, struct description *description, bool plan_only,
		       bool ahead, struct answer *answer)
{
	struct wish wish = {
		.name = description->name,
		.file = description->file,
		.operation = "up",
		.keep = description->keep,
		.desired = &description->desired,
		.plan_only = plan_only,
		.ahead = ahead ? description : NULL,
	};
	struct diag diag = {0};
	struct err err = {0};
	size_t wrong;
	int r = fixed_macs(visit, &description->desired, description->host, !plan_only, &err);

	if (!r)
		r = desired_settle(visit, &description->desired, &diag, &err);
	wrong = diag.error_count;
	answer_take(answer, &diag);
	diag_fini(&diag);
	if (r)
		answer_fail(answer, &err);
	if (r || wrong)
		return 0;
	return run_wish(visit, &wish, answer);
}

static bool failed(const struct answer *answer)
{
	return answer->status == LOOM_FAILED || answer->status == LOOM_USAGE ||
	       answer->status == LOOM_PARTIAL;
}

/* Undoes a change of the same command; its steps are not what was asked for, so not told. */
static void take_back(struct visit *visit, uint64_t change, struct answer *answer)
{
	struct answer back;

	answer_init(&back);
	undo_change(visit, change, &back);
	if (back.status != LOOM_DONE) {
		answer->status = LOOM_PARTIAL;
		result_set(answer, RESULT_PARTIAL);
	}
	answer_take(answer, &back.diag);
	answer_drop(&back);
}

static void up_all(struct visit *visit, struct files *files, bool plan_only, struct answer *answer)
{
	uint64_t *changes = arena_alloc(&visit->arena, (files->len + 1) * sizeof(*changes));
	bool ahead = plan_only && files->len > 1;
	struct err err = {0};
	size_t done = 0;

	if (ahead && ahead_begin(visit, files, &err))
		answer_fail(answer, &err);
	for (; done < files->len && !failed(answer); done++) {
		description_tell(answer, &files->list[done]);
		changes[done] = up_one(visit, &files->list[done], plan_only, ahead, answer);
	}
	if (plan_only || !failed(answer) || done < 2)
		return;
	/* the last one undid itself */
	for (size_t i = done - 1; i-- > 0;)
		if (changes[i])
			take_back(visit, changes[i], answer);
	if (answer->status != LOOM_PARTIAL)
		result_set(answer, RESULT_ROLLED_BACK);
}

/* Nothing is wrong but that devices are missing which others make: at boot they come any moment. */
static bool only_missing(const struct answer *answer)
{
	for (size_t i = 0; i < answer->diag.error_count; i++)
		if (answer->diag.errors[i].code != -ENODEV)
			return false;
	return answer->status == LOOM_FAILED && answer->diag.error_count;
}

static enum loom_status up_or_plan(struct loom *loom, const char *const *files, size_t count,
				   bool plan_only, bool *missing, struct loom_doc **doc)
{
	struct answer answer;
	struct diag diag = {0};
	struct files loaded;
	struct visit visit = {0};
	struct err err = {0};

	answer_init(&answer);
	if (files_load(&loaded, loom, files, count, true, &diag) == 0) {
		if (visit_open(&visit, loom, plan_only ? VISIT_LOOK : VISIT_CHANGE, &err) ||
		    (plan_only && apply_unsettled(&visit.store, &err))) {
			answer_fail(&answer, &err);
		} else {
			if (plan_only)
				guard_look(&visit, &answer.diag);
			run_recovered(&visit, &answer);
			up_all(&visit, &loaded, plan_only, &answer);
		}
		visit_end(&visit, &answer);
	}
	answer_take(&answer, &diag);
	diag_fini(&diag);
	*missing = only_missing(&answer);
	answer_end(&answer, doc);
	files_fini(&loaded);
	return answer.status;
}

enum loom_status loom_plan(struct loom *loom, const char *const *files, size_t count,
			   struct loom_doc **doc)
{
	bool missing;

	return up_or_plan(loom, files, count, true, &missing, doc);
}

enum loom_status loom_up(struct loom *loom, const char *const *files, size_t count,
			 struct loom_doc **doc)
{
	uint64_t end_ns = clock_now_ns() + loom->wait * UINT64_C(1000000000);
	enum loom_status status;
	bool missing;

	for (;;) {
		status = up_or_plan(loom, files, count, false, &missing, doc);
		if (!missing || clock_now_ns() >= end_ns)
			return status;
		loom_doc_free(*doc);
		poll(NULL, 0, MISSING_MS);
	}
}
