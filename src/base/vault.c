/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Blocks are powers of two, cut from areas of 1 MiB, and go back into the list of their size;
 * areas stay. What is larger than the largest class is a mapping of its own. The lists are the one
 * mutable global of base: libcrypto's allocation hooks, which lead here, carry no context.
 *
 * A sanitizer shall see each block's end and its release, so it gets malloc's blocks.
 */
#include "base/vault.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/sanitized.h"

#if SANITIZED

void *vault_new(size_t size)
{
	return calloc(1, size ? size : 1);
}

void vault_free(void *block)
{
	free(block);
}

void *vault_resize(void *block, size_t size)
{
	return realloc(block, size ? size : 1);
}

#else

#define AREA_SIZE ((size_t)1 << 20)
#define HUGE_PAGE ((size_t)2 << 20)
#define CLASS_LEAST 5 /* 32 bytes, the head included */
#define CLASS_MOST 16 /* 64 KiB */

/* In front of every block. */
struct head {
	size_t size; /* of all of it, this included; 0: wiped by a fork */
	struct head *next;
};

_Static_assert(sizeof(struct head) % 16 == 0, "blocks are aligned to 16 bytes");

struct area {
	size_t used; /* 0: wiped by a fork */
	size_t unused;
};

static struct {
	pthread_mutex_t lock;
	struct area *area; /* the one that blocks are cut from */
	struct head *free[CLASS_MOST + 1];
} vault = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *map(size_t size)
{
	/* syscall: mmap(2 & PROT_EXEC = 0) */
	void *mapping =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mapping == MAP_FAILED)
		return NULL;
	/*
	 * syscall: mlock2, madvise(2 = MADV_DONTDUMP), madvise(2 = MADV_WIPEONFORK)
	 * syscall: madvise(2 = MADV_HUGEPAGE); after the start only for a long list of peers
	 */
	(void)mlock2(mapping, size, MLOCK_ONFAULT);
	(void)madvise(mapping, size, MADV_DONTDUMP);
	(void)madvise(mapping, size, MADV_WIPEONFORK);
	/* Buffers of super-frames and tables of addresses: fewer pages to be found all the time. */
	if (size >= HUGE_PAGE)
		(void)madvise(mapping, size, MADV_HUGEPAGE);
	return mapping;
}

/* The class of a block of that many bytes, head included; CLASS_MOST + 1: none. */
static int class_of(size_t size)
{
	int order = CLASS_LEAST;

	while (order <= CLASS_MOST && size > (size_t)1 << order)
		order++;
	return order;
}

static struct head *cut(size_t size)
{
	struct area *area = vault.area;
	struct head *head;

	if (!area || area->used + size > AREA_SIZE) {
		area = map(AREA_SIZE); /* what is left of the old one is given up */
		if (!area)
			return NULL;
		area->used = sizeof(*area);
		vault.area = area;
	}
	head = (struct head *)((char *)area + area->used);
	area->used += size;
	head->size = size;
	return head;
}

static struct head *take(int class)
{
	struct head *head;

	if (vault.area && !vault.area->used) {
		/* a fork: the lists lead to zeros */
		memset(vault.free, 0, sizeof(vault.free));
		vault.area = NULL;
	}
	head = vault.free[class];
	if (!head)
		return cut((size_t)1 << class);
	vault.free[class] = head->next;
	head->next = NULL;
	return head;
}

void *vault_new(size_t size)
{
	struct head *head;
	int class;

	if (size > SIZE_MAX / 2)
		return NULL;
	size += sizeof(*head);
	class = class_of(size);
	if (class > CLASS_MOST) {
		head = map(size);
		if (head)
			head->size = size;
		return head ? head + 1 : NULL;
	}
	pthread_mutex_lock(&vault.lock);
	head = take(class);
	pthread_mutex_unlock(&vault.lock);
	return head ? head + 1 : NULL;
}

void vault_free(void *block)
{
	struct head *head;
	int class;

	if (!block)
		return;
	head = (struct head *)block - 1;
	if (!head->size)
		return;
	explicit_bzero(block, head->size - sizeof(*head));
	class = class_of(head->size);
	if (class > CLASS_MOST) {
		munmap(head, head->size); /* syscall: munmap */
		return;
	}
	pthread_mutex_lock(&vault.lock);
	head->next = vault.free[class];
	vault.free[class] = head;
	pthread_mutex_unlock(&vault.lock);
}

void *vault_resize(void *block, size_t size)
{
	size_t room = block ? ((struct head *)block - 1)->size - sizeof(struct head) : 0;
	void *larger;

	if (block && size <= room)
		return block;
	larger = vault_new(size);
	if (!larger)
		return NULL;
	if (block)
		memcpy(larger, block, room);
	vault_free(block);
	return larger;
}

#endif
