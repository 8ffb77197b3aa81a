/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>

#include "lib/lib.h"

static int settle(struct visit *visit, struct err *err)
{
	visit->recovered = apply_recover(&visit->store, visit->world, err);
	if (visit->recovered < 0)
		return visit->recovered;
	visit->base = store_history_newest(&visit->store);
	return guard_settle(visit, err);
}

int visit_open(struct visit *visit, const struct loom *loom, enum visit_aim aim, struct err *err)
{
	bool change = aim != VISIT_LOOK;
	int r;

	*visit = (struct visit){.loom = loom, .aim = aim};
	arena_init(&visit->arena);
	r = store_open(&visit->store, change, err);
	if ((r == -EACCES || r == -EPERM) && geteuid() != 0)
		err_hint(err, "the same as root");
	visit->opened = !r;
	if (!r)
		r = world_live_new(visit->store.folder, &visit->world, err);
	return !r && change ? settle(visit, err) : r;
}

int visit_look(struct visit *visit, const struct loom *loom, struct diag *diag, struct err *err)
{
	int r = visit_open(visit, loom, VISIT_LOOK, err);

	if (!r)
		guard_look(visit, diag);
	if (!r && apply_unsettled(&visit->store, err) == -EBUSY)
		diag_warn(diag, err);
	if (r != -EACCES && r != -EPERM)
		return r;
	err_hint(err, "root sees whose everything is");
	diag_warn(diag, err);
	return world_live_new(NULL, &visit->world, err);
}

void visit_close(struct visit *visit)
{
	if (visit->world)
		visit->world->ops->free(visit->world);
	/* whoever may have made folders clears away those that hold nothing */
	if (visit->opened && visit->aim != VISIT_LOOK)
		store_tidy(&visit->store);
	if (visit->opened)
		store_close(&visit->store);
	diag_fini(&visit->diag);
	arena_fini(&visit->arena);
}

void visit_end(struct visit *visit, struct answer *answer)
{
	guard_finish(visit, answer);
	visit_close(visit);
	guard_await(visit, answer);
}

/* What only the system says of an object is no wish: a new one gets its own. */
static void forget_read(struct object *object)
{
	unsigned int count = kind_field_count(object->kind);

	for (unsigned int i = 0; i < count; i++)
		if (kind_field(object->kind, i)->flags & (FIELD_READ | FIELD_IDENT | FIELD_COUNTS))
			object->set &= ~(UINT64_C(1) << i);
}

void visit_desired(const struct committed *committed, struct arena *arena, struct state *out)
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
