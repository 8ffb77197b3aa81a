/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the engine tells about itself. */
#include "tunnel/core.h"

struct engine_account engine_account(const struct engine *engine)
{
	struct engine_account account = {.in = engine->in, .out = engine->out};

	for (uint32_t i = 0; i < engine->view.n_peers; i++) {
		const struct peer *peer = engine->view.peers[i];

		account.held += peer->queue.n + pieces_held(&peer->open);
	}
	for (int i = 0; i < DROP_FIRST_DOOR; i++)
		account.dropped += engine->drops[i];
	return account;
}

void engine_status(struct engine *engine, struct control_tunnel_status *status, uint64_t now)
{
	*status = (struct control_tunnel_status){
		.rx_bytes = engine->rx_bytes,
		.tx_bytes = engine->tx_bytes,
		.rx_frames = engine->rx_frames,
		.tx_frames = engine->tx_frames,
		.mac_moves = engine->macs.moves,
		.macs = engine->macs.count,
		.n_peers = engine->view.n_peers,
		.under_load = now < engine->checker.load_until_ns,
		.lanes = engine->n_lanes,
	};
	memcpy(status->public_key, engine->self.public_key, KEY_SIZE);
	memcpy(status->drops, engine->drops, sizeof(status->drops));
}

static enum control_cipher cipher_of(const struct session *session)
{
	if (!session)
		return CONTROL_CIPHER_INHERIT;
	return session->suite == SUITE_AES ? CONTROL_CIPHER_AES256GCM
					   : CONTROL_CIPHER_CHACHA20POLY1305;
}

bool engine_peer_status(const struct engine *engine, uint32_t n, struct control_peer_status *status,
			uint64_t now)
{
	if (n >= engine->view.n_peers)
		return false;
	const struct peer *peer = engine->view.peers[n];
	*status = (struct control_peer_status){
		.connected = peer_is_connected(peer, now),
		.cipher = cipher_of(peer->current),
		.handshake_age_ms =
			peer->handshake_ns ? (int64_t)((now - peer->handshake_ns) / 1000000) : -1,
		.endpoint = peer->endpoint.remote,
		.path_mtu = peer->current ? peer->path.value : 0,
		.lanes = peer->current ? lanes_count_open(peer) : 0,
		.macs = peer->place.count,
		.macs_refused = peer->place.refused,
		.rx_bytes = peer->rx_bytes,
		.tx_bytes = peer->tx_bytes,
		.rx_frames = peer->rx_frames,
		.tx_frames = peer->tx_frames,
	};
	memcpy(status->name, peer->name, sizeof(status->name));
	memcpy(status->public_key, peer->noise.public_key, KEY_SIZE);
	memcpy(status->drops, peer->drops, sizeof(status->drops));
	return true;
}

const char *engine_peer_name(const struct peer *peer)
{
	return peer->name;
}
