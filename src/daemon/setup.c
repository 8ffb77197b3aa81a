/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a service is to be: steps turn one setup into the next. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/inside.h"

const char *setup_name(const struct object *object)
{
	const char *owner = object_owner(object);

	return owner ? owner : object_name(object);
}

static struct setup_peer *peer_add(struct setup *setup)
{
	setup->peers = arena_room(&setup->arena, setup->peers, setup->len, sizeof(*setup->peers));
	return &setup->peers[setup->len++];
}

struct setup *setup_copy(const struct setup *from)
{
	struct setup *setup = calloc(1, sizeof(*setup));

	if (!setup)
		abort();
	arena_init(&setup->arena);
	if (!from)
		return setup;
	if (from->object)
		setup->object = object_copy(&setup->arena, from->object);
	for (size_t i = 0; i < from->len; i++) {
		const struct setup_peer *peer = &from->peers[i];

		*peer_add(setup) = (struct setup_peer){
			.object = object_copy(&setup->arena, peer->object),
			.resolved =
				peer->resolved ? arena_text(&setup->arena, peer->resolved) : NULL,
		};
	}
	return setup;
}

void setup_free(struct setup *setup)
{
	if (!setup)
		return;
	arena_fini(&setup->arena);
	free(setup);
}

/* The fields of the mask as `after` has them, or not at all. */
static struct object *merged(struct setup *setup, const struct object *old,
			     const struct keeper_step *step)
{
	struct object *object = object_copy(&setup->arena, old);

	for (unsigned int i = 0; step->step.mask >> i; i++) {
		if (!(step->step.mask >> i & 1))
			continue;
		if (object_has(step->step.after, i))
			object_take(object, i, step->step.after, i, &setup->arena);
		else
			object->set &= ~(UINT64_C(1) << i);
	}
	return object;
}

static int object_step(struct setup *setup, const struct keeper_step *step, struct err *err)
{
	if (!step->step.after) {
		setup->object = NULL;
		return 0;
	}
	if (!step->step.before) {
		if (setup->object)
			return err_set(err, -EEXIST, "it runs already");
		if (!step->sockets && kind_field_find(step->step.after->kind, "port") >= 0)
			return err_set(err, -EINVAL, "what is new came without sockets");
		setup->object = object_copy(&setup->arena, step->step.after);
		return 0;
	}
	if (!setup->object)
		return err_set(err, -ENOENT, "it does not run");
	setup->object = merged(setup, setup->object, step);
	return 0;
}

static size_t peer_find(const struct setup *setup, const struct object *object)
{
	size_t i = 0;

	while (i < setup->len && object_order(setup->peers[i].object, object))
		i++;
	return i;
}

static void peer_remove(struct setup *setup, size_t i)
{
	if (i == setup->len)
		return;
	memmove(&setup->peers[i], &setup->peers[i + 1],
		(setup->len - i - 1) * sizeof(*setup->peers));
	setup->len--;
}

static int peer_step(struct setup *setup, const struct keeper_step *step, struct err *err)
{
	size_t i = peer_find(setup, step->step.before ? step->step.before : step->step.after);
	struct setup_peer *peer = i < setup->len ? &setup->peers[i] : NULL;

	if (!step->step.after) {
		peer_remove(setup, i);
		return 0;
	}
	if (!step->step.before) {
		if (peer)
			return err_set(err, -EEXIST, "the tunnel has this peer already");
		peer = peer_add(setup);
		*peer = (struct setup_peer){.object = object_copy(&setup->arena, step->step.after)};
	} else {
		if (!peer)
			return err_set(err, -ENOENT, "the tunnel has no such peer");
		peer->object = merged(setup, peer->object, step);
	}
	if (step->resolved)
		peer->resolved = arena_text(&setup->arena, step->resolved);
	if (!object_has_key(peer->object, "endpoint"))
		peer->resolved = NULL;
	else if (!peer->resolved)
		return err_set(err, -EINVAL, "an endpoint came without its address");
	return 0;
}

int setup_step(struct setup *setup, const struct keeper_step *step, struct err *err)
{
	const struct object *object = step_object(&step->step);

	return object_owner(object) ? peer_step(setup, step, err) : object_step(setup, step, err);
}
