/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commit, and what follows it: nothing is taken back any more. The promise and the change are
 * written into the books, deletions are retried, what they took along is put back, and whatever
 * cannot be done is told.
 */
#include "apply/run.h"

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

	if (store_history_begin(request->store, &change, err) == 0 ||
	    store_history_begin(request->store, &change, err) == 0) {
		run->change = change.n;
		return 0;
	}
	if (request->guarded && *request->guarded)
		return err_context(err, "the change could not be undone later");
	run->error = *err;
	return 0;
}

/*
 * What hangs on the same devices as what is to be deleted, and stays: an address may take routes
 * and other addresses along.
 */
static void owe_neighbours(const struct run *run, const struct state *after, struct state *owing)
{
	struct state going, devices;

	state_init(owing, run->arena);
	state_init(&going, run->arena);
	state_init(&devices, run->arena);
	for (size_t i = run->plan.commit; i < run->plan.breath_count; i++)
		for (size_t j = 0; j < run->plan.breaths[i].len; j++) {
			const struct step *step = &run->plan.breaths[i].steps[j];
			struct object *device =
				step->after ? NULL : state_owner(after, step->before);

			if (!step->after)
				state_add(&going, (struct object *)step->before);
			if (device)
				state_add(&devices, device);
		}
	state_sort(&going);
	state_sort(&devices);
	for (size_t i = 0; i < after->len; i++) {
		struct object *object = after->objects[i];
		const struct object *device = state_owner(after, object);

		if (device && !object->automatic && !(object->kind->flags & KIND_VALUE) &&
		    state_find(&devices, device) && !state_find(&going, object))
			state_add(owing, object);
	}
}

int run_commit(struct run *run, struct journal *journal, const struct state *after,
	       struct committed *committed, struct err *err)
{
	const struct apply_request *request = run->request;
	const struct plan *plan = &run->plan;
	struct state owing;

	*committed = (struct committed){.name = request->name,
					.file = request->file,
					.keep = request->keep,
					.arena = run->arena};
	if (!request->gone)
		plan_commit(&run->plan_request, plan, after, committed);
	owe_neighbours(run, after, &owing);
	if (history_begin(run, committed, err))
		return err->code;
	return journal_commit(journal, committed, request->gone, run->change,
			      plan->breaths + plan->commit, plan->breath_count - plan->commit,
			      &owing, err);
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

/* What was said to be gone, and is not, is deleted once more. */
static int delete_standing(struct run *run, const struct plan *plan, size_t from,
			   struct state *actual, struct err *err)
{
	struct plan again = {.arena = run->arena};
	struct step *steps;
	size_t count = steps_standing(run->arena, plan, from, actual, &run->left, &steps);

	if (!count)
		return 0;
	plan_order(&again, steps, count);
	run_delete(run, &again, 0);
	return run_read(run, actual, err);
}

static int book_once(struct run *run, struct committed *committed, struct err *err)
{
	struct store *store = run->request->store;
	int r = run->request->gone ? store_forget(store, run->request->name, err)
				   : store_commit(store, committed, err);

	if (!r && run->change)
		r = store_history_end(store, run->change, true, err);
	return r;
}

/* The new state and the change are written where they belong; tried twice. */
static int book(struct run *run, struct committed *committed, struct err *err)
{
	struct err first;

	return book_once(run, committed, &first) ? book_once(run, committed, err) : 0;
}

/*
 * A deletion may change what shall stay (a bridge takes the MTU of the ports that are left): it is
 * set again. Only changes: what somebody has taken away meanwhile stays away.
 */
void run_mend(struct run *run, const struct state *desired, const struct committed *own)
{
	struct plan_request again = run->plan_request;
	struct state actual;
	struct plan plan;
	struct err err;

	if (run_read(run, &actual, &err))
		return;
	again.arena = run->arena;
	again.desired = desired;
	again.own = own;
	again.actual = &actual;
	again.adopt = again.force = true;
	plan_make(&again, &plan);
	for (size_t i = 0; i < plan.commit; i++) {
		struct breath *breath = &plan.breaths[i];
		const struct step *step = &breath->steps[breath->leader];

		if (step->before && step->after && !step->flags &&
		    run->world->ops->apply(run->world, breath, &err) &&
		    run->world->ops->apply(run->world, breath, &err) && !run->error.code)
			run->error = err;
	}
	plan_fini(&plan);
}

/*
 * Behind the commit. What the books cannot take (a full disk) keeps the journal there: the next
 * command writes it. `after` is what was there at the commit.
 */
enum result run_forward(struct run *run, struct journal *journal, const struct state *after,
			struct committed *committed)
{
	bool booked = book(run, committed, &run->error) == 0;
	struct state end;
	struct err err;

	run_delete(run, &run->plan, run->plan.commit);
	/* without deletions all is as it was read a moment ago */
	if (run->plan.breath_count > run->plan.commit) {
		if ((run_read(run, &end, &err) ||
		     delete_standing(run, &run->plan, run->plan.commit, &end, &err) ||
		     run_put_back(run, after, NULL, &end, &err)) &&
		    !run->error.code)
			run->error = err;
		if (!run->request->gone)
			run_mend(run, run->plan_request.desired, committed);
	}
	if (!booked) {
		err_hint(&run->error, "the next command that changes something finishes this");
		journal_leave(journal);
		return RESULT_PARTIAL;
	}
	journal_end(journal);
	return run->left.len ? RESULT_PARTIAL : RESULT_APPLIED;
}
