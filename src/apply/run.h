/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of apply/: one run, from the first read to the history. */
#pragma once
#include "apply/apply.h"
#include "apply/journal.h"

struct run {
	const struct apply_request *request;
	struct plan_request plan_request;
	struct plan plan;
	struct arena *arena;
	struct world *world;
	struct state wanted;
	struct state actual; /* before the first step */
	struct state owed;   /* foreign, and taken along by a step */
	struct step *done;   /* begun, in order */
	size_t done_len;
	struct state left; /* could not be undone or deleted */
	struct err error;  /* the first refusal */
	uint64_t change;
};

/* apply/foresee.c: extends the plan by what puts back what it takes along. */
void foresee(struct run *run);
/* Objects of `before` that `after` lacks, nobody deleted and whose device is there: as steps. */
size_t steps_missing(struct arena *arena, const struct state *before, const struct state *after,
		     const struct plan *plan, struct step **steps);

/* apply/undo.c: takes back the steps begun, as far as the system still has them; leftovers to
 * `left`. */
int undo_steps(struct arena *arena, struct world *world, const struct state *wanted,
	       const struct step *steps, size_t len, const struct state *owed, struct state *left,
	       struct err *err);

/* apply/execute.c */
int run_read(struct run *run, struct state *actual, struct err *err);
enum result run_execute(struct run *run);
/* What the kernel took along although the rehearsal did not know it would; read again then. */
int run_put_back(struct run *run, const struct state *before, struct journal *journal,
		 struct state *after, struct err *err);

/* apply/forward.c */
int run_commit(struct run *run, struct journal *journal, const struct state *after,
	       struct committed *committed, struct err *err);
enum result run_forward(struct run *run, struct journal *journal, const struct state *after,
			struct committed *committed);
/* Breaths of deletion from `from` on, each retried once; what stays goes to run->left. */
void run_delete(struct run *run, const struct plan *plan, size_t from);

/* What deletions changed of what shall stand, set again; a failure goes to run->error. */
void run_mend(struct run *run, const struct state *desired, const struct committed *own);

/* A deletion that found nothing: it went with something else, or somebody was faster. */
bool run_gone_already(const struct breath *breath, int code);
/*
 * What the plan deletes from breath `from` on and the system still has though it said otherwise,
 * without what is in `left` (not sorted): as steps that delete it.
 */
size_t steps_standing(struct arena *arena, const struct plan *plan, size_t from,
		      const struct state *actual, const struct state *left, struct step **steps);
