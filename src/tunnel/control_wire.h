/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages behind control.h; for control.c and the worker's side of it. */
#pragma once
#include "tunnel/control.h"

#define CONTROL_MAGIC 0x6c6f6f32 /* changes with every change of these structs */
#define CONTROL_FDS 3
#define CONTROL_PEERS_MAX 65536

enum control_message_type {
	CONTROL_BEGIN,	     /* config, and descriptors; then LANE, n_peers times PEER, COMMIT */
	CONTROL_LANE,	     /* lane, and its descriptors */
	CONTROL_PEER,	     /* peer */
	CONTROL_COMMIT,	     /* answered */
	CONTROL_SET,	     /* peer; answered */
	CONTROL_REMOVE,	     /* peer.public_key; answered */
	CONTROL_TAP,	     /* lane, and a descriptor; answered */
	CONTROL_STATUS,	     /* answered by TUNNEL, PEER_STATUS for each peer, RESULT */
	CONTROL_RESULT,	     /* result */
	CONTROL_TUNNEL,	     /* tunnel */
	CONTROL_PEER_STATUS, /* peer_status */
	CONTROL_MESSAGE_COUNT
};

struct control_begin {
	char name[CONTROL_NAME_SIZE];
	uint8_t private_key[CONTROL_KEY_SIZE];
	uint32_t cipher, mtu, segment, n_lanes, n_peers;
};

struct control_result {
	int32_t code; /* 0 or -errno */
	char message[420];
};

struct control_message {
	uint32_t magic, type;
	uint32_t fd_mask; /* which of tap, udp4, udp6 come with it, in that order */
	union {
		struct control_begin begin;
		uint32_t lane;
		struct control_peer peer;
		struct control_result result;
		struct control_tunnel_status tunnel;
		struct control_peer_status peer_status;
	};
};

/* Sends one message, with fds[i] where bit i of fd_mask is set. Wipes nothing. 0 or -errno. */
int control_message_send(int fd, const struct control_message *message, const int fds[CONTROL_FDS]);

/*
 * Receives one message; strings in it end. fds[] (NULL: none are welcome) get descriptors, -1
 * where there is none. 1: there is one; 0: the other end has closed; -errno, -EPROTO for what is
 * no message of ours; descriptors are closed then.
 */
int control_message_receive(int fd, struct control_message *message, int fds[CONTROL_FDS]);
