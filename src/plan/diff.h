/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of plan/: what one planning run carries from part to part. */
#pragma once
#include "plan/plan.h"

struct diff {
	const struct plan_request *request;
	struct plan *plan;
	struct arena *arena;
	struct state actual; /* a copy that loses what replacements and moves take along */
	struct state own;    /* the objects of the earlier promise */
	struct state going;  /* what is to be deleted */
	struct state takers; /* what is desired and takes a device in, few of many (uplink.c) */
	struct step *steps;
	size_t len;
};

/* plan/claim.c: whose is it? */
bool declared_existing(const struct object *object);
struct entry *claim_own(const struct diff *diff, const struct object *like);
const struct committed *claim_other(const struct diff *diff, const struct object *like,
				    struct entry **entry);
/* We made this very incarnation of it. */
bool claim_made(const struct diff *diff, const struct object *actual);
/* Refuses what another description holds, and what is foreign and was not asked for. */
bool claim_allowed(struct diff *diff, const struct object *desired, const struct object *actual);

/* plan/release.c: what the earlier text had and this one lacks. */
void release_all(struct diff *diff);
/* The fields an earlier text set and this one lacks, in `target`, as they go back. Returns their
 * mask. */
uint64_t release_fields(struct diff *diff, const struct entry *entry, struct object *target);
/* Those of them that nobody knows an earlier or default value of, and that can be taken back to
 * none. */
uint64_t release_drops(struct diff *diff, const struct entry *entry, const struct object *target,
		       const struct object *actual);

/* Those that only making it anew takes away: what it was made with cannot be unsaid. */
uint64_t release_anew(const struct diff *diff, const struct entry *entry,
		      const struct object *target, const struct object *actual);

/* plan/uplink.c: a device that moves into a bridge with all it has, or back. */
void uplink_steps(struct diff *diff);
/* Before all else of uplinks: finds those that are desired. */
void uplink_takers(struct diff *diff);
/* This address was taken from a device that is still in a bridge. */
bool uplink_holds(const struct diff *diff, const struct object *object);
/* `actual` stands on a device that moves into the bridge `desired` stands on. */
bool uplink_follows(const struct diff *diff, const struct object *desired,
		    const struct object *actual);

void diff_step(struct diff *diff, const struct object *before, const struct object *after,
	       uint64_t mask, unsigned int flags);
/* Takes `gone` and all that dies with it out of diff->actual. `deleted`: as steps that ride along.
 */
void diff_take_out(struct diff *diff, const struct object *gone, bool deleted);
void diff_cut(struct diff *diff, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct err *diff_error_at(struct diff *diff, const struct object *object, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
const char *diff_label(struct diff *diff, const struct object *object);
