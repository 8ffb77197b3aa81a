/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "lib/lib.h"

int session_open(struct session *session, const struct loom *loom, bool change, struct err *err)
{
	int r;

	*session = (struct session){.loom = loom, .change = change};
	arena_init(&session->arena);
	r = store_open(&session->store, change, err);
	session->opened = !r;
	if (!r)
		r = world_live_new(session->store.folder, &session->world, err);
	if (!r && change)
		session->recovered = apply_recover(&session->store, session->world, err);
	return r ? r : session->recovered < 0 ? session->recovered : 0;
}

int session_look(struct session *session, const struct loom *loom, struct diag *diag,
		 struct err *err)
{
	int r = session_open(session, loom, false, err);

	if (r != -EACCES && r != -EPERM)
		return r;
	err_hint(err, "root sees whose everything is");
	diag_warn(diag, err);
	return world_live_new(NULL, &session->world, err);
}

void session_close(struct session *session)
{
	if (session->world)
		session->world->ops->free(session->world);
	/* whoever may have made folders clears away those that hold nothing */
	if (session->opened && session->change)
		store_tidy(&session->store);
	if (session->opened)
		store_close(&session->store);
	arena_fini(&session->arena);
}

/* What only the system says of an object is no wish: a new one gets its own. */
static void forget_read(struct object *object)
{
	unsigned int count = kind_field_count(object->kind);

	for (unsigned int i = 0; i < count; i++)
		if (kind_field(object->kind, i)->flags & (FIELD_READ | FIELD_IDENT | FIELD_COUNTS))
			object->set &= ~(UINT64_C(1) << i);
}

void session_desired(const struct committed *committed, struct arena *arena, struct state *out)
{
	state_init(out, arena);
	for (size_t i = 0; committed && i < committed->len; i++) {
		struct object *object;

		if (committed->entries[i].claim == CLAIM_TAKEN)
			continue;
		object = object_copy(arena, committed->entries[i].object);
		forget_read(object);
		state_add(out, object);
	}
	state_sort(out);
}
