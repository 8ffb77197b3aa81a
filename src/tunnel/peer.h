/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything that is known and counted of one peer. */
#pragma once
#include "tunnel/cookie.h"
#include "tunnel/lanes.h"
#include "tunnel/mac_table.h"
#include "tunnel/pathmtu.h"
#include "tunnel/pieces.h"
#include "tunnel/session.h"

#define PEER_QUEUE 128
#define PEER_MAC_LIMIT 4096
#define PEER_STORM_LIMIT 10000

struct peer {
	/* First, so that the place an address lives at leads to its peer. */
	struct mac_place place;
	uint32_t id;	   /* never used twice in an engine's life */
	uint32_t attempts; /* initiations since attempt_ns */
	char name[CONTROL_NAME_SIZE];
	struct noise_peer noise;
	enum control_cipher cipher; /* INHERIT: the tunnel's */
	bool relay;
	bool announced;	       /* as connected */
	bool handshaking;      /* `handshake` is live, and its index reserved */
	uint64_t keepalive_ns; /* 0: none */
	uint32_t storm_limit;
	uint32_t probe_id; /* of probes on this path; replies with another are late */
	struct endpoint configured, endpoint; /* family 0: none; endpoint is the one in use */

	/* Section 7: current is sent in, all are received in. */
	struct session *current, *previous, *next;

	/* The handshake we began. */
	struct noise_handshake handshake;
	uint64_t attempt_ns;	/* when the series of them began; 0: none */
	uint64_t retry_ns;	/* of the next one, while attempt_ns */
	uint64_t initiation_ns; /* of the last one sent; 0: none */
	struct cookie_jar jar;

	/* The handshakes we answered. */
	uint8_t timestamp[TIMESTAMP_SIZE];
	uint64_t answered_ns; /* 0: none */

	/* What timers go by; 0: not so. */
	uint64_t handshake_ns; /* a handshake was completed */
	uint64_t sent_ns;      /* anything authentic was sent */
	uint64_t received_ns;  /* or received */
	uint64_t asked_ns;     /* a probe to see whether it lives */
	uint64_t silence_ns;   /* data sent, first since anything was received */
	uint64_t answer_ns;    /* data received, first since anything was sent */
	uint64_t hope_ns;      /* until then frames wait for a session */

	struct pathmtu path;
	struct lane_path *lanes; /* of lane 1 on; NULL: this host has one lane */
	uint64_t storm_ns;	 /* when all tokens of the storm limit are back */
	struct parcel_list queue, open;

	uint64_t rx_bytes, tx_bytes, rx_frames, tx_frames;
	uint64_t drops[DROP_COUNT];
};

/* There may be thousands: with what the vault puts in front, a block of 1 KiB and not of 2. */
_Static_assert(sizeof(struct peer) <= 1024 - 16, "an idle peer costs 1 KiB");

/* Kept peers are connected without anybody's asking (section 7). */
static inline bool peer_is_kept(const struct peer *peer)
{
	return endpoint_exists(&peer->configured) ||
	       (peer->keepalive_ns && endpoint_exists(&peer->endpoint));
}

/* One initiated by us and one by the peer, within five seconds? */
bool peer_sessions_are_twins(const struct session *one, const struct session *other);

/* Twins, and `session` is that of the greater key? */
bool peer_prefers(const struct peer *peer, const struct session *session,
		  const struct session *other, const uint8_t own_key[KEY_SIZE]);

/* Is it there, as far as one can know? */
bool peer_is_connected(const struct peer *peer, uint64_t now);

/* Inner bytes that fit the path. */
static inline uint32_t peer_inner_max(const struct peer *peer)
{
	return peer->path.value - (uint32_t)endpoint_overhead(&peer->endpoint) - DATA_OVERHEAD;
}
