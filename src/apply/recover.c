/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a killed run left in the journal: before its commit everything begun is taken back, behind
 * it the commit is written again and the deletions are finished. May itself be killed and done
 * again.
 */
#include <errno.h>

#include "apply/run.h"
#include "apply/store_inside.h"

/* Objects of the journal's "later" that are still what they were. */
static void finish_deletions(struct run *run, const struct journal_left *left)
{
	struct step *steps = arena_alloc(run->arena, left->later.len * sizeof(*steps) + 1),
		    *missing;
	struct plan plan = {.arena = run->arena};
	struct err err = {0};
	size_t len = 0;

	for (size_t i = 0; i < left->later.len; i++) {
		const struct object *like = left->later.objects[i];
		const struct object *there = state_find(&run->actual, like);

		if (there && there->kind == like->kind && !object_other(there, like))
			steps[len++] = (struct step){.before = there};
		else if (!there && like->kind->door == DOOR_NETNS)
			steps[len++] = (struct step){.before = like}; /* its name may be left */
	}
	plan_order(&plan, steps, len);
	run_delete(run, &plan, 0);
	if (run_read(run, &run->actual, &err)) {
		run->error = err;
		return;
	}
	len = steps_missing(run->arena, &left->owing, &run->actual, NULL, &missing);
	plan_order(&plan, missing, len);
	run_delete(run, &plan, 0);
}

/* What shall stand by the new committed state. */
static void mend(struct run *run, struct store *store, const struct committed *own)
{
	const struct committed **others = arena_alloc(run->arena, store->len * sizeof(*others) + 1);
	struct state desired;

	state_init(&desired, run->arena);
	for (size_t i = 0; i < own->len; i++)
		if (own->entries[i].claim != CLAIM_TAKEN)
			state_add(&desired, own->entries[i].object);
	state_sort(&desired);
	run->plan_request.others = others;
	for (size_t i = 0; i < store->len; i++)
		if (!text_same(store->committed[i]->name, own->name))
			others[run->plan_request.other_count++] = store->committed[i];
	run_mend(run, &desired, own);
}

static int recover(struct run *run, struct store *store, const struct journal_left *left,
		   struct err *err)
{
	state_init(&run->wanted, run->arena);
	state_init(&run->left, run->arena);
	for (size_t i = 0; i < left->len; i++) {
		if (left->steps[i].before)
			state_add(&run->wanted, (struct object *)left->steps[i].before);
		if (left->steps[i].after)
			state_add(&run->wanted, (struct object *)left->steps[i].after);
	}
	for (size_t i = 0; i < left->later.len; i++)
		state_add(&run->wanted, left->later.objects[i]);
	state_sort(&run->wanted);
	if (!left->committed)
		return undo_steps(run->arena, run->world, &run->wanted, left->steps, left->len,
				  &left->owed, &run->left, err);
	if (left->change && store_history_end(store, left->change, true, err))
		return err->code;
	if (left->gone ? store_forget(store, left->name, err)
		       : store_commit(store, &left->state, err))
		return err->code;
	if (run_read(run, &run->actual, err))
		return err->code;
	finish_deletions(run, left);
	if (left->later.len && !left->gone)
		mend(run, store, &left->state);
	*err = run->error;
	return run->error.code;
}

int apply_recover(struct store *store, struct world *world, struct err *err)
{
	struct journal_left left;
	struct arena arena;
	struct run run = {.arena = &arena, .world = world};
	int r;

	arena_init(&arena);
	r = journal_read(store, &arena, &left, err);
	if (!r && left.found && left.name) {
		state_sort(&left.owed);
		state_sort(&left.owing);
		r = recover(&run, store, &left, err);
	}
	if (!r && left.found) {
		store_history_clear(store);
		store_clean(store);
		journal_remove(store);
	}
	arena_fini(&arena);
	if (r)
		return err_context(err, "finishing what a killed lanloom left");
	return !left.found ? RECOVER_NOTHING : left.committed ? RECOVER_FINISHED : RECOVER_UNDONE;
}

int apply_unsettled(const struct store *store, struct err *err)
{
	struct journal_left left;
	struct arena arena;
	int r;

	arena_init(&arena);
	r = journal_read(store, &arena, &left, err);
	if (!r && left.found && left.name) {
		r = err_set(err, -EBUSY,
			    "a change to %s is on its way, or was killed in its middle", left.name);
		err_hint(err, "lanloom up, down or undo, which finish it or take it back first");
	}
	arena_fini(&arena);
	return r;
}
