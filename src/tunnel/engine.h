/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tunnel without I/O. Frames and datagrams go in, datagrams and frames come out through
 * callbacks; time and randomness are given. One engine, one thread.
 *
 *	engine_new, engine_set_peer …		configuration; allocates
 *	engine_frame(engine, &frame, now)	a frame came from the own side
 *	engine_datagram(engine, &from, …, now)	a datagram came from the wire
 *	engine_tick(engine, now)		timers; call it at engine_due at the latest
 *
 * `now` is nanoseconds of a clock that never runs backwards and is not 0. Nothing is allocated for
 * a frame or datagram, but for handshakes. Callbacks must not call the engine.
 *
 * The account: in = out + held + sum of drops (engine_account), after every call.
 */
#pragma once
#include "tunnel/endpoint.h"
#include "tunnel/frame.h"
#include "tunnel/noise.h"

struct engine;
struct peer;

enum engine_event { ENGINE_CONNECTED, ENGINE_LOST };

struct engine_ops {
	void *context;
	/*
	 * Room for a datagram of `size` bytes, until datagram_send takes it or the next
	 * datagram_room. NULL: there is none now.
	 */
	uint8_t *(*datagram_room)(void *context, size_t size);
	/* Sends what was put there. peer_id: for engine_refused. */
	void (*datagram_send)(void *context, const struct endpoint *to, uint8_t *datagram,
			      size_t size, uint32_t peer_id);
	/*
	 * A frame for the own side; its bytes are the engine's and valid during the call. Those of
	 * a `lasting` one lie in the datagram, and stay as they are as long as that does.
	 */
	void (*frame_deliver)(void *context, struct frame *frame);
	void (*random)(void *context, void *out, size_t size);
	void (*event)(void *context, enum engine_event event, const struct peer *peer);
};

struct engine_config {
	uint8_t private_key[KEY_SIZE];
	enum control_cipher cipher;
	enum suite preferred; /* what AUTO sends: crypto_preferred() */
	uint32_t mtu, segment;
	uint8_t lanes;	     /* 1…16; 0: 1 */
	uint64_t wall_ns;    /* time since 1970 at the call of engine_new */
	uint32_t load_limit; /* handshake messages a second; 0: COOKIE_LOAD_LIMIT */
	struct engine_ops ops;
};

/* NULL and err: a key that is none, an MTU out of range, no memory. Copies the configuration. */
struct engine *engine_new(const struct engine_config *config, uint64_t now, struct err *err);

/* Wipes keys. NULL is fine. */
void engine_free(struct engine *engine);

/* Changes cipher, mtu and segment without touching sessions. Key and lanes stay what they are. */
int engine_reconfigure(struct engine *engine, const struct engine_config *config, uint64_t now,
		       struct err *err);

/* Would engine_set_peer accept it? 0 or -EINVAL. */
int engine_check_peer(const struct engine *engine, const struct control_peer *config,
		      struct err *err);

/* Adds a peer, or changes the one with that key. -EINVAL: refused, nothing changed. */
int engine_set_peer(struct engine *engine, const struct control_peer *config, uint64_t now,
		    struct err *err);

/* -ENOENT. */
int engine_remove_peer(struct engine *engine, const uint8_t public_key[KEY_SIZE]);

/*
 * These frames, ENGINE_EXPECT_MAX at most, are going to be given to engine_frame: what it will look
 * up for them is asked of the memory for all at once. Nothing depends on it.
 */
#define ENGINE_EXPECT_MAX 16
void engine_expect(const struct engine *engine, const struct frame *frames, uint32_t n);

/*
 * `frame` has FRAME_HEADROOM and FRAME_TAILROOM around it, which are written to; the frame itself
 * is as before afterwards, save that a partial checksum may have been completed. A super-frame is
 * cut, and counts as so many frames. It goes by lane frame->lane, which must be below `lanes`, to
 * peers with which that one is open, to others by lane 0.
 */
void engine_frame(struct engine *engine, struct frame *frame, uint64_t now);

/* `datagram` is overwritten, but nothing around it: datagrams may stand side by side. */
void engine_datagram(struct engine *engine, const struct endpoint *from, uint8_t *datagram,
		     size_t size, uint64_t now);

/*
 * From the first to the second of these, frames of peers may be delivered some datagrams later, in
 * their order, which must stay as they are so long. Of many thousand addresses so many are asked of
 * the memory at once; of fewer it changes nothing. What is not delivered yet is in no account.
 */
void engine_gather(struct engine *engine);
void engine_settle(struct engine *engine, uint64_t now);

/*
 * The system refused to send a datagram of `size` bytes (payload) to that peer as too big. False:
 * it was a probe, and this its answer; true: data was lost, and counted.
 */
bool engine_too_big(struct engine *engine, uint32_t peer_id, size_t size, uint64_t now);

/* Runs what is due. */
void engine_tick(struct engine *engine, uint64_t now);

/* When engine_tick must be called; UINT64_MAX: never. May change with every call above. */
uint64_t engine_due(const struct engine *engine);

struct engine_account {
	uint64_t in, out, held, dropped;
};

/* Frames and datagrams (copies for further peers are further frames). Walks all peers. */
struct engine_account engine_account(const struct engine *engine);

/* Whose AES-256-GCM it uses, for people; static. */
const char *engine_aes_gcm(const struct engine *engine);

const uint8_t *engine_public_key(const struct engine *engine);

/* How it all is; the caller fills in `name` and `aead`, and the drops at the doors. */
void engine_status(struct engine *engine, struct control_tunnel_status *status, uint64_t now);

/* Of the n-th peer in the order of public keys; false: there are no more. */
bool engine_peer_status(const struct engine *engine, uint32_t n, struct control_peer_status *status,
			uint64_t now);

/* The peer's name as configured; for event. */
const char *engine_peer_name(const struct peer *peer);
