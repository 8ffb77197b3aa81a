/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which files are meant, and several of them together: each is a description of its own, and no
 * two may set the same key or declare the same object.
 */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/lib.h"

static const char *folder(void)
{
	const char *etc = getenv("LANLOOM_ETC"); /* tests */

	return etc ? etc : "/etc/lanloom";
}

static void path_add(struct arena *arena, const char ***paths, size_t *len, const char *path)
{
	*paths = arena_room(arena, *paths, *len, sizeof(**paths));
	(*paths)[(*len)++] = path;
}

int files_find(const char *const *given, size_t count, struct arena *arena, const char ***paths,
	       size_t *len, struct err *err)
{
	const char *main_file = arena_print(arena, "%s/lanloom.yaml", folder());
	const char *pattern = arena_print(arena, "%s/lanloom.d/*.yaml", folder());
	glob_t found;

	*paths = NULL;
	*len = 0;
	for (size_t i = 0; i < count; i++)
		path_add(arena, paths, len, given[i]);
	if (count)
		return 0;
	if (access(main_file, F_OK) == 0)
		path_add(arena, paths, len, main_file);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			path_add(arena, paths, len, arena_text(arena, found.gl_pathv[i]));
		globfree(&found);
	}
	if (*len)
		return 0;
	err_set(err, -ENOENT, "there is no description: neither %s nor %s", main_file, pattern);
	return err_hint(err, "name a file");
}

static bool declared_existing(const struct object *object)
{
	return object->kind->flags & (KIND_EXISTING | KIND_VALUE) ||
	       object_number(object, "existing", 0);
}

/* Errors where two descriptions want the same of the same object. */
static void object_contest(struct files *files, const struct object *a, const char *other,
			   const struct object *b, struct diag *diag)
{
	const char *label = object_label(a, &files->arena);
	uint64_t contested = object_differs(a, b) & b->set;

	if (!declared_existing(a) && !declared_existing(b)) {
		struct err *err = diag_error(diag, a->place, label,
					     "it is declared in %s (line %u), too; expected one "
					     "description for each",
					     other, b->place.line);

		if (kind_field_find(a->kind, "existing") >= 0)
			err_hint(err, "existing: true in one of them");
		return;
	}
	for (unsigned int i = 0; contested >> i; i++)
		if (contested >> i & 1)
			diag_error(diag, object_place(a, i), label,
				   "%s is set otherwise in %s (line %u); expected one description "
				   "per key",
				   kind_field(a->kind, i)->key, other, object_place(b, i).line);
}

static void pair_check(struct files *files, const struct description *a,
		       const struct description *b, struct diag *diag)
{
	if (text_same(a->name, b->name))
		diag_error(diag, (struct place){b->file, 1, 1}, "",
			   "the description %s is the name of %s, too; expected a name for each",
			   b->name, a->file);
	for (size_t i = 0; i < b->desired.len; i++) {
		const struct object *other = state_find(&a->desired, b->desired.objects[i]);

		if (other)
			object_contest(files, b->desired.objects[i], a->file, other, diag);
	}
}

/* NULL: no memory of its own is needed, or there is none. */
static const char *host_name(const struct loom *loom, struct arena *arena)
{
	char name[256] = "";

	if (loom->host)
		return loom->host;
	return gethostname(name, sizeof(name) - 1) ? NULL : arena_text(arena, name);
}

static void load_one(struct files *files, const struct loom *loom, const char *path, bool run,
		     struct diag *diag)
{
	struct conf_request request = {
		.path = path,
		.name = loom->name,
		.host = run ? host_name(loom, &files->arena) : loom->host,
		.public_of = key_public_of,
		.digest_of = key_digest_of,
		.keys_needed = run,
	};
	struct description description = {0};

	if (conf_load(&request, &files->arena, &description, diag))
		return;
	for (size_t i = 0; i < files->len; i++)
		pair_check(files, &files->list[i], &description, diag);
	files->list =
		arena_room(&files->arena, files->list, files->len, sizeof(struct description));
	files->list[files->len++] = description;
}

int files_load(struct files *files, const struct loom *loom, const char *const *given, size_t count,
	       bool run, struct diag *diag)
{
	const char **paths;
	struct err err = {0};
	size_t len;
	int r;

	*files = (struct files){0};
	arena_init(&files->arena);
	r = files_find(given, count, &files->arena, &paths, &len, &err);
	if (!r && text_same(loom->name, "by-hand"))
		r = err_set(&err, -EINVAL,
			    "by-hand is the name of what add and set make; expected another name");
	if (!r && loom->name && len > 1)
		r = err_set(&err, -EINVAL, "--name names one description; there are %zu files",
			    len);
	if (r) {
		diag_add(diag, &err);
		return r;
	}
	for (size_t i = 0; i < len; i++)
		load_one(files, loom, paths[i], run, diag);
	return diag->error_count ? -EINVAL : 0;
}

void files_fini(struct files *files)
{
	arena_fini(&files->arena);
}
