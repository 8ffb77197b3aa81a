/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Theory of operation. The engine is a value and functions on it; what it knows of the world it is
 * told. A frame of the own side goes engine_frame → forward.c (who gets it?) → send.c (sealed
 * whole or in pieces, or kept until there is a session). A datagram goes engine_datagram →
 * handshake.c, or receive.c (opened in place, pieces joined) → forward.c (learned, relayed,
 * delivered). timers.c turns the times that these note down into keepalives, probes and handshakes.
 *
 * Whoever takes a frame or datagram accounts for it at once: `in` when it comes or is copied, then
 * `out`, a drop, or held in a peer's lists. So in = out + held + drops can be checked at any time.
 */
#include <errno.h>
#include <stdlib.h>
#include "base/vault.h"
#include "tunnel/core.h"
#include "tunnel/cut.h"
#include "tunnel/offload.h"

#define SWEEP_NS (10 * SECOND_NS)
#define TICK_MIN_NS 1000000

void engine_drop(struct engine *engine, struct peer *peer, enum drop drop, uint32_t n)
{
	engine->drops[drop] += n;
	if (peer)
		peer->drops[drop] += n;
}

void engine_wake(struct engine *engine, uint64_t when)
{
	if (when < engine->due_ns)
		engine->due_ns = when;
}

uint32_t engine_random(struct engine *engine)
{
	uint32_t random;

	engine->ops.random(engine->ops.context, &random, sizeof(random));
	return random;
}

static enum control_cipher policy_of(const struct engine *engine, const struct peer *peer)
{
	return peer->cipher == CONTROL_CIPHER_INHERIT ? engine->cipher : peer->cipher;
}

bool engine_accepts(const struct engine *engine, const struct peer *peer, enum suite suite)
{
	switch (policy_of(engine, peer)) {
	case CONTROL_CIPHER_AES256GCM:
		return suite == SUITE_AES;
	case CONTROL_CIPHER_CHACHA20POLY1305:
		return suite == SUITE_CHACHA;
	case CONTROL_CIPHER_INHERIT:
	case CONTROL_CIPHER_AUTO:
	case CONTROL_CIPHER_COUNT:
		break;
	}
	return true;
}

enum suite engine_suite_for(const struct engine *engine, const struct peer *peer)
{
	if (engine_accepts(engine, peer, engine->preferred))
		return engine->preferred;
	return engine->preferred == SUITE_AES ? SUITE_CHACHA : SUITE_AES;
}

/* What the largest frame of this tunnel needs as one message. */
static uint16_t path_top(const struct engine *engine, const struct endpoint *to)
{
	size_t inner = (INNER_HEADER + engine->frame_max + 15u) & ~15u;

	return (uint16_t)(inner + DATA_OVERHEAD + endpoint_overhead(to));
}

void engine_reset_path(struct engine *engine, struct peer *peer, uint64_t now)
{
	pathmtu_reset(&peer->path, peer->endpoint.remote.family == 6,
		      path_top(engine, &peer->endpoint));
	peer->probe_id = engine_random(engine);
	lanes_reset(engine, peer, now);
	if (session_is_usable(peer->current, now)) {
		pathmtu_start(&peer->path, now);
		engine_wake(engine, now);
	}
}

void engine_learn_endpoint(struct engine *engine, struct peer *peer, const struct endpoint *from,
			   uint64_t now)
{
	bool same = endpoint_same(&peer->endpoint, from);

	peer->endpoint = *from;
	if (!same)
		engine_reset_path(engine, peer, now);
}

static int start_tables(struct engine *engine, const struct engine_config *config)
{
	struct siphash_key key;

	engine->ops.random(engine->ops.context, &key, sizeof(key));
	if (view_init(&engine->view) || mac_table_init(&engine->macs, MAC_ENTRIES, &key) ||
	    pool_init(&engine->queue_pool, QUEUE_PARCELS, engine->frame_max) ||
	    pool_init(&engine->open_pool, OPEN_PARCELS, engine->frame_max))
		return -ENOMEM;
	int rc = noise_self_init(&engine->self, engine->crypto, config->private_key);
	if (rc)
		return rc;
	cookie_checker_init(&engine->checker, engine->crypto, engine->self.public_key,
			    &engine->entropy);
	if (config->load_limit)
		engine->checker.load_limit = config->load_limit;
	return 0;
}

struct engine *engine_new(const struct engine_config *config, uint64_t now, struct err *err)
{
	if (configure_check(config, err))
		return NULL;
	struct engine *engine = vault_new(sizeof(*engine));
	if (!engine) {
		err_set(err, -ENOMEM, "no memory for the tunnel");
		return NULL;
	}
	engine->ops = config->ops;
	engine->entropy = (struct entropy){config->ops.random, config->ops.context};
	engine->cipher = config->cipher;
	engine->preferred = config->preferred;
	engine->segment = config->segment;
	engine->n_lanes = config->lanes ? config->lanes : 1;
	engine->frame_max = config->mtu + FRAME_EXTRA;
	engine->wall_minus_now = config->wall_ns - now;
	engine->start_ns = now;
	engine->local.limit = MAC_ENTRIES;
	engine->due_ns = UINT64_MAX;
	engine->swept_ns = now;
	engine->crypto = crypto_new(err);
	int rc = engine->crypto ? start_tables(engine, config) : -ENOSYS;
	if (rc == 0)
		return engine;
	if (engine->crypto)
		err_errno(err, rc, "start the tunnel");
	engine_free(engine);
	return NULL;
}

static void free_peer(struct engine *engine, struct peer *peer)
{
	handshake_forget(engine, peer);
	handshake_end_session(engine, &peer->current);
	handshake_end_session(engine, &peer->previous);
	handshake_end_session(engine, &peer->next);
	timers_drop_held(engine, peer, DROP_REMOVED);
	mac_table_forget(&engine->macs, &peer->place);
	free(peer->lanes);
	vault_free(peer);
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	while (engine->view.n_peers)
		engine_remove_peer(engine, engine->view.peers[0]->noise.public_key);
	noise_self_fini(&engine->self);
	cookie_checker_fini(&engine->checker);
	view_fini(&engine->view);
	mac_table_fini(&engine->macs);
	pool_fini(&engine->queue_pool);
	pool_fini(&engine->open_pool);
	crypto_free(engine->crypto);
	vault_free(engine);
}

int engine_remove_peer(struct engine *engine, const uint8_t public_key[KEY_SIZE])
{
	struct peer *peer = view_find_peer(&engine->view, public_key);

	if (!peer)
		return -ENOENT;
	view_remove_peer(&engine->view, peer);
	free_peer(engine, peer);
	configure_count_accepted(engine);
	return 0;
}

/* Super-frames of TCP are cut to what fits; the length of UDP's segments is the sender's. */
static bool is_too_long(const struct engine *engine, const struct frame *frame)
{
	switch (frame->gso_type) {
	case GSO_NONE:
		return frame->size > engine->frame_max;
	case GSO_UDP_L4:
		return (uint32_t)frame->csum_start + UDP_SIZE + frame->gso_size > engine->frame_max;
	}
	return false;
}

void engine_frame(struct engine *engine, struct frame *frame, uint64_t now)
{
	engine->in++;
	engine->tx_frames++;
	if (frame->size < ETHERNET_HEADER)
		engine_drop(engine, NULL, DROP_FRAME_SHORT, 1);
	else if (frame->gso_type != GSO_NONE ? !cut_fits(frame) : !offload_checksum_fits(frame))
		engine_drop(engine, NULL, DROP_FRAME_OFFLOAD, 1);
	else if (is_too_long(engine, frame))
		engine_drop(engine, NULL, DROP_FRAME_LONG, 1);
	else
		forward_local(engine, frame, now);
}

void engine_datagram(struct engine *engine, const struct endpoint *from, uint8_t *datagram,
		     size_t size, uint64_t now)
{
	int type = wire_type(datagram, size);

	engine->in++;
	if (!type)
		engine_drop(engine, NULL, DROP_MALFORMED, 1);
	else if (type == MESSAGE_DATA)
		receive_data(engine, from, datagram, size, now);
	else
		handshake_receive(engine, from, datagram, size, type, now);
}

bool engine_too_big(struct engine *engine, uint32_t peer_id, size_t size, uint64_t now)
{
	for (uint32_t i = 0; i < engine->view.n_peers; i++) {
		struct peer *peer = engine->view.peers[i];

		if (peer->id != peer_id)
			continue;
		uint32_t packet = (uint32_t)(size + endpoint_overhead(&peer->endpoint));
		bool data = packet <= peer->path.value;
		if (data)
			engine_drop(engine, peer, DROP_WIRE_TOO_BIG, 1);
		pathmtu_refused(&peer->path, packet, now);
		engine_wake(engine, pathmtu_due(&peer->path));
		return data;
	}
	return false;
}

void engine_tick(struct engine *engine, uint64_t now)
{
	uint64_t due = UINT64_MAX;

	engine->due_ns = UINT64_MAX;
	for (uint32_t i = 0; i < engine->view.n_peers; i++) {
		uint64_t peer_due = timers_run(engine, engine->view.peers[i], now);

		due = peer_due < due ? peer_due : due;
	}
	if (now - engine->swept_ns >= SWEEP_NS) {
		mac_table_sweep(&engine->macs, engine->macs.used / 8 + 256, now);
		engine->swept_ns = now;
	}
	if (engine->macs.count && engine->swept_ns + SWEEP_NS < due)
		due = engine->swept_ns + SWEEP_NS;
	engine_wake(engine, due);
	/* Whatever is due again at once can wait that long; no fault may turn us in circles. */
	if (engine->due_ns < now + TICK_MIN_NS)
		engine->due_ns = now + TICK_MIN_NS;
}

uint64_t engine_due(const struct engine *engine)
{
	return engine->due_ns;
}

const char *engine_aes_gcm(const struct engine *engine)
{
	return crypto_aes_gcm(engine->crypto);
}

const uint8_t *engine_public_key(const struct engine *engine)
{
	return engine->self.public_key;
}
