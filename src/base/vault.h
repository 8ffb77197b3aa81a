/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory for secrets: locked, so that it is never written to a swap device; left out of cores;
 * zeroed in a fork; and wiped when it is given back. Locking is best effort: a process that may
 * not lock (RLIMIT_MEMLOCK) gets the memory all the same.
 *
 * Blocks are zeroed and aligned to 16 bytes. In a forked child the parent's blocks hold zeros and
 * must not be used; new ones are the child's own. May be called from several threads.
 */
#pragma once
#include <stddef.h>

void *vault_new(size_t size); /* NULL: no memory */
void vault_free(void *block); /* NULL: nothing */

/* As realloc(3): NULL leaves the old block as it is. What was behind the old size is not zeroed. */
void *vault_resize(void *block, size_t size);
