/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a description leaves to the system to say, asked just before it is planned. */
#include "lib/lib.h"

static bool settles(const struct object *object)
{
	return object->kind->ops && object->kind->ops->settle;
}

void hindered_tell(const struct state *state, struct diag *diag)
{
	for (size_t i = 0; i < state->len; i++) {
		const struct kind_ops *ops = state->objects[i]->kind->ops;

		if (ops && ops->hindered)
			ops->hindered(state->objects[i], state, diag);
	}
}

int desired_settle(struct visit *visit, struct state *desired, struct diag *diag, struct err *err)
{
	struct state actual;
	size_t len = desired->len, count = 0;
	int r;

	for (size_t i = 0; i < len; i++)
		count += settles(desired->objects[i]);
	if (!count)
		return 0;
	state_init(&actual, &visit->arena);
	r = visit->world->ops->read(visit->world, desired, &actual, err);
	if (r)
		return r;
	for (size_t i = 0; i < len; i++)
		if (settles(desired->objects[i]))
			desired->objects[i]->kind->ops->settle(desired->objects[i], desired,
							       &actual, diag);
	for (size_t i = len; i < desired->len; i++)
		kind_expand(desired->objects[i], desired, diag);
	state_sort(desired);
	hindered_tell(desired, diag);
	return 0;
}
