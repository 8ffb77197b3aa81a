/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A step is a pair (before, after): no before creates, no after deletes, both change the fields
 * of `mask`. Undoing is swapping the two. A breath is the run of steps that one kernel call takes,
 * all or nothing: the two ends of a veth pair; a link's deletion with the addresses, ports and
 * routes that go with it; a tunnel with its peers. Its leader is the step that is carried out,
 * the others ride along.
 */
#pragma once
#include "model/state.h"

enum {
	STEP_REPLACE = 1 << 0, /* half of a replacement: the deletion comes before, early */
	STEP_RESTORE = 1 << 1, /* puts back what another step takes along */
	STEP_RIDES = 1 << 2,   /* done by its breath's leader */
	STEP_MOVES = 1 << 4,   /* part of a move of a device, with all it has, into a bridge */
	STEP_LATE = 1 << 3,    /* behind the deletions, since it puts back what they take along */
};

struct step {
	const struct object *before; /* what is there; all its fields as read */
	const struct object *after;  /* what shall be: the written fields */
	uint64_t mask;		     /* changes: the fields (of after's kind) that differ */
	unsigned int flags;
	struct place place;
};

enum action { ACTION_CREATE, ACTION_CHANGE, ACTION_REPLACE, ACTION_DELETE, ACTION_COUNT };

struct breath {
	struct step *steps;
	size_t len;
	size_t leader;
};

enum action step_action(const struct step *step);
const char *action_word(enum action action);
static inline const struct object *step_object(const struct step *step)
{
	return step->after ? step->after : step->before;
}
/* Where a step stands within a move: new addresses, the port, routes, what is no longer needed. */
#define STEP_MOVE_LAST 4
#define STEP_MOVE_MOST 1024
unsigned int step_move_order(const struct step *step);
struct step step_swapped(const struct step *step);

/* All fields as they shall be after a change: the new ones of `mask`, the others as they are. */
struct object *step_merged(const struct step *step, struct arena *arena);
