/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting until what is up is online: the network cards it stands on have a carrier, no address
 * waits any more for the proof that nobody else has it, the tunnels run. Devices that carry only
 * when somebody uses them are not waited for: a TAP, a bridge of TAPs, the other end's veth.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "lib/lib.h"
#include "world/keeper_door.h"

#define LOOK_MS 250
#define IF_INET6 "/proc/self/net/if_inet6"
#define TENTATIVE 0x40 /* IFA_F_TENTATIVE; the fifth column, hexadecimal */

struct waiting {
	struct visit visit;
	struct state actual;
	json_t *status; /* of what the keeper runs */
	struct diag missing;
};

static void misses(struct waiting *waiting, const char *name, const char *what)
{
	struct err err;

	err_set(&err, -ENETDOWN, "%s", what);
	err_at(&err, name, (struct place){0});
	diag_add(&waiting->missing, &err);
}

/* It was there before us, or stands on one that was: its wire is somebody else's. */
static bool has_wire(const struct object *object)
{
	return object->kind->flags & KIND_EXISTING || object_number(object, "existing", 0) ||
	       object_has_key(object, "link");
}

static void link_look(struct waiting *waiting, const struct object *wanted)
{
	const char *label = object_label(wanted, &waiting->visit.arena);
	const struct object *there = state_link(&waiting->actual, wanted->ns, object_name(wanted));

	if (!there)
		misses(waiting, label, "the device is not there");
	else if (object_number(wanted, "up", 1) && has_wire(wanted) &&
		 !object_number(there, "carrier", 0))
		misses(waiting, label, "no carrier");
}

/* What the keeper runs, where its status tells of it, and what is said where it does not. */
static const struct service_word {
	const char *kind, *list, *missing;
} services[] = {
	{"tunnel", "tunnels", "the tunnel does not run"},
	{"dhcp", "networks", "its DHCP and DNS do not run"},
	{"carrier", "carriers", "its carrier is not kept"},
};

static const struct service_word *service_word(const struct object *object)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (kind_is(object->kind, services[i].kind))
			return &services[i];
	return NULL;
}

static void service_look(struct waiting *waiting, const struct object *wanted,
			 const struct service_word *word)
{
	const char *name = object_name(wanted), *problem;
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(waiting->status, word->list), i, one)
	{
		if (!text_same(json_string_value(json_object_get(one, "name")), name) ||
		    !text_same(json_string_value(json_object_get(one, "namespace")), wanted->ns))
			continue;
		problem = json_string_value(json_object_get(one, "problem"));
		if (problem && problem[0])
			misses(waiting, name, problem);
		return;
	}
	misses(waiting, name, word->missing);
}

/* Without a carrier nothing can be proved, and nobody can be reached. */
static bool carries(const struct waiting *waiting, const char *device)
{
	const struct object *link = state_link(&waiting->actual, "", device);

	return link && object_number(link, "carrier", 0);
}

/* Addresses whose duplicate detection (RFC 4862 section 5.4) goes on are nobody's to use yet. */
static void addresses_look(struct waiting *waiting)
{
	struct text text TEXT_CLEANUP = {0};
	char device[33], *save = NULL;
	unsigned int flags;
	struct err err;

	if (file_read(IF_INET6, 1u << 20, &text, &err) || !text.size)
		return;
	for (char *line = strtok_r(text.bytes, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%*32s %*x %*x %*x %x %32s", &flags, device) == 2 &&
		    flags & TENTATIVE && carries(waiting, device))
			misses(waiting, device, "an IPv6 address is still being proved unique");
}

static int look_once(struct waiting *waiting, const struct loom *loom, struct err *err)
{
	struct visit *visit = &waiting->visit;
	struct state wanted;

	if (visit_open(visit, loom, VISIT_LOOK, err))
		return err->code;
	state_init(&wanted, &visit->arena);
	for (size_t i = 0; i < visit->store.len; i++)
		for (size_t j = 0; j < visit->store.committed[i]->len; j++)
			state_add(&wanted, visit->store.committed[i]->entries[j].object);
	state_sort(&wanted);
	state_init(&waiting->actual, &visit->arena);
	if (visit->world->ops->read(visit->world, &wanted, &waiting->actual, err) ||
	    keeper_status(visit->store.folder, &waiting->status, err))
		return err->code;
	for (size_t i = 0; i < wanted.len; i++) {
		const struct object *object = wanted.objects[i];
		const struct service_word *word = service_word(object);

		if (kind_is(object->kind, "link"))
			link_look(waiting, object);
		else if (word)
			service_look(waiting, object, word);
	}
	if (wanted.len)
		addresses_look(waiting);
	return 0;
}

static void waiting_close(struct waiting *waiting)
{
	json_decref(waiting->status);
	diag_fini(&waiting->missing);
	visit_close(&waiting->visit);
}

/* Looks until nothing is missing, or it is time to say what is. */
static void wait_all(const struct loom *loom, uint64_t end_ns, struct answer *answer)
{
	for (;;) {
		struct waiting waiting = {0};
		struct err err;
		int r = look_once(&waiting, loom, &err);
		bool over = r || !waiting.missing.error_count || clock_now_ns() >= end_ns;

		if (r)
			answer_fail(answer, &err);
		else if (over)
			answer_take(answer, &waiting.missing);
		waiting_close(&waiting);
		if (over)
			return;
		poll(NULL, 0, LOOK_MS);
	}
}

enum loom_status loom_wait(struct loom *loom, unsigned int seconds, struct loom_doc **doc)
{
	struct answer answer;

	answer_init(&answer);
	wait_all(loom, clock_now_ns() + seconds * UINT64_C(1000000000), &answer);
	json_object_set_new(answer.json, "online", json_boolean(answer.status == LOOM_DONE));
	return answer_end(&answer, doc);
}
