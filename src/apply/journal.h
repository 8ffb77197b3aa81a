/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal of a run: what it is about to do, written before each breath, so that
 * whoever comes after a crash can undo it or, behind the commit, finish it. Lines of text, each
 * behind a checksum of its own; a torn last line counts as not written. Nothing secret is in it,
 * since no record has secrets.
 *
 *	run NAME COMMAND            escaped
 *	owed RECORD                 an object that this run takes along: undoing puts it back
 *	step FLAGS MASK             then "before RECORD" and/or "after RECORD"
 *	refused N                   the last N steps were not made: others' stand in their place
 *	commit gone|stays N         N: the number begun in the history, 0: none; then "c LINE" of
 *	                            the new committed state, "later RECORD" of what is to be
 *	                            deleted, "owing RECORD" of what is then put back, "committed"
 */
#pragma once
#include "apply/store.h"
#include "model/step.h"

struct journal {
	int fd;
	char path[300];
};

int journal_begin(struct journal *journal, const struct store *store, const char *name,
		  const char *command, const struct state *owed, struct err *err);
int journal_breath(struct journal *journal, const struct breath *breath, struct err *err);
/* Of the breath written last nothing is ours. What cannot be written is left to undoing. */
void journal_refused(struct journal *journal, const struct breath *breath);
/*
 * change: the number begun in the history, 0: none. owing: what has to stand behind the deletions,
 * whatever they take along.
 */
int journal_commit(struct journal *journal, const struct committed *committed, bool gone,
		   uint64_t change, const struct breath *later, size_t later_count,
		   const struct state *owing, struct err *err);
void journal_end(struct journal *journal);   /* closes and removes it */
void journal_leave(struct journal *journal); /* closes it: whoever comes next finishes */

/* What a dead run left. */
struct journal_left {
	bool found;
	bool committed;	 /* passed the commit: finish it; else undo it */
	bool gone;	 /* the description ends with this run */
	uint64_t change; /* its number in the history; 0: none */
	const char *name;
	const char *command;
	struct step *steps; /* begun, in order */
	size_t len;
	struct state later;	/* deletions behind the commit */
	struct state owed;	/* put back when undoing */
	struct state owing;	/* put back when finishing */
	struct committed state; /* as to be committed */
};

int journal_read(const struct store *store, struct arena *arena, struct journal_left *left,
		 struct err *err);
void journal_remove(const struct store *store);
