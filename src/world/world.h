/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The world is a parameter: a plan runs on the live system (world/live.c) or on one in memory
 * that can refuse the n-th step (world/fake.c), through the same four operations.
 */
#pragma once
#include "model/step.h"

struct world;

struct world_ops {
	/*
	 * Reads what matters for `wanted`: the caller's namespace and those it names, the sysctls
	 * it names, and the objects of the keeper. `out` is sorted, its objects complete (READ
	 * fields too).
	 */
	int (*read)(struct world *world, const struct state *wanted, struct state *out,
		    struct err *err);

	/* Carries out one breath, all or nothing. The error names object and place. */
	int (*apply)(struct world *world, const struct breath *breath, struct err *err);

	/*
	 * True when another process changed the system since the last read or call of this; its
	 * objects, as far as the events tell, are added to `touched` (keys only).
	 */
	bool (*disturbed)(struct world *world, struct state *touched);

	/* A number for the FIELD_IDENT of a link to be made: free now, unlikely to be reused. */
	uint32_t (*identity)(struct world *world, const char *ns);

	/* Processes that hold a TAP or TUN open ("qemu-system-x86 (421)"), lanloom's own left out.
	 */
	void (*holders)(struct world *world, const struct object *object, struct text *out);

	/* This kernel can certainly not make objects of the kind. NULL: it can make all. */
	bool (*lacks)(struct world *world, const struct kind *kind);

	void (*free)(struct world *world);
};

struct world {
	const struct world_ops *ops;
};

/* control: path of the keeper's socket; state folder of this namespace (started when needed). */
int world_live_new(const char *state_folder, struct world **world, struct err *err);

/* Memory only. Starts with a copy of `state`. */
struct world *world_fake_new(const struct state *state);
void world_fake_refuse(struct world *world,
		       int countdown); /* the n-th apply (from 0) fails; -1: none */
/* The n-th apply is done and says that it failed: what a lost acknowledgement is like. */
void world_fake_lose(struct world *world, int countdown);
const struct state *world_fake_state(const struct world *world);
/* What another process does between two breaths: called before breath n, counted from 0. */
void world_fake_meanwhile(struct world *world, void (*act)(struct state *, void *), void *data,
			  int breath);
void world_fake_restart(struct world *world); /* counts breaths from 0 again */
