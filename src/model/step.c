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

struct step step_swapped(const struct step *step)
{
	struct step swapped = *step;

	swapped.before = step->after;
	swapped.after = step->before;
	swapped.flags &= ~(unsigned int)STEP_RIDES;
	return swapped;
}
