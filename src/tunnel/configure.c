/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine's configuration: what is refused, and what changes without disturbing sessions. */
#include <errno.h>
#include <stdlib.h>
#include "base/vault.h"
#include "tunnel/core.h"

#define MTU_MIN 68
#define MTU_MAX 16000

static void count_accepted(struct engine *engine, const struct peer *peer)
{
	engine->relays |= peer->relay;
	for (enum suite suite = 0; suite < SUITE_COUNT; suite++)
		if (engine_accepts(engine, peer, suite))
			engine->accepted |= 1u << suite;
}

void configure_count_accepted(struct engine *engine)
{
	engine->accepted = 0;
	engine->relays = false;
	for (uint32_t i = 0; i < engine->view.n_peers; i++)
		count_accepted(engine, engine->view.peers[i]);
}

int configure_check(const struct engine_config *config, struct err *err)
{
	if (config->mtu < MTU_MIN || config->mtu > MTU_MAX)
		return err_set(err, -EINVAL, "MTU %u; expected %d to %d", config->mtu, MTU_MIN,
			       MTU_MAX);
	if (config->cipher >= CONTROL_CIPHER_COUNT)
		return err_set(err, -EINVAL, "no cipher policy has the number %d",
			       (int)config->cipher);
	if (config->lanes > LANES_MAX)
		return err_set(err, -EINVAL, "%d lanes; at most %d", config->lanes, LANES_MAX);
	return 0;
}

/* The buffers are made for the largest frame: what waits in the old ones is lost. */
static int change_mtu(struct engine *engine, uint32_t mtu, uint64_t now, struct err *err)
{
	struct pool queue_pool, open_pool;

	if (mtu + FRAME_EXTRA == engine->frame_max)
		return 0;
	if (pool_init(&queue_pool, QUEUE_PARCELS, mtu + FRAME_EXTRA))
		return err_set(err, -ENOMEM, "no memory for MTU %u", mtu);
	if (pool_init(&open_pool, OPEN_PARCELS, mtu + FRAME_EXTRA)) {
		pool_fini(&queue_pool);
		return err_set(err, -ENOMEM, "no memory for MTU %u", mtu);
	}
	for (uint32_t i = 0; i < engine->view.n_peers; i++)
		timers_drop_held(engine, engine->view.peers[i], DROP_REMOVED);
	pool_fini(&engine->queue_pool);
	pool_fini(&engine->open_pool);
	engine->queue_pool = queue_pool;
	engine->open_pool = open_pool;
	engine->frame_max = mtu + FRAME_EXTRA;
	for (uint32_t i = 0; i < engine->view.n_peers; i++)
		if (endpoint_exists(&engine->view.peers[i]->endpoint))
			engine_reset_path(engine, engine->view.peers[i], now);
	return 0;
}

int engine_reconfigure(struct engine *engine, const struct engine_config *config, uint64_t now,
		       struct err *err)
{
	int rc = configure_check(config, err);

	if (rc == 0)
		rc = change_mtu(engine, config->mtu, now, err);
	if (rc)
		return rc;
	engine->cipher = config->cipher;
	engine->segment = config->segment;
	configure_count_accepted(engine);
	return 0;
}

static bool endpoint_is_sound(const struct control_endpoint *endpoint)
{
	static const struct control_endpoint none;

	if (endpoint->family == 0)
		return true;
	return (endpoint->family == 4 || endpoint->family == 6) && endpoint->port &&
	       memcmp(endpoint->address, none.address, sizeof(none.address)) != 0;
}

int engine_check_peer(const struct engine *engine, const struct control_peer *config,
		      struct err *err)
{
	if (config->cipher >= CONTROL_CIPHER_COUNT)
		return err_set(err, -EINVAL, "peer %s: no cipher policy has the number %d",
			       config->name, (int)config->cipher);
	if (!endpoint_is_sound(&config->endpoint))
		return err_set(err, -EINVAL, "peer %s: endpoint without address or port",
			       config->name);
	if (config->keepalive_s > UINT16_MAX)
		return err_set(err, -EINVAL, "peer %s: keepalive of %u s; at most %d", config->name,
			       config->keepalive_s, UINT16_MAX);
	if (view_find_peer(&engine->view, config->public_key))
		return 0;
	struct noise_peer trial;
	int rc = noise_peer_init(&trial, &engine->self, config->public_key, NULL);
	crypto_wipe(&trial, sizeof(trial));
	if (rc)
		return err_set(err, -EINVAL, "peer %s: its key is none, or this host's own",
			       config->name);
	return 0;
}

static void apply_peer(struct engine *engine, struct peer *peer, const struct control_peer *config,
		       uint64_t now)
{
	struct endpoint configured = {.remote = config->endpoint};

	memcpy(peer->name, config->name, sizeof(peer->name));
	peer->name[sizeof(peer->name) - 1] = '\0';
	peer->cipher = config->cipher;
	peer->relay = config->relay;
	peer->keepalive_ns = config->keepalive_s * SECOND_NS;
	peer->place.limit = config->mac_limit ? config->mac_limit : PEER_MAC_LIMIT;
	peer->storm_limit = config->storm_limit ? config->storm_limit : PEER_STORM_LIMIT;
	if (config->has_preshared_key)
		memcpy(peer->noise.psk, config->preshared_key, KEY_SIZE);
	else
		memset(peer->noise.psk, 0, KEY_SIZE);
	if (!endpoint_same(&configured, &peer->configured)) {
		peer->configured = configured;
		if (endpoint_exists(&configured))
			engine_learn_endpoint(engine, peer, &configured, now);
	}
	/* A suite that a change excludes is only refused later, when the peer is known. */
	count_accepted(engine, peer);
	engine_wake(engine, now); /* a kept peer is connected at once */
}

int engine_set_peer(struct engine *engine, const struct control_peer *config, uint64_t now,
		    struct err *err)
{
	int rc = engine_check_peer(engine, config, err);

	if (rc)
		return rc;
	struct peer *peer = view_find_peer(&engine->view, config->public_key);
	if (peer) {
		apply_peer(engine, peer, config, now);
		return 0;
	}
	peer = vault_new(sizeof(*peer));
	if (!peer)
		return err_set(err, -ENOMEM, "no memory for peer %s", config->name);
	peer->lanes =
		engine->n_lanes > 1 ? calloc(engine->n_lanes - 1u, sizeof(*peer->lanes)) : NULL;
	parcel_list_init(&peer->queue);
	parcel_list_init(&peer->open);
	peer->id = ++engine->next_peer_id;
	peer->hope_ns = now + HOPE_NS;
	rc = engine->n_lanes > 1 && !peer->lanes ? -ENOMEM : 0;
	if (rc == 0)
		rc = noise_peer_init(&peer->noise, &engine->self, config->public_key, NULL);
	if (rc == 0)
		rc = view_add_peer(&engine->view, peer);
	if (rc) {
		free(peer->lanes);
		vault_free(peer);
		return err_set(err, rc, "no memory for peer %s", config->name);
	}
	apply_peer(engine, peer, config, now);
	return 0;
}
