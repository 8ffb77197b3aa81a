/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planning several descriptions: the second may stand on what the first will have made. So they
 * are planned on a world in memory, read once, on which each plan is carried out before the next
 * is made; who holds a TAP open is still asked of the live one.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/lib.h"

struct ahead {
	struct world world;
	struct world *fake, *live;
};

static struct ahead *ahead_of(struct world *world)
{
	return (struct ahead *)world;
}

static int ahead_read(struct world *world, const struct state *wanted, struct state *out,
		      struct err *err)
{
	return ahead_of(world)->fake->ops->read(ahead_of(world)->fake, wanted, out, err);
}

static int ahead_apply(struct world *world, const struct breath *breath, struct err *err)
{
	return ahead_of(world)->fake->ops->apply(ahead_of(world)->fake, breath, err);
}

static bool ahead_disturbed(struct world *world, struct state *touched)
{
	return false;
}

static uint32_t ahead_identity(struct world *world, const char *ns)
{
	return ahead_of(world)->fake->ops->identity(ahead_of(world)->fake, ns);
}

static void ahead_holders(struct world *world, const struct object *object, struct text *out)
{
	ahead_of(world)->live->ops->holders(ahead_of(world)->live, object, out);
}

static bool ahead_lacks(struct world *world, const struct kind *kind)
{
	return ahead_of(world)->live->ops->lacks(ahead_of(world)->live, kind);
}

static void ahead_free(struct world *world)
{
	struct ahead *ahead = ahead_of(world);

	ahead->fake->ops->free(ahead->fake);
	ahead->live->ops->free(ahead->live);
	free(ahead);
}

static const struct world_ops ahead_ops = {
	.read = ahead_read,
	.apply = ahead_apply,
	.disturbed = ahead_disturbed,
	.identity = ahead_identity,
	.holders = ahead_holders,
	.lacks = ahead_lacks,
	.free = ahead_free,
};

static void want(struct state *wanted, const struct state *state)
{
	for (size_t i = 0; i < state->len; i++)
		state_add(wanted, state->objects[i]);
}

int ahead_begin(struct visit *visit, const struct files *files, struct err *err)
{
	struct world *live = visit->world;
	struct state wanted, actual, desired;
	struct ahead *ahead;
	int r;

	state_init(&wanted, &visit->arena);
	state_init(&actual, &visit->arena);
	for (size_t i = 0; i < files->len; i++)
		want(&wanted, &files->list[i].desired);
	for (size_t i = 0; i < visit->store.len; i++) {
		visit_desired(visit->store.committed[i], &visit->arena, &desired);
		want(&wanted, &desired);
	}
	state_sort(&wanted);
	r = live->ops->read(live, &wanted, &actual, err);
	if (r)
		return r;
	ahead = calloc(1, sizeof(*ahead));
	if (!ahead)
		return err_set(err, -ENOMEM, "out of memory");
	*ahead = (struct ahead){{&ahead_ops}, world_fake_new(&actual), live};
	visit->world = &ahead->world;
	return 0;
}

/* The store as it will be; only in memory. */
static void promise(struct visit *visit, struct committed *committed)
{
	struct store *store = &visit->store;

	for (size_t i = 0; i < store->len; i++)
		if (text_same(store->committed[i]->name, committed->name)) {
			store->committed[i] = committed;
			return;
		}
	store->committed =
		arena_room(&store->arena, store->committed, store->len, sizeof(*store->committed));
	store->committed[store->len++] = committed;
}

int ahead_go(struct visit *visit, const struct description *description, const struct plan *plan,
	     struct err *err)
{
	struct committed *committed = arena_make(&visit->arena, struct committed);
	struct state before, after;
	struct plan_request request = {
		.arena = &visit->arena,
		.desired = &description->desired,
		.actual = &before,
		.own = store_committed(&visit->store, description->name),
	};

	state_init(&before, &visit->arena);
	state_init(&after, &visit->arena);
	if (ahead_read(visit->world, &description->desired, &before, err))
		return err->code;
	for (size_t i = 0; i < plan->breath_count; i++)
		if (ahead_apply(visit->world, &plan->breaths[i], err))
			return err->code;
	if (ahead_read(visit->world, &description->desired, &after, err))
		return err->code;
	*committed = (struct committed){.name = description->name,
					.file = description->file,
					.keep = description->keep,
					.arena = &visit->arena};
	plan_commit(&request, plan, &after, committed);
	promise(visit, committed);
	return 0;
}
