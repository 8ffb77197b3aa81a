/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Theory of operation. plan_make walks the desired objects and looks each up in the system: absent
 * is a creation, other values a change, another value of a FIXED field a replacement, which first
 * takes the object and all that dies with it out of the picture, so that what shall stand is
 * planned again. Then it walks what was committed and is no longer desired (release.c). Whose a
 * thing is decides claim.c. The loose steps are ordered and cut into breaths by order.c. Nothing
 * here knows a kind by name but "link", the base of all devices.
 */
#include "plan/diff.h"

#include <errno.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/cascade.h"

const char *diff_label(struct diff *diff, const struct object *object)
{
	return object_label(object, diff->arena);
}

struct err *diff_error_at(struct diff *diff, const struct object *object, const char *format, ...)
{
	char message[400];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return diag_error(&diff->plan->diag, object->place, diff_label(diff, object), "%s",
			  message);
}

void diff_cut(struct diff *diff, const char *format, ...)
{
	struct plan *plan = diff->plan;
	char message[400];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	for (size_t i = 0; i < plan->cut_count; i++)
		if (text_same(plan->cuts[i], message))
			return;
	plan->cuts = arena_room(diff->arena, plan->cuts, plan->cut_count, sizeof(char *));
	plan->cuts[plan->cut_count++] = arena_text(diff->arena, message);
}

void diff_step(struct diff *diff, const struct object *before, const struct object *after,
	       uint64_t mask, unsigned int flags)
{
	diff->steps = arena_room(diff->arena, diff->steps, diff->len, sizeof(struct step));
	diff->steps[diff->len++] = (struct step){
		.before = before,
		.after = after,
		.mask = mask,
		.flags = flags,
		.place = after ? after->place : before->place,
	};
}

/*
 * Takes `gone` and what dies with it out of the picture; what is foreign of it is remembered.
 * With `deleted` each of them is a deletion that rides along, so that undoing makes it again.
 */
void diff_take_out(struct diff *diff, const struct object *gone, bool deleted)
{
	struct state victims;

	state_init(&victims, diff->arena);
	state_cascade(&diff->actual, gone, &victims);
	for (size_t i = 1; i < victims.len; i++) {
		struct object *victim = victims.objects[i];
		struct entry *entry;

		if (deleted && !victim->automatic)
			diff_step(diff, victim, NULL, 0, STEP_REPLACE);
		if (claim_own(diff, victim))
			state_put(&diff->plan->gone, victim);
		else if (!victim->automatic && !(victim->kind->flags & KIND_VALUE) &&
			 !claim_other(diff, victim, &entry))
			state_put(&diff->plan->taken, victim);
	}
}

static void replace(struct diff *diff, const struct object *desired, const struct object *actual,
		    uint64_t mask)
{
	if (!claim_made(diff, actual)) {
		diff_error_at(diff, desired,
			      "%s cannot change on a device that lanloom did not make",
			      kind_field(desired->kind, (unsigned int)__builtin_ctzll(mask))->key);
		return;
	}
	diff_step(diff, actual, NULL, 0, STEP_REPLACE);
	diff_take_out(diff, actual, true);
	diff_step(diff, NULL, desired, mask, STEP_REPLACE);
	diff_cut(diff, "all traffic of %s, which is made anew", diff_label(diff, desired));
}

static uint64_t fixed_mask(const struct object *desired, const struct object *actual, uint64_t mask)
{
	uint64_t fixed = 0;

	if (mask && desired->kind->ops && desired->kind->ops->fixed)
		fixed = desired->kind->ops->fixed(actual, desired) & mask;

	for (unsigned int i = 0; mask >> i; i++)
		if (mask >> i & 1 && kind_field(desired->kind, i)->flags & FIELD_FIXED)
			fixed |= UINT64_C(1) << i;
	return fixed;
}

/*
 * What cannot be taken away again, somebody else's device would keep: where nobody wrote it (root
 * as the owner of a TAP) it is left without; else it is told.
 */
static void leave_unset(struct diff *diff, struct object *target, const struct object *actual)
{
	for (unsigned int i = 0; i < kind_field_count(target->kind); i++) {
		const struct field *field = kind_field(target->kind, i);
		struct text value TEXT_CLEANUP = {0};

		if (!(field->flags & FIELD_ANEW) || !object_has(target, i) || object_has(actual, i))
			continue;
		object_write(target, i, &value);
		if (!object_place_own(target, i) && !declared_existing(target) && field->initial &&
		    text_same(text_get(&value), field->initial))
			target->set &= ~(UINT64_C(1) << i);
		else
			diag_warning(&diff->plan->diag, object_place(target, i),
				     diff_label(diff, target),
				     "the kernel cannot take %s away again: it stays after "
				     "lanloom down",
				     field->key);
	}
}

static void diff_present(struct diff *diff, const struct object *desired,
			 const struct object *actual)
{
	struct object *target = object_copy(diff->arena, desired);
	const struct entry *entry = claim_own(diff, desired);
	uint64_t mask, fixed;

	bool same = entry && !object_other(entry->object, actual);

	if (same)
		release_fields(diff, entry, target);
	if (!claim_made(diff, actual) && actual->kind == desired->kind)
		leave_unset(diff, target, actual);
	mask = object_differs(target, actual);
	if (same)
		mask |= release_drops(diff, entry, target, actual);
	fixed = actual->kind == desired->kind ? fixed_mask(target, actual, mask) : 0;
	if (same)
		fixed |= release_anew(diff, entry, target, actual);
	if (actual->kind != desired->kind)
		replace(diff, desired, actual, mask);
	else if (fixed)
		replace(diff, desired, actual, fixed);
	else if (mask)
		diff_step(diff, actual, target, mask, 0);
}

/* A NIC that shall stand in a namespace and still stands where it came from. */
static bool diff_move(struct diff *diff, const struct object *desired)
{
	const struct object *home;

	if (!(desired->kind->flags & KIND_MOVES) || !desired->ns[0])
		return false;
	home = state_link(diff->request->actual, "", object_name(desired));
	if (!home || home->kind != desired->kind)
		return false;
	diff_take_out(diff, home, false);
	diff_step(diff, home, desired, object_differs(desired, home), 0);
	diff_cut(diff, "all traffic of %s, which moves to namespace %s", diff_label(diff, home),
		 desired->ns);
	return true;
}

/* A NIC that an earlier text had moved away comes home with this plan. */
static bool comes_home(const struct diff *diff, const char *ns, const char *name)
{
	const struct committed *own = diff->request->own;

	for (size_t i = 0; own && i < own->len; i++) {
		const struct object *prior = own->entries[i].prior;

		if (prior && !text_same(prior->ns, own->entries[i].object->ns) &&
		    text_same(prior->ns, ns) && text_same(object_name(prior), name) &&
		    !state_find(diff->request->desired, own->entries[i].object))
			return true;
	}
	return false;
}

static bool namespace_there(const struct state *actual, const char *ns)
{
	for (size_t i = 0; ns[0] && i < actual->len; i++)
		if (actual->objects[i]->kind->door == DOOR_NETNS &&
		    text_same(object_name(actual->objects[i]), ns))
			return true;
	return !ns[0];
}

static void diff_absent(struct diff *diff, const struct object *desired)
{
	bool owned = object_owner(desired) != NULL;
	struct err *err;

	if (desired->kind->flags & KIND_VALUE && !owned &&
	    namespace_there(diff->request->actual, desired->ns)) {
		diff_error_at(diff, desired, "this kernel has no such value");
		return;
	}
	if (!declared_existing(desired)) {
		diff_step(diff, NULL, desired, 0, 0);
		return;
	}
	if (diff_move(diff, desired) || comes_home(diff, desired->ns, object_name(desired)))
		return;
	err = diff_error_at(diff, desired, "does not exist; expected one that others made");
	err->code = -ENODEV;
	err_hint(err, desired->kind->flags & KIND_EXISTING
			      ? "lanloom show lists the devices there are"
			      : "without existing: true lanloom makes it");
}

/* A device that a key names must be declared here or exist. */
static void check_reference(struct diff *diff, const struct object *desired, unsigned int i)
{
	const struct device_place place = device_place_of(desired, i);
	const char *name = place.name;
	const struct state *actual = diff->request->actual;
	const char **names = NULL;
	size_t len = 0, at = 0;
	struct object *link;
	const char *near;

	if (!name[0] || state_link(diff->request->desired, place.ns, name) ||
	    state_link(actual, place.ns, name) || comes_home(diff, place.ns, name))
		return;
	while ((link = state_next(actual, "link", &at))) {
		names = arena_room(diff->arena, names, len, sizeof(char *));
		if (text_same(link->ns, place.ns))
			names[len++] = object_name(link);
	}
	names = arena_room(diff->arena, names, len, sizeof(char *));
	names[len] = NULL;
	near = text_nearest(name, names);
	struct err *err =
		diag_error(&diff->plan->diag, object_place(desired, i), diff_label(diff, desired),
			   "%s %s is neither declared here nor there; expected a device",
			   kind_field(desired->kind, i)->key, name);
	err->code = -ENODEV;
	if (near)
		err_hint(err, "%s", near);
}

static void diff_desired(struct diff *diff, const struct object *desired)
{
	const struct object *actual = state_find(&diff->actual, desired);

	for (unsigned int i = 0; i < kind_field_count(desired->kind); i++)
		if (object_has(desired, i) && kind_field(desired->kind, i)->type->device)
			check_reference(diff, desired, i);
	if (desired->kind->door == DOOR_NONE || !claim_allowed(diff, desired, actual))
		return;
	if (actual)
		diff_present(diff, desired, actual);
	else
		diff_absent(diff, desired);
}

/* What a replacement takes along of others is made again behind it. */
static void restore_taken(struct diff *diff)
{
	struct state *taken = &diff->plan->taken;
	size_t kept = 0;

	for (size_t i = 0; i < taken->len; i++) {
		struct object *object = taken->objects[i];
		struct object *owner = state_owner(diff->request->desired, object);

		if (owner && !state_find(diff->request->desired, object))
			diff_step(diff, NULL, object, 0, STEP_RESTORE);
		else if (!state_find(diff->request->desired, object))
			taken->objects[kept++] = object;
	}
	taken->len = kept;
}

/* Replacements first, in the order of creation: what dies with one is then seen to be absent. */
static void diff_walk(struct diff *diff)
{
	const struct state *desired = diff->request->desired;
	bool *done = arena_alloc(diff->arena, desired->len + 1);

	for (size_t i = 0; i < desired->len; i++) {
		const struct object *object = desired->objects[i];
		const struct object *actual = state_find(&diff->actual, object);

		if (object->kind->door == DOOR_NONE || !actual || declared_existing(object) ||
		    (actual->kind == object->kind &&
		     !fixed_mask(object, actual, object_differs(object, actual))))
			continue;
		diff_desired(diff, object);
		done[i] = true;
	}
	for (size_t i = 0; i < desired->len; i++)
		if (!done[i])
			diff_desired(diff, desired->objects[i]);
}

/* Whether what others made, and what stays, can live with what comes. */
static void check_beside(struct diff *diff)
{
	const struct state *desired = diff->request->desired;
	struct state fresh;

	state_init(&fresh, diff->arena);
	for (size_t i = 0; i < desired->len; i++)
		if (!state_find(diff->request->actual, desired->objects[i]))
			state_add(&fresh, desired->objects[i]);
	for (size_t i = 0; fresh.len && i < diff->actual.len; i++) {
		const struct object *stays = diff->actual.objects[i];

		if (stays->kind->ops && stays->kind->ops->check_beside &&
		    !state_find(desired, stays) && !claim_made(diff, stays))
			stays->kind->ops->check_beside(stays, &fresh, &diff->plan->diag);
	}
}

void plan_make(const struct plan_request *request, struct plan *plan)
{
	struct diff diff = {.request = request, .plan = plan, .arena = request->arena};

	*plan = (struct plan){.arena = request->arena};
	state_init(&plan->taken, request->arena);
	state_init(&plan->gone, request->arena);
	state_init(&diff.actual, request->arena);
	for (size_t i = 0; i < request->actual->len; i++)
		state_add(&diff.actual, request->actual->objects[i]);
	state_sort(&diff.actual);
	state_init(&diff.going, request->arena);
	uplink_takers(&diff);
	state_init(&diff.own, request->arena);
	for (size_t i = 0; request->own && i < request->own->len; i++)
		state_add(&diff.own, request->own->entries[i].object);
	state_sort(&diff.own);
	diff_walk(&diff);
	check_beside(&diff);
	release_all(&diff);
	restore_taken(&diff);
	uplink_steps(&diff);
	diag_sort(&plan->diag);
	plan_order(plan, diff.steps, diff.len);
}

void plan_fini(struct plan *plan)
{
	diag_fini(&plan->diag);
}
