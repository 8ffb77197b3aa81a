/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitized.h"

#define BLOCK_SIZE (64u << 10)

/* For the address sanitizer a block is one thing: it is told where each piece of it ends. */
#if SANITIZED
#include <sanitizer/asan_interface.h>
#define GUARD 1 /* bytes behind each piece, at least */
#else
#define ASAN_POISON_MEMORY_REGION(bytes, size) ((void)(bytes), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(bytes, size) ((void)(bytes), (void)(size))
#define GUARD 0
#endif

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t size;
	alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *block_new(size_t size)
{
	struct arena_block *block = calloc(1, sizeof(*block) + size);

	if (!block) {
		fputs("lanloom: out of memory\n", stderr);
		abort();
	}
	block->size = size;
	ASAN_POISON_MEMORY_REGION(block->bytes, size);
	return block;
}

void arena_init(struct arena *arena)
{
	arena->blocks = NULL;
}

void arena_fini(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *next = arena->blocks->next;

		free(arena->blocks);
		arena->blocks = next;
	}
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->blocks;
	size_t align = alignof(max_align_t), wanted = size;
	void *result;

	size = (size + GUARD + align - 1) & ~(align - 1);
	if (!block || block->size - block->used < size) {
		block = block_new(size > BLOCK_SIZE ? size : BLOCK_SIZE);
		block->next = arena->blocks;
		arena->blocks = block;
	}
	result = block->bytes + block->used;
	block->used += size;
	ASAN_UNPOISON_MEMORY_REGION(result, wanted);
	return result;
}

void *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
	void *copy = arena_alloc(arena, size);

	if (size)
		memcpy(copy, bytes, size);
	return copy;
}

char *arena_textn(struct arena *arena, const char *text, size_t size)
{
	char *copy = arena_alloc(arena, size + 1);

	memcpy(copy, text, size);
	return copy;
}

char *arena_text(struct arena *arena, const char *text)
{
	return arena_textn(arena, text, strlen(text));
}

char *arena_print(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text;
	int size;

	va_start(args, format);
	size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = arena_alloc(arena, (size_t)size + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)size + 1, format, args);
	va_end(args);
	return text;
}

void *arena_room(struct arena *arena, void *array, size_t len, size_t element_size)
{
	void *grown;

	/* full whenever len is 0 or a power of two from 8 on */
	if (len && (len < 8 || (len & (len - 1))))
		return array;
	grown = arena_alloc(arena, (len ? len * 2 : 8) * element_size);
	if (len)
		memcpy(grown, array, len * element_size);
	return grown;
}
