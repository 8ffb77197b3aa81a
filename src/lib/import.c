/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "import/import.h"
#include "lib/lib.h"
#include "model/describe.h"
#include "sys/netns.h"

static int namespace_want(const char *name, void *data)
{
	struct state *wanted = data;
	struct object *object = object_make(wanted->arena, kind_find("namespace"), "");

	object_set(object, "name", name, wanted->arena);
	state_add(wanted, object);
	return 0;
}

/* Namespaces with names are the first one's; elsewhere they may be another "host's". */
static int live_text(const struct loom *loom, const char *name, struct text *out, struct diag *diag,
		     struct err *err)
{
	struct state wanted, actual, desired;
	struct visit visit = {0};
	int r = visit_look(&visit, loom, diag, err);

	if (!r) {
		state_init(&wanted, &visit.arena);
		state_init(&actual, &visit.arena);
		state_init(&desired, &visit.arena);
		if (!text_starts(visit.store.lasting, visit.store.folder))
			netns_list(namespace_want, &wanted);
		state_sort(&wanted);
		r = visit.world->ops->read(visit.world, &wanted, &actual, err);
	}
	if (!r) {
		state_sort(&actual);
		import_live(&actual, &desired, diag);
		conf_save(&desired, name, out);
	}
	visit_close(&visit);
	return r;
}

static void format_unknown(struct answer *answer, const char *word)
{
	const char *words[16] = {"live"}, *near;
	struct err err = {0};
	size_t len = 1;

	for (size_t i = 0; import_formats[i] && len < 15; i++)
		words[len++] = import_formats[i]->name;
	near = text_nearest(word, words);
	err_set(&err, -EINVAL,
		"there is no format \"%s\"; expected live, ifcfg, interfaces, libvirt, netplan or "
		"networkd",
		word);
	if (near)
		err_hint(&err, "lanloom import %s", near);
	answer_usage(answer, &err);
}

static const struct import_format *format_find(const char *word)
{
	for (size_t i = 0; import_formats[i]; i++)
		if (text_same(import_formats[i]->name, word))
			return import_formats[i];
	return NULL;
}

enum loom_status loom_import(struct loom *loom, const char *format, const char *file,
			     struct loom_doc **doc)
{
	const struct import_format *found = format_find(format);
	const char *name = loom->name ? loom->name : "imported";
	struct text out TEXT_CLEANUP = {0};
	struct answer answer;
	struct diag diag = {0};
	struct err err = {0};
	struct arena arena;
	int r = 0;

	answer_init(&answer);
	arena_init(&arena);
	if (text_same(format, "live")) {
		r = live_text(loom, name, &out, &diag, &err);
		if (r)
			answer_fail(&answer, &err);
	} else if (found) {
		r = import_text(found, file, name, &arena, &out, &diag);
	} else {
		format_unknown(&answer, format);
		r = -EINVAL;
	}
	if (!r)
		json_object_set_new(answer.json, "text", describe_text(text_get(&out)));
	answer_take(&answer, &diag);
	diag_fini(&diag);
	answer_end(&answer, doc);
	arena_fini(&arena);
	return answer.status;
}
