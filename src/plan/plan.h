/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planning: from three states (desired: the text; actual: the system; committed: what this text
 * promised last time) to a list of breaths. It is a pure function; it knows no kind by name and
 * touches nothing. The order: early deletions (halves of replacements), creations and changes by
 * rank, and behind the commit point the deletions, backwards.
 */
#pragma once
#include "base/diag.h"
#include "model/committed.h"
#include "model/step.h"

struct plan {
	struct arena *arena;
	struct step *steps; /* in order of execution, breath after breath */
	size_t len;
	struct breath *breaths;
	size_t breath_count;
	size_t commit;	   /* breaths before this one come before the commit, the rest behind */
	const char **cuts; /* what traffic or foreign object suffers, in words */
	size_t cut_count;
	/* Foreign objects that steps take along and that cannot stand now: owed until the end. */
	struct state taken;
	/* Objects of ours that go along with what a step moves: they stay away. */
	struct state gone;
	struct diag diag; /* refusals (errors) and warnings; plan_fini frees it */
};

struct plan_request {
	struct arena *arena;
	const struct state *desired;	       /* sorted; empty for `down` */
	const struct state *actual;	       /* sorted */
	const struct committed *own;	       /* of this description; NULL: first time */
	const struct committed *const *others; /* of the other descriptions that are up */
	size_t other_count;
	bool adopt;  /* take over foreign objects that are named */
	bool behind; /* the run is done: what had to be made anew has been */
	bool force;  /* also where somebody else's object dies or a held TAP goes */
};

/*
 * Before plan_make: request->desired becomes a copy that has what stands on devices that the text
 * moves into a bridge (`uplink`).
 */
void plan_extend(struct plan_request *request);

/* Always fills `plan`; refusals stand in plan->diag.errors (then nothing may be run). */
void plan_make(const struct plan_request *request, struct plan *plan);
void plan_fini(struct plan *plan);

/* Orders loose steps into breaths (plan_make, and undoing a run: steps swapped). */
void plan_order(struct plan *plan, const struct step *steps, size_t len);

static inline bool plan_empty(const struct plan *plan)
{
	return plan->len == 0;
}

/*
 * What will be committed when the plan has run, added to `committed` (name, file and arena set by
 * the caller). `after`: the system read again, for identities.
 */
void plan_commit(const struct plan_request *request, const struct plan *plan,
		 const struct state *after, struct committed *committed);
