/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only transaction. A run goes: read, plan, foresee (the plan on a fake copy of the world: what
 * our steps take along is added as steps that put it back, or named), then breath after breath,
 * each written to the journal first; verify by planning again; commit; the deletions. A refusal
 * before the commit swaps the steps done and runs them backwards through the same code.
 */
#pragma once
#include "apply/store.h"
#include "plan/plan.h"
#include "world/world.h"

enum result { RESULT_UNCHANGED, RESULT_APPLIED, RESULT_ROLLED_BACK, RESULT_PARTIAL, RESULT_COUNT };
extern const char *const result_words[RESULT_COUNT + 1];

struct apply_request {
	struct store *store; /* locked by the caller */
	struct world *world;
	const char *name; /* the description's */
	const char *file;
	const char *command; /* for the history: "up lab.yaml" */
	bool keep;
	const struct state *desired;
	bool gone; /* `down`: nothing stays committed, not even the name */
	bool adopt, force;
	const char *who;     /* for the history; NULL: the calling user */
	const bool *guarded; /* true by the time of the commit: no history, no change; or NULL */
	/*
	 * Called when the plan is made and something is to be done, before anything is; not 0: the
	 * run is refused with this error. Called again when planning begins anew.
	 */
	int (*planned)(void *data, const struct plan *plan, const struct state *actual,
		       struct err *err);
	/* A fresh world for the parent that undoes a dead child's work; NULL: run in this process.
	 */
	int (*reopen)(void *data, struct world **world, struct err *err);
	void (*progress)(void *data, const struct breath *breath, size_t n, size_t of);
	void *data;
};

struct apply_outcome {
	struct arena arena; /* owns the plan; apply_outcome_fini */
	struct plan plan;
	enum result result;
	uint64_t change;   /* number in the history; 0: nothing changed */
	struct state left; /* RESULT_PARTIAL: what could not be undone or deleted */
	struct diag diag;  /* why */
};

/* Plans only: outcome->plan, refusals in its diag. */
int apply_plan(const struct apply_request *request, struct apply_outcome *outcome, struct err *err);

/* Plans and runs, in a child that this process watches: when it dies its work is undone here. */
int apply_run(const struct apply_request *request, struct apply_outcome *outcome, struct err *err);

enum { RECOVER_NOTHING, RECOVER_UNDONE, RECOVER_FINISHED };

/* Finishes or undoes what a killed run left in the store; says which, or -errno. Lock held. */
int apply_recover(struct store *store, struct world *world, struct err *err);
/* For those who only look: -EBUSY, and what about, where a journal stands. */
int apply_unsettled(const struct store *store, struct err *err);

void apply_outcome_fini(struct apply_outcome *outcome);
