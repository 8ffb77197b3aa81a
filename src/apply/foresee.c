/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a plan takes along. The plan is run on a copy of the system in memory; what is then missing
 * though nobody deleted it is put back by further steps where it can stand, and named otherwise.
 */
#include "apply/run.h"
#include "model/cascade.h"

static bool deleted_by(const struct plan *plan, const struct object *object)
{
	for (size_t i = 0; plan && i < plan->len; i++) {
		const struct step *step = &plan->steps[i];

		if (step->before &&
		    (!step->after || !text_same(step->before->ns, step->after->ns)) &&
		    object_order(step->before, object) == 0)
			return true;
	}
	return plan && state_find(&plan->gone, object);
}

/* All devices it names are there, and the one it stands on is up. */
static bool can_stand(const struct state *state, const struct object *object)
{
	struct object *owner = state_owner(state, object);

	for (unsigned int i = 0; i < kind_field_count(object->kind); i++) {
		struct device_place place;

		if (!object_has(object, i) || !kind_field(object->kind, i)->type->device)
			continue;
		place = device_place_of(object, i);
		if (place.name[0] && !state_link(state, place.ns, place.name))
			return false;
	}
	return owner && (!kind_is(owner->kind, "link") || link_admits(owner, object));
}

/* It is there, or (where it always is: when undoing) has its value. */
static bool is_there(const struct state *state, const struct object *object)
{
	const struct object *found = state_find(state, object);

	return found && (!(object->kind->flags & KIND_VALUE) || !object_differs(object, found));
}

size_t steps_missing(struct arena *arena, const struct state *before, const struct state *after,
		     const struct plan *plan, struct step **steps)
{
	size_t len = 0;

	*steps = NULL;
	for (size_t i = 0; i < before->len; i++) {
		const struct object *object = before->objects[i];

		if (object->automatic || (plan && object->kind->flags & KIND_VALUE) ||
		    !object_owner(object) || is_there(after, object) || deleted_by(plan, object) ||
		    !can_stand(after, object))
			continue;
		*steps = arena_room(arena, *steps, len, sizeof(**steps));
		(*steps)[len++] = (struct step){.after = object, .flags = STEP_RESTORE};
	}
	return len;
}

/* Carries breaths [from, to) out in memory; what refuses there is left to the kernel to say. */
static void rehearse(struct world *fake, const struct plan *plan, size_t from, size_t to)
{
	struct err err;

	for (size_t i = from; i < to; i++)
		fake->ops->apply(fake, &plan->breaths[i], &err);
}

/*
 * Adds the steps that put back what was there `before`. What was there before the run is owed to
 * whoever undoes it.
 */
static void add_missing(struct run *run, const struct state *before, struct world *fake,
			struct step **steps, size_t *len, unsigned int flags)
{
	struct step *missing;
	size_t count =
		steps_missing(run->arena, before, world_fake_state(fake), &run->plan, &missing);

	for (size_t i = 0; i < count; i++) {
		struct object *written = state_find(run->plan_request.desired, missing[i].after);

		missing[i].flags |= flags;
		if (written) /* of a new one the rehearsal does not know all that the kernel adds */
			missing[i].after = written;
		if (state_find(&run->actual, missing[i].after))
			state_put(&run->owed, (struct object *)missing[i].after);
		*steps = arena_room(run->arena, *steps, *len, sizeof(**steps));
		(*steps)[(*len)++] = missing[i];
	}
}

static void name_one(struct run *run, struct object *object, const char *device)
{
	struct plan *plan = &run->plan;

	state_put(&plan->taken, object);
	plan->cuts = arena_room(run->arena, plan->cuts, plan->cut_count, sizeof(char *));
	plan->cuts[plan->cut_count++] = arena_print(run->arena, "%s, which %s cannot carry then",
						    object_label(object, run->arena), device);
}

/* Its MTU falls below what IPv6 needs. */
static bool ends_ipv6(const struct step *step)
{
	return step->before && step->after && kind_is(step->after->kind, "link") &&
	       object_has_key(step->after, "mtu") &&
	       object_number(step->before, "mtu", 1500) >= LINK_IPV6_MTU &&
	       object_number(step->after, "mtu", 1500) < LINK_IPV6_MTU;
}

/* What the plan leaves of it until its device changes: NULL: it is taken back. */
static struct object *left_as(const struct plan *plan, struct object *object)
{
	for (size_t i = 0; i < plan->len; i++)
		if (object_order(step_object(&plan->steps[i]), object) == 0)
			return (struct object *)plan->steps[i].after;
	return object;
}

/* The device's variables of IPv6 go as well, and would come back as a new device's. */
static void name_values(struct run *run)
{
	struct state wanted, now;
	struct object *value;
	struct err err;

	state_init(&wanted, run->arena);
	state_init(&now, run->arena);
	for (size_t i = 0; i < run->plan.len; i++)
		if (ends_ipv6(&run->plan.steps[i]))
			state_want_own_values(&wanted, run->plan.steps[i].before);
	if (!wanted.len || run->world->ops->read(run->world, &wanted, &now, &err))
		return;
	for (size_t i = 0; i < now.len; i++) {
		struct object *left;

		value = now.objects[i];
		if (!object_is_ipv6_value(value) || state_find(run->plan_request.desired, value))
			continue;
		left = left_as(&run->plan, value);
		if (left)
			name_one(run, left, object_owner(value));
		else
			state_put(&run->owed, value);
		if (!state_find(&run->actual, value))
			state_put(&run->actual, value); /* to be there again after a refusal */
	}
}

static void name_lost(struct run *run, const struct state *after)
{
	struct plan *plan = &run->plan;

	for (size_t i = 0; i < run->actual.len; i++) {
		struct object *object = run->actual.objects[i];
		struct object *owner = state_owner(after, object);

		if (object->automatic || object->kind->flags & KIND_VALUE || !owner ||
		    can_stand(after, object) || state_find(after, object) ||
		    deleted_by(plan, object))
			continue;
		name_one(run, object, object_name(owner));
	}
}

/* What hangs on devices that change: the kernel may take it along in ways the rehearsal lacks. */
static void owe_children(struct run *run)
{
	struct state changed;

	state_init(&changed, run->arena);
	for (size_t i = 0; i < run->plan.len; i++)
		if (run->plan.steps[i].before && run->plan.steps[i].after)
			state_add(&changed, (struct object *)run->plan.steps[i].before);
	state_sort(&changed);
	for (size_t i = 0; changed.len && i < run->actual.len; i++) {
		struct object *object = run->actual.objects[i];
		const struct object *owner = state_owner(&run->actual, object);

		if (owner && !object->automatic && !(object->kind->flags & KIND_VALUE) &&
		    state_find(&changed, owner))
			state_put(&run->owed, object);
	}
}

void foresee(struct run *run)
{
	struct plan *plan = &run->plan;
	struct step *steps = NULL;
	size_t len = 0, planned;
	struct world *fake;
	struct state made;
	struct err unused;

	if (!plan->len && !plan->taken.len && !plan->gone.len)
		return; /* nothing happens, so nothing is lost */
	fake = world_fake_new(&run->actual);
	for (size_t i = 0; i < plan->len; i++) {
		steps = arena_room(run->arena, steps, len, sizeof(*steps));
		steps[len++] = plan->steps[i];
	}
	planned = len;
	rehearse(fake, plan, 0, plan->commit);
	add_missing(run, &run->actual, fake, &steps, &len, 0);
	name_lost(run, world_fake_state(fake));
	name_values(run);
	for (size_t i = planned; i < len; i++) {
		struct breath one = {.steps = &steps[i], .len = 1};

		fake->ops->apply(fake, &one, &unused);
	}
	state_init(&made, run->arena);
	fake->ops->read(fake, NULL, &made, &unused);
	rehearse(fake, plan, plan->commit, plan->breath_count);
	add_missing(run, &made, fake, &steps, &len, STEP_LATE);
	fake->ops->free(fake);
	for (size_t i = 0; i < plan->taken.len; i++) {
		struct object *taken = plan->taken.objects[i],
			      *value = taken->kind->flags & KIND_VALUE
					       ? state_find(&run->actual, taken)
					       : NULL;

		state_put(&run->owed, value ? value : taken); /* with the value it has now */
	}
	for (size_t i = 0; i < plan->gone.len; i++)
		state_put(&run->owed, plan->gone.objects[i]);
	for (size_t i = 0; i < len; i++)
		steps[i].flags &= ~(unsigned int)STEP_RIDES;
	owe_children(run);
	if (len != planned)
		plan_order(plan, steps, len);
}
