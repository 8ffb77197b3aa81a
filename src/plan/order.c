/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From loose steps to breaths. Halves of replacements that delete come first, then creations and
 * changes by rank (within a rank the devices that others name before those others), then the
 * deletions backwards, then what these took along. A step whose work is done by another's kernel
 * call rides in its breath: the other end of a pair, a tunnel's peers, and in deletions all that
 * dies with the one that is deleted. Deletions of devices of one namespace that follow each other
 * are one breath with several that do not ride: a group, which the kernel deletes by one call.
 */
#include <stdlib.h>
#include <string.h>

#include "model/cascade.h"
#include "plan/plan.h"

#define DEPTH_MAX 32

enum phase { PHASE_EARLY, PHASE_MAKE, PHASE_DELETE, PHASE_LATE, PHASE_COUNT };

struct loose {
	const struct step *step;
	const struct object *object;
	enum phase phase;
	int rank;
	int depth;
	int later; /* how many keys it has that say it comes behind others of its rank */
	size_t index;
	struct loose *leader; /* whose breath it rides in; itself */
	struct loose *next;   /* riders of one leader, in order */
};

struct order {
	struct arena *arena;
	struct loose *loose;
	size_t len;
	struct state phases[PHASE_COUNT]; /* the objects of each, sorted */
	struct loose **by_object;	  /* sorted by the objects' addresses */
};

static enum phase phase_of(const struct step *step)
{
	if (step->flags & STEP_MOVES)
		return PHASE_MAKE;
	if (step->after)
		return step->flags & STEP_LATE ? PHASE_LATE : PHASE_MAKE;
	return step->flags & STEP_REPLACE ? PHASE_EARLY : PHASE_DELETE;
}

static bool makes(enum phase phase)
{
	return phase == PHASE_MAKE || phase == PHASE_LATE;
}

static int by_address(const void *left, const void *right)
{
	const struct loose *const *a = left, *const *b = right;

	return ((*a)->object > (*b)->object) - ((*a)->object < (*b)->object);
}

static struct loose *loose_of(const struct order *order, const struct object *object)
{
	struct loose like = {.object = object}, *key = &like, **found;

	found = bsearch(&key, order->by_object, order->len, sizeof(*order->by_object), by_address);
	return found ? *found : NULL;
}

static int comes_later(const struct object *object)
{
	int later = 0;

	for (unsigned int i = 0; i < kind_field_count(object->kind); i++)
		if (object_has(object, i) && kind_field(object->kind, i)->flags & FIELD_LATER)
			later++;
	return later;
}

/* How many devices of this plan must be there before `object`. */
static int depth_of(const struct order *order, const struct loose *loose, int guard)
{
	const struct object *object = loose->object;
	int depth = 0;

	for (unsigned int i = 0; i < kind_field_count(object->kind); i++) {
		const struct object *other;
		struct device_place place;
		int below;

		if (guard >= DEPTH_MAX || !object_has(object, i) ||
		    !kind_field(object->kind, i)->type->device)
			continue;
		place = device_place_of(object, i);
		other = state_link(&order->phases[loose->phase], place.ns, place.name);
		if (!other || other == object)
			continue;
		below = depth_of(order, loose_of(order, other), guard + 1) + 1;
		depth = below > depth ? below : depth;
	}
	return depth;
}

static int by_order(const void *left, const void *right)
{
	const struct loose *a = left, *b = right;
	int order = (int)a->phase - (int)b->phase;

	if (!order)
		order = makes(a->phase) ? a->rank - b->rank : b->rank - a->rank;
	if (!order)
		order = makes(a->phase) ? a->depth - b->depth : b->depth - a->depth;
	if (!order)
		order = makes(a->phase) ? a->later - b->later : b->later - a->later;
	return order ? order : (a->index > b->index) - (a->index < b->index);
}

/* The step whose call does this one's work too; NULL: it is done by its own. */
static struct loose *carrier(const struct order *order, const struct loose *loose)
{
	const struct object *object = loose->object;
	struct loose *other;

	if (loose->step->flags & STEP_MOVES)
		return NULL;
	if (makes(loose->phase) && (loose->step->before || !(object->kind->flags & KIND_PAIR ||
							     object->kind->door == DOOR_KEEPER)))
		return NULL;
	/* its device stays, and the master would leave it down: it is let go first, and set up */
	if (!makes(loose->phase) && object->kind->flags & KIND_ENTERS_DOWN)
		return NULL;
	other = loose_of(order, state_killer(&order->phases[loose->phase], object));
	/* what the keeper runs is taken from the keeper, before the device under it goes */
	if (!other ||
	    (object->kind->door == DOOR_KEEPER) != (other->object->kind->door == DOOR_KEEPER))
		return NULL;
	/* both are made by one call, or one after the other */
	if (makes(loose->phase) && other->step->before)
		return NULL;
	return other;
}

/* The step that a move is announced by: that of the port, or else the first. */
static struct loose *mover_of(const struct order *order)
{
	struct loose *first = NULL;

	for (size_t i = 0; i < order->len; i++) {
		struct loose *loose = &order->loose[i];

		if (!(loose->step->flags & STEP_MOVES))
			continue;
		if (loose->object->kind->flags & KIND_SLAVE)
			return loose;
		if (!first)
			first = loose;
	}
	return first;
}

/* Follows the carriers to the one that has none; of two that carry each other the first leads. */
static struct loose *leader_of(const struct order *order, struct loose *loose)
{
	struct loose *leader = loose;

	if (loose->step->flags & STEP_MOVES)
		return mover_of(order);
	for (size_t guard = 0; guard < DEPTH_MAX; guard++) {
		struct loose *next = carrier(order, leader);

		if (!next || next == loose)
			break;
		if (carrier(order, next) == leader)
			return next < leader ? next : leader;
		leader = next;
	}
	return leader;
}

static void index_objects(struct order *order)
{
	order->by_object = arena_alloc(order->arena, order->len * sizeof(*order->by_object) + 1);
	for (int i = 0; i < PHASE_COUNT; i++)
		state_init(&order->phases[i], order->arena);
	for (size_t i = 0; i < order->len; i++) {
		struct loose *loose = &order->loose[i];

		order->by_object[i] = loose;
		/* a namespace carries nothing: what is in it goes first, one by one */
		if (loose->object->kind->door != DOOR_NETNS)
			state_add(&order->phases[loose->phase], (struct object *)loose->object);
	}
	for (int i = 0; i < PHASE_COUNT; i++)
		state_sort(&order->phases[i]);
	if (order->len)
		qsort(order->by_object, order->len, sizeof(*order->by_object), by_address);
}

static void step_out(struct plan *plan, const struct loose *loose, bool leads)
{
	struct breath *breath = &plan->breaths[plan->breath_count - 1];

	plan->steps[plan->len] = *loose->step;
	plan->steps[plan->len].flags &= ~(unsigned int)STEP_RIDES;
	if (!leads)
		plan->steps[plan->len].flags |= STEP_RIDES;
	plan->len++;
	breath->len++;
}

/* A device whose deletion may be one of a group's. */
static bool groups(const struct loose *loose)
{
	return loose->phase == PHASE_DELETE && kind_is(loose->object->kind, "link");
}

static bool joins_group(const struct loose *loose, const struct loose *before)
{
	return before && groups(loose) && groups(before) &&
	       text_same(loose->object->ns, before->object->ns);
}

static void breaths_out(struct order *order, struct plan *plan)
{
	const struct loose *before = NULL;

	/* backwards, so that each rider is hung in before those behind it */
	for (size_t i = order->len; i--;) {
		struct loose *loose = &order->loose[i];

		if (loose->leader == loose)
			continue;
		loose->next = loose->leader->next;
		loose->leader->next = loose;
	}
	for (size_t i = 0; i < order->len; i++) {
		struct loose *loose = &order->loose[i];

		if (loose->leader != loose)
			continue;
		if (!joins_group(loose, before))
			plan->breaths[plan->breath_count++] =
				(struct breath){.steps = plan->steps + plan->len};
		before = loose;
		for (struct loose *one = loose; one; one = one->next)
			step_out(plan, one, one == loose);
		if (loose->phase <= PHASE_MAKE)
			plan->commit = plan->breath_count;
	}
}

/*
 * A variable of a device that will have no IPv6 is written before the device changes, while it is
 * there; all else has the rank of its kind.
 */
static int rank_of(const struct order *order, const struct loose *loose)
{
	const struct object *object = loose->object, *device;

	if (loose->step->flags & STEP_MOVES)
		return RANK_ADDRESS;
	device = object_is_ipv6_value(object) ? state_owner(&order->phases[loose->phase], object)
					      : NULL;
	if (device && !link_admits(device, object))
		return RANK_NAMESPACE;
	return (int)kind_root(object->kind)->rank;
}

void plan_order(struct plan *plan, const struct step *steps, size_t len)
{
	struct order order = {.arena = plan->arena, .len = len};

	order.loose = arena_alloc(plan->arena, len * sizeof(*order.loose) + 1);
	for (size_t i = 0; i < len; i++)
		order.loose[i] = (struct loose){.step = &steps[i],
						.object = step_object(&steps[i]),
						.phase = phase_of(&steps[i]),
						.index = i};
	index_objects(&order);
	for (size_t i = 0; i < len; i++) {
		order.loose[i].rank = rank_of(&order, &order.loose[i]);
		order.loose[i].depth = depth_of(&order, &order.loose[i], 0);
		order.loose[i].later = comes_later(order.loose[i].object);
	}
	if (len)
		qsort(order.loose, len, sizeof(*order.loose), by_order);
	index_objects(&order); /* they moved */
	for (size_t i = 0; i < len; i++)
		order.loose[i].leader = leader_of(&order, &order.loose[i]);
	plan->steps = arena_alloc(plan->arena, len * sizeof(*plan->steps) + 1);
	plan->breaths = arena_alloc(plan->arena, len * sizeof(*plan->breaths) + 1);
	plan->len = plan->breath_count = plan->commit = 0;
	breaths_out(&order, plan);
}
