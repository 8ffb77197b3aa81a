/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why something did not pass. Whatever comes in and does not go out is counted under one of these
 * names, never logged one by one, so that in = out + held + sum of drops can be checked.
 */
#pragma once
#include <stdint.h>

/* clang-format off */
#define DROP_LIST(X)                                                                               \
	/* frames from the own side */                                                             \
	X(FRAME_SHORT, "frame-short")           /* fewer than 14 bytes */                          \
	X(FRAME_LONG, "frame-long")             /* more than the MTU allows */                     \
	X(FRAME_OFFLOAD, "frame-offload")       /* a super-frame, or checksum fields that lie */   \
	X(NO_PEER, "no-peer")                   /* nobody to send it to */                         \
	X(NO_SESSION, "no-session")             /* the peer has not answered for a while */        \
	X(QUEUE_FULL, "queue-full")             /* waited for a session; newer ones came */        \
	X(QUEUE_OLD, "queue-old")               /* waited for a session for too long */            \
	X(WIRE_FULL, "wire-full")               /* no room for the datagram */                     \
	X(COUNTER_END, "counter-end")           /* the session's messages are used up */           \
	/* datagrams from the wire, before they are open */                                        \
	X(MALFORMED, "malformed")               /* wrong length, type or reserved bytes */         \
	X(BAD_MAC1, "bad-mac1")                 /* not for this host and key */                    \
	X(COOKIE_SENT, "cookie-sent")           /* under load, answered with a cookie */           \
	X(RATE_LIMIT, "rate-limit")             /* under load, too many from one address */        \
	X(CIPHER_REFUSED, "cipher-refused")     /* a suite that is not accepted */                 \
	X(UNKNOWN_PEER, "unknown-peer")         /* a static key that nobody configured */          \
	X(HANDSHAKE_BAD, "handshake-bad")       /* did not authenticate */                         \
	X(HANDSHAKE_REPLAY, "handshake-replay") /* timestamp not newer, or too soon */             \
	X(COOKIE_BAD, "cookie-bad")             /* a cookie nobody asked for, or a forged one */   \
	X(UNKNOWN_INDEX, "unknown-index")       /* no session, handshake or lane of that number */ \
	X(EXPIRED, "expired")                   /* the session is too old or its counter too high */ \
	X(REPLAY, "replay")                     /* counter seen before, or behind the window */    \
	X(DATA_BAD, "data-bad")                 /* did not authenticate */                         \
	/* what was inside */                                                                      \
	X(INNER_BAD, "inner-bad")               /* header fields or padding are wrong */           \
	X(SEGMENT_OTHER, "segment-other")       /* another virtual LAN */                          \
	X(CONTROL_UNKNOWN, "control-unknown")   /* a control message of a type not known */        \
	X(PIECE_BAD, "piece-bad")               /* overlaps, or contradicts the others */          \
	X(PIECE_LOST, "piece-lost")             /* the rest of the frame did not come in time */   \
	X(PIECE_FULL, "piece-full")             /* too many frames in pieces at once */            \
	X(SOURCE_GROUP, "source-group")         /* a group address as source */                    \
	X(MAC_HOLD, "mac-hold")                 /* address moves too fast: loop, doubled MAC */    \
	X(STORM, "storm")                       /* more group frames than the limit */             \
	X(REMOVED, "removed")                   /* held for a peer that was removed */             \
	/* at the doors; the engine has counted these as passed */                                 \
	X(TAP_ERROR, "tap-error")               /* the TAP refused the frame */                    \
	X(WIRE_ERROR, "wire-error")             /* the socket refused the datagram */              \
	X(WIRE_TOO_BIG, "wire-too-big")         /* EMSGSIZE: the path MTU is learned from it */
/* clang-format on */

enum drop {
#define DROP_ENUM(word, name) DROP_##word,
	DROP_LIST(DROP_ENUM)
#undef DROP_ENUM
		DROP_COUNT
};

/* The first of those that the engine does not count itself: they happen behind its back. */
#define DROP_FIRST_DOOR DROP_TAP_ERROR

/* "bad-mac1" and so on; static. */
const char *drop_name(enum drop drop);
