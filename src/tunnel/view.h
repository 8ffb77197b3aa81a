/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the data path looks things up in: the peers, in the order of their public keys, and who
 * holds which receiver index. Control changes it, frames and datagrams only read.
 */
#pragma once
#include "tunnel/peer.h"

#define VIEW_SLOTS 65536

/* LANES_MAX consecutive receiver indices: of a handshake we began, or of a session. */
struct slot {
	bool taken;
	uint32_t base; /* the first index */
	struct peer *peer;
	struct session *session; /* NULL: the handshake is not finished */
};

struct view {
	struct peer **peers;
	uint32_t n_peers;
	struct slot *slots;
	uint32_t next_slot; /* where to look for a free one */
};

int view_init(struct view *view);

/* Frees the tables; peers and sessions are the engine's. */
void view_fini(struct view *view);

/* NULL: no such peer. */
struct peer *view_find_peer(const struct view *view, const uint8_t public_key[KEY_SIZE]);

/* -ENOMEM. The key must not be there yet. */
int view_add_peer(struct view *view, struct peer *peer);
void view_remove_peer(struct view *view, struct peer *peer);

/* Reserves indices; `random` makes them differ from run to run. False: all are taken. */
bool view_reserve(struct view *view, struct peer *peer, uint32_t random, uint32_t *index);
void view_release(struct view *view, uint32_t index);

/* Who holds that index, and which lane is it? NULL: nobody. */
struct slot *view_find_slot(const struct view *view, uint32_t index, uint8_t *lane);
