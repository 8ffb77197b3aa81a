/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands at the root and what stands under a host, as one map (see yaml_merge). */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/yaml.h"

/* A map's or list's child by its word: indexes are arrays of these in order of the words. */
struct entry {
	const char *word;
	struct yaml_node *node;
};

static int by_word(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->word, ((const struct entry *)b)->word);
}

static const char *word_of(const struct yaml_node *node)
{
	return node->key ? node->key->text : node->shape == YAML_SCALAR ? node->text : NULL;
}

static size_t index_make(const struct yaml_node *parent, struct entry **entries)
{
	size_t len = 0;

	*entries = calloc(parent->len + 1, sizeof(**entries));
	if (!*entries)
		abort();
	for (struct yaml_node *node = parent->first; node; node = node->next)
		if (word_of(node))
			(*entries)[len++] = (struct entry){word_of(node), node};
	qsort(*entries, len, sizeof(**entries), by_word);
	return len;
}

static struct yaml_node *index_find(const struct entry *entries, size_t len, const char *word)
{
	struct entry like = {.word = word};
	const struct entry *found =
		word ? bsearch(&like, entries, len, sizeof(like), by_word) : NULL;

	return found ? found->node : NULL;
}

/* Its children are shared: they are only read from here on. */
static void append_copy(struct yaml_node *parent, const struct yaml_node *node, struct arena *arena)
{
	yaml_append(parent, node->key, arena_copy(arena, node, sizeof(*node)));
}

static struct yaml_node *merge_lists(const struct yaml_node *under, const struct yaml_node *over,
				     struct arena *arena)
{
	struct yaml_node *list = yaml_make(arena, YAML_LIST, over->place);
	struct entry *entries;
	size_t len = index_make(under, &entries);

	for (const struct yaml_node *node = under->first; node; node = node->next)
		append_copy(list, node, arena);
	for (const struct yaml_node *node = over->first; node; node = node->next)
		if (!index_find(entries, len, word_of(node)))
			append_copy(list, node, arena);
	free(entries);
	return list;
}

static struct yaml_node *merge_maps(const struct yaml_node *under, const struct yaml_node *over,
				    struct arena *arena, struct diag *diag)
{
	struct yaml_node *map = yaml_make(arena, YAML_MAP, over->place);
	struct entry *entries;
	size_t len = index_make(over, &entries);

	for (const struct yaml_node *node = under->first; node; node = node->next) {
		struct yaml_node *other = index_find(entries, len, node->key->text);

		if (other)
			yaml_append(map, other->key, yaml_merge(node, other, arena, diag));
		else
			append_copy(map, node, arena);
	}
	free(entries);
	len = index_make(under, &entries);
	for (const struct yaml_node *node = over->first; node; node = node->next)
		if (!index_find(entries, len, node->key->text))
			append_copy(map, node, arena);
	free(entries);
	return map;
}

struct yaml_node *yaml_merge(const struct yaml_node *under, const struct yaml_node *over,
			     struct arena *arena, struct diag *diag)
{
	if (yaml_null(over))
		return arena_copy(arena, under, sizeof(*under));
	if (yaml_null(under) || (over->shape == YAML_SCALAR && under->shape != YAML_MAP))
		return arena_copy(arena, over, sizeof(*over));
	if (under->shape == YAML_MAP && over->shape == YAML_MAP)
		return merge_maps(under, over, arena, diag);
	if (under->shape == YAML_LIST && over->shape == YAML_LIST)
		return merge_lists(under, over, arena);
	/* a root's `peers: all` gives way to the host's own list */
	if (under->shape == YAML_SCALAR && over->shape == YAML_LIST)
		return arena_copy(arena, over, sizeof(*over));
	diag_error(diag, over->place, over->key ? over->key->text : "",
		   "this is %s, and at the root (line %u) it is %s; expected the same of both",
		   yaml_word(over), under->place.line, yaml_word(under));
	return arena_copy(arena, under, sizeof(*under));
}
