/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hex text, files and JSON vectors for the tunnel's tests. */
#pragma once
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Returns the number of bytes; text that is no hex ends it. */
static inline size_t hex_read(const char *text, uint8_t *out, size_t size)
{
	size_t n = 0;

	while (text && n < size && sscanf(text + 2 * n, "%2hhx", &out[n]) == 1)
		n++;
	return n;
}

static inline void hex_write(char *out, const uint8_t *bytes, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < size; i++)
		sprintf(out + 2 * i, "%02x", bytes[i]);
}

/* True if the bytes are those of the hex text. */
static inline bool hex_same(const char *text, const uint8_t *bytes, size_t size)
{
	char *have = malloc(2 * size + 1);

	hex_write(have, bytes, size);
	bool same = text && strcmp(have, text) == 0;
	if (!same)
		printf("# have %s\n# want %s\n", have, text ? text : "(nothing)");
	free(have);
	return same;
}

static inline json_t *vectors_load(const char *name)
{
	char path[512];
	json_error_t error;

	snprintf(path, sizeof(path), "%s/tests/vectors/%s", SOURCE_ROOT, name);
	json_t *root = json_load_file(path, 0, &error);
	if (!root)
		printf("# %s: %s\n", path, error.text);
	return root;
}

static inline const char *member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}
