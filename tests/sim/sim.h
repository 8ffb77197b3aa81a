/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Engines on a bad channel, in one process, under a clock that is a number.
 *
 *	scenario.c	what a seed means: who knows whom, and the list of faults
 *	world.c		the clock and the order of events
 *	node.c		a host with its engine
 *	channel.c	what becomes of a datagram between two nodes
 *	traffic.c	which frames are sent when
 *	watch.c		what must hold of frames, keys and accounts
 *	hooks.c		where the engine is watched: its calls of the ciphers (linked by --wrap)
 *	sim.c		seeds, shrinking, reports
 *
 * Everything follows from the scenario: the same one twice gives the same run. The channel, the
 *traffic, and every node's randomness are streams of their own, so that leaving a fault out changes
 *little else.
 */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tunnel/core.h"

#define SIM_NODES 4
#define SIM_LANES 4
#define SIM_PORT 51821 /* of lane 0; lane k's is k more */
#define SIM_ALL 0xff   /* in place of a node: all of them */
#define SIM_FAULTS 512
#define SIM_START (1000 * SECOND_NS)	  /* of the monotonic clocks */
#define SIM_WALL (1700000000 * SECOND_NS) /* since 1970, at SIM_START */
#define SIM_MS 1000000ULL

/*
 * doc/protocol.md section 7: 15 s of silence, then three initiations 5.33 s apart, as under load
 * the first may get a cookie, and the response to the second another. Round trips come on top then.
 */
#define SIM_HEALED_NS (26 * SECOND_NS)
/* So long only one speaks, after some bad times. */
#define SIM_ALONE_NS (30 * SECOND_NS)
/* When the path is known again, too. */
#define SIM_CALM_NS (40 * SECOND_NS)
/* Section 9: that a path has narrowed is known so long after the first message that was too big. */
#define SIM_NARROW_NS (10 * SECOND_NS)
/* What takes longer than that to arrive on a good wire is lost. */
#define SIM_LATE_NS (12 * SECOND_NS)
/* A host whose clock stood still may use a session that the other one has ended. */
#define SIM_STOOD_NS (200 * SECOND_NS)
/* In calm times a host begins handshakes with a peer at most so often. */
#define SIM_SELDOM_NS (60 * SECOND_NS)

/* So many datagrams have come and not been read when a host falls asleep. */
#define SIM_LATCHED 4

#define FAULT_LIST(X)                                                                              \
	X(LOSS, "loss")	      /* per mille of a link's datagrams */                                \
	X(DOUBLE, "double")   /* per mille come again, up to 100 s later */                        \
	X(REORDER, "reorder") /* up to `value` ms later than their like */                         \
	X(CORRUPT, "corrupt") /* per mille have bits flipped, or are cut */                        \
	X(DELAY, "delay")     /* all, by `value` ms */                                             \
	X(CUT, "cut")	      /* nothing passes */                                                 \
	X(MTU, "mtu")	      /* larger packets vanish */                                          \
	X(DOOR, "door")	      /* the node's own interface refuses larger packets */                \
	X(CRASH, "crash")     /* killed at the start, started anew at the end */                   \
	X(WALL, "wall")	      /* the node's wall clock is `value` seconds off from now on */       \
	X(FREEZE, "freeze")   /* the node stands still, and its monotonic clock too */             \
	X(STALL, "stall")     /* the node is not scheduled; what comes waits */                    \
	X(SLEEP, "sleep") /* the machine is suspended: what comes is lost, the clock goes on */    \
	X(ROAM, "roam")	  /* the node is at another address */

enum fault_kind {
#define FAULT_ENUM(word, name) FAULT_##word,
	FAULT_LIST(FAULT_ENUM)
#undef FAULT_ENUM
		FAULT_COUNT
};

struct fault {
	enum fault_kind kind;
	uint64_t start_ns, end_ns; /* since SIM_START */
	uint8_t node, other;	   /* the link's ends; other SIM_ALL: all links of the node */
	bool one_way;		   /* from node to other only */
	int64_t value;
	bool left_out; /* by --only, or while shrinking */
	bool active;
};

#define SHAPE_LIST(X)                                                                              \
	X(PAIR, "pair") /* two that know each other's endpoint */                                  \
	X(HALF, "half") /* node 1 does not know where node 0 is */                                 \
	X(STAR, "star") /* node 1 relays for the others and knows nobody's endpoint */             \
	X(MESH, "mesh") /* everybody knows everybody */

enum shape {
#define SHAPE_ENUM(word, name) SHAPE_##word,
	SHAPE_LIST(SHAPE_ENUM)
#undef SHAPE_ENUM
		SHAPE_COUNT
};

struct scenario {
	uint64_t seed, length_ns;
	uint64_t salt; /* another channel for the same faults */
	enum shape shape;
	int n_nodes;
	enum control_cipher cipher[SIM_NODES];
	enum suite preferred[SIM_NODES];
	bool ipv6, psk;
	uint32_t mtu, path_mtu, keepalive_s, load_limit;
	uint64_t delay_ns;			  /* of every link, when nothing is wrong */
	uint64_t rekey_messages, refuse_messages; /* 0: as the suites have it */
	uint8_t lanes[SIM_NODES];
	bool closes; /* in bad times, all ports but lane 0's */
	struct fault faults[SIM_FAULTS];
	int n_faults;
};

/* A time when nothing is wrong. */
struct calm {
	uint64_t from, until;		  /* as `now` */
	uint64_t strict_from;		  /* from then on every frame must arrive */
	bool heard[SIM_NODES][SIM_NODES]; /* by the second from the first, since `from` */
	bool one_way;			  /* only `speaker` says anything at first */
	uint8_t speaker;
	bool checked, agreed;
	uint64_t too_big[SIM_NODES]
			[SIM_NODES]; /* when a message was for the first time; 0: never */
};

/* A frame as it was sent. Its number is its place in the list. */
struct sent {
	uint64_t when;
	uint16_t size;
	uint8_t from, to; /* SIM_ALL: to everybody */
	bool strict;	  /* sent in a calm time: must arrive */
	bool too_big;	  /* for a path that has become narrow: lost, and noticed by that */
	bool delivered[SIM_NODES];
	uint32_t
		through[SIM_NODES]; /* bytes of it that the channel let through to a live session */
	uint64_t first_through[SIM_NODES];
};

#define MARK_SEEN 1
#define MARK_ANSWERED 2 /* with a response */

struct packet {
	uint64_t when, order;
	struct endpoint from, to;
	uint8_t sender;
	bool copy, corrupt;
	uint32_t serial; /* that of its copies, too */
	uint32_t number; /* of the frame in it; 0: none */
	uint32_t share;	 /* bytes of that */
	size_t size;
	uint8_t bytes[];
};

struct world;

struct node {
	struct world *world;
	int index;
	struct engine *engine; /* NULL: down */
	uint32_t epoch;	       /* how often it was started */
	int down, frozen, stalled, asleep;
	bool roams;
	uint64_t lag_ns, stood_ns; /* its clock is behind by lag; frozen: it stands at stood */
	int64_t wall_ns;	   /* its wall clock is ahead by that */
	uint8_t private_key[KEY_SIZE], public_key[KEY_SIZE];
	uint64_t random;
	uint64_t fed, delivered; /* frames, since it was started */
	/* While stalled: */
	struct packet *waiting[256];
	struct late_frame {
		uint8_t to;
		uint32_t size;
	} late_frames[64];
	int n_waiting, n_late_frames;
	/* Of this engine's life, by the datagrams' serials: */
	uint8_t *marks;
	size_t marks_size;
	uint64_t n_responses;	       /* sent */
	uint64_t initiated[SIM_NODES]; /* when it did last; 0: never */
	/* EMSGSIZE, told after the call as a worker does it: */
	struct {
		uint32_t peer_id;
		size_t size;
	} refused[16];
	int n_refused;
	/* The message sealed last: */
	uint32_t seal_number, seal_share, piece_number;
	uint32_t delivered_number; /* in the engine call under way */
	uint8_t room[FRAME_HEADROOM + 20000 + FRAME_TAILROOM];
};

struct tally {
	uint64_t datagrams, frames, deliveries, let_through, let_through_lost, strict, heals, keys;
	uint64_t slowest_ns; /* from the end of bad times until somebody was heard */
	uint64_t drops[DROP_COUNT];
};

/* A fault begins or ends. */
struct edge {
	uint64_t when;
	uint16_t fault;
	bool begins;
};

struct world {
	const struct scenario *scenario;
	struct fault faults[SIM_FAULTS]; /* of the scenario, with their state */
	struct edge edges[2 * SIM_FAULTS];
	int n_edges, edge_at;
	uint64_t now, order, end;
	uint64_t channel_random, traffic_random;
	struct node nodes[SIM_NODES];
	struct packet **heap;
	size_t n_heap, heap_len;
	struct calm calms[SIM_FAULTS + 1];
	int n_calms, calm_at; /* the one we are in, or will be */
	struct sent *sent;
	size_t n_sent, sent_len, judged;
	/* traffic.c */
	uint64_t dense_due, sparse_due, episode_end;
	int mode;
	uint8_t mode_from;
	struct tally tally;
	const char *sabotage; /* what to break, to see whether it is noticed */
	double trace_from;    /* seconds; negative: not at all */
	char failure[256];    /* empty: all is well */
	uint64_t failed_at;
};

/* A stream of random numbers (splitmix64). */
uint64_t sim_random(uint64_t *state);
static inline uint64_t sim_below(uint64_t *state, uint64_t n)
{
	return sim_random(state) % n;
}
static inline uint64_t sim_between(uint64_t *state, uint64_t low, uint64_t high)
{
	return low + sim_random(state) % (high - low + 1);
}

/* scenario.c */
void scenario_draw(struct scenario *scenario, uint64_t seed, uint64_t length_ns);
void scenario_print(const struct scenario *scenario);
const char *fault_name(enum fault_kind kind);
/* Does node i know j's endpoint? */
bool scenario_knows(const struct scenario *scenario, int i, int j);
/* Was the node's wall clock ever wrong? Then its initiations may be refused as replays. */
bool scenario_clock_is_wrong(const struct scenario *scenario, int node);
/* May only i speak to j after bad times, and be heard in time all the same? */
bool scenario_may_speak_alone(const struct scenario *scenario, int i, int j);
/* Are they peers? */
bool scenario_peers(const struct scenario *scenario, int i, int j);
/* The times in which nothing is wrong; returns how many. */
int scenario_calms(const struct scenario *scenario, struct calm *calms);

/* world.c */
void world_run(struct world *world, const struct scenario *scenario, const char *sabotage,
	       double trace_from);
void world_fini(struct world *world);
/* The first failure counts, and ends the run. */
__attribute__((format(printf, 2, 3))) void world_fail(struct world *world, const char *format, ...);
__attribute__((format(printf, 2, 3))) void world_trace(struct world *world, const char *format,
						       ...);
double world_seconds(uint64_t now);

/* node.c */
/* By the node's own clock. */
uint64_t node_now(const struct node *node);
bool node_runs(const struct node *node);
struct control_endpoint node_address(const struct node *node, bool away);
void node_init(struct node *node, struct world *world, int index);
void node_start(struct node *node);
/* Tells the node of its peers, whose keys must be known. */
void node_introduce(struct node *node);
void node_stop(struct node *node, bool at_end);
void node_tick(struct node *node);
/* Gives a datagram to the engine; the packet stays the caller's. */
void node_give(struct node *node, const struct packet *packet);
/* The node is scheduled again: timers and sockets are both due, and either may be first. */
void node_resume(struct node *node);
/* A frame from the node's own side. */
void node_feed(struct node *node, uint8_t to, uint32_t size);

/* channel.c */
void channel_send(struct node *node, const struct endpoint *to, const uint8_t *bytes, size_t size,
		  uint32_t peer_id);
/* Takes the packet that arrives next; NULL: none. The caller frees it. */
struct packet *channel_take(struct world *world);
uint64_t channel_due(const struct world *world);
/* Who is at that address now? NULL: nobody. */
struct node *channel_find(struct world *world, const struct endpoint *to);

/* traffic.c */
void traffic_init(struct world *world);
uint64_t traffic_due(const struct world *world);
void traffic_run(struct world *world);
/* Is anything to be said from i to j in the first half minute of the calm time? */
bool traffic_is_due(const struct world *world, const struct calm *calm, int i, int j);
/* Writes frame `number`, as sent; its checksum fields in *frame. */
void traffic_make(uint32_t number, uint8_t from, uint8_t to, struct frame *frame);

/* watch.c */
void watch_delivered(struct node *node, struct frame *frame);
/* The path, or the node's own interface, is too narrow for what was just sent. */
void watch_too_big(struct node *node, const struct node *to, bool at_door);
/* A handshake message is sent. */
void watch_handshake(struct node *node, const struct node *to, int type);
void watch_arrival(struct node *node, const struct packet *packet, bool up);
void watch_account(struct node *node, bool at_end);
/* What is due to be judged by now. */
void watch_judge(struct world *world);

/* hooks.c: around the engine's calls of ciphers. The node whose engine runs now: */
extern struct node *hooks_node;
void hooks_init(struct world *world);
void hooks_fini(struct world *world);
/* The datagram about to be sent carries what was sealed last. */
void hooks_check_datagram(struct node *node, const uint8_t *bytes, size_t size);
