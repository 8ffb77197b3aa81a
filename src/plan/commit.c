/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What will have been promised when a plan has run. */
#include "plan/diff.h"

static enum claim claim_now(const struct plan_request *request, const struct object *desired,
			    const struct object *actual, const struct entry *entry)
{
	/* a value that a device lost with its IPv6 comes back with it, and was others' */
	if (!actual && !declared_existing(desired))
		return entry && entry->claim == CLAIM_TAKEN && desired->kind->flags & KIND_VALUE
			       ? CLAIM_SET
			       : CLAIM_MADE;
	if (entry && entry->claim != CLAIM_TAKEN &&
	    !(actual && entry->claim == CLAIM_MADE && object_other(entry->object, actual)))
		return entry->claim;
	if (declared_existing(desired) || desired->kind->flags & KIND_VALUE || !actual ||
	    object_differs(desired, actual) || kind_root(desired->kind)->rank <= RANK_LINK)
		return CLAIM_SET;
	return CLAIM_SHARED;
}

/*
 * Takes into `prior` what `entry`, an earlier promise, knows of the time before lanloom: of the
 * keys that it set and that are still set. What was given back is others' again, and may have
 * become something else since.
 */
static void prior_take(struct object *prior, const struct object *desired,
		       const struct entry *entry, struct arena *arena)
{
	for (unsigned int i = 0; entry && entry->prior && i < kind_field_count(prior->kind); i++)
		if (entry->prior->kind == prior->kind && object_has(entry->prior, i) &&
		    object_has(desired, i) &&
		    (object_has(entry->object, i) || kind_field(prior->kind, i)->flags & FIELD_KEY))
			object_take(prior, i, entry->prior, i, arena);
}

/* What a NIC had at home, before an earlier text moved it away. */
static struct object *prior_at_home(const struct plan_request *request,
				    const struct object *desired)
{
	for (size_t i = 0; request->own && i < request->own->len; i++) {
		struct object *prior = request->own->entries[i].prior;

		if (prior && object_order(prior, desired) == 0)
			return prior;
	}
	return NULL;
}

/* An earlier text of this name gave field i what it has now. */
static bool set_by_us(const struct entry *entry, const struct object *home, unsigned int i)
{
	return entry && entry->claim == CLAIM_SET && entry->prior &&
	       entry->object->kind == home->kind && entry->prior->kind == home->kind &&
	       !(kind_field(home->kind, i)->flags & FIELD_KEY) && object_has(entry->object, i);
}

/*
 * What the fields had before lanloom: from the earlier promise, else from what was read. A NIC
 * that moves is looked up where it comes from.
 */
static struct object *prior_of(const struct plan_request *request, const struct object *desired,
			       const struct object *actual, const struct entry *entry)
{
	const struct object *home = actual;
	const struct entry *moved = NULL;
	struct object *prior;

	if (!home && desired->kind->flags & KIND_MOVES) {
		home = state_link(request->actual, "", object_name(desired));
		moved = home && request->own ? committed_find(request->own, home) : NULL;
	}
	if (!home && entry && entry->claim == CLAIM_TAKEN)
		return entry->object;
	if (!home)
		return entry ? entry->prior : prior_at_home(request, desired);
	prior = object_make(request->arena, home->kind,
			    entry && entry->prior ? entry->prior->ns : home->ns);
	for (unsigned int i = 0; i < kind_field_count(desired->kind); i++) {
		unsigned int flags = kind_field(desired->kind, i)->flags;

		if (set_by_us(entry, home, i))
			continue; /* what is there is ours; prior_take knows what was before */
		if (!(flags & FIELD_READ) && (object_has(desired, i) || flags & FIELD_KEY) &&
		    object_has_of(home, desired->kind, i))
			object_take(prior, i, home, i, request->arena);
	}
	prior_take(prior, desired, moved, request->arena);
	for (size_t i = 0; i < request->other_count; i++) {
		/* what it holds as well it may have set: before lanloom is before that */
		const struct entry *theirs = committed_find(request->others[i], desired);

		if (theirs && theirs->claim == CLAIM_SET)
			prior_take(prior, desired, theirs, request->arena);
	}
	prior_take(prior, desired, entry, request->arena);
	return prior;
}

static void ident_take(struct object *object, const struct object *after, struct arena *arena)
{
	for (unsigned int i = 0; after && i < kind_field_count(kind_root(object->kind)); i++)
		if (kind_field(object->kind, i)->flags & FIELD_IDENT && object_has(after, i))
			object_take(object, i, after, i, arena);
}

static void commit_one(const struct plan_request *request, const struct state *after,
		       const struct object *desired, struct committed *committed)
{
	const struct object *actual = state_find(request->actual, desired);
	const struct entry *entry = request->own ? committed_find(request->own, desired) : NULL;
	enum claim claim = claim_now(request, desired, actual, entry);
	struct object *object = object_copy(request->arena, desired);

	ident_take(object, state_find(after, desired), request->arena);
	committed_add(committed, claim, object,
		      claim == CLAIM_SET ? prior_of(request, desired, actual, entry) : NULL);
}

/* What our steps took along and that cannot stand now is owed: it is put back at the end. */
static void commit_taken(const struct plan_request *request, const struct state *after,
			 const struct object *object, struct committed *committed)
{
	if (!state_find(request->desired, object) && !state_find(after, object))
		committed_add(committed, CLAIM_TAKEN, object, NULL);
}

void plan_commit(const struct plan_request *request, const struct plan *plan,
		 const struct state *after, struct committed *committed)
{
	const struct committed *own = request->own;

	for (size_t i = 0; i < request->desired->len; i++)
		commit_one(request, after, request->desired->objects[i], committed);
	for (size_t i = 0; i < plan->taken.len; i++)
		commit_taken(request, after, plan->taken.objects[i], committed);
	for (size_t i = 0; own && i < own->len && request->desired->len; i++)
		if (own->entries[i].claim == CLAIM_TAKEN)
			commit_taken(request, after, own->entries[i].object, committed);
	committed_sort(committed);
}
