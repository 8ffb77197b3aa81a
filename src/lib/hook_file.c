/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files by which libvirt calls us: one in the folder of hooks of each driver, beside whatever
 * others have there. A file of that name that is not ours is never touched.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "lib/lib.h"

#define HOOKS "/etc/libvirt/hooks"
#define MADE "# Made by lanloom libvirt --hook, which writes it anew and removes it.\n"
#define FILE_MOST (64 << 10)

static const struct {
	const char *driver;
	const char *operations; /* those that change where ports are */
} hooks[] = {
	{"qemu", "started | reconnect | attach | release"},
	{"network", "started"},
};
#define HOOK_COUNT (sizeof(hooks) / sizeof(hooks[0]))

/* A domain starts, whatever becomes of it: libvirt would not start it if a hook failed. */
static void script(const char *driver, const char *operations, struct arena *arena,
		   struct text *out)
{
	text_add(out,
		 "#!/bin/sh\n" MADE "case $2 in\n%s) ;;\n*) exit 0 ;;\nesac\n"
		 "timeout 20 '%s' libvirt --hook %s --operation \"$2\" 2>&1 |\n"
		 "\tlogger -t lanloom\nexit 0\n",
		 operations, program_own(arena), driver);
}

/* 1: it stands there and is ours; 0: there is none. */
static int look(const char *path, struct text *there, struct err *err)
{
	int r;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	r = file_read(path, FILE_MOST, there, err);
	if (r)
		return r;
	if (strstr(text_get(there), MADE))
		return 1;
	err_set(err, -EEXIST, "%s is not lanloom's, and stays as it is", path);
	return err_hint(err, "give that file another name: libvirt calls all in its folder");
}

/* For all to read, whatever the caller's umask; one that is there stays as it is. */
static int folder_make_public(const char *path, struct err *err)
{
	if (mkdir(path, 0755) == 0 ? chmod(path, 0755) == 0 : errno == EEXIST)
		return 0;
	return err_errno(err, -errno, "cannot make %s", path);
}

static int file_make(const char *folder, const char *path, const struct text *text, struct err *err)
{
	if (folder_make_public(HOOKS, err) || folder_make_public(folder, err))
		return err->code;
	return file_replace(path, 0755, text->bytes, text->size, err);
}

static bool hook_do(size_t i, const char *what, struct arena *arena, struct answer *answer,
		    struct err *err)
{
	const char *folder = arena_print(arena, HOOKS "/%s.d", hooks[i].driver);
	const char *path = arena_print(arena, "%s/lanloom", folder);
	struct text text TEXT_CLEANUP = {0}, there TEXT_CLEANUP = {0};
	json_t *one = json_object();
	int r = 0, found = 0;

	script(hooks[i].driver, hooks[i].operations, arena, &text);
	json_object_set_new(one, "path", json_string(path));
	json_object_set_new(one, "text", json_string(text_get(&text)));
	json_array_append_new(json_object_get(answer->json, "hooks"), one);
	if (strcmp(what, "print") == 0)
		return false;
	found = look(path, &there, err);
	if (found < 0)
		r = found;
	else if (strcmp(what, "remove") == 0 && found)
		r = unlink(path) < 0 ? err_errno(err, -errno, "cannot remove %s", path) : 0;
	else if (strcmp(what, "install") == 0 && !text_same(there.bytes, text.bytes))
		r = file_make(folder, path, &text, err);
	else
		return false;
	if (strcmp(what, "remove") == 0 && !r)
		rmdir(folder); /* unless others have something there */
	return !r;
}

enum loom_status loom_libvirt_hook(struct loom *loom, const char *what, struct loom_doc **doc)
{
	struct answer answer;
	struct arena arena;
	bool changed = false;

	(void)loom;
	answer_init(&answer);
	arena_init(&arena);
	json_object_set_new(answer.json, "hooks", json_array());
	for (size_t i = 0; i < HOOK_COUNT; i++) {
		struct err err = {0};

		changed |= hook_do(i, what, &arena, &answer, &err);
		if (err.code)
			answer_fail(&answer, &err);
	}
	json_object_set_new(answer.json, "result",
			    json_string(!changed		      ? "unchanged"
					: strcmp(what, "remove") == 0 ? "removed"
								      : "installed"));
	arena_fini(&arena);
	return answer_end(&answer, doc);
}
