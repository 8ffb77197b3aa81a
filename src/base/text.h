/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A growing text, and the few text questions everybody asks. A `struct text` zeroed is a valid,
 * empty one; text_fini frees it. `bytes` is always NUL-terminated once something was added.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *bytes;
	size_t size; /* without the NUL */
	size_t room;
};

void text_fini(struct text *text);
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_addn(struct text *text, const char *bytes, size_t size);
void text_clear(struct text *text);
const char *text_get(const struct text *text); /* "" while empty; lives until the next change */

/* Of a text for people: bytes that would steer their terminal, or are no UTF-8, become '?'. */
void text_tidy(char *text);

bool text_same(const char *a, const char *b); /* NULL equals NULL only */
bool text_starts(const char *text, const char *start);
int text_compare(const char *a, const char *b); /* NULL sorts first */

/* Whole-text numbers, decimal or 0x; -EINVAL when it is none, -ERANGE outside [min, max]. */
int text_number(const char *text, int64_t min, int64_t max, int64_t *number);

/* Base64 (RFC 4648, padded) of exactly `size` bytes and back; text_base64_get: -EINVAL. */
void text_base64_put(const uint8_t *bytes, size_t size, char *out);
int text_base64_get(const char *text, uint8_t *bytes, size_t size);

/*
 * The word of `words` (NULL-terminated) nearest to `word`, for "did you mean": at most a third
 * of its letters wrong (one at least), swapped neighbours counting once. NULL: none is near.
 */
const char *text_nearest(const char *word, const char *const *words);
bool text_near(const char *a, const char *b); /* that nearness of two words */

#define TEXT_CLEANUP __attribute__((cleanup(text_fini)))
