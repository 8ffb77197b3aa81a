/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Carrying a plan out: breath after breath, verify, commit; or back again. Runs in the child of
 * apply.c, which outlives it. What follows the commit is in forward.c.
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

/*
 * A refusal says that nothing was done, but an acknowledgement that was lost says the same; so what
 * was refused is taken back as well, if it is there. Only of what has no number to know it by, and
 * is refused because it exists, somebody else is the maker.
 */
static bool was_theirs(const struct breath *breath, int code)
{
	const struct object *after = breath->steps[breath->leader].after;

	return code == -EEXIST && after && !kind_is(after->kind, "link");
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
		if (run->world->ops->apply(run->world, breath, err)) {
			if (!was_theirs(breath, err->code))
				remember(run, breath);
			else
				journal_refused(journal, breath);
			return err->code;
		}
		remember(run, breath);
	}
	return 0;
}

int run_put_back(struct run *run, const struct state *before, struct journal *journal,
		 struct state *after, struct err *err)
{
	struct plan extra = {.arena = run->arena};
	struct step *missing;
	size_t count = steps_missing(run->arena, before, after, &run->plan, &missing);

	plan_order(&extra, missing, count);
	for (size_t i = 0; i < extra.breath_count; i++) {
		if (journal && journal_breath(journal, &extra.breaths[i], err))
			return err->code;
		if (run->world->ops->apply(run->world, &extra.breaths[i], err))
			return err->code;
	}
	return count ? run_read(run, after, err) : 0;
}

/* The text says it, or a step of this run set it: a key of an earlier text goes back. */
static bool promised(const struct run *run, const struct step *found, unsigned int field)
{
	const struct object *desired = state_find(run->plan_request.desired, found->after);

	if (!desired || object_has(desired, field))
		return true;
	for (size_t i = 0; i < run->plan.len; i++) {
		const struct step *step = &run->plan.steps[i];

		if (step->after && step->mask >> field & 1 &&
		    object_order(step->after, found->after) == 0)
			return true;
	}
	return false;
}

/* What a found step would set of what this run promised, as text; empty: nothing. */
static void not_kept(const struct run *run, const struct step *step, struct text *what)
{
	for (unsigned int f = 0; step->mask >> f; f++) {
		if (!(step->mask >> f & 1) || !promised(run, step, f))
			continue;
		text_add(what, "%s%s is ", what->size ? ", " : "",
			 kind_field(step->after->kind, f)->key);
		if (step->before && object_has(step->before, f))
			object_print(step->before, f, what);
		else
			text_add(what, "not there");
	}
}

/* Planning again must find nothing left to make or change. */
static int verify(struct run *run, const struct state *after, struct err *err)
{
	struct plan_request again = run->plan_request;
	struct plan plan;
	int r = 0;

	again.actual = after;
	/* what is ours since a moment ago is not committed yet */
	again.adopt = again.force = again.behind = true;
	plan_make(&again, &plan);
	for (size_t i = 0; !r && i < plan.len; i++) {
		const struct step *step = &plan.steps[i];
		struct text what TEXT_CLEANUP = {0};

		if (!step->after || step->flags & STEP_RESTORE)
			continue;
		not_kept(run, step, &what);
		if (step->before && !what.size)
			continue;
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
 * Sets again what later steps changed on the side (a bridge takes the smallest MTU of its ports
 * until it is given one). How many changes that were.
 */
static int set_again(struct run *run, struct journal *journal, struct state *after, struct err *err)
{
	struct plan_request again = run->plan_request;
	struct plan plan;
	int r = 0, count = 0;

	again.actual = after;
	again.adopt = again.force = again.behind = true;
	plan_make(&again, &plan);
	for (size_t i = 0; !r && i < plan.commit; i++) {
		struct breath *breath = &plan.breaths[i];
		const struct step *step = &breath->steps[breath->leader];
		struct text what TEXT_CLEANUP = {0};

		if (!step->before || !step->after || step->flags)
			continue;
		not_kept(run, step, &what);
		if (!what.size)
			continue;
		r = journal_breath(journal, breath, err);
		if (!r) {
			remember(run, breath);
			r = run->world->ops->apply(run->world, breath, err);
			count++;
		}
	}
	plan_fini(&plan);
	if (!r && count)
		r = run_read(run, after, err);
	return r ? r : count;
}

/* All is there that was promised; what is not yet is set once more. */
static int settle(struct run *run, struct journal *journal, struct state *after, struct err *err)
{
	struct err unkept;
	int r;

	if (!verify(run, after, &unkept))
		return 0;
	r = set_again(run, journal, after, err);
	if (r < 0)
		return r;
	if (r)
		return verify(run, after, err);
	*err = unkept;
	return err->code;
}

/*
 * A system that cannot be read cannot be undone by looking at it: all that was begun may be left,
 * and the journal stays for the next command.
 */
static enum result leave_to_next(struct run *run, struct journal *journal)
{
	state_init(&run->left, run->arena);
	for (size_t i = 0; i < run->done_len; i++)
		state_add(&run->left, (struct object *)step_object(&run->done[i]));
	if (!run->error.hint[0])
		err_hint(&run->error, "the next command that changes something takes this back");
	journal_leave(journal);
	return RESULT_PARTIAL;
}

static enum result roll_back(struct run *run, struct journal *journal)
{
	struct state now;
	struct err err;
	int r = undo_steps(run->arena, run->world, &run->wanted, run->done, run->done_len,
			   &run->actual, &run->left, &err);
	bool blind = r && run_read(run, &now, &err);

	if (run->change)
		store_history_end(run->request->store, run->change, false, &err);
	run->change = 0;
	if (blind)
		return leave_to_next(run, journal);
	journal_end(journal);
	return run->left.len || r ? RESULT_PARTIAL : RESULT_ROLLED_BACK;
}

enum result run_execute(struct run *run)
{
	struct committed committed;
	struct journal journal;
	struct state after;
	struct err err;

	if (journal_begin(&journal, run->request->store, run->request->name, run->request->command,
			  &run->owed, &run->error))
		return RESULT_ROLLED_BACK;
	if (carry_out(run, &journal, &err) || run_read(run, &after, &err) ||
	    run_put_back(run, &run->actual, &journal, &after, &err) ||
	    settle(run, &journal, &after, &err) ||
	    run_commit(run, &journal, &after, &committed, &err)) {
		run->error = err;
		return roll_back(run, &journal);
	}
	return run_forward(run, &journal, &after, &committed);
}
