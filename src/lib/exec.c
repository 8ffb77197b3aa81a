/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>

#include "lib/lib.h"
#include "sys/netns.h"

struct names {
	struct arena arena;
	const char **list;
	size_t len;
};

static int name_add(const char *name, void *data)
{
	struct names *names = data;

	names->list = arena_room(&names->arena, names->list, names->len, sizeof(*names->list));
	names->list[names->len++] = arena_text(&names->arena, name);
	return 0;
}

static void name_suggest(const char *name, struct err *err)
{
	struct names names = {0};
	const char *near;

	arena_init(&names.arena);
	netns_list(name_add, &names);
	names.list = arena_room(&names.arena, names.list, names.len, sizeof(*names.list));
	names.list[names.len] = NULL;
	near = text_nearest(name, names.list);
	if (near)
		err_hint(err, "lanloom exec %s", near);
	arena_fini(&names.arena);
}

enum loom_status loom_exec(struct loom *loom, const char *name_space, char *const *argv,
			   struct loom_doc **doc)
{
	struct answer answer;
	struct err err = {0};
	int r;

	(void)loom;
	answer_init(&answer);
	r = netns_become(name_space, &err);
	if (r == 0) {
		execvp(argv[0], argv);
		err_errno(&err, -errno, "run %s", argv[0]);
	} else if (r == -ENOENT) {
		name_suggest(name_space, &err);
	}
	answer_fail(&answer, &err);
	return answer_end(&answer, doc);
}
