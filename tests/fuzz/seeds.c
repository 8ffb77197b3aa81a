/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts all targets share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

void seed_add(struct seeds *seeds, const void *bytes, size_t size)
{
	struct seed seed = {must(malloc(size + 1)), size < fuzz_most ? size : fuzz_most};

	if (size)
		memcpy(seed.bytes, bytes, size);
	seeds->list = must(realloc(seeds->list, (seeds->len + 1) * sizeof(seed)));
	seeds->list[seeds->len++] = seed;
}

void seed_text(struct seeds *seeds, const struct text *text)
{
	seed_add(seeds, text_get(text), text->size);
}

void seed_word(struct seeds *seeds, const char *word)
{
	for (size_t i = 0; i < seeds->word_count; i++)
		if (strcmp(seeds->words[i], word) == 0)
			return;
	if (!word[0])
		return;
	seeds->words = must(realloc(seeds->words, (seeds->word_count + 1) * sizeof(char *)));
	seeds->words[seeds->word_count++] = must(strdup(word));
}

void seeds_free(struct seeds *seeds)
{
	for (size_t i = 0; i < seeds->len; i++)
		free(seeds->list[i].bytes);
	for (size_t i = 0; i < seeds->word_count; i++)
		free(seeds->words[i]);
	free(seeds->list);
	free(seeds->words);
	*seeds = (struct seeds){0};
}

void fuzz_broken(const char *file, int line, const char *what)
{
	dprintf(2, "%s:%d: fuzz %s: this does not hold: %s\n", file, line, fuzz_name, what);
	abort();
}

static uint64_t take(struct input *input, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size && input->at < input->end; i++)
		value |= (uint64_t)*input->at++ << 8 * i;
	return value;
}

uint8_t input_u8(struct input *input)
{
	return (uint8_t)take(input, 1);
}

uint16_t input_u16(struct input *input)
{
	return (uint16_t)take(input, 2);
}

uint32_t input_u32(struct input *input)
{
	return (uint32_t)take(input, 4);
}

uint64_t input_u64(struct input *input)
{
	return take(input, 8);
}

const uint8_t *input_bytes(struct input *input, size_t *size)
{
	const uint8_t *bytes = input->at;

	if (*size > input_left(input))
		*size = input_left(input);
	input->at += *size;
	return bytes;
}

/* UTF-8 without controls: tidying has nothing left to do. */
static bool is_plain(const char *text)
{
	char copy[sizeof(((struct err *)0)->message)];

	strcpy(copy, text);
	text_tidy(copy);
	return strcmp(copy, text) == 0;
}

/* What is told names the fault, ends, and cannot steer the terminal that shows it. */
void check_err(const struct err *err)
{
	FUZZ_CHECK(memchr(err->message, 0, sizeof(err->message)));
	FUZZ_CHECK(memchr(err->hint, 0, sizeof(err->hint)));
	FUZZ_CHECK(memchr(err->object, 0, sizeof(err->object)));
	FUZZ_CHECK(err->message[0]);
	FUZZ_CHECK(is_plain(err->message));
	FUZZ_CHECK(is_plain(err->hint));
	FUZZ_CHECK(is_plain(err->object));
}
