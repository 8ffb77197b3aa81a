/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A world in memory. It does what the kernel does as far as plans can tell: names are taken or
 * free, devices must be there before what stands on them, what dies with a device dies, and the
 * kernel's side effects happen: a link that goes down loses its routes, neighbours and IPv6
 * addresses, an MTU below 1280 (RFC 8200 5) its IPv6 addresses, a deleted primary address its
 * secondaries. It can refuse the n-th breath, so transactions are tested at every step without
 * root, and a plan is run here first to see what it would take along.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/cascade.h"
#include "world/world.h"

struct fake {
	struct world world;
	struct arena arena;
	struct state state;
	int countdown;
	bool loses; /* the refused breath is done all the same: its acknowledgement was lost */
	int applied;
	uint32_t next_ident;
	void (*act)(struct state *, void *);
	void *act_data;
	int act_at;
	bool disturbed;
};

static int refuse(struct err *err, int code, const struct step *step, struct arena *arena)
{
	const struct object *object = step_object(step);

	err_errno(err, code, "%s", action_word(step_action(step)));
	return err_at(err, object_label(object, arena), step->place);
}

static bool namespace_there(const struct state *state, const char *ns)
{
	struct object *object;

	if (!ns[0])
		return true;
	for (size_t i = 0; i < state->len; i++) {
		object = state->objects[i];
		if (object->kind->door == DOOR_NETNS && text_same(object_name(object), ns))
			return true;
	}
	return false;
}

/* 0, or why `object` cannot stand in `state`. */
static int admits(const struct state *state, const struct object *object)
{
	unsigned int count = kind_field_count(object->kind);
	const struct object *owner = state_owner(state, object);

	if (!namespace_there(state, object->ns))
		return -ENOENT;
	if (state_find(state, object))
		return -EEXIST;
	if (owner && kind_is(owner->kind, "link") && !link_admits(owner, object))
		return -EINVAL;
	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(object->kind, i);
		struct device_place place;

		if (!object_has(object, i) || !field->type->device)
			continue;
		place = device_place_of(object, i);
		if (place.name[0] && !state_link(state, place.ns, place.name))
			return -ENODEV;
	}
	return 0;
}

static void link_effects(struct fake *fake, const struct object *link, bool went_down)
{
	struct state *state = &fake->state;
	size_t kept = 0;

	for (size_t i = 0; i < state->len; i++) {
		struct object *object = state->objects[i];
		enum rank rank = kind_root(object->kind)->rank;
		bool six = rank == RANK_ADDRESS || rank == RANK_ROUTE;
		bool flushed =
			went_down && (rank == RANK_NEIGHBOUR || (six && object_is_ipv6(object)));

		if (object_dies_with(object, link) && (flushed || !link_admits(link, object)))
			continue;
		state->objects[kept++] = object;
	}
	state->len = kept;
}

static bool same_subnet(const struct object *gone, const struct object *object)
{
	const struct prefix *a = object_value(gone, "address", &vtype_prefix);
	const struct prefix *b = object_value(object, "address", &vtype_prefix);
	unsigned int bit;

	if (!a || !b || a->ip.family != 2 || b->ip.family != 2 || a->len != b->len)
		return false;
	for (bit = 0; bit < a->len; bit++)
		if ((a->ip.bytes[bit / 8] ^ b->ip.bytes[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static bool on_same_device(const struct object *gone, const struct object *object)
{
	return text_same(object->ns, gone->ns) && object_owner(object) &&
	       text_same(object_owner(object), object_owner(gone));
}

/* With the last IPv4 address of a device all its IPv4 routes go (fib_disable_ip). */
static void last_address_effects(struct fake *fake, const struct object *gone)
{
	struct state *state = &fake->state;
	size_t kept = 0;

	for (size_t i = 0; i < state->len; i++)
		if (state->objects[i]->kind == gone->kind && !object_is_ipv6(state->objects[i]) &&
		    on_same_device(gone, state->objects[i]))
			return;
	for (size_t i = 0; i < state->len; i++) {
		struct object *object = state->objects[i];

		if (kind_root(object->kind)->rank == RANK_ROUTE && !object_is_ipv6(object) &&
		    on_same_device(gone, object))
			continue;
		state->objects[kept++] = object;
	}
	state->len = kept;
}

/* A kernel without promote_secondaries drops the others of the subnet with the primary. */
static void address_effects(struct fake *fake, const struct object *gone)
{
	struct state *state = &fake->state;
	size_t kept = 0;

	if (kind_root(gone->kind)->rank != RANK_ADDRESS || object_is_ipv6(gone))
		return;
	for (size_t i = 0; i < state->len; i++) {
		struct object *object = state->objects[i];

		if (!object_number(gone, "secondary", 0) && object->kind == gone->kind &&
		    on_same_device(gone, object) && object_number(object, "secondary", 0) &&
		    same_subnet(gone, object))
			continue;
		state->objects[kept++] = object;
	}
	state->len = kept;
	last_address_effects(fake, gone);
}

/* The second of a subnet is the first one's secondary. */
static void address_join(struct fake *fake, struct object *object)
{
	int field = kind_field_find(object->kind, "secondary");

	if (field < 0)
		return;
	object->set &= ~(UINT64_C(1) << field);
	for (size_t i = 0; i < fake->state.len; i++) {
		const struct object *other = fake->state.objects[i];

		if (other->kind == object->kind && on_same_device(object, other) &&
		    !object_number(other, "secondary", 0) && same_subnet(object, other))
			object_set(object, "secondary", "true", &fake->arena);
	}
}

static void stamp(struct fake *fake, struct object *object)
{
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++) {
		const struct field *field = kind_field(object->kind, i);

		if (!(field->flags & FIELD_IDENT) || object_has(object, i))
			continue;
		fake->next_ident++;
		if (field->type->size == 4)
			*(uint32_t *)object_at(object, i) = fake->next_ident;
		else
			*(uint64_t *)object_at(object, i) = fake->next_ident;
		object->set |= UINT64_C(1) << i;
	}
}

/* What the kernel gives an object where nobody said: the table's initial values. */
static void fill(struct fake *fake, struct object *object)
{
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++) {
		const struct field *field = kind_field(object->kind, i);
		struct err err;

		if (field->initial && !object_has(object, i) &&
		    !(field->flags & (FIELD_KEY | FIELD_FACE | FIELD_READ | FIELD_ASIDE)))
			object_parse(object, i, object_initial(object, i), (struct place){0},
				     &fake->arena, &err);
	}
	stamp(fake, object);
}

static void insert(struct fake *fake, const struct object *object)
{
	struct object *copy = object_copy(&fake->arena, object);

	fill(fake, copy);
	address_join(fake, copy);
	state_put(&fake->state, copy);
}

static void change(struct fake *fake, const struct step *step, struct object *object)
{
	struct object *changed = object_copy(&fake->arena, object);

	for (unsigned int i = 0; i < kind_field_count(changed->kind); i++)
		if (step->mask >> i & 1 && object_has(step->after, i))
			object_take(changed, i, step->after, i, &fake->arena);
		else if (step->mask >> i & 1 && field_drops(changed->kind, i))
			changed->set &= ~(UINT64_C(1) << i);
	if (!text_same(step->after->ns, object->ns)) {
		state_cascade(&fake->state, object, NULL);
		changed->ns = arena_text(&fake->arena, step->after->ns);
	}
	state_put(&fake->state, changed);
	if (kind_is(changed->kind, "link"))
		link_effects(fake, changed,
			     object_number(object, "up", 1) && !object_number(changed, "up", 1));
}

static int apply_step(struct fake *fake, const struct step *step, struct err *err)
{
	struct object *object = step->before ? state_find(&fake->state, step->before) : NULL;
	int r = 0;

	if (step->before && (!object || object_other(object, step->before)))
		return refuse(err, -ENODEV, step, &fake->arena);
	if (step->after && (!step->before || !text_same(step->before->ns, step->after->ns)))
		r = admits(&fake->state, step->after);
	if (r == -EEXIST && step->flags & STEP_RESTORE)
		return 0;
	if (r)
		return refuse(err, r, step, &fake->arena);
	if (!step->before) {
		insert(fake, step->after);
	} else if (step->after) {
		change(fake, step, object);
	}
	return 0;
}

/* A group, or one with its riders: all go at once. */
static int delete_all(struct fake *fake, const struct breath *breath, struct err *err)
{
	const struct step *leader = &breath->steps[breath->leader];
	struct object *object = state_find(&fake->state, leader->before);
	struct state going;

	if (!object || object_other(object, leader->before))
		return refuse(err, -ENODEV, leader, &fake->arena);
	state_init(&going, &fake->arena);
	for (size_t i = 0; i < breath->len; i++) {
		const struct object *there = state_find(&fake->state, breath->steps[i].before);

		if (there && !object_other(there, breath->steps[i].before))
			state_put(&going, (struct object *)there);
	}
	state_cascade_all(&fake->state, &going, NULL);
	address_effects(fake, object);
	return 0;
}

/* A device moves into a bridge, or back, with all it has. */
static int move(struct fake *fake, const struct breath *breath, struct err *err)
{
	int r = 0;

	for (unsigned int order = 0; order <= STEP_MOVE_LAST; order++)
		for (size_t i = 0; !r && i < breath->len; i++) {
			struct step *step = &breath->steps[i];
			struct breath one = {.steps = step, .len = 1};

			if (step_move_order(step) == order)
				r = step->after ? apply_step(fake, step, err)
						: delete_all(fake, &one, err);
		}
	return r;
}

/* Paired objects stand on each other: both names are checked before either is made. */
static int carry_out(struct fake *fake, const struct breath *breath, struct err *err)
{
	struct state before = fake->state;
	int r;

	if (breath->steps[breath->leader].flags & STEP_MOVES)
		return move(fake, breath, err);
	if (!breath->steps[breath->leader].after)
		return delete_all(fake, breath, err);
	if (breath->len > 1) /* objects are never changed in place: the pointers are the snapshot */
		before.objects = arena_copy(&fake->arena, fake->state.objects,
					    fake->state.len * sizeof(*before.objects));
	r = apply_step(fake, &breath->steps[breath->leader], err);
	for (size_t i = 0; !r && i < breath->len; i++) {
		const struct step *step = &breath->steps[i];

		if (i == breath->leader ||
		    (!step->after && !state_find(&fake->state, step->before)))
			continue; /* a rider of a deletion went with it */
		r = apply_step(fake, step, err);
	}
	if (r && breath->len > 1) {
		state_init(&fake->state, &fake->arena);
		for (size_t i = 0; i < before.len; i++)
			state_add(&fake->state, before.objects[i]);
	}
	return r;
}

static int fake_apply(struct world *world, const struct breath *breath, struct err *err)
{
	struct fake *fake = (struct fake *)world;
	bool refused;
	int r;

	if (fake->act && fake->applied == fake->act_at) {
		fake->act(&fake->state, fake->act_data);
		state_sort(&fake->state);
		fake->disturbed = true;
	}
	fake->applied++;
	refused = fake->countdown >= 0 && fake->countdown-- == 0;
	if (refused && !fake->loses)
		return refuse(err, -ENOBUFS, &breath->steps[breath->leader], &fake->arena);
	r = carry_out(fake, breath, err);
	if (refused)
		return refuse(err, -ENOBUFS, &breath->steps[breath->leader], &fake->arena);
	return r;
}

static int fake_read(struct world *world, const struct state *wanted, struct state *out,
		     struct err *err)
{
	struct fake *fake = (struct fake *)world;

	state_copy(out, &fake->state);
	state_sort(out);
	return 0;
}

static bool fake_disturbed(struct world *world, struct state *touched)
{
	struct fake *fake = (struct fake *)world;
	bool disturbed = fake->disturbed;

	fake->disturbed = false;
	return disturbed;
}

static uint32_t fake_identity(struct world *world, const char *ns)
{
	return ++((struct fake *)world)->next_ident;
}

static void fake_holders(struct world *world, const struct object *object, struct text *out)
{
	const char *holders = object_text(object, "holders");

	if (holders)
		text_add(out, "%s", holders);
}

static void fake_free(struct world *world)
{
	struct fake *fake = (struct fake *)world;

	arena_fini(&fake->arena);
	free(fake);
}

static const struct world_ops fake_ops = {
	.read = fake_read,
	.apply = fake_apply,
	.disturbed = fake_disturbed,
	.identity = fake_identity,
	.holders = fake_holders,
	.free = fake_free,
};

struct world *world_fake_new(const struct state *state)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	if (!fake)
		abort();
	fake->world.ops = &fake_ops;
	fake->countdown = fake->act_at = -1;
	fake->next_ident = 1000000;
	arena_init(&fake->arena);
	state_init(&fake->state, &fake->arena);
	if (state)
		state_copy(&fake->state, state);
	state_sort(&fake->state);
	for (size_t i = 0; i < fake->state.len; i++)
		fill(fake, fake->state.objects[i]);
	return &fake->world;
}

void world_fake_refuse(struct world *world, int countdown)
{
	((struct fake *)world)->countdown = countdown;
}

void world_fake_lose(struct world *world, int countdown)
{
	((struct fake *)world)->countdown = countdown;
	((struct fake *)world)->loses = countdown >= 0;
}

void world_fake_restart(struct world *world)
{
	((struct fake *)world)->applied = 0;
}

const struct state *world_fake_state(const struct world *world)
{
	return &((const struct fake *)world)->state;
}

void world_fake_meanwhile(struct world *world, void (*act)(struct state *, void *), void *data,
			  int breath)
{
	struct fake *fake = (struct fake *)world;

	fake->act = act;
	fake->act_data = data;
	fake->act_at = breath;
}
