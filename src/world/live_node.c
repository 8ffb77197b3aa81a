/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MACVTAP and IPVTAP: links with a device node of our own, KEY/[NAMESPACE:/]NAME in /dev/lanloom,
 * where KEY is the name of the state folder. It is made right behind the device and goes with it;
 * its owner is the file's. (A device's name has no ":". In /run no device node can be opened where
 * systemd has mounted it, and the state folder is root's.)
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/tap_node.h"
#include "world/live.h"

#define NODES "/dev/lanloom"

struct node {
	uint32_t ifindex;
	const char *name;
	dev_t number;
};

static const char *node_path(const struct live *live, const struct object *object,
			     struct arena *arena)
{
	const char *slash = strrchr(live->folder, '/');

	return arena_print(arena, NODES "/%s/%s%s%s", slash ? slash + 1 : live->folder, object->ns,
			   object->ns[0] ? ":/" : "", object_name(object));
}

static int number_inside(void *data, struct err *err)
{
	struct node *node = data;

	return tap_node_number(node->ifindex, node->name, &node->number, err);
}

static int node_put(struct live *live, struct site *site, const struct object *object,
		    const struct object *before, struct err *err)
{
	struct node node = {.name = object_name(object)};
	struct found found;
	int64_t owner = object_number(before, "owner", 0),
		group = object_number(before, "group", 0);
	int r;

	if (!live->folder)
		return 0;
	r = live_find(site, 0, node.name, &found);
	if (r)
		return err_errno(err, r, "find the device");
	node.ifindex = found.ifindex;
	r = site_inside(site, number_inside, &node, err);
	if (r)
		return r;
	return tap_node_make(node_path(live, object, &live->scratch), node.number,
			     (uid_t)object_number(object, "owner", owner),
			     (gid_t)object_number(object, "group", group), err);
}

static bool node_concerns(const struct step *step)
{
	int owner = kind_field_find(step->after->kind, "owner");
	int group = kind_field_find(step->after->kind, "group");

	return !step->before || (step->mask >> owner | step->mask >> group) & 1;
}

int live_node_apply(struct live *live, struct site *site, const struct breath *breath,
		    struct err *err)
{
	const struct step *step = &breath->steps[breath->leader];
	struct found found;
	int r = live_link_apply(live, site, breath, err);

	if (r || !step->after || !node_concerns(step))
		return r;
	r = node_put(live, site, step->after, step->before ? step->before : step->after, err);
	if (r && !step->before && live_find(site, 0, object_name(step->after), &found) == 0)
		live_link_remove(site, found.ifindex);
	return r;
}

void live_node_tidy(struct live *live, const struct breath *breath)
{
	for (size_t i = 0; live->folder && i < breath->len; i++) {
		const struct object *object = breath->steps[i].before;
		const char *path;

		if (!object || breath->steps[i].after || object->kind->door != DOOR_NODE)
			continue;
		path = node_path(live, object, &live->scratch);
		unlink(path);
		/* the folders up to NODES, unless there are others in them */
		for (int up = object->ns[0] ? 3 : 2; up--;) {
			path = arena_textn(&live->scratch, path,
					   (size_t)(strrchr(path, '/') - path));
			rmdir(path);
		}
	}
}

void live_node_get(struct live *live, struct object *object, struct arena *arena)
{
	struct stat there;
	const char *path;

	if (!live->folder)
		return;
	path = node_path(live, object, arena);
	if (stat(path, &there) != 0)
		return;
	object_recall(object, "owner", arena_print(arena, "%u", there.st_uid), arena);
	object_recall(object, "group", arena_print(arena, "%u", there.st_gid), arena);
	object_recall(object, "node", path, arena);
}
