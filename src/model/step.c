/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/step.h"

static const char *const words[] = {"create", "change", "replace", "delete"};
_Static_assert(sizeof(words) / sizeof(words[0]) == ACTION_COUNT, "a word per action");

enum action step_action(const struct step *step)
{
	if (step->flags & STEP_REPLACE)
		return ACTION_REPLACE;
	if (!step->before)
		return ACTION_CREATE;
	return step->after ? ACTION_CHANGE : ACTION_DELETE;
}

const char *action_word(enum action action)
{
	return words[action];
}

unsigned int step_move_order(const struct step *step)
{
	bool port = step_object(step)->kind->flags & KIND_SLAVE;

	if (step->before && step->after)
		return 2;
	if (!step->before)
		return port ? 1 : 0;
	return port ? STEP_MOVE_LAST : 3;
}

struct step step_swapped(const struct step *step)
{
	struct step swapped = *step;

	swapped.before = step->after;
	swapped.after = step->before;
	swapped.flags &= ~(unsigned int)STEP_RIDES;
	return swapped;
}

struct object *step_merged(const struct step *step, struct arena *arena)
{
	struct object *merged = object_copy(arena, step_object(step));
	unsigned int count = kind_field_count(merged->kind);

	if (!step->before || !step->after)
		return merged;
	for (unsigned int i = 0; i < count; i++) {
		bool same_table = i < kind_field_count(step->before->kind) &&
				  kind_field(step->before->kind, i) == kind_field(merged->kind, i);

		if (object_has(merged, i) || step->mask >> i & 1 || !same_table)
			continue;
		if (object_has(step->before, i))
			object_take(merged, i, step->before, i, arena);
	}
	return merged;
}
