/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Theory of operation. The live world is the kernel seen through the tables: reading walks dumps
 * and fills in whatever fields a kind's table names; a step makes one message of the fields that
 * differ. What a kind's table cannot say (how an address or route is sent) is in the kind's own
 * ops, what a whole family of kinds needs (TAP, ports, namespaces, NICs that move) is behind the
 * door its table names. Here is the only place that looks at doors.
 */
#include "world/live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "sys/kernel.h"
#include "world/keeper_door.h"

int live_site(struct live *live, const char *ns, struct site **site, struct err *err)
{
	int r = site_open(live->sites, ns, site, err);

	if (!r)
		(*site)->arena = &live->scratch;
	return r;
}

void live_refresh(struct live *live)
{
	sites_refresh(live->sites);
	live_watch_tidy(live);
}

int live_step_apply(struct live *live, const struct breath *breath, struct err *err)
{
	const struct step *step = &breath->steps[breath->leader];
	const struct object *object = step_object(step);
	struct site *site;
	int r;

	if (live_moves(step))
		return live_move_apply(live, step, err);
	r = live_site(live, object->ns, &site, err);
	if (r)
		return r;
	if (step->flags & STEP_MOVES)
		return live_uplink_apply(live, site, breath, err);
	if (live_is_group(breath))
		return live_group_remove(live, site, breath, err);
	if (object->kind->ops && object->kind->ops->apply)
		return object->kind->ops->apply(site, step, err);
	switch (object->kind->door) {
	case DOOR_NETNS:
		return live_netns_apply(live, step, err);
	case DOOR_LINK:
		if (object->kind->flags & KIND_SLAVE)
			return live_slave_apply(live, site, step, err);
		return live_link_apply(live, site, breath, err);
	case DOOR_TUN:
		return live_tun_apply(live, site, breath, err);
	case DOOR_NODE:
		return live_node_apply(live, site, breath, err);
	case DOOR_NONE:
	case DOOR_OWN:
	case DOOR_SYSCTL:
	case DOOR_KEEPER:
	case DOOR_COUNT:
		break;
	}
	return 0;
}

static bool keeper_has_part(const struct breath *breath)
{
	for (size_t i = 0; i < breath->len; i++)
		if (step_object(&breath->steps[i])->kind->door == DOOR_KEEPER)
			return true;
	return false;
}

/* A device's deletion takes what the keeper runs on it along: that ends first. */
static int live_apply(struct world *world, const struct breath *breath, struct err *err)
{
	struct live *live = (struct live *)world;
	const struct step *step = &breath->steps[breath->leader];
	const struct object *object = step_object(step);
	int r = 0;

	*err = (struct err){0};
	live_watch_own(live, breath);
	if (keeper_has_part(breath))
		r = keeper_apply(live->folder, live->sites, breath, err);
	if (!r && object->kind->door != DOOR_KEEPER)
		r = live_step_apply(live, breath, err);
	if (!r)
		live_node_tidy(live, breath);
	if (r == -EEXIST && step->flags & STEP_RESTORE)
		return 0; /* the kernel had put it back by itself */
	if (r)
		err_at(err, object_label(object, &live->scratch),
		       step->place.file ? step->place : object->place);
	return r;
}

static uint32_t live_identity(struct world *world, const char *ns)
{
	struct live *live = (struct live *)world;
	struct site *site = NULL;
	struct err unused;
	uint32_t number;

	live_site(live, ns, &site, &unused); /* one that is to be made has no numbers in use */
	do {
		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			abort();
		number = 100000 + number % 900000;
	} while (site && link_names_name(&site->names, number));
	return number;
}

struct scan {
	struct live *live;
	struct holds *holds;
};

static void hold_add(const struct process_hold *hold, void *data)
{
	struct scan *scan = data;
	struct holds *holds = scan->holds;

	holds->list =
		arena_room(&scan->live->holds_arena, holds->list, holds->len, sizeof(*holds->list));
	holds->list[holds->len++] = *hold;
}

/* One look at all processes serves all devices of a namespace, until the next reading. */
static const struct holds *holds_of(struct live *live, const char *ns)
{
	struct scan scan = {.live = live};
	struct site *site;
	struct err unused;

	if (!live->holds_count) {
		arena_fini(&live->holds_arena);
		arena_init(&live->holds_arena);
		live->holds = NULL;
	}
	for (size_t i = 0; i < live->holds_count; i++)
		if (text_same(live->holds[i].ns, ns))
			return &live->holds[i];
	if (live_site(live, ns, &site, &unused))
		return NULL;
	live->holds = arena_room(&live->holds_arena, live->holds, live->holds_count,
				 sizeof(*live->holds));
	scan.holds = &live->holds[live->holds_count++];
	*scan.holds = (struct holds){.ns = arena_text(&live->holds_arena, ns)};
	process_holds(site->ns_fd, hold_add, &scan);
	return scan.holds;
}

static void live_holders(struct world *world, const struct object *object, struct text *out)
{
	const struct holds *holds;

	if (object->kind->door != DOOR_TUN)
		return;
	holds = holds_of((struct live *)world, object->ns);
	for (size_t i = 0; holds && i < holds->len; i++) {
		const struct process_hold *hold = &holds->list[i];

		if (hold->ours || !text_same(hold->device, object_name(object)))
			continue;
		text_add(out, "%s%s (%d%s%s)", out->size ? ", " : "", hold->command, (int)hold->pid,
			 hold->vm[0] ? ", VM " : "", hold->vm);
	}
}

/* Whose own kind or base says what it needs; a loaded module is the quickest answer. */
static bool live_lacks(struct world *world, const struct kind *kind)
{
	struct live *live = (struct live *)world;

	while (kind && !kind->config)
		kind = kind->base;
	if (!kind || kernel_ask(NULL, kind->config, kind->module) == KERNEL_HAS)
		return false;
	if (!live->kernel)
		live->kernel = kernel_config_read();
	return kernel_ask(live->kernel, kind->config, kind->module) == KERNEL_LACKS;
}

static void live_free(struct world *world)
{
	struct live *live = (struct live *)world;

	kernel_config_free(live->kernel);

	live_watch_stop(live, NULL);
	sites_free(live->sites);
	arena_fini(&live->holds_arena);
	arena_fini(&live->scratch);
	arena_fini(&live->arena);
	free(live);
}

static const struct world_ops ops = {
	.read = live_read,
	.apply = live_apply,
	.disturbed = live_disturbed,
	.identity = live_identity,
	.holders = live_holders,
	.lacks = live_lacks,
	.free = live_free,
};

int world_live_new(const char *state_folder, struct world **world, struct err *err)
{
	struct live *live = calloc(1, sizeof(*live));
	struct site *site;
	int r;

	if (!live)
		return err_errno(err, -ENOMEM, "look at the system");
	live->world.ops = &ops;
	arena_init(&live->arena);
	arena_init(&live->scratch);
	arena_init(&live->holds_arena);
	live->folder = state_folder ? arena_text(&live->arena, state_folder) : NULL;
	live->sites = sites_new(&live->arena);
	r = live_site(live, "", &site, err);
	if (r) {
		live_free(&live->world);
		return r;
	}
	*world = &live->world;
	return 0;
}
