/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device that joins a bridge with all it has (`uplink`): its addresses and routes stand on the
 * bridge then, which takes its MAC, and go back with it. Before planning, plan_extend adds to the
 * text what was read on the device, or is owed to it since an earlier run; so the rest plans,
 * verifies and commits it like anything written. The addresses that stood there are taken. All
 * that one move consists of is one breath (STEP_MOVES): in the order of step_move_order there is
 * no moment without an address or a way out.
 */
#include <string.h>

#include "plan/diff.h"

/* Knows no kind by name: what moves is told by rank, and by the key that names the device. */
static bool is_address(const struct object *object)
{
	return kind_root(object->kind)->rank == RANK_ADDRESS;
}

static bool hangs_on(const struct object *object, const char *ns, const char *device)
{
	enum rank rank = kind_root(object->kind)->rank;

	return (rank == RANK_ADDRESS || rank == RANK_ROUTE) && text_same(object->ns, ns) &&
	       object_owner(object) && text_same(object_owner(object), device);
}

static void owner_set(struct object *object, const char *device, struct arena *arena)
{
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++)
		if (kind_field(object->kind, i)->flags & FIELD_OWNER)
			*(const char **)object_at(object, i) = arena_text(arena, device);
}

/* The same on another device. */
static struct object *on_device(const struct object *object, const char *device,
				struct arena *arena)
{
	struct object *copy = object_copy(arena, object);

	owner_set(copy, device, arena);
	if (is_address(copy) && kind_field_find(copy->kind, "settled") >= 0)
		object_set(copy, "settled", "true", arena);
	return copy;
}

/* The device that moves into this one; NULL: none. Only what has ports takes one in. */
static const char *uplink_of(const struct object *object)
{
	for (size_t i = 0; kinds[i]; i++)
		if (kinds[i]->flags & KIND_SLAVE && kind_is(object->kind, kinds[i]->owner))
			return object_text(object, "uplink");
	return NULL;
}

void uplink_takers(struct diff *diff)
{
	const struct state *desired = diff->request->desired;

	state_init(&diff->takers, diff->arena);
	for (size_t i = 0; i < desired->len; i++)
		if (uplink_of(desired->objects[i]))
			state_add(&diff->takers, desired->objects[i]);
}

/* What takes this device in, if anything does. */
static const struct object *taker_of(const struct diff *diff, const char *ns, const char *device)
{
	for (size_t i = 0; i < diff->takers.len; i++) {
		const struct object *taker = diff->takers.objects[i];

		if (text_same(object_text(taker, "uplink"), device) && text_same(taker->ns, ns))
			return taker;
	}
	return NULL;
}

static const struct entry *entry_of(const struct plan_request *request, const struct object *like)
{
	return request->own ? committed_find(request->own, like) : NULL;
}

struct extension {
	struct plan_request *request;
	struct state *desired;
	const struct object *bridge;
	const char *device;
};

static void extend_one(const struct extension *extension, const struct object *object)
{
	struct arena *arena = extension->request->arena;
	struct object *copy = on_device(object, object_name(extension->bridge), arena);
	struct object *written = state_find(extension->desired, copy);

	copy->place = object_place_of(extension->bridge, "uplink");
	copy->places = NULL;
	if (!written)
		state_put(extension->desired, copy);
	else if (is_address(written) && object_has_key(copy, "settled")) /* nobody else has it */
		state_put(extension->desired,
			  on_device(written, object_name(extension->bridge), arena));
}

/* What was read on the device and is nobody's of ours; addresses the kernel made are its own. */
static void extend_by_actual(const struct extension *extension)
{
	const struct state *actual = extension->request->actual;

	for (size_t i = 0; i < actual->len; i++) {
		const struct object *object = actual->objects[i];
		const struct entry *entry = entry_of(extension->request, object);

		if (!object->automatic &&
		    hangs_on(object, extension->bridge->ns, extension->device) &&
		    (!entry || entry->claim == CLAIM_TAKEN) &&
		    (!is_address(object) || !state_find(extension->request->desired, object)))
			extend_one(extension, object);
	}
}

/* What an earlier run moved: addresses owed to the device, routes that led through it. */
static void extend_by_own(const struct extension *extension)
{
	const struct committed *own = extension->request->own;

	for (size_t i = 0; own && i < own->len; i++) {
		const struct entry *entry = &own->entries[i];
		const char *ns = extension->bridge->ns;

		if (entry->claim == CLAIM_TAKEN && is_address(entry->object) &&
		    hangs_on(entry->object, ns, extension->device))
			extend_one(extension, entry->object);
		else if (entry->claim == CLAIM_SET && entry->prior &&
			 hangs_on(entry->object, ns, object_name(extension->bridge)) &&
			 hangs_on(entry->prior, ns, extension->device) &&
			 !state_find(extension->desired, entry->object))
			extend_one(extension, entry->object);
	}
}

/* The bridge is known on its LAN by the address that the device had. */
static void mac_take(const struct extension *extension, const struct object *device)
{
	struct object *bridge = object_copy(extension->request->arena, extension->bridge);
	int from = kind_field_find(device->kind, "macaddress");
	int to = kind_field_find(bridge->kind, "macaddress");

	if (from < 0 || to < 0 || object_has(bridge, (unsigned int)to) ||
	    !object_has(device, (unsigned int)from))
		return;
	object_take(bridge, (unsigned int)to, device, (unsigned int)from,
		    extension->request->arena);
	state_put(extension->desired, bridge);
}

void plan_extend(struct plan_request *request)
{
	struct state *desired = arena_make(request->arena, struct state);
	const struct state *text = request->desired;
	const struct object *device;

	state_init(desired, request->arena);
	for (size_t i = 0; i < text->len; i++)
		state_add(desired, text->objects[i]);
	state_sort(desired);
	for (size_t i = 0; i < text->len; i++) {
		struct extension extension = {.request = request,
					      .desired = desired,
					      .bridge = text->objects[i],
					      .device = uplink_of(text->objects[i])};

		if (!extension.device)
			continue;
		device = state_link(request->actual, extension.bridge->ns, extension.device);
		if (device)
			mac_take(&extension, device);
		extend_by_actual(&extension);
		extend_by_own(&extension);
	}
	request->desired = desired;
}

bool uplink_holds(const struct diff *diff, const struct object *object)
{
	const char *owner = object_owner(object);

	return is_address(object) && owner && taker_of(diff, object->ns, owner) != NULL;
}

bool uplink_follows(const struct diff *diff, const struct object *desired,
		    const struct object *actual)
{
	const char *owner = object_owner(actual);
	const struct object *bridge = owner ? taker_of(diff, actual->ns, owner) : NULL;

	return bridge && object_owner(desired) &&
	       text_same(object_owner(desired), object_name(bridge));
}

/* The addresses that stood on the device go, since the bridge has them. */
static void take_addresses(struct diff *diff, const struct object *bridge, const char *device)
{
	for (size_t i = 0; i < diff->request->actual->len; i++) {
		struct object *object = diff->request->actual->objects[i];

		if (object->automatic || !is_address(object) ||
		    !hangs_on(object, bridge->ns, device) ||
		    state_find(diff->request->desired, object) || claim_made(diff, object))
			continue;
		diff_step(diff, object, NULL, 0, STEP_MOVES);
		state_put(&diff->plan->taken, object);
	}
}

static bool is_owed(const struct diff *diff, const struct object *object)
{
	const struct entry *entry = entry_of(diff->request, object);

	return entry && entry->claim == CLAIM_TAKEN;
}

/* Is the step part of what moves between the two? */
static bool is_part(const struct diff *diff, const struct step *step, const struct object *bridge,
		    const char *device)
{
	const struct object *object = step_object(step), *twin;
	const char *name = object_name(bridge);

	if (object->kind->flags & KIND_SLAVE)
		return !(step->before && step->after) && text_same(object->ns, bridge->ns) &&
		       text_same(object_owner(object), name) &&
		       text_same(object_title(object), device);
	if (step->before && step->after)
		return (hangs_on(step->before, bridge->ns, device) &&
			hangs_on(step->after, bridge->ns, name)) ||
		       (hangs_on(step->before, bridge->ns, name) &&
			hangs_on(step->after, bridge->ns, device));
	if (!is_address(object))
		return false;
	twin = on_device(object, device, diff->arena);
	if (!step->after) /* it goes back at once, or the bridge's would lead nowhere meanwhile */
		return hangs_on(object, bridge->ns, name) && is_owed(diff, twin);
	if (hangs_on(object, bridge->ns, device))
		return step->flags & STEP_RESTORE;
	return hangs_on(object, bridge->ns, name) && state_find(diff->request->actual, twin);
}

static void mark(struct diff *diff, const struct object *bridge, const char *device)
{
	bool comes = state_find(&diff->actual, bridge) == NULL;

	for (size_t i = 0; i < diff->len; i++)
		if (is_part(diff, &diff->steps[i], bridge, device))
			diff->steps[i].flags = (diff->steps[i].flags & ~STEP_RESTORE) | STEP_MOVES;
	for (size_t i = 0; i < diff->len; i++)
		if (diff->steps[i].flags & STEP_MOVES) {
			diff_cut(diff,
				 "some packets on their way while %s and its addresses move%s %s; "
				 "connections stay",
				 device,
				 comes || state_find(diff->request->desired, bridge) ? " to"
										     : " back from",
				 object_name(bridge));
			return;
		}
}

void uplink_steps(struct diff *diff)
{
	const char *device;

	for (size_t i = 0; i < diff->takers.len; i++) {
		device = object_text(diff->takers.objects[i], "uplink");
		take_addresses(diff, diff->takers.objects[i], device);
		mark(diff, diff->takers.objects[i], device);
	}
	for (size_t i = 0; i < diff->own.len; i++)
		if ((device = uplink_of(diff->own.objects[i])) &&
		    !taker_of(diff, diff->own.objects[i]->ns, device))
			mark(diff, diff->own.objects[i], device);
}
