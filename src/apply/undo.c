/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Undoing a run: its steps with their sides swapped, planned and applied by the same code. Only
 * what the system still has as we left it is taken back, so it may be done twice, after a crash
 * in the middle of a breath, and after somebody else changed the same thing: theirs stays.
 */
#include <errno.h>

#include "apply/run.h"
#include "model/cascade.h"

/* An empty text is told by its absence. */
static bool has_value(const struct object *object, unsigned int i)
{
	return object_has(object, i) && !(kind_field(object->kind, i)->type->text &&
					  !**(const char *const *)object_at(object, i));
}

/* The system has this field as our step left it. */
static bool as_we_left_it(const struct object *ours, const struct object *actual, unsigned int i)
{
	if (!has_value(ours, i) || !has_value(actual, i))
		return has_value(ours, i) == has_value(actual, i);
	return value_same(kind_field(ours->kind, i), object_at(ours, i), object_at(actual, i));
}

/* It is not what it was before, and can be that again. */
static bool returns(const struct object *old, const struct object *actual, unsigned int i)
{
	if (!has_value(old, i) || !has_value(actual, i))
		return has_value(old, i) != has_value(actual, i) &&
		       (has_value(old, i) || field_drops(old->kind, i));
	return !value_same(kind_field(old->kind, i), object_at(old, i), object_at(actual, i));
}

/*
 * Some NICs take a MAC only while they are down. Whoever died in that moment left one down that
 * was up, though no step was about that.
 */
static uint64_t left_down(const struct step *swapped, const struct object *actual)
{
	int mac = kind_field_find(actual->kind, "macaddress"),
	    up = kind_field_find(actual->kind, "up");

	if (mac < 0 || up < 0 || !(swapped->mask >> mac & 1) || swapped->mask >> up & 1 ||
	    !object_number(swapped->after, "up", 0) || object_number(actual, "up", 1))
		return 0;
	return UINT64_C(1) << up;
}

/* The fields where the system has what we set, and that differ from what was before. */
static uint64_t fields_to_return(const struct step *swapped, const struct object *actual)
{
	uint64_t mask = left_down(swapped, actual);

	for (unsigned int i = 0; swapped->mask >> i; i++)
		if (swapped->mask >> i & 1 && as_we_left_it(swapped->before, actual, i) &&
		    returns(swapped->after, actual, i))
			mask |= UINT64_C(1) << i;
	return mask;
}

/* What stands under this name is of this run's making. */
static bool made_here(const struct step *steps, size_t len, const struct object *there)
{
	for (size_t i = 0; i < len; i++)
		if (!steps[i].before && object_order(steps[i].after, there) == 0 &&
		    !object_other(steps[i].after, there))
			return true;
	return false;
}

static bool made_again(const struct step *steps, size_t len, const struct object *object)
{
	for (size_t i = 0; i < len; i++)
		if (steps[i].before && !steps[i].after &&
		    object_order(steps[i].before, object) == 0)
			return true;
	return false;
}

/* What the step was about, as the system has it now. */
static const struct object *find_now(const struct step *step, const struct state *actual)
{
	const struct object *there = state_find(actual, step_object(step)), *numbered;
	const struct object *known = step->before ? step->before : step->after;

	if (!step->after || !text_same(step->after->ns, known->ns) ||
	    (there && !object_other(there, known)))
		return there;
	numbered = state_numbered(actual, known);
	return numbered ? numbered : there;
}

/* The step that takes `step` back, if the system still has what it did. */
static bool step_back(const struct step *step, const struct step *steps, size_t len,
		      const struct state *actual, struct step *back)
{
	const struct object *there = find_now(step, actual);

	*back = step_swapped(step);
	back->flags = 0;
	if (!back->before)
		return !there || made_here(steps, len, there);
	/* a name that was about to become a namespace is an empty file, which nobody can read */
	if (!there && !back->after && back->before->kind->door == DOOR_NETNS)
		return true;
	if (!there || object_other(there, back->before) || there->kind != back->before->kind)
		return false;
	/* what was replaced comes back under the same name: this one has to go first */
	if (!back->after && made_again(steps, len, there))
		back->flags = STEP_REPLACE;
	if (back->after && text_same(back->before->ns, back->after->ns)) {
		back->mask = fields_to_return(back, there);
		if (!back->mask)
			return false;
	}
	back->before = there;
	return true;
}

/* It dies with one that is deleted early. */
static bool joins_early(const struct step *step, const struct step *steps, size_t len)
{
	if (step->flags || step->after)
		return false;
	for (size_t i = 0; i < len; i++)
		if (steps[i].flags && object_dies_with(step->before, steps[i].before))
			return true;
	return false;
}

/* What dies with an early deletion is deleted with it, and what dies with that. */
static void join_early(struct step *steps, size_t len)
{
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < len; i++) {
			if (!joins_early(&steps[i], steps, len))
				continue;
			steps[i].flags = STEP_REPLACE;
			more = true;
		}
	}
}

bool run_gone_already(const struct breath *breath, int code)
{
	return !breath->steps[breath->leader].after &&
	       (code == -ENODEV || code == -ENOENT || code == -ESRCH || code == -EADDRNOTAVAIL);
}

static bool is_left(const struct state *left, const struct object *object)
{
	for (size_t i = 0; i < left->len; i++)
		if (object_order(left->objects[i], object) == 0)
			return true;
	return false;
}

/* What the plan makes, perhaps in place of what it deletes. */
static void made_by(const struct plan *plan, struct arena *arena, struct state *made)
{
	state_init(made, arena);
	for (size_t i = 0; i < plan->breath_count; i++)
		for (size_t j = 0; j < plan->breaths[i].len; j++)
			if (plan->breaths[i].steps[j].after)
				state_add(made, (struct object *)plan->breaths[i].steps[j].after);
	state_sort(made);
}

size_t steps_standing(struct arena *arena, const struct plan *plan, size_t from,
		      const struct state *actual, const struct state *left, struct step **steps)
{
	struct state made;
	size_t len = 0;

	made_by(plan, arena, &made);
	*steps = NULL;
	for (size_t i = from; i < plan->breath_count; i++)
		for (size_t j = 0; j < plan->breaths[i].len; j++) {
			const struct step *step = &plan->breaths[i].steps[j];
			const struct object *there =
				step->after ? NULL : state_find(actual, step->before);

			if (!there || there->automatic || there->kind != step->before->kind ||
			    object_other(there, step->before) || state_find(&made, there) ||
			    is_left(left, there))
				continue;
			*steps = arena_room(arena, *steps, len, sizeof(**steps));
			(*steps)[len++] = (struct step){.before = there, .flags = step->flags};
		}
	return len;
}

static void apply_all(struct world *world, const struct plan *plan, struct state *left,
		      struct err *err)
{
	for (size_t i = 0; i < plan->breath_count; i++) {
		const struct breath *breath = &plan->breaths[i];
		struct err refusal;

		if (!world->ops->apply(world, breath, &refusal) ||
		    run_gone_already(breath, refusal.code))
			continue;
		if (!err->code)
			*err = refusal;
		for (size_t j = 0; j < breath->len; j++)
			state_add(left, (struct object *)step_object(&breath->steps[j]));
	}
}

static int read_now(struct arena *arena, struct world *world, const struct state *wanted,
		    struct state *actual, struct err *err)
{
	state_init(actual, arena);
	return world->ops->read(world, wanted, actual, err);
}

int undo_steps(struct arena *arena, struct world *world, const struct state *wanted,
	       const struct step *steps, size_t len, const struct state *owed, struct state *left,
	       struct err *err)
{
	struct step *swapped = arena_alloc(arena, len * sizeof(*swapped) + 1), *missing;
	struct plan plan = {.arena = arena};
	struct state actual;
	size_t count = 0;
	struct err first = {0};

	if (read_now(arena, world, wanted, &actual, err))
		return err->code;
	for (size_t i = len; i--;)
		count += step_back(&steps[i], steps, len, &actual, &swapped[count]);
	join_early(swapped, count);
	plan_order(&plan, swapped, count);
	apply_all(world, &plan, left, &first);
	if (read_now(arena, world, wanted, &actual, err))
		return err->code;
	count = steps_standing(arena, &plan, 0, &actual, left, &missing);
	if (count) {
		plan_order(&plan, missing, count);
		apply_all(world, &plan, left, &first);
		if (read_now(arena, world, wanted, &actual, err))
			return err->code;
	}
	count = steps_missing(arena, owed, &actual, NULL, &missing);
	plan_order(&plan, missing, count);
	apply_all(world, &plan, left, &first);
	if (first.code)
		*err = first;
	return first.code;
}
