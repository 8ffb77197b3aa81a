/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/pool.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

int pool_init(struct pool *pool, uint32_t n, uint32_t frame_max)
{
	size_t stride = (FRAME_HEADROOM + (size_t)frame_max + FRAME_TAILROOM + 63) & ~(size_t)63;
	size_t size = stride * n;
	struct parcel *parcels = calloc(n, sizeof(*parcels));
	/* Mapped, not allocated: pages come when they are first written. */
	uint8_t *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (!parcels || bytes == MAP_FAILED) {
		free(parcels);
		if (bytes != MAP_FAILED)
			munmap(bytes, size);
		return -ENOMEM;
	}
	*pool = (struct pool){.parcels = parcels, .bytes = bytes, .bytes_size = size};
	for (uint32_t i = n; i-- > 0;) {
		parcels[i].frame.data = bytes + i * stride + FRAME_HEADROOM;
		pool_give(pool, &parcels[i]);
	}
	return 0;
}

void pool_fini(struct pool *pool)
{
	if (pool->bytes)
		munmap(pool->bytes, pool->bytes_size);
	free(pool->parcels);
	*pool = (struct pool){0};
}

struct parcel *pool_take(struct pool *pool)
{
	struct parcel *parcel = pool->free;

	if (parcel)
		pool->free = parcel->next;
	return parcel;
}

void pool_give(struct pool *pool, struct parcel *parcel)
{
	parcel->next = pool->free;
	pool->free = parcel;
}

void parcel_list_init(struct parcel_list *list)
{
	*list = (struct parcel_list){.end = &list->first};
}

void parcel_list_put(struct parcel_list *list, struct parcel *parcel)
{
	parcel->next = NULL;
	*list->end = parcel;
	list->end = &parcel->next;
	list->n++;
}

struct parcel *parcel_list_remove(struct parcel_list *list, struct parcel **at)
{
	struct parcel *parcel = *at;

	*at = parcel->next;
	if (list->end == &parcel->next)
		list->end = at;
	list->n--;
	return parcel;
}

struct parcel *parcel_list_take(struct parcel_list *list)
{
	return list->first ? parcel_list_remove(list, &list->first) : NULL;
}
