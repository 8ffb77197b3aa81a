/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* States as text, for tests that plan and apply on the fake world: a record a line. */
#pragma once
#include <stdlib.h>
#include <sys/stat.h>

#include "apply/apply.h"
#include "model/record.h"
#include "test.h"

static inline void state_read(struct state *state, struct arena *arena, const char *lines)
{
	state_init(state, arena);
	while (*lines) {
		const char *end = strchrnul(lines, '\n');
		struct object *object;
		struct err err;

		if (end > lines && record_get(lines, (size_t)(end - lines), arena, &object, &err))
			printf("# %.*s: %s\n", (int)(end - lines), lines, err.message), abort();
		if (end > lines)
			state_add(state, object);
		lines = *end ? end + 1 : end;
	}
	state_sort(state);
}

/* The records of a state, without what the kernel numbers. */
static inline void state_print(const struct state *state, struct text *out)
{
	for (size_t i = 0; i < state->len; i++) {
		struct object object = *state->objects[i];

		for (unsigned int f = 0; f < kind_field_count(object.kind); f++)
			if (kind_field(object.kind, f)->flags & (FIELD_IDENT | FIELD_FACE))
				object.set &= ~(UINT64_C(1) << f);
		record_put(&object, out);
		text_add(out, "\n");
	}
}

/* A folder of state of its own, gone with the test. */
static inline void store_scratch(void)
{
	static char memory[] = "/dev/shm/lanloom-unit-XXXXXX", disk[] = "/tmp/lanloom-unit-XXXXXX";
	const char *folder = mkdtemp(memory) ? memory : mkdtemp(disk);

	if (!folder) /* every breath is synced: in memory that costs nothing */
		abort();
	setenv("LANLOOM_RUN", folder, 1);
	setenv("LANLOOM_LIB", folder, 1);
}

static inline void store_scratch_remove(void)
{
	char command[200];

	snprintf(command, sizeof(command), "rm -rf '%s'", getenv("LANLOOM_RUN"));
	if (system(command))
		abort();
}
