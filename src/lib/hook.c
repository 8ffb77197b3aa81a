/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libvirt tells its hooks (libvirt.org/hooks.html), for ports to be right.
 *
 * A domain whose interface is a TAP of libvirt's own (type bridge or network), plugged into the
 * network of a declared guest and with that guest's MAC, is that guest: what hangs on the guest's
 * TAP (port options, VLANs, shape) is wanted on libvirt's device, too, while it is there. These
 * wishes are a description of their own, by-libvirt, so they are planned, kept, shown and taken
 * back like all others. A domain that has the guest's own TAP needs none of that.
 *
 * A network of libvirt's that was started has a new bridge of the old name: what descriptions have
 * on it is applied again.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "base/fd.h"
#include "import/xml.h"
#include "lib/lib.h"

#define BY_LIBVIRT "by-libvirt"
#define XML_MOST (8 << 20)

struct hook {
	struct visit visit;
	struct answer *answer;
	const struct xml_node *root; /* what stood on standard input */
	struct state desired;	     /* by-libvirt's */
};

/* A device of libvirt's is not ours to hang anything on, nor one that is gone. */
static bool is_other(const struct object *object, const char *device)
{
	const char *its = object_text(object, "device") ?: object_name(object);

	return !text_same(its, device) && its && if_nametoindex(its);
}

static void forget_device(struct hook *hook, const char *device)
{
	struct state *state = &hook->desired;
	size_t kept = 0;

	for (size_t i = 0; i < state->len; i++)
		if (is_other(state->objects[i], device))
			state->objects[kept++] = state->objects[i];
	state->len = kept;
}

static const struct object *guest_of(const struct hook *hook, const char *mac,
				     const struct committed **committed)
{
	for (size_t i = 0; i < hook->visit.store.len; i++) {
		*committed = hook->visit.store.committed[i];
		for (size_t j = 0; j < (*committed)->len; j++) {
			const struct object *object = (*committed)->entries[j].object;
			struct text text TEXT_CLEANUP = {0};
			int field;

			if (!kind_is(object->kind, "guest") || object->ns[0] ||
			    !object_has_key(object, "macaddress") || !object_text(object, "device"))
				continue;
			field = kind_field_find(object->kind, "macaddress");
			object_print(object, (unsigned int)field, &text);
			if (strcasecmp(text_get(&text), mac) == 0)
				return object;
		}
	}
	return NULL;
}

/* What the keeper knows the device by, as the port of that guest. */
static void name_guest(struct hook *hook, const char *device, const char *guest)
{
	struct arena *arena = &hook->visit.arena;
	struct object *tap = object_make(arena, kind_find("tap"), "");

	object_set(tap, "name", device, arena);
	object_set(tap, "existing", "true", arena);
	object_set(tap, "alias", guest, arena);
	state_add(&hook->desired, tap);
}

static void guest_copy(struct hook *hook, const struct committed *committed,
		       const struct object *guest, const char *device)
{
	struct arena *arena = &hook->visit.arena;
	struct state its;

	visit_desired(committed, arena, &its);
	for (size_t i = 0; i < its.len; i++) {
		struct object *copy;

		if (its.objects[i]->ns[0] || kind_field_find(its.objects[i]->kind, "device") < 0 ||
		    kind_is(its.objects[i]->kind, "guest") ||
		    !text_same(object_text(its.objects[i], "device"), object_text(guest, "device")))
			continue;
		copy = object_copy(arena, its.objects[i]);
		object_set(copy, "device", device, arena);
		state_add(&hook->desired, copy);
	}
	name_guest(hook, device, object_name(guest));
}

static void interface_take(struct hook *hook, const struct xml_node *interface, bool there)
{
	const struct xml_node *mac = xml_child(interface, "mac"),
			      *target = xml_child(interface, "target"),
			      *source = xml_child(interface, "source");
	const char *device = target ? xml_get(target, "dev") : NULL;
	const char *address = mac ? xml_get(mac, "address") : NULL;
	const char *bridge = source ? xml_get(source, "bridge") : NULL;
	const struct committed *committed;
	const struct object *guest;
	struct err err;

	if (!device || device_name_check(device, &err))
		return;
	forget_device(hook, device);
	guest = there && address ? guest_of(hook, address, &committed) : NULL;
	if (!guest || text_same(object_text(guest, "device"), device) || !if_nametoindex(device))
		return;
	if (bridge && !text_same(bridge, object_text(guest, "network"))) {
		diag_warning(
			&hook->answer->diag, (struct place){0}, device,
			"has the MAC of guest %s and is in %.16s, not in %s: it stays as it is",
			object_name(guest), bridge, object_text(guest, "network"));
		return;
	}
	guest_copy(hook, committed, guest, device);
}

static void domain_told(struct hook *hook, const char *operation)
{
	bool there = strcmp(operation, "started") == 0 || strcmp(operation, "reconnect") == 0 ||
		     strcmp(operation, "attach") == 0;
	const struct committed *before = store_committed(&hook->visit.store, BY_LIBVIRT);
	const struct xml_node *devices = xml_child(hook->root, "devices");
	struct wish wish = {.name = BY_LIBVIRT, .file = "", .operation = "libvirt", .keep = true};

	visit_desired(before, &hook->visit.arena, &hook->desired);
	for (const struct xml_node *node = devices ? devices->first : NULL; node; node = node->next)
		if (strcmp(node->name, "interface") == 0)
			interface_take(hook, node, there);
	if (!before && !hook->desired.len)
		return;
	state_sort(&hook->desired);
	wish.desired = &hook->desired;
	wish.gone = !hook->desired.len;
	run_wish(&hook->visit, &wish, hook->answer);
}

static bool stands_on(const struct committed *committed, const char *bridge)
{
	for (size_t i = 0; i < committed->len; i++) {
		const struct object *object = committed->entries[i].object;

		if (!object->ns[0] && (text_same(object_name(object), bridge) ||
				       text_same(object_owner(object), bridge)))
			return true;
	}
	return false;
}

/* hookData has the network in it. */
static void network_told(struct hook *hook, const char *operation)
{
	const struct xml_node *network = strcmp(hook->root->name, "network") == 0
						 ? hook->root
						 : xml_child(hook->root, "network");
	const struct xml_node *bridge = network ? xml_child(network, "bridge") : NULL;
	const char *name = bridge ? xml_get(bridge, "name") : NULL;
	size_t len = hook->visit.store.len;
	struct committed **list =
		arena_copy(&hook->visit.arena, hook->visit.store.committed, len * sizeof(*list));

	if (!name || strcmp(operation, "started") != 0)
		return;
	for (size_t i = 0; i < len; i++) {
		struct wish wish = {.name = list[i]->name,
				    .file = list[i]->file,
				    .operation = "libvirt",
				    .keep = list[i]->keep};
		struct state desired;

		if (!stands_on(list[i], name))
			continue;
		visit_desired(list[i], &hook->visit.arena, &desired);
		wish.desired = &desired;
		run_wish(&hook->visit, &wish, hook->answer);
	}
}

static int xml_take(struct hook *hook, struct err *err)
{
	struct text text TEXT_CLEANUP = {0};
	int r = file_read("/dev/stdin", XML_MOST, &text, err);

	if (r)
		return r;
	hook->root = xml_read("standard input", text_get(&text), text.size, &hook->visit.arena,
			      &hook->answer->diag);
	return hook->root ? 0
			  : err_set(err, -EINVAL, "standard input is not what libvirt tells hooks");
}

enum loom_status loom_libvirt_event(struct loom *loom, const char *driver, const char *operation,
				    struct loom_doc **doc)
{
	struct loom its = *loom;
	struct hook hook = {0};
	struct answer answer;
	struct err err = {0};

	answer_init(&answer);
	hook.answer = &answer;
	its.adopt = true; /* libvirt's port, which it gets back */
	if (visit_open(&hook.visit, &its, VISIT_CHANGE, &err) || xml_take(&hook, &err)) {
		answer_fail(&answer, &err);
	} else {
		run_recovered(&hook.visit, &answer);
		if (strcmp(driver, "qemu") == 0)
			domain_told(&hook, operation);
		else
			network_told(&hook, operation);
	}
	visit_end(&hook.visit, &answer);
	return answer_end(&answer, doc);
}
