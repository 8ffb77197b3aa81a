/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the engine's files share; nobody else includes it. */
#pragma once
#include "tunnel/engine.h"
#include "tunnel/view.h"

#define SECOND_NS 1000000000ULL
#define REKEY_TIMEOUT_NS (5 * SECOND_NS)
#define REKEY_ATTEMPT_NS (90 * SECOND_NS)
#define KEEPALIVE_NS (10 * SECOND_NS)
#define IDLE_NS (25 * SECOND_NS)
#define HOPE_NS (10 * SECOND_NS)
#define QUEUE_LIFE_NS (10 * SECOND_NS)

#define QUEUE_PARCELS 512 /* of all peers together */
#define OPEN_PARCELS 256

/* Of a peer's frames so many wait for what the memory has of their sources (engine_gather). */
#define LATE_LEN 8

struct late {
	struct peer *from;
	struct frame frame;
	uint8_t hop;
};

struct engine {
	struct engine_ops ops;
	struct entropy entropy;
	struct crypto *crypto;
	struct noise_self self;
	struct cookie_checker checker;
	enum control_cipher cipher;
	enum suite preferred;
	uint32_t frame_max, segment;
	uint8_t n_lanes;	 /* 1…LANES_MAX */
	uint64_t wall_minus_now; /* so that timestamps never run backwards */
	uint64_t start_ns;
	uint32_t next_peer_id;
	unsigned accepted; /* bit per suite that any peer accepts */
	bool relays;	   /* a peer may be one: frames of peers may go to others */
	struct view view;
	struct mac_table macs;
	struct mac_place local; /* the own side */
	struct pool queue_pool, open_pool;
	bool gathers;
	uint32_t n_late;
	struct late late[LATE_LEN];
	uint64_t due_ns, swept_ns;
	uint64_t in, out; /* the account */
	uint64_t rx_bytes, tx_bytes, rx_frames, tx_frames;
	uint64_t drops[DROP_COUNT];
};

/* engine.c */

/* Counts `n` drops; peer NULL: nobody's. */
void engine_drop(struct engine *engine, struct peer *peer, enum drop drop, uint32_t n);

/* Makes sure that engine_tick is called by then. */
void engine_wake(struct engine *engine, uint64_t when);

uint32_t engine_random(struct engine *engine);

/* Does the peer's policy (or the tunnel's) accept the suite? */
bool engine_accepts(const struct engine *engine, const struct peer *peer, enum suite suite);

/* The suite we send to the peer. */
enum suite engine_suite_for(const struct engine *engine, const struct peer *peer);

/* Takes `from` for where the peer is now; a new one starts path MTU afresh. */
void engine_learn_endpoint(struct engine *engine, struct peer *peer, const struct endpoint *from,
			   uint64_t now);

/* The endpoint or the largest frame changed: path MTU starts afresh. */
void engine_reset_path(struct engine *engine, struct peer *peer, uint64_t now);

/* configure.c */

int configure_check(const struct engine_config *config, struct err *err);

/*
 * Notes which suites any peer accepts (others are dropped before they cost anything), and whether
 * any peer may be a relay.
 */
void configure_count_accepted(struct engine *engine);

/* send.c */

struct control_wish {
	enum control_type type;
	uint16_t size;
	uint32_t id, fill;
};

/* Seals the frame for the peer, or lets it wait. Counts it as out, held or dropped. */
void send_frame(struct engine *engine, struct peer *peer, struct frame *frame, uint8_t hop,
		uint64_t now);

/* An empty message in the current session, if there is one. */
void send_keepalive(struct engine *engine, struct peer *peer, uint64_t now);

/*
 * A control message in `session`, on that lane; `fill` bytes behind it. A probe without fill wants
 * an answer.
 */
void send_control(struct engine *engine, struct session *session, uint8_t lane,
		  const struct control_wish *wish, uint64_t now);

/* A probe whose IP packet has that size. */
void send_probe(struct engine *engine, struct peer *peer, uint16_t packet_size, uint64_t now);

/* Sends all that waits; a keepalive if nothing did and `confirm`. */
void send_queue(struct engine *engine, struct peer *peer, bool confirm, uint64_t now);

/* Hands a complete message to the I/O and notes that it went. */
void send_message(struct engine *engine, struct peer *peer, const struct endpoint *to,
		  uint8_t *message, size_t size, uint64_t now);

/* receive.c */

/* Timers and endpoint, which go by lane 0: something authentic came. */
void receive_authentic(struct engine *engine, struct peer *peer, uint8_t lane,
		       const struct endpoint *from, size_t size, bool moves, uint64_t now);

/* A data message. */
void receive_data(struct engine *engine, const struct endpoint *from, uint8_t *message, size_t size,
		  uint64_t now);

/* lanes.c: lanes from the second on; an engine with one lane has none of their state */

/* The peer is somewhere else, or not known to be where it was: all but lane 0 are closed. */
void lanes_reset(struct engine *engine, struct peer *peer, uint64_t now);

/* How many both sides have, as far as is known; NULL: 1. */
uint8_t lanes_common(const struct session *session);

/* The lane for a frame that came by `wanted`: that one, or 0 while it is not open. */
uint8_t lanes_choose(const struct peer *peer, uint8_t wanted);
const struct endpoint *lanes_endpoint(const struct peer *peer, uint8_t lane);
uint8_t lanes_count_open(const struct peer *peer);

/* The latest message of lane > 0 came from there. */
void lanes_learn(struct engine *engine, struct peer *peer, uint8_t lane,
		 const struct endpoint *from, uint64_t now);

/* The peer says how many it has. */
void lanes_told(struct engine *engine, struct session *session, uint8_t n, uint64_t now);

/* A probe of lane > 0 was answered. */
void lanes_reply(struct engine *engine, struct peer *peer, uint8_t lane, uint32_t id);

/* Sends the probes that are due; returns when the next one is. */
uint64_t lanes_run(struct engine *engine, struct peer *peer, uint64_t now);

/* Tells the peer in its new session how many lanes there are here, if it is more than one. */
void lanes_tell(struct engine *engine, struct peer *peer, uint64_t now);

/* forward.c */

/* A frame of the own side: learns, finds the peers, sends. */
void forward_local(struct engine *engine, struct frame *frame, uint64_t now);

/* A frame from a peer: learns, relays, delivers. */
void forward_remote(struct engine *engine, struct peer *from, struct frame *frame, uint8_t hop,
		    uint64_t now);

/* handshake.c */

/* Wants a session: begins a series of initiations, unless one is under way. */
void handshake_want(struct engine *engine, struct peer *peer, uint64_t now);

/* Sends an initiation now and sets the time of the next. */
void handshake_send(struct engine *engine, struct peer *peer, uint64_t now);

/* Forgets the initiation that is under way. */
void handshake_forget(struct engine *engine, struct peer *peer);

/* An initiation, response or cookie reply. */
void handshake_receive(struct engine *engine, const struct endpoint *from, uint8_t *message,
		       size_t size, int type, uint64_t now);

/* A data message opened under *next*: it becomes current, or previous (section 7). */
void handshake_confirm(struct engine *engine, struct peer *peer, uint64_t now);

/*
 * A message, the latest of its lane, opened under *previous*. If that and current were born
 * together, and the peer has the greater key, the peer has chosen: so do we.
 */
void handshake_follow(struct engine *engine, struct peer *peer);

/* Wipes a session that one of the three places held. */
void handshake_end_session(struct engine *engine, struct session **place);

/* timers.c */

/* Runs what is due for the peer; returns when it must be looked at again. */
uint64_t timers_run(struct engine *engine, struct peer *peer, uint64_t now);

/* Drops what waits for the peer. */
void timers_drop_held(struct engine *engine, struct peer *peer, enum drop why);
