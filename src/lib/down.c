/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking down what descriptions made. A file gives nothing but a name: that in its text, or, where
 * it cannot be read any more, that of what was brought up from this path.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/lib.h"

struct names {
	struct arena *arena;
	const char **list;
	size_t len;
};

static void name_add(struct names *names, const char *name)
{
	names->list = arena_room(names->arena, names->list, names->len, sizeof(*names->list));
	names->list[names->len++] = arena_text(names->arena, name);
}

static bool loaded_name(struct visit *visit, const char *path, struct diag *diag, const char **name)
{
	struct conf_request request = {.path = path};
	struct description description = {0};

	if (conf_load(&request, &visit->arena, &description, diag))
		return false;
	*name = description.name;
	return true;
}

/* What is up and came from this path, even if the file is gone; or is called so. */
static size_t names_of_path(struct visit *visit, const char *path, struct names *names)
{
	size_t before = names->len;
	const char *given = path;
	char *real = realpath(path, NULL);
	char here[PATH_MAX];

	if (!real && path[0] != '/' && getcwd(here, sizeof(here)))
		path = arena_print(&visit->arena, "%s/%s", here, path);
	for (size_t i = 0; i < visit->store.len; i++) {
		const struct committed *up = visit->store.committed[i];

		if (text_same(up->file, real ? real : path) ||
		    text_same(up->name, real ? real : path) || text_same(up->name, given))
			name_add(names, up->name);
	}
	free(real);
	return names->len - before;
}

/* The name under which a file's description is up; one that is not up leaves nothing to do. */
static void file_name(struct visit *visit, const char *path, struct names *names,
		      struct answer *answer)
{
	struct diag diag = {0};
	const char *name = NULL;
	bool read = loaded_name(visit, path, &diag, &name);

	if (read && store_committed(&visit->store, name))
		name_add(names, name);
	else if (!names_of_path(visit, path, names) && !read) {
		if (diag.error_count && !diag.errors[0].place.file && !diag.errors[0].hint[0])
			err_hint(&diag.errors[0], "lanloom show has the names of what is up");
		answer_take(answer, &diag);
	}
	diag_fini(&diag);
}

/* Nothing to do is no error, but it may not be what was meant. */
static void name_unknown(struct visit *visit, const char *name, struct answer *answer)
{
	const char **up = arena_alloc(&visit->arena, (visit->store.len + 1) * sizeof(*up));
	struct diag diag = {0};
	const char *near;
	struct err *err;

	for (size_t i = 0; i < visit->store.len; i++)
		up[i] = visit->store.committed[i]->name;
	near = text_nearest(name, up);
	err = diag_warning(&diag, (struct place){0}, name, "no description of this name is up");
	if (near)
		err_hint(err, "lanloom down --name %s", near);
	answer_take(answer, &diag);
	diag_fini(&diag);
}

static void names_find(struct visit *visit, const char *const *files, size_t count,
		       struct names *names, struct answer *answer)
{
	struct err err = {0};
	const char **paths;
	size_t len;

	if (visit->loom->name) {
		if (store_committed(&visit->store, visit->loom->name))
			name_add(names, visit->loom->name);
		else
			name_unknown(visit, visit->loom->name, answer);
		return;
	}
	if (files_find(files, count, &visit->arena, &paths, &len, &err)) {
		answer_fail(answer, &err);
		return;
	}
	for (size_t i = len; i-- > 0;)
		file_name(visit, paths[i], names, answer);
}

static void down_one(struct visit *visit, const char *name, struct answer *answer)
{
	const struct committed *committed = store_committed(&visit->store, name);
	struct state nothing;

	if (!committed)
		return;
	state_init(&nothing, &visit->arena);
	run_wish(visit,
		 &(struct wish){
			 .name = name,
			 .file = arena_text(&visit->arena, committed->file),
			 .operation = "down",
			 .desired = &nothing,
			 .gone = true,
		 },
		 answer);
}

/*
 * One description may stand on what another made (an address by hand on a file's bridge). Who
 * comes first is found by trying: a plan that is refused has changed nothing and waits for the
 * next round; the last round's refusals are the answer.
 */
static void down_round(struct visit *visit, struct names *names, struct answer *answer)
{
	struct answer last = {0};
	bool progress = true;

	while (names->len && progress) {
		size_t waiting = 0;

		progress = false;
		if (last.json)
			answer_drop(&last);
		answer_init(&last);
		for (size_t i = 0; i < names->len; i++) {
			struct answer one;

			answer_init(&one);
			down_one(visit, names->list[i], &one);
			if (one.status == LOOM_FAILED) {
				names->list[waiting++] = names->list[i];
				answer_take(&last, &one.diag);
				answer_drop(&one);
			} else {
				progress = true;
				answer_merge(answer, &one);
			}
		}
		names->len = waiting;
	}
	if (names->len)
		answer_take(answer, &last.diag);
	if (last.json)
		answer_drop(&last);
}

static enum loom_status down(struct loom *loom, const char *const *files, size_t count, bool all,
			     struct loom_doc **doc)
{
	struct visit visit;
	struct answer answer;
	struct names names = {0};
	struct err err = {0};

	answer_init(&answer);
	if (visit_open(&visit, loom, VISIT_CHANGE, &err)) {
		answer_fail(&answer, &err);
		visit_close(&visit);
		return answer_end(&answer, doc);
	}
	names.arena = &visit.arena;
	run_recovered(&visit, &answer);
	json_object_set_new(answer.json, "steps", json_array());
	json_object_set_new(answer.json, "result", json_string(result_words[RESULT_UNCHANGED]));
	if (all)
		for (size_t i = 0; i < visit.store.len; i++)
			name_add(&names, visit.store.committed[i]->name);
	else
		names_find(&visit, files, count, &names, &answer);
	if (answer.status == LOOM_DONE)
		down_round(&visit, &names, &answer);
	visit_end(&visit, &answer);
	return answer_end(&answer, doc);
}

enum loom_status loom_down(struct loom *loom, const char *const *files, size_t count,
			   struct loom_doc **doc)
{
	return down(loom, files, count, false, doc);
}

enum loom_status loom_down_all(struct loom *loom, struct loom_doc **doc)
{
	return down(loom, NULL, 0, true, doc);
}
