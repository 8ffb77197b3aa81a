/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a fuzz target is: a function of bytes that checks itself, and the seeds it begins with.
 * One file here is one target; libfuzzer.c drives it by coverage, driver.c by a fixed sequence of
 * mutations. doc/design/testing.md says what each is about. Seeds come from the kinds' tables
 * (example.c), so a new kind is fuzzed from its first day.
 *
 * The head of a target's file has a line "covers: FILE…": whose lines `./dev fuzz` counts.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/state.h"

struct seed {
	uint8_t *bytes;
	size_t size;
};

struct seeds {
	struct seed *list;
	size_t len;
	char **words; /* for the dictionary */
	size_t word_count;
};

void seed_add(struct seeds *seeds, const void *bytes, size_t size); /* copies */
void seed_text(struct seeds *seeds, const struct text *text);
void seed_word(struct seeds *seeds, const char *word); /* once each */
void seeds_free(struct seeds *seeds);

/* --- of the target --- */
extern const char fuzz_name[];
extern const unsigned int
	fuzz_sample;	       /* executions that `./dev test` takes: a few tenths of a second */
extern const size_t fuzz_most; /* bytes of the longest input */
/* One execution: has to be the same whatever came before it, and leave nothing behind. */
void fuzz_one(const uint8_t *bytes, size_t size);
void fuzz_seeds(struct seeds *seeds);

/* What must hold: says where and ends the process. */
#define FUZZ_CHECK(expression)                                                                     \
	do {                                                                                       \
		if (!(expression))                                                                 \
			fuzz_broken(__FILE__, __LINE__, #expression);                              \
	} while (0)
void fuzz_broken(const char *file, int line, const char *what) __attribute__((noreturn));

/* Bytes taken from the front of an input; behind its end all are zero. */
struct input {
	const uint8_t *at, *end;
};
static inline size_t input_left(const struct input *input)
{
	return (size_t)(input->end - input->at);
}
uint8_t input_u8(struct input *input);
uint16_t input_u16(struct input *input); /* little endian, as all here */
uint32_t input_u32(struct input *input);
uint64_t input_u64(struct input *input);
const uint8_t *input_bytes(struct input *input, size_t *size); /* *size: cut to what is there */

/* --- example.c: objects as the tables say they may be; `variant` chooses among values --- */
/* A text that the field takes, in memory of `arena`; NULL: it takes none of those tried. */
const char *example_value(const struct kind *kind, unsigned int field, unsigned int variant,
			  struct arena *arena);
/* All fields that `mask` has; `read`: also those that only the system says. */
struct object *example_object(const struct kind *kind, const char *ns, uint64_t mask,
			      unsigned int variant, bool read, struct arena *arena);
/* One object of each kind that a description has, joined by their names. */
void example_state(struct state *state, unsigned int variant, struct arena *arena);
/* Kinds, sections, keys, words and examples. */
void example_words(struct seeds *seeds);
/* What only the fields' own types refuse: limits, and texts people should not write. */
extern const char *const example_hostile[];

/* What holds of every error that is told: it ends, says something, and steers no terminal. */
void check_err(const struct err *err);
