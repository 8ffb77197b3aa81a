/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telling our changes from those of others. The kernel's events name the socket that caused them
 * for addresses and routes, but for links on most kernels they do not, and much follows later by
 * itself (carrier, link-local addresses). So each link's settings are kept as a digest: an event
 * that leaves it as it was is no change; a change on a device that a step of ours was about since
 * the last look is ours; all others are somebody's. Addresses and routes are kept as digests, too:
 * the kernel tells of an address again when nobody else on the wire turned out to have it.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/cascade.h"
#include "sys/nl_watch.h"
#include "world/live.h"

struct known {
	uint32_t ifindex;
	uint64_t link, slave; /* digests; 0: not a slave */
};

struct watch {
	struct site *site;
	int fd;
	struct known *known; /* sorted by ifindex; malloc'ed */
	size_t len, room;
	uint64_t *there; /* digests of addresses and routes; sorted; malloc'ed */
	size_t there_len, there_room;
	char (*own)[16]; /* devices that steps of ours were about; malloc'ed */
	size_t own_len, own_room;
};

struct looking {
	struct live *live;
	struct watch *watch;
	struct state *touched;
	bool disturbed;
};

static struct watch *watch_of(struct live *live, const char *ns)
{
	for (size_t i = 0; i < live->watch_count; i++)
		if (strcmp(live->watches[i]->site->ns, ns) == 0)
			return live->watches[i];
	return NULL;
}

static void *grown(void *list, size_t *room, size_t size)
{
	*room = *room ? *room * 2 : 64;
	list = realloc(list, *room * size);
	if (!list)
		abort();
	return list;
}

static int open_inside(void *data, struct err *err)
{
	return nl_watch_open(data, err);
}

int live_watch_start(struct live *live, struct site *site, struct err *err)
{
	struct watch *watch = watch_of(live, site->ns);
	int r;

	if (watch) {
		watch->len = watch->own_len = watch->there_len = 0;
		nl_watch_drain(watch->fd, NULL, NULL); /* the reading that comes knows it all */
		return 0;
	}
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		abort();
	watch->site = site;
	r = site_inside(site, open_inside, &watch->fd, err);
	if (r) {
		free(watch);
		return r;
	}
	live->watches = arena_room(&live->arena, live->watches, live->watch_count, sizeof(watch));
	live->watches[live->watch_count++] = watch;
	return 0;
}

static void watch_end(struct live *live, size_t i)
{
	struct watch *watch = live->watches[i];

	close(watch->fd);
	free(watch->known);
	free(watch->there);
	free(watch->own);
	free(watch);
	live->watches[i] = live->watches[--live->watch_count];
}

void live_watch_stop(struct live *live, const char *ns)
{
	for (size_t i = live->watch_count; i-- > 0;)
		if (!ns || strcmp(live->watches[i]->site->ns, ns) == 0)
			watch_end(live, i);
}

void live_watch_tidy(struct live *live)
{
	for (size_t i = live->watch_count; i-- > 0;)
		if (!sites_have(live->sites, live->watches[i]->site))
			watch_end(live, i);
}

/* FNV-1a */
static uint64_t hashed(uint64_t hash, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
	return hash;
}

/* Of what may be set; 0 is kept for "none". Values as they are in memory: they have no holes. */
static uint64_t digest(const struct object *object)
{
	uint64_t hash = 14695981039346656037u;
	unsigned int count;

	if (!object)
		return 0;
	count = kind_field_count(object->kind);
	hash = hashed(hash, object->kind->name, strlen(object->kind->name));
	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(object->kind, i);
		const void *value = object_at(object, i);

		if (!object_has(object, i) ||
		    field->flags & (FIELD_READ | FIELD_COUNTS | FIELD_ASIDE))
			continue;
		hash = hashed(hash, &i, sizeof(i));
		if (field->type->text)
			value = *(const char *const *)value;
		hash = hashed(hash, value,
			      field->type->text ? strlen(value) + 1 : field->type->size);
	}
	return hash ? hash : 1;
}

/* Adds a digest or takes it away; true: that changed something. */
static bool there_set(struct watch *watch, uint64_t hash, bool is_there)
{
	size_t low = 0, high = watch->there_len;
	bool was;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (watch->there[middle] < hash)
			low = middle + 1;
		else
			high = middle;
	}
	was = low < watch->there_len && watch->there[low] == hash;
	if (was == is_there)
		return false;
	if (is_there && watch->there_len == watch->there_room)
		watch->there = grown(watch->there, &watch->there_room, sizeof(*watch->there));
	memmove(watch->there + low + is_there, watch->there + low + !is_there,
		(watch->there_len - low - !is_there) * sizeof(*watch->there));
	if (is_there)
		watch->there[low] = hash;
	watch->there_len += is_there ? 1 : (size_t)-1;
	return true;
}

void live_watch_know_others(struct live *live, const struct state *read)
{
	struct watch *watch = NULL;

	for (size_t i = 0; i < read->len; i++) {
		const struct object *object = read->objects[i];

		if (!object->kind->ops || !object->kind->ops->get)
			continue;
		if (!watch || strcmp(watch->site->ns, object->ns) != 0)
			watch = watch_of(live, object->ns);
		if (watch)
			there_set(watch, digest(object), true);
	}
}

static struct known *known_at(struct watch *watch, uint32_t ifindex, bool make)
{
	size_t low = 0, high = watch->len;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (watch->known[middle].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < watch->len && watch->known[low].ifindex == ifindex)
		return &watch->known[low];
	if (!make)
		return NULL;
	if (watch->len == watch->room)
		watch->known = grown(watch->known, &watch->room, sizeof(*watch->known));
	memmove(watch->known + low + 1, watch->known + low,
		(watch->len++ - low) * sizeof(*watch->known));
	watch->known[low] = (struct known){.ifindex = ifindex};
	return &watch->known[low];
}

/* Takes a link message in; true: it says something new. `link`: the object, when it is one. */
static bool learn(struct watch *watch, const struct nlmsghdr *message, struct object **link,
		  struct arena *arena)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	uint32_t ifindex = (uint32_t)header->ifi_index;
	bool there = known_at(watch, ifindex, false) != NULL;
	struct known *known = known_at(watch, ifindex, true), before = *known;
	struct object *slave = live_slave(watch->site, message, arena);

	*link = live_link(watch->site, message, NULL, arena);
	if (!*link)
		return false;
	if (header->ifi_family != AF_BRIDGE)
		known->link = digest(*link);
	if (header->ifi_family != AF_BRIDGE || slave)
		known->slave = digest(slave);
	return !there || before.link != known->link || before.slave != known->slave;
}

void live_watch_know(struct live *live, uint32_t ifindex, const struct object *link,
		     const struct object *slave)
{
	struct watch *watch = watch_of(live, link->ns);
	struct known *known = watch ? known_at(watch, ifindex, true) : NULL;

	if (!known)
		return;
	known->link = digest(link);
	known->slave = digest(slave);
}

static void own_add(struct live *live, const char *ns, const char *name)
{
	struct watch *watch = watch_of(live, ns);

	if (!watch || !name)
		return;
	if (watch->own_len == watch->own_room)
		watch->own = grown(watch->own, &watch->own_room, sizeof(*watch->own));
	strncpy(watch->own[watch->own_len], name, 15);
	watch->own[watch->own_len++][15] = '\0';
}

static void own_devices(struct live *live, const struct object *object)
{
	const char *home = object_text(object, "home");

	if (home) { /* it arrives there, or leaves it */
		struct device_place place = device_place_get(home, object->ns);

		own_add(live, place.ns, place.name);
	}
	if (kind_is(object->kind, "link"))
		own_add(live, object->ns, object_name(object));
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++)
		if (object_has(object, i) && kind_field(object->kind, i)->type->device) {
			struct device_place place = device_place_of(object, i);

			own_add(live, place.ns, place.name);
		}
}

/* All devices that the steps name: theirs, and those of their fields. */
void live_watch_own(struct live *live, const struct breath *breath)
{
	for (size_t i = 0; i < breath->len; i++) {
		if (breath->steps[i].before)
			own_devices(live, breath->steps[i].before);
		if (breath->steps[i].after)
			own_devices(live, breath->steps[i].after);
	}
}

static bool is_own(const struct watch *watch, const char *name)
{
	for (size_t i = 0; name && i < watch->own_len; i++)
		if (strcmp(watch->own[i], name) == 0)
			return true;
	return false;
}

static void touch(struct looking *looking, struct object *object)
{
	looking->disturbed = true;
	state_add(looking->touched, object);
}

static void link_event(struct looking *looking, const struct nlmsghdr *event)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(event);
	struct watch *watch = looking->watch;
	struct arena *arena = looking->touched->arena;
	uint32_t ifindex = (uint32_t)header->ifi_index;
	struct object *link, *slave;

	if (event->nlmsg_type == RTM_NEWLINK) {
		if (!learn(watch, event, &link, arena))
			return;
		link_names_set(&watch->site->names, ifindex, object_name(link));
	} else {
		struct known *known = known_at(watch, ifindex, false);

		link = live_link(watch->site, event, NULL, arena);
		if (header->ifi_family == AF_BRIDGE || !link)
			return; /* it has left a bridge; the other event of it says so, too */
		if (known)
			memmove(known, known + 1,
				(size_t)(watch->known + watch->len-- - known - 1) * sizeof(*known));
		link_names_drop(&watch->site->names, ifindex);
	}
	if (is_own(watch, object_name(link)))
		return;
	if (header->ifi_family != AF_BRIDGE)
		touch(looking, link);
	slave = live_slave(watch->site, event, arena);
	if (slave)
		touch(looking, slave);
}

/* An address or a route: ours by the socket that caused it, or by the device it hangs on. */
static void other_event(struct looking *looking, const struct nlmsghdr *event)
{
	struct site *site = looking->watch->site;
	bool came = event->nlmsg_type == RTM_NEWADDR || event->nlmsg_type == RTM_NEWROUTE;

	for (size_t i = 0; kinds[i]; i++) {
		struct object *object =
			kinds[i]->ops && kinds[i]->ops->get
				? kinds[i]->ops->get(site, event, looking->touched->arena)
				: NULL;

		if (object && there_set(looking->watch, digest(object), came) &&
		    event->nlmsg_pid != nl_sock_port(site->nl) && !object->automatic &&
		    !is_own(looking->watch, object_owner(object)))
			touch(looking, object);
	}
}

static void take_event(const struct nlmsghdr *event, void *data)
{
	if (event->nlmsg_type == RTM_NEWLINK || event->nlmsg_type == RTM_DELLINK)
		link_event(data, event);
	else
		other_event(data, event);
}

bool live_disturbed(struct world *world, struct state *touched)
{
	struct live *live = (struct live *)world;
	struct looking looking = {.live = live, .touched = touched};

	for (size_t i = 0; i < live->watch_count; i++) {
		looking.watch = live->watches[i];
		if (nl_watch_drain(looking.watch->fd, take_event, &looking) < 0)
			looking.disturbed = true; /* some were lost: anything may have changed */
		looking.watch->own_len = 0;
	}
	return looking.disturbed;
}
