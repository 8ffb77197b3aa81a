/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A network, or a guest's place in it, in libvirt's words (formatnetwork, formatdomain). libvirt
 * makes nothing of its own of it: a network of forward mode "bridge" is a name for a bridge that is
 * there; an interface of type "bridge" is a TAP that libvirt plugs in; one of type "ethernet" with
 * managed="no" is a TAP that is there, whose port, MAC and state libvirt leaves alone.
 */
#include <errno.h>
#include <string.h>

#include "lib/lib.h"
#include "vm/vm.h"

/* A value between single quotes. */
static void value_add(struct text *out, const char *value)
{
	static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&apos;", "&quot;"};
	static const char odd[] = "&<>'\"";

	for (; *value; value++) {
		const char *at = strchr(odd, *value);

		if (at)
			text_add(out, "%s", names[at - odd]);
		else
			text_addn(out, value, 1);
	}
}

static void attribute(struct text *out, const char *name, const char *value)
{
	text_add(out, " %s='", name);
	value_add(out, value);
	text_add(out, "'");
}

static void network_add(struct text *out, const char *name)
{
	text_add(out, "<network>\n  <name>");
	value_add(out, name);
	text_add(out, "</name>\n  <forward mode='bridge'/>\n  <bridge");
	attribute(out, "name", name);
	text_add(out, "/>\n</network>\n");
}

static void interface_add(struct text *out, const char *name, const struct vm_ask *ask,
			  const struct vm_guest *guest)
{
	text_add(out, "<interface type='%s'>\n", guest->declared ? "ethernet" : "bridge");
	if (ask->guest) {
		text_add(out, "  <mac");
		attribute(out, "address", guest->mac);
		text_add(out, "/>\n");
	}
	text_add(out, "  <%s", guest->declared ? "target" : "source");
	attribute(out, guest->declared ? "dev" : "bridge", guest->declared ? guest->device : name);
	text_add(out, "%s/>\n  <model type='virtio'/>\n", guest->declared ? " managed='no'" : "");
	if (guest->declared && guest->queues > 1)
		text_add(out, "  <driver queues='%u'/>\n", guest->queues);
	text_add(out, "</interface>\n");
}

static int print(const struct loom *loom, const char *network, struct arena *arena,
		 struct text *out, struct err *err)
{
	struct vm_ask ask = {.network = network, .guest = loom->guest};
	struct vm_guest guest = {0};
	int r = device_name_check(network, err);

	if (!r)
		r = vm_bridge_check(network, err);
	if (!r && ask.guest)
		r = vm_guest_know(&ask, arena, &guest, err);
	if (r)
		return r;
	if (guest.declared && !text_same(guest.network, network)) {
		err_set(err, -EINVAL, "guest %s is declared in the network %s", ask.guest,
			guest.network);
		return err_hint(err, "lanloom libvirt %s --guest %s", guest.network, ask.guest);
	}
	if (loom->interface || ask.guest)
		interface_add(out, network, &ask, &guest);
	else
		network_add(out, network);
	return 0;
}

enum loom_status loom_libvirt(struct loom *loom, const char *network, struct loom_doc **doc)
{
	struct text out TEXT_CLEANUP = {0};
	struct answer answer;
	struct arena arena;
	struct err err = {0};

	answer_init(&answer);
	arena_init(&arena);
	if (print(loom, network, &arena, &out, &err)) {
		err_at(&err, network, (struct place){0});
		answer_fail(&answer, &err);
	} else {
		json_object_set_new(answer.json, "xml", json_string(text_get(&out)));
	}
	arena_fini(&arena);
	return answer_end(&answer, doc);
}
