/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void text_grow(struct text *text, size_t more)
{
	size_t need = text->size + more + 1;

	if (need <= text->room)
		return;
	text->room = need < 128 ? 128 : need * 2;
	text->bytes = realloc(text->bytes, text->room);
	if (!text->bytes) {
		fputs("lanloom: out of memory\n", stderr);
		abort();
	}
	text->bytes[text->size] = 0;
}

void text_fini(struct text *text)
{
	free(text->bytes);
	*text = (struct text){0};
}

void text_clear(struct text *text)
{
	text->size = 0;
	if (text->bytes)
		text->bytes[0] = 0;
}

void text_addn(struct text *text, const char *bytes, size_t size)
{
	text_grow(text, size);
	memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
	text->bytes[text->size] = 0;
}

void text_add(struct text *text, const char *format, ...)
{
	va_list args;
	int size;

	text_grow(text, 64); /* most fit at once */
	va_start(args, format);
	size = vsnprintf(text->bytes + text->size, text->room - text->size, format, args);
	va_end(args);
	if ((size_t)size >= text->room - text->size) {
		text_grow(text, (size_t)size);
		va_start(args, format);
		vsnprintf(text->bytes + text->size, (size_t)size + 1, format, args);
		va_end(args);
	}
	text->size += (size_t)size;
}

const char *text_get(const struct text *text)
{
	return text->bytes ? text->bytes : "";
}

/* Bytes of the character that begins here (RFC 3629 section 4); 0: none does, or it is a control.
 */
static size_t character(const unsigned char *at)
{
	static const unsigned char least[] = {0, 0, 0xa0, 0xa0, 0x90};
	size_t size = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

	if (size == 1)
		return at[0] >= ' ' && at[0] != 0x7f;
	if (at[0] < 0xc2 || at[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	/* C1 controls, overlong forms, surrogates, what is behind the last plane */
	if ((at[0] == 0xc2 || at[0] == 0xe0 || at[0] == 0xf0) && at[1] < least[size])
		return 0;
	return (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf4 && at[1] > 0x8f) ? 0 : size;
}

void text_tidy(char *text)
{
	while (*text) {
		size_t size = character((const unsigned char *)text);

		if (!size)
			*text = '?';
		text += size ? size : 1;
	}
}

bool text_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool text_starts(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

int text_compare(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

int text_number(const char *text, int64_t min, int64_t max, int64_t *number)
{
	bool hex = text_starts(text, "0x");
	const char *digits = hex ? text + 2 : text[0] == '-' ? text + 1 : text;
	char *end;
	long long value;

	/* strtoll alone would take blanks, signs and a leading 0 for octal */
	if (!digits[0] ||
	    strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") != strlen(digits))
		return -EINVAL;
	errno = 0;
	value = strtoll(text, &end, hex ? 16 : 10);
	if (errno == ERANGE || value < min || value > max)
		return -ERANGE;
	*number = value;
	return 0;
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_base64_put(const uint8_t *bytes, size_t size, char *out)
{
	for (size_t i = 0; i < size; i += 3) {
		uint32_t word = (uint32_t)bytes[i] << 16;

		word |= i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0;
		word |= i + 2 < size ? bytes[i + 2] : 0;
		*out++ = base64[word >> 18];
		*out++ = base64[word >> 12 & 63];
		*out++ = i + 1 < size ? base64[word >> 6 & 63] : '=';
		*out++ = i + 2 < size ? base64[word & 63] : '=';
	}
	*out = 0;
}

int text_base64_get(const char *text, uint8_t *bytes, size_t size)
{
	size_t want = (size + 2) / 3 * 4, full = size * 8 / 6 + (size * 8 % 6 != 0), at = 0;
	uint32_t word = 0;
	unsigned int bits = 0;

	if (strlen(text) != want)
		return -EINVAL;
	for (size_t i = 0; i < want; i++) {
		const char *digit = text[i] ? strchr(base64, text[i]) : NULL;

		if (i >= full ? text[i] != '=' : !digit)
			return -EINVAL;
		if (i >= full)
			continue;
		word = word << 6 | (uint32_t)(digit - base64);
		bits += 6;
		if (bits >= 8 && at < size) {
			bits -= 8;
			bytes[at++] = (uint8_t)(word >> bits);
			word &= (1u << bits) - 1;
		}
	}
	return word ? -EINVAL : 0; /* bits left over must be zero: one text per key */
}

#define NEAR_MAX 40

/* Optimal string alignment distance; words longer than NEAR_MAX are never near. */
static size_t distance(const char *a, size_t alen, const char *b, size_t blen)
{
	size_t rows[3][NEAR_MAX + 1];
	size_t *older = rows[0], *old = rows[1], *now = rows[2];

	for (size_t j = 0; j <= blen; j++)
		old[j] = j;
	for (size_t i = 1; i <= alen; i++) {
		size_t *spare = older;

		now[0] = i;
		for (size_t j = 1; j <= blen; j++) {
			size_t best = old[j - 1] + (a[i - 1] != b[j - 1]);

			if (best > old[j] + 1)
				best = old[j] + 1;
			if (best > now[j - 1] + 1)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    best > older[j - 2] + 1)
				best = older[j - 2] + 1;
			now[j] = best;
		}
		older = old;
		old = now;
		now = spare;
	}
	return old[blen];
}

static size_t near_limit(size_t alen, size_t blen)
{
	size_t longest = alen > blen ? alen : blen;

	return longest < 3 ? (longest == 2) : longest < 6 ? 1 : longest / 3;
}

bool text_near(const char *a, const char *b)
{
	size_t alen = strlen(a), blen = strlen(b), limit = near_limit(alen, blen);

	/* what differs in length by more than that need not be compared */
	if (!alen || !blen || alen > NEAR_MAX || blen > NEAR_MAX || alen > blen + limit ||
	    blen > alen + limit)
		return false;
	return distance(a, alen, b, blen) <= limit;
}

const char *text_nearest(const char *word, const char *const *words)
{
	size_t best = SIZE_MAX, len = strlen(word);
	const char *nearest = NULL;

	for (; *words; words++) {
		size_t far;

		if (!text_near(word, *words))
			continue;
		far = distance(word, len, *words, strlen(*words));
		if (far < best) {
			best = far;
			nearest = *words;
		}
	}
	return nearest;
}
