/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries in a list, and two tables of chains through it, by number and by name: with thousands of
 * links each step asks for one.
 */
#include "sys/link_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BY_NUMBER, BY_NAME };

void link_names_fini(struct link_names *names)
{
	free(names->list);
	free(names->heads);
	*names = (struct link_names){0};
}

static uint32_t number_hash(uint32_t ifindex)
{
	return ifindex * 2654435761u >> 7;
}

static uint32_t name_hash(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return hash;
}

/* Where the chain begins in which entry `at` is, or has to be. A link is a place + 1; 0 ends. */
static uint32_t *head(const struct link_names *names, int table, uint32_t hash)
{
	return &names->heads[(size_t)table * names->room + (hash & (names->room - 1))];
}

static uint32_t *head_of(const struct link_names *names, int table, size_t at)
{
	const struct link_name *entry = &names->list[at];

	return head(names, table,
		    table == BY_NAME ? name_hash(entry->name) : number_hash(entry->ifindex));
}

static void hang_in(struct link_names *names, int table, size_t at)
{
	uint32_t *first = head_of(names, table, at);

	names->list[at].next[table] = *first;
	*first = (uint32_t)at + 1;
}

static void take_out(struct link_names *names, int table, size_t at)
{
	uint32_t *link = head_of(names, table, at);

	while (*link != at + 1)
		link = &names->list[*link - 1].next[table];
	*link = names->list[at].next[table];
}

void link_names_clear(struct link_names *names)
{
	names->len = 0;
	if (names->room)
		memset(names->heads, 0, 2 * names->room * sizeof(*names->heads));
}

static void grow(struct link_names *names)
{
	size_t room = names->room ? names->room * 2 : 64;
	struct link_name *list = realloc(names->list, room * sizeof(*list));
	uint32_t *heads = calloc(2 * room, sizeof(*heads));

	if (!list || !heads) {
		fprintf(stderr, "lanloom: out of memory\n");
		abort();
	}
	free(names->heads);
	names->list = list;
	names->heads = heads;
	names->room = room;
	for (size_t i = 0; i < names->len; i++) {
		hang_in(names, BY_NUMBER, i);
		hang_in(names, BY_NAME, i);
	}
}

/* SIZE_MAX: there is none. */
static size_t find(const struct link_names *names, uint32_t ifindex)
{
	uint32_t link = names->len ? *head(names, BY_NUMBER, number_hash(ifindex)) : 0;

	while (link && names->list[link - 1].ifindex != ifindex)
		link = names->list[link - 1].next[BY_NUMBER];
	return link ? link - 1 : SIZE_MAX;
}

void link_names_set(struct link_names *names, uint32_t ifindex, const char *name)
{
	size_t at = find(names, ifindex);

	if (at == SIZE_MAX) {
		if (names->len == names->room)
			grow(names);
		at = names->len++;
		names->list[at].ifindex = ifindex;
		hang_in(names, BY_NUMBER, at);
	} else {
		take_out(names, BY_NAME, at);
	}
	snprintf(names->list[at].name, sizeof(names->list[at].name), "%s", name);
	hang_in(names, BY_NAME, at);
}

/* The last takes the place of the one that goes. */
void link_names_drop(struct link_names *names, uint32_t ifindex)
{
	size_t at = find(names, ifindex), last = names->len - 1;

	if (at == SIZE_MAX)
		return;
	for (int table = BY_NUMBER; table <= BY_NAME; table++) {
		take_out(names, table, at);
		if (at != last)
			take_out(names, table, last);
	}
	names->list[at] = names->list[last];
	names->len--;
	for (int table = BY_NUMBER; at != last && table <= BY_NAME; table++)
		hang_in(names, table, at);
}

uint32_t link_names_index(const struct link_names *names, const char *name)
{
	uint32_t link = names->len ? *head(names, BY_NAME, name_hash(name)) : 0;

	while (link && strcmp(names->list[link - 1].name, name) != 0)
		link = names->list[link - 1].next[BY_NAME];
	return link ? names->list[link - 1].ifindex : 0;
}

const char *link_names_name(const struct link_names *names, uint32_t ifindex)
{
	size_t at = find(names, ifindex);

	return at == SIZE_MAX ? NULL : names->list[at].name;
}
