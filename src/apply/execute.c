/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Carrying a plan out: breath after breath, verify, commit, deletions; or back again. Runs in the
 * child of apply.c, which outlives it.
 */
#include <errno.h>
#include <stdio.h>

#include "apply/run.h"
#include "apply/stop.h"

int run_read(struct run *run, struct state *actual, struct err *err)
{
	state_init(actual, run->arena);
	return run->world->ops->read(run->world, &run->wanted, actual, err);
}

/* Links are given their number before they are made, so that the journal can name this one. */
static void number(struct run *run, struct breath *breath)
{
	for (size_t i = 0; i < breath->len; i++) {
		struct step *step = &breath->steps[i];
		struct object *object;
		int ident;

		if (step->before ||
		    (step->after->kind->door != DOOR_LINK && step->after->kind->door != DOOR_TUN))
			continue;
		ident = kind_field_find(step->after->kind, "ifindex");
		if (ident < 0 ||
		    !(kind_field(step->after->kind, (unsigned int)ident)->flags & FIELD_IDENT))
			continue;
		object = object_copy(run->arena, step->after);
		*(uint32_t *)object_at(object, (unsigned int)ident) =
			run->world->ops->identity(run->world, object->ns);
		object->set |= UINT64_C(1) << ident;
		step->after = object;
	}
}

/* The old value a step expects is still there. */
static bool expected(const struct step *step, const struct state *actual)
{
	const struct object *there = state_find(actual, step_object(step));

	if (!step->before)
		return !there || step->flags & STEP_RESTORE;
	if (!there)
		there = state_find(actual, step->before);
	if (!there || object_other(there, step->before))
		return false;
	for (unsigned int i = 0; step->mask >> i; i++)
		if (step->mask >> i & 1 && object_has(step->before, i) &&
		    (!object_has(there, i) ||
		     !value_same(kind_field(there->kind, i), object_at(step->before, i),
				 object_at(there, i))))
			return false;
	return true;
}

/* Somebody touched something: are the steps still to come what they were? */
static int check_undisturbed(struct run *run, size_t next, struct err *err)
{
	struct state touched, actual;

	state_init(&touched, run->arena);
	if (!run->world->ops->disturbed(run->world, &touched))
		return 0;
	if (run_read(run, &actual, err))
		return err->code;
	for (size_t i = next; i < run->plan.commit; i++)
		for (size_t j = 0; j < run->plan.breaths[i].len; j++) {
			const struct step *step = &run->plan.breaths[i].steps[j];
			const struct object *object = step_object(step);

			if (step->flags & STEP_RIDES || expected(step, &actual))
				continue;
			err_set(err, -EAGAIN, "somebody else changed it meanwhile");
			return err_at(err, object_label(object, run->arena), step->place);
		}
	return 0;
}

static void remember(struct run *run, const struct breath *breath)
{
	for (size_t i = 0; i < breath->len; i++) {
		run->done = arena_room(run->arena, run->done, run->done_len, sizeof(*run->done));
		run->done[run->done_len++] = breath->steps[i];
	}
}

static int carry_out(struct run *run, struct journal *journal, struct err *err)
{
	const struct apply_request *request = run->request;

	for (size_t i = 0; i < run->plan.commit; i++) {
		struct breath *breath = &run->plan.breaths[i];

		if (stop_asked())
			return err_set(err, -EINTR, "interrupted");
		if (check_undisturbed(run, i, err))
			return err->code;
		number(run, breath);
		if (journal_breath(journal, breath, err))
			return err->code;
		if (request->progress)
			request->progress(request->data, breath, i, run->plan.breath_count);
		if (run->world->ops->apply(run->world, breath, err))
			return err->code;
		remember(run, breath);
	}
	return 0;
}

/* What the kernel took along although the rehearsal did not know it would. */
static int put_back(struct run *run, struct journal *journal, struct state *after, struct err *err)
{
	struct plan extra = {.arena = run->arena};
	struct step *missing;
	size_t count = steps_missing(run->arena, &run->actual, after, &run->plan, &missing);

	plan_order(&extra, missing, count);
	for (size_t i = 0; i < extra.breath_count; i++) {
		if (journal && journal_breath(journal, &extra.breaths[i], err))
			return err->code;
		if (run->world->ops->apply(run->world, &extra.breaths[i], err))
			return err->code;
	}
	return count ? run_read(run, after, err) : 0;
}

/* Planning again must find nothing left to make or change. */
static int verify(struct run *run, const struct state *after, struct err *err)
{
	struct plan_request again = run->plan_request;
	struct plan plan;
	int r = 0;

	again.actual = after;
	again.adopt = again.force = true; /* what is ours since a moment ago is not committed yet */
	plan_make(&again, &plan);
	for (size_t i = 0; !r && i < plan.len; i++) {
		const struct step *step = &plan.steps[i];
		struct text what TEXT_CLEANUP = {0};

		if (!step->after || step->flags & STEP_RESTORE)
			continue;
		for (unsigned int f = 0; step->mask >> f; f++) {
			if (!(step->mask >> f & 1))
				continue;
			text_add(&what, "%s%s is ", what.size ? ", " : "",
				 kind_field(step->after->kind, f)->key);
			if (step->before && object_has(step->before, f))
				object_print(step->before, f, &what);
			else
				text_add(&what, "not there");
		}
		r = err_set(err, -EIO, "the kernel did not keep it: %s",
			    what.size ? text_get(&what) : "it is gone again");
		err_at(err, object_label(step->after, run->arena), step->place);
	}
	if (!r && plan.diag.error_count) {
		*err = plan.diag.errors[0];
		r = err->code;
	}
	plan_fini(&plan);
	return r;
}

/*
 * Written before the commit, so that there is no change that the history lacks; where nobody counts
 * on it, a history that cannot be written is no reason to refuse the change.
 */
static int history_begin(struct run *run, struct committed *after, struct err *err)
{
	const struct apply_request *request = run->request;
	struct change change = {.command = request->command,
				.name = request->name,
				.user = request->who,
				.before = (struct committed *)run->plan_request.own,
				.after = request->gone ? NULL : after};

	if (store_history_begin(request->store, &change, err) == 0) {
		run->change = change.n;
		return 0;
	}
	if (request->guarded && *request->guarded)
		return err_context(err, "the change could not be undone later");
	diag_warn(&run->plan.diag, err);
	return 0;
}

static void history_end(struct run *run, bool stays)
{
	struct err err;

	if (run->change && store_history_end(run->request->store, run->change, stays, &err))
		diag_warn(&run->plan.diag, &err);
	if (!stays)
		run->change = 0;
}

static int commit(struct run *run, struct journal *journal, const struct state *after,
		  struct committed *committed, struct err *err)
{
	const struct apply_request *request = run->request;
	const struct plan *plan = &run->plan;

	*committed = (struct committed){.name = request->name,
					.file = request->file,
					.keep = request->keep,
					.arena = run->arena};
	if (!request->gone)
		plan_commit(&run->plan_request, plan, after, committed);
	if (history_begin(run, committed, err))
		return err->code;
	return journal_commit(journal, committed, request->gone, run->change,
			      plan->breaths + plan->commit, plan->breath_count - plan->commit, err);
}

/* The deletions: one by one, retried once, the rest goes on. */
void run_delete(struct run *run, const struct plan *plan, size_t from)
{
	for (size_t i = from; i < plan->breath_count; i++) {
		struct breath *breath = &plan->breaths[i];
		struct err err;

		if (!run->world->ops->apply(run->world, breath, &err) ||
		    !run->world->ops->apply(run->world, breath, &err) ||
		    run_gone_already(breath, err.code))
			continue;
		if (!run->error.code)
			run->error = err;
		for (size_t j = 0; j < breath->len; j++)
			state_add(&run->left, (struct object *)step_object(&breath->steps[j]));
	}
}

static int store_outcome(struct run *run, struct committed *committed, struct err *err)
{
	struct store *store = run->request->store;

	if (run->request->gone)
		return store_forget(store, run->request->name, err);
	return store_commit(store, committed, err);
}

static enum result roll_back(struct run *run, struct journal *journal)
{
	struct err err;
	int r = undo_steps(run->arena, run->world, &run->wanted, run->done, run->done_len,
			   &run->actual, &run->left, &err);

	history_end(run, false);
	journal_end(journal);
	return run->left.len || r ? RESULT_PARTIAL : RESULT_ROLLED_BACK;
}

enum result run_execute(struct run *run)
{
	struct committed committed;
	struct journal journal;
	struct state after, end;
	struct err err;

	if (journal_begin(&journal, run->request->store, run->request->name, run->request->command,
			  &run->owed, &run->error))
		return RESULT_ROLLED_BACK;
	if (carry_out(run, &journal, &err) || run_read(run, &after, &err) ||
	    put_back(run, &journal, &after, &err) || verify(run, &after, &err) ||
	    commit(run, &journal, &after, &committed, &err)) {
		run->error = err;
		return roll_back(run, &journal);
	}
	if (store_outcome(run, &committed, &run->error))
		return RESULT_PARTIAL; /* the journal stays: the next command finishes it */
	history_end(run, true);
	run_delete(run, &run->plan, run->plan.commit);
	if ((run_read(run, &end, &err) || put_back(run, NULL, &end, &err)) && !run->error.code)
		run->error = err;
	journal_end(&journal);
	return run->left.len ? RESULT_PARTIAL : RESULT_APPLIED;
}
