/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One pair of keys with a peer, and per lane what keeps a counter from being used twice. */
#pragma once
#include "tunnel/noise.h"
#include "tunnel/replay.h"

#define REKEY_AFTER_NS 120000000000ULL
#define REJECT_AFTER_NS 180000000000ULL

struct peer;

struct lane {
	uint64_t counter; /* of the next message sealed */
	struct replay replay;
};

struct session {
	struct peer *peer;
	enum suite suite;
	bool initiator;		/* we were it */
	bool crossed;		/* its initiation came while one of ours was unanswered */
	uint8_t n_lanes;	/* ours: what may be received */
	uint8_t n_remote_lanes; /* the peer's, as far as it has told, be it in the one before */
	uint32_t local_index, remote_index;
	uint32_t piece_id; /* of the next frame that is cut */
	uint64_t born_ns;
	struct aead *seal, *open;
	struct lane lanes[];
};

/*
 * From a finished handshake, which is wiped. NULL: no memory, or libcrypto failed. The caller
 * sets `peer`.
 */
struct session *session_new(const struct noise_self *self, struct noise_handshake *handshake,
			    bool initiator, uint8_t n_lanes, uint64_t now);

/* Wipes the keys. NULL is fine. */
void session_free(struct session *session);

/* May it still be sent in? */
bool session_is_usable(const struct session *session, uint64_t now);

/*
 * Writes a whole data message into `message` (DATA_OVERHEAD bytes more than the inner one, which
 * may already be in its place there). -ENOBUFS: the counter has come to its end.
 */
int session_seal(struct session *session, uint8_t lane, const uint8_t *inner, size_t size,
		 uint8_t *message);

/*
 * Opens a data message in place; the inner one is at message + DATA_HEADER. *greatest: no later
 * one came before it. -ESTALE: session or counter too old or high; -EALREADY: seen before;
 * -EBADMSG: not authentic.
 */
int session_open(struct session *session, uint8_t lane, uint8_t *message, size_t size, uint64_t now,
		 bool *greatest);
