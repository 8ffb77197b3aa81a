/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An arena is memory with one end of life: a phase (load, plan, run) allocates from its own and
 * frees all of it at once. Memory from an arena is zeroed and aligned for any type. Running out
 * of memory ends the process with a message: no phase that changes a system allocates, so an
 * abort never leaves one half way.
 */
#pragma once
#include <stddef.h>

struct arena {
	struct arena_block *blocks; /* newest first */
};

void arena_init(struct arena *arena);
void arena_fini(struct arena *arena);

void *arena_alloc(struct arena *arena, size_t size);
void *arena_copy(struct arena *arena, const void *bytes, size_t size);
char *arena_text(struct arena *arena, const char *text);
char *arena_textn(struct arena *arena, const char *text, size_t size);
char *arena_print(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define arena_make(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

/*
 * Room for one more element behind `len` in an array kept in an arena: returns the array, moved
 * when it was full. Growth doubles; the old copy stays until the arena goes.
 */
void *arena_room(struct arena *arena, void *array, size_t len, size_t element_size);
