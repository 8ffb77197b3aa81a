/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/view.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLOTS_SIZE (VIEW_SLOTS * sizeof(struct slot))

/* A receiver index: 12 random bits, 16 bits of slot, 4 bits of lane. */
#define SLOT_OF(index) ((index) >> 4 & (VIEW_SLOTS - 1))
#define LANE_OF(index) ((index) & (LANES_MAX - 1))

int view_init(struct view *view)
{
	void *slots = mmap(NULL, SLOTS_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (slots == MAP_FAILED)
		return -ENOMEM;
	*view = (struct view){.slots = slots};
	return 0;
}

void view_fini(struct view *view)
{
	if (view->slots)
		munmap(view->slots, SLOTS_SIZE);
	free(view->peers);
	*view = (struct view){0};
}

/* The first peer whose key is not less. */
static uint32_t lower_bound(const struct view *view, const uint8_t key[KEY_SIZE])
{
	uint32_t low = 0, high = view->n_peers;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (memcmp(view->peers[middle]->noise.public_key, key, KEY_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct peer *view_find_peer(const struct view *view, const uint8_t public_key[KEY_SIZE])
{
	uint32_t at = lower_bound(view, public_key);

	if (at == view->n_peers ||
	    memcmp(view->peers[at]->noise.public_key, public_key, KEY_SIZE) != 0)
		return NULL;
	return view->peers[at];
}

int view_add_peer(struct view *view, struct peer *peer)
{
	uint32_t at = lower_bound(view, peer->noise.public_key);
	struct peer **grown = realloc(view->peers, (view->n_peers + 1) * sizeof(struct peer *));

	if (!grown)
		return -ENOMEM;
	memmove(grown + at + 1, grown + at, (view->n_peers - at) * sizeof(*grown));
	grown[at] = peer;
	view->peers = grown;
	view->n_peers++;
	return 0;
}

void view_remove_peer(struct view *view, struct peer *peer)
{
	uint32_t at = lower_bound(view, peer->noise.public_key);

	view->n_peers--;
	memmove(view->peers + at, view->peers + at + 1,
		(view->n_peers - at) * sizeof(*view->peers));
}

bool view_reserve(struct view *view, struct peer *peer, uint32_t random, uint32_t *index)
{
	for (uint32_t tried = 0; tried < VIEW_SLOTS; tried++) {
		uint32_t number = view->next_slot++ % VIEW_SLOTS;
		struct slot *slot = &view->slots[number];

		if (slot->taken)
			continue;
		slot->taken = true;
		slot->peer = peer;
		slot->session = NULL;
		slot->base = random << 20 | number << 4;
		*index = slot->base;
		return true;
	}
	return false;
}

void view_release(struct view *view, uint32_t index)
{
	view->slots[SLOT_OF(index)] = (struct slot){0};
}

struct slot *view_find_slot(const struct view *view, uint32_t index, uint8_t *lane)
{
	struct slot *slot = &view->slots[SLOT_OF(index)];

	*lane = LANE_OF(index);
	return slot->taken && slot->base == index - *lane ? slot : NULL;
}
