/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Theory of operation. A run is prepared (read, plan, foresee) by the caller's process and carried
 * out by a child that it watches. The child writes each breath to the journal before the kernel
 * sees it. Nothing is deleted before the commit but halves of replacements, so until then all
 * that was done can be taken back; the commit is one line in the journal; behind it deletions roll
 * forward. Before each breath the watch is asked whether somebody else touched what is still to
 * be done: the expected old values are compared again. When all is there the system is read and
 * planned once more: a plan that is not empty means that the kernel did not keep what it took.
 * Ctrl-C is a refusal like others: it is looked for between breaths.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/run.h"
#include "apply/stop.h"
#include "model/record.h"

#define ATTEMPTS 3

const char *const result_words[RESULT_COUNT + 1] = {"unchanged", "applied", "rolled-back",
						    "partial", NULL};

/* What the child tells its parent, in memory both share. */
struct report {
	enum result result;
	bool finished;
	uint64_t change;
	struct err error;
	size_t left_size;
	char left[1 << 16]; /* records, a line each */
};

/* What matters: what is desired, what was promised, and where others' promises stand. */
static void want(struct run *run)
{
	const struct committed *own = run->plan_request.own;

	state_init(&run->wanted, run->arena);
	for (size_t i = 0; i < run->request->desired->len; i++)
		state_add(&run->wanted, run->request->desired->objects[i]);
	for (size_t i = 0; own && i < own->len; i++) {
		state_add(&run->wanted, own->entries[i].object);
		if (own->entries[i].prior)
			state_add(&run->wanted, own->entries[i].prior);
	}
	state_sort(&run->wanted);
}

static void request_fill(struct run *run)
{
	const struct apply_request *request = run->request;
	const struct store *store = request->store;
	const struct committed **others;

	others = arena_alloc(run->arena, store->len * sizeof(*others) + 1);
	run->plan_request = (struct plan_request){
		.arena = run->arena,
		.desired = request->desired,
		.actual = &run->actual,
		.own = store_committed(store, request->name),
		.others = others,
		.adopt = request->adopt,
		.force = request->force,
	};
	for (size_t i = 0; i < store->len; i++)
		if (!text_same(store->committed[i]->name, request->name))
			others[run->plan_request.other_count++] = store->committed[i];
}

/* A TAP that a VM holds open goes only by force. */
static void check_holders(struct run *run)
{
	for (size_t i = 0; i < run->plan.len; i++) {
		const struct step *step = &run->plan.steps[i];
		struct text holders TEXT_CLEANUP = {0};

		if (step->after || step->before->kind->door != DOOR_TUN)
			continue;
		run->world->ops->holders(run->world, step->before, &holders);
		if (!holders.size)
			continue;
		if (run->request->force) {
			run->plan.cuts = arena_room(run->arena, run->plan.cuts, run->plan.cut_count,
						    sizeof(char *));
			run->plan.cuts[run->plan.cut_count++] = arena_print(
				run->arena, "%s, held open by %s",
				object_label(step->before, run->arena), text_get(&holders));
			continue;
		}
		err_hint(diag_error(&run->plan.diag, step->place,
				    object_label(step->before, run->arena), "it is held open by %s",
				    text_get(&holders)),
			 "end that program first, or --force");
	}
}

/* What is to be made and cannot be, since the kernel was built without it: told before anything. */
static void check_kernel(struct run *run)
{
	const struct kind *asked = NULL;
	bool lacks = false;
	size_t none;

	for (size_t i = 0; run->world->ops->lacks && i < run->plan.len; i++) {
		const struct step *step = &run->plan.steps[i];
		const struct kind *kind = step->after ? step->after->kind : NULL;

		if (!kind || step->before || kind->flags & KIND_SLAVE)
			continue; /* a slave's owner tells it */
		none = 0;
		if (kind != asked)
			lacks = !state_next(&run->actual, kind->name, &none) &&
				run->world->ops->lacks(run->world, kind);
		asked = kind;
		while (kind && !kind->config)
			kind = kind->base;
		if (!lacks || !kind)
			continue;
		err_hint(diag_error(&run->plan.diag, step->place,
				    object_label(step->after, run->arena),
				    "this kernel has no %s: it was built without %s%s%s%s; "
				    "expected one that has it",
				    step->after->kind->name, kind->config,
				    kind->module ? " (module " : "",
				    kind->module ? kind->module : "", kind->module ? ")" : ""),
			 "boot the distribution's kernel; lanloom kinds tells what this one has");
	}
}

static int prepare(struct run *run, const struct apply_request *request, struct arena *arena,
		   struct err *err)
{
	*run = (struct run){.request = request, .arena = arena, .world = request->world};
	request_fill(run);
	want(run);
	if (run_read(run, &run->actual, err))
		return err->code;
	state_init(&run->owed, arena);
	state_init(&run->left, arena);
	plan_extend(&run->plan_request);
	plan_make(&run->plan_request, &run->plan);
	check_holders(run);
	check_kernel(run);
	if (!run->plan.diag.error_count)
		foresee(run);
	return 0;
}

/* Steps may be none while the text still changed: a shared object, a key already so. */
static bool promises_changed(const struct run *run)
{
	const struct committed *own = run->plan_request.own;
	struct committed now = {.name = run->request->name,
				.file = run->request->file,
				.keep = run->request->keep,
				.arena = run->arena};
	struct text a TEXT_CLEANUP = {0};
	struct text b TEXT_CLEANUP = {0};

	if (run->request->gone || !own)
		return run->request->gone ? own != NULL : true;
	plan_commit(&run->plan_request, &run->plan, &run->actual, &now);
	committed_put(own, &a);
	committed_put(&now, &b);
	return !text_same(text_get(&a), text_get(&b));
}

static void report_fill(struct report *report, struct run *run, enum result result)
{
	struct text left TEXT_CLEANUP = {0};

	for (size_t i = 0; i < run->left.len; i++) {
		record_put(run->left.objects[i], &left);
		text_add(&left, "\n");
	}
	report->result = result;
	report->change = run->change;
	report->error = run->error;
	report->left_size = left.size < sizeof(report->left) ? left.size : 0;
	memcpy(report->left, text_get(&left), report->left_size);
	report->finished = true;
}

/* The child was killed: its journal says what to take back. */
static int child_died(struct run *run, struct report *report, int status, struct err *err)
{
	struct world *world;
	int r;

	if (run->request->reopen(run->request->data, &world, err))
		return err->code;
	r = apply_recover(run->request->store, world, err);
	world->ops->free(world);
	if (r < 0) { /* the journal stays */
		report->result = RESULT_PARTIAL;
		if (!err->hint[0])
			err_hint(err, "the next command that changes something tries again");
		report->error = *err;
		return 0;
	}
	report->result = r == RECOVER_FINISHED ? RESULT_APPLIED : RESULT_ROLLED_BACK;
	err_set(&report->error, -EINTR, "the run was ended by signal %d; what it had done was %s",
		WIFSIGNALED(status) ? WTERMSIG(status) : 0,
		r == RECOVER_FINISHED ? "finished" : "taken back");
	return 0;
}

static int run_watched(struct run *run, struct report *report, struct err *err)
{
	struct stop stop;
	pid_t child;
	int status;

	if (!run->request->reopen) {
		report_fill(report, run, run_execute(run));
		return 0;
	}
	fflush(NULL);
	stop_begin(&stop);
	child = fork();
	if (!child) {
		report_fill(report, run, run_execute(run));
		fflush(NULL);
		_exit(0);
	}
	status = child > 0 ? stop_wait(&stop, child) : -errno;
	stop_end(&stop, report->finished && report->error.code == -EINTR);
	if (child < 0)
		return err_errno(err, status, "cannot fork");
	return report->finished ? 0 : child_died(run, report, status, err);
}

static void left_get(struct apply_outcome *outcome, const struct report *report)
{
	const char *at = report->left, *end = at + report->left_size;
	struct object *object;
	struct err err;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		if (!stop)
			return;
		if (record_recall(at, (size_t)(stop - at), &outcome->arena, &object, &err) == 0)
			state_add(&outcome->left, object);
		at = stop + 1;
	}
}

static int run_once(struct run *run, struct apply_outcome *outcome, struct err *err)
{
	struct report *report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct err ignored;
	int r;

	if (report == MAP_FAILED)
		return err_errno(err, -errno, "no memory for the run's report");
	r = run_watched(run, report, err);
	outcome->result = report->result;
	outcome->change = report->change;
	left_get(outcome, report);
	if (!r && report->error.code) {
		*err = report->error;
		diag_add(&outcome->diag, err);
		r = outcome->result == RESULT_APPLIED ? 0 : err->code;
	}
	munmap(report, sizeof(*report));
	if (run->request->reopen && store_reload(run->request->store, &ignored))
		return r ? r : err_set(err, ignored.code, "%s", ignored.message);
	return r;
}

static void outcome_init(struct apply_outcome *outcome)
{
	*outcome = (struct apply_outcome){0};
	arena_init(&outcome->arena);
	state_init(&outcome->left, &outcome->arena);
}

static int refused(const struct plan *plan, struct err *err)
{
	if (!plan->diag.error_count)
		return 0;
	*err = plan->diag.errors[0];
	return err->code ? err->code : -EINVAL;
}

int apply_plan(const struct apply_request *request, struct apply_outcome *outcome, struct err *err)
{
	struct run run;
	int r;

	outcome_init(outcome);
	r = prepare(&run, request, &outcome->arena, err);
	outcome->plan = run.plan;
	return r ? r : refused(&run.plan, err);
}

static int apply_attempt(const struct apply_request *request, struct apply_outcome *outcome,
			 struct err *err)
{
	struct run run;
	int r;

	outcome_init(outcome);
	r = prepare(&run, request, &outcome->arena, err);
	if (!r)
		r = refused(&run.plan, err);
	if (!r && !plan_empty(&run.plan) && request->planned)
		r = request->planned(request->data, &run.plan, &run.actual, err);
	if (!r && (!plan_empty(&run.plan) || promises_changed(&run)))
		r = run_once(&run, outcome, err);
	outcome->plan = run.plan;
	if (!r && plan_empty(&run.plan))
		outcome->result = RESULT_UNCHANGED;
	return r;
}

int apply_run(const struct apply_request *request, struct apply_outcome *outcome, struct err *err)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < ATTEMPTS; i++) {
		if (i)
			apply_outcome_fini(outcome);
		r = apply_attempt(request, outcome, err);
		if (r == -EAGAIN && outcome->result != RESULT_ROLLED_BACK)
			break;
	}
	return r;
}

void apply_outcome_fini(struct apply_outcome *outcome)
{
	plan_fini(&outcome->plan);
	diag_fini(&outcome->diag);
	arena_fini(&outcome->arena);
}
