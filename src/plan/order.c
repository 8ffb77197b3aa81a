/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From loose steps to breaths. Halves of replacements that delete come first, then creations and
 * changes by rank (within a rank the devices that others name before those others), then the
 * deletions backwards. A step whose work is done by another's kernel call rides in its breath.
 */
#include <stdlib.h>
#include <string.h>

#include "model/cascade.h"
#include "plan/plan.h"

#define DEPTH_MAX 32

struct loose {
	struct step *step;
	int phase; /* 0 early deletion, 1 creation or change, 2 deletion, 3 put back late */
	int rank;
	bool later; /* stands on others of its rank: a route with a gateway */
	int depth;
	size_t index;
	bool taken; /* stands in a breath already */
};

struct order {
	struct arena *arena;
	struct loose *loose;
	size_t len;
	struct plan *plan;
};

static const struct object *object_of(const struct loose *loose)
{
	return step_object(loose->step);
}

static int phase_of(const struct step *step)
{
	if (step->after)
		return step->flags & STEP_LATE ? 3 : 1;
	return step->flags & STEP_REPLACE ? 0 : 2;
}

/* How many devices of this plan must be there before `object`. */
static int depth_of(const struct order *order, const struct object *object, int guard)
{
	int depth = 0;

	for (unsigned int i = 0; i < kind_field_count(object->kind); i++) {
		if (!object_has(object, i) || !kind_field(object->kind, i)->type->device)
			continue;
		for (size_t j = 0; j < order->len && guard < DEPTH_MAX; j++) {
			const struct object *other = object_of(&order->loose[j]);
			int below;

			if (!kind_is(other->kind, "link") || other == object ||
			    !text_same(other->ns, object->ns) ||
			    !text_same(object_name(other), *(const char **)object_at(object, i)))
				continue;
			below = depth_of(order, other, guard + 1) + 1;
			depth = below > depth ? below : depth;
		}
	}
	return depth;
}

static bool comes_later(const struct object *object)
{
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++)
		if (object_has(object, i) && kind_field(object->kind, i)->flags & FIELD_LATER)
			return true;
	return false;
}

static int by_order(const void *left, const void *right)
{
	const struct loose *a = left, *b = right;
	int order = a->phase - b->phase;

	if (!order)
		order = a->phase & 1 ? a->rank - b->rank : b->rank - a->rank;
	if (!order)
		order = a->phase & 1 ? a->later - b->later : b->later - a->later;
	if (!order)
		order = a->phase & 1 ? a->depth - b->depth : b->depth - a->depth;
	return order ? order : (a->index > b->index) - (a->index < b->index);
}

/* `a` is done by the call that does `b`. */
static bool rides(const struct loose *a, const struct loose *b)
{
	const struct object *rider = object_of(a), *leader = object_of(b);
	bool creates = !a->step->before && !b->step->before;

	if (a == b || a->phase != b->phase || leader->kind->door == DOOR_NETNS)
		return false;
	if (!(a->phase & 1))
		return object_dies_with(rider, leader);
	if (!creates)
		return false;
	if (rider->kind->flags & KIND_PAIR)
		return rider->kind == leader->kind && object_dies_with(rider, leader);
	return rider->kind->door == DOOR_KEEPER && leader->kind->door == DOOR_KEEPER &&
	       object_dies_with(rider, leader);
}

static void breath_take(struct order *order, struct loose *loose, bool leads)
{
	struct plan *plan = order->plan;
	struct breath *breath = &plan->breaths[plan->breath_count - 1];

	loose->taken = true;
	plan->steps[plan->len] = *loose->step;
	if (!leads)
		plan->steps[plan->len].flags |= STEP_RIDES;
	plan->len++;
	breath->len++;
	for (size_t i = 0; i < order->len; i++)
		if (!order->loose[i].taken && rides(&order->loose[i], loose))
			breath_take(order, &order->loose[i], false);
}

/* Another step not yet done will do this one, and is not itself done by this one first. */
static bool waits(const struct order *order, size_t n)
{
	const struct loose *loose = &order->loose[n];

	for (size_t i = 0; i < order->len; i++) {
		const struct loose *other = &order->loose[i];

		if (other->taken || !rides(loose, other))
			continue;
		if (!rides(other, loose) || i < n)
			return true;
	}
	return false;
}

static void breath_open(struct order *order, struct loose *loose)
{
	struct plan *plan = order->plan;

	plan->breaths[plan->breath_count++] = (struct breath){.steps = plan->steps + plan->len};
	breath_take(order, loose, true);
	if (loose->phase < 2)
		plan->commit = plan->breath_count;
}

void plan_order(struct plan *plan, struct step *steps, size_t len, const struct state *actual)
{
	struct order order = {.arena = plan->arena, .len = len, .plan = plan};

	order.loose = arena_alloc(plan->arena, len * sizeof(*order.loose) + 1);
	for (size_t i = 0; i < len; i++)
		order.loose[i] =
			(struct loose){.step = &steps[i],
				       .phase = phase_of(&steps[i]),
				       .rank = (int)kind_root(step_object(&steps[i])->kind)->rank,
				       .later = comes_later(step_object(&steps[i])),
				       .index = i};
	for (size_t i = 0; i < len; i++)
		order.loose[i].depth = depth_of(&order, object_of(&order.loose[i]), 0);
	if (len)
		qsort(order.loose, len, sizeof(*order.loose), by_order);
	plan->steps = arena_alloc(plan->arena, len * sizeof(*plan->steps) + 1);
	plan->breaths = arena_alloc(plan->arena, len * sizeof(*plan->breaths) + 1);
	plan->len = plan->breath_count = plan->commit = 0;
	for (size_t i = 0; i < len; i++)
		if (!order.loose[i].taken && !waits(&order, i))
			breath_open(&order, &order.loose[i]);
	/* a ring of riders has no leader: the first leads */
	for (size_t i = 0; i < len; i++)
		if (!order.loose[i].taken)
			breath_open(&order, &order.loose[i]);
}
