/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/link_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void link_names_fini(struct link_names *names)
{
	free(names->list);
	*names = (struct link_names){0};
}

void link_names_clear(struct link_names *names)
{
	names->len = 0;
}

/* The first entry whose ifindex is not below. The list is sorted by it. */
static size_t lower(const struct link_names *names, uint32_t ifindex)
{
	size_t low = 0, high = names->len;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (names->list[middle].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void grow(struct link_names *names)
{
	size_t room = names->room ? names->room * 2 : 64;
	struct link_name *list = realloc(names->list, room * sizeof(*list));

	if (!list) {
		fprintf(stderr, "lanloom: out of memory\n");
		abort();
	}
	names->list = list;
	names->room = room;
}

void link_names_set(struct link_names *names, uint32_t ifindex, const char *name)
{
	size_t at = lower(names, ifindex);

	if (at == names->len || names->list[at].ifindex != ifindex) {
		if (names->len == names->room)
			grow(names);
		memmove(names->list + at + 1, names->list + at,
			(names->len - at) * sizeof(*names->list));
		names->len++;
		names->list[at].ifindex = ifindex;
	}
	snprintf(names->list[at].name, sizeof(names->list[at].name), "%s", name);
}

void link_names_drop(struct link_names *names, uint32_t ifindex)
{
	size_t at = lower(names, ifindex);

	if (at == names->len || names->list[at].ifindex != ifindex)
		return;
	names->len--;
	memmove(names->list + at, names->list + at + 1, (names->len - at) * sizeof(*names->list));
}

uint32_t link_names_index(const struct link_names *names, const char *name)
{
	for (size_t i = 0; i < names->len; i++)
		if (strcmp(names->list[i].name, name) == 0)
			return names->list[i].ifindex;
	return 0;
}

const char *link_names_name(const struct link_names *names, uint32_t ifindex)
{
	size_t at = lower(names, ifindex);

	return at < names->len && names->list[at].ifindex == ifindex ? names->list[at].name : NULL;
}
