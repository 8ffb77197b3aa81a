/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the earlier text had and this one lacks: objects we made go, keys we set on somebody's
 * object go back to what they were, and what our steps had taken along is put back.
 */
#include <string.h>

#include "model/cascade.h"
#include "plan/diff.h"

#define NOT_RELEASED (FIELD_KEY | FIELD_READ | FIELD_FIXED | FIELD_ASIDE | FIELD_FACE)

/* Another description that is up still sets field `i` of this object. */
static bool claimed_by_other(const struct diff *diff, const struct object *object, unsigned int i)
{
	struct entry *entry;

	return claim_other(diff, object, &entry) && object_has(entry->object, i) &&
	       entry->object->kind == object->kind;
}

/* Lets field i of `target` be what it was before us. False: nobody knows what that is. */
static bool give_back(struct diff *diff, const struct entry *entry, struct object *target,
		      unsigned int i)
{
	const struct field *field = kind_field(target->kind, i);
	struct err err;

	if (entry->claim == CLAIM_MADE && field->flags & FIELD_ANEW)
		return false;
	if (entry->claim == CLAIM_SET || entry->prior) {
		if (!entry->prior || !object_has_of(entry->prior, target->kind, i))
			return false;
		object_take(target, i, entry->prior, i, diff->arena);
		return true;
	}
	return field->initial && object_parse(target, i, object_initial(target, i),
					      (struct place){0}, diff->arena, &err) == 0;
}

uint64_t release_fields(struct diff *diff, const struct entry *entry, struct object *target)
{
	unsigned int count = kind_field_count(target->kind);
	uint64_t mask = 0;

	if (entry->object->kind != target->kind || entry->claim == CLAIM_SHARED)
		return 0;
	for (unsigned int i = 0; i < count; i++) {
		unsigned int flags = kind_field(target->kind, i)->flags;

		if (!object_has(entry->object, i) || object_has(target, i) ||
		    flags & NOT_RELEASED || claimed_by_other(diff, target, i))
			continue;
		if (give_back(diff, entry, target, i))
			mask |= UINT64_C(1) << i;
	}
	return mask;
}

static bool is_initial(const struct object *actual, unsigned int i)
{
	const char *initial = object_initial(actual, i);
	struct text value TEXT_CLEANUP = {0};

	object_print(actual, i, &value);
	return initial && text_same(text_get(&value), initial);
}

uint64_t release_anew(const struct diff *diff, const struct entry *entry,
		      const struct object *target, const struct object *actual)
{
	uint64_t mask = 0;

	if (diff->request->behind || entry->claim != CLAIM_MADE ||
	    entry->object->kind != target->kind)
		return 0;
	for (unsigned int i = 0; i < kind_field_count(target->kind); i++)
		if (kind_field(target->kind, i)->flags & FIELD_ANEW &&
		    object_has(entry->object, i) && !object_has(target, i) &&
		    object_has(actual, i) && !is_initial(actual, i) &&
		    !claimed_by_other(diff, target, i))
			mask |= UINT64_C(1) << i;
	return mask;
}

uint64_t release_drops(struct diff *diff, const struct entry *entry, const struct object *target,
		       const struct object *actual)
{
	unsigned int count = kind_field_count(target->kind);
	uint64_t mask = 0;

	if (entry->object->kind != target->kind || actual->kind != target->kind ||
	    entry->claim == CLAIM_SHARED)
		return 0;
	for (unsigned int i = 0; i < count; i++) {
		unsigned int flags = kind_field(target->kind, i)->flags;

		if (object_has(entry->object, i) && !object_has(target, i) &&
		    object_has(actual, i) && field_drops(target->kind, i) &&
		    !(flags & (NOT_RELEASED | FIELD_ANEW)) && !claimed_by_other(diff, target, i))
			mask |= UINT64_C(1) << i;
	}
	return mask;
}

/* An object that carries nothing but its keys, to be filled by release_fields. */
static struct object *bare(struct diff *diff, const struct object *like)
{
	struct object *object = object_make(diff->arena, like->kind, like->ns);
	unsigned int count = kind_field_count(like->kind);

	for (unsigned int i = 0; i < count; i++)
		if (kind_field(like->kind, i)->flags & FIELD_KEY && object_has(like, i))
			object_take(object, i, like, i, diff->arena);
	object->place = like->place;
	return object;
}

/* As it was at home, but for what this text says of it there. */
static struct object *homecoming(struct diff *diff, const struct object *prior)
{
	const struct object *desired = state_find(diff->request->desired, prior);
	struct object *target = object_copy(diff->arena, prior);

	for (unsigned int i = 0; desired && i < kind_field_count(prior->kind); i++)
		if (object_has_of(desired, target->kind, i))
			object_take(target, i, desired, i, diff->arena);
	return target;
}

static bool relied_on(struct diff *diff, const struct entry *entry, const struct object *actual)
{
	const struct kind_ops *ops = actual->kind->ops;
	const char *why = NULL;

	if (ops && ops->relied_on && entry->prior)
		why = ops->relied_on(entry->prior, actual, &diff->own);
	if (why)
		diag_warning(&diff->plan->diag, (struct place){0}, diff_label(diff, actual),
			     "stays as it is: %s", why);
	return why;
}

static void release_set(struct diff *diff, const struct entry *entry, const struct object *actual)
{
	struct object *target;
	uint64_t mask;

	if (entry->prior && !text_same(entry->prior->ns, entry->object->ns)) {
		target = homecoming(diff, entry->prior);
		diff_step(diff, actual, target, object_differs(target, actual), 0);
		diff_take_out(diff, actual, false);
		return; /* a NIC goes home, as it was there */
	}
	target = bare(diff, entry->object);
	mask = release_fields(diff, entry, target) & object_differs(target, actual);
	if (mask && relied_on(diff, entry, actual))
		return;
	mask |= release_drops(diff, entry, target, actual);
	if (mask)
		diff_step(diff, actual, target, mask, 0);
}

/* The device it stands on is not the one it was made for. */
static bool owner_changed(const struct diff *diff, const struct object *object)
{
	const struct object *device = state_owner(&diff->own, object), *actual;

	if (device && !object_dies_with(object, device))
		return false; /* listed under it, that is all */
	actual = device ? state_find(diff->request->actual, device) : NULL;
	return actual && object_other(device, actual);
}

static void refuse_victim(struct diff *diff, const struct object *gone, const struct object *victim)
{
	struct entry *entry;
	const struct committed *other = claim_other(diff, victim, &entry);

	if (victim->automatic || claim_own(diff, victim) || victim->kind->flags & KIND_VALUE)
		return;
	if (victim->kind->owner && strcmp(victim->kind->owner, "link") != 0 && !other) {
		diff_cut(diff, "%s ends, which is not lanloom's", diff_label(diff, victim));
		return; /* a foreign port leaves with the bridge; the device lives on */
	}
	if (diff->request->force) {
		diff_cut(diff, "%s goes with %s%s%s", diff_label(diff, victim),
			 diff_label(diff, gone), other ? ", of the description " : "",
			 other ? other->name : "");
		return;
	}
	err_hint(diff_error_at(diff, gone, "%s would go with it, which %s%s",
			       diff_label(diff, victim),
			       other ? "belongs to the description " : "is not lanloom's",
			       other ? other->name : ""),
		 "--force to let it go too");
}

static void release_made(struct diff *diff, const struct entry *entry, const struct object *actual)
{
	if (object_other(entry->object, actual) || owner_changed(diff, entry->object)) {
		diag_warning(&diff->plan->diag, (struct place){0}, diff_label(diff, actual),
			     "is not the one lanloom made: somebody deleted that and made this; it "
			     "stays");
		return;
	}
	if (actual->kind != entry->object->kind)
		return;
	state_add(&diff->going, (struct object *)actual);
	diff_step(diff, actual, NULL, 0, 0);
}

/* The device it stands on as it will be when the plan has run; NULL: not there. */
static const struct object *device_then(const struct diff *diff, const struct object *object)
{
	const char *name = object_owner(object);
	const struct object *device = name ? state_link(&diff->actual, object->ns, name) : NULL;
	struct object *then = device ? object_copy(diff->arena, device) : NULL;

	for (size_t i = 0; name && i < diff->len; i++) {
		const struct object *after = diff->steps[i].after;

		if (!after || !kind_is(after->kind, "link") || !text_same(after->ns, object->ns) ||
		    !text_same(object_name(after), name))
			continue;
		if (!then)
			then = object_make(diff->arena, after->kind, after->ns);
		for (unsigned int f = 0; f < kind_field_count(after->kind); f++)
			if (object_has(after, f) && after->kind == then->kind)
				object_take(then, f, after, f, diff->arena);
	}
	return then;
}

static void release_taken(struct diff *diff)
{
	const struct committed *own = diff->request->own;

	for (size_t i = 0; own && i < own->len; i++) {
		const struct object *object = own->entries[i].object, *device;

		if (own->entries[i].claim != CLAIM_TAKEN || state_find(&diff->actual, object) ||
		    state_find(diff->request->desired, object) || uplink_holds(diff, object))
			continue;
		device = device_then(diff, object);
		if (!device || !link_admits(device, object))
			continue;
		diff_step(diff, NULL, object_copy(diff->arena, object), 0, STEP_RESTORE);
	}
}

/* Who else's objects die with what goes? They are named; without --force they forbid it. */
static void check_victims(struct diff *diff)
{
	size_t before;

	state_sort(&diff->going);
	do {
		before = diff->going.len;
		for (size_t i = 0; i < diff->actual.len; i++) {
			struct object *object = diff->actual.objects[i], *killer;

			if (state_find(&diff->going, object))
				continue;
			killer = state_killer(&diff->going, object);
			if (!killer)
				continue;
			refuse_victim(diff, killer, object);
			state_put(&diff->going, object);
		}
	} while (diff->going.len != before);
}

/*
 * A device is known by its number: under the name that somebody gave it, it is still the one that
 * was made here, and goes; also where the text wants one, which is then made anew.
 */
static bool release_renamed(struct diff *diff, const struct entry *entry,
			    const struct object *actual)
{
	const struct object *renamed;

	if (entry->claim != CLAIM_MADE || (actual && !object_other(entry->object, actual)))
		return false;
	renamed = state_numbered(&diff->actual, entry->object);
	if (!renamed || state_find(diff->request->desired, renamed))
		return false;
	state_add(&diff->going, (struct object *)renamed);
	diff_step(diff, renamed, NULL, 0, 0);
	return true;
}

void release_all(struct diff *diff)
{
	const struct committed *own = diff->request->own;

	for (size_t i = 0; own && i < own->len; i++) {
		const struct entry *entry = &own->entries[i];
		const struct object *actual = state_find(&diff->actual, entry->object);

		if (release_renamed(diff, entry, actual) ||
		    state_find(diff->request->desired, entry->object))
			continue;
		if (entry->claim == CLAIM_SET && actual)
			release_set(diff, entry, actual);
		else if (entry->claim == CLAIM_MADE && actual)
			release_made(diff, entry, actual);
	}
	check_victims(diff);
	release_taken(diff);
}
