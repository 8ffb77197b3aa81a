/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of the words that could have been meant: "did you mean". */
#include <string.h>

#include "base/text.h"
#include "conf/load.h"

void words_add(struct words *words, const char *word)
{
	for (size_t i = 0; i < words->len; i++)
		if (strcmp(words->words[i], word) == 0)
			return;
	words->words = arena_room(words->arena, words->words, words->len, sizeof(word));
	words->words[words->len++] = word;
	words->words = arena_room(words->arena, words->words, words->len, sizeof(word));
	words->words[words->len] = NULL;
}

/* The part of a dotted key behind the prefix, up to the next dot. */
static void add_part(struct words *words, const char *key, const char *prefix)
{
	size_t size = strlen(prefix);

	if (strncmp(key, prefix, size) == 0 && key[size])
		words_add(words, arena_textn(words->arena, key + size, strcspn(key + size, ".")));
}

void words_of_keys(struct words *words, const struct kind *kind, const char *prefix)
{
	unsigned int count = kind_field_count(kind);
	int title = field_title(kind);
	struct child child;
	const char *key;

	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(kind, i);

		if (field_written(field) && (int)i != title && !(field->flags & FIELD_OWNER))
			add_part(words, field->key, prefix);
	}
	for (size_t k = 0; child_next(kind, &k, &child, &key);)
		add_part(words, key, prefix);
	if (kind->mode)
		add_part(words, "mode", prefix);
}

void words_of_sections(struct words *words)
{
	for (size_t i = 0; kinds[i]; i++)
		if (kinds[i]->section)
			words_add(words, kinds[i]->section);
}

void words_of_modes(struct words *words, const char *section)
{
	for (size_t i = 0; kinds[i]; i++)
		if (text_same(kinds[i]->section, section) && kinds[i]->mode)
			words_add(words, kinds[i]->mode);
}

const char *words_nearest(struct load *load, const struct words *words, const char *word)
{
	if (!words->len || load->near_budget < words->len)
		return NULL;
	load->near_budget -= words->len;
	return text_nearest(word, words->words);
}

const char *words_join(struct words *words, const char *last)
{
	struct text text TEXT_CLEANUP = {0};

	for (size_t i = 0; i < words->len && i < 24; i++)
		text_add(&text, "%s%s",
			 !i				? ""
			 : i + 1 < words->len && i < 23 ? ", "
							: last,
			 words->words[i]);
	return arena_text(words->arena, text_get(&text));
}
