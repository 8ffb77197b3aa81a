/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The protocol between the door and the keeper, as keeper_door.h describes it, for both ends. */
#pragma once
#include "model/step.h"

#define KEEPER_PROTOCOL 1
#define KEEPER_SOCKET "control"
#define KEEPER_PIECE_SIZE (64u << 10) /* text in one message */
#define KEEPER_TEXT_MOST (4u << 20)   /* text of a request or an answer */
#define KEEPER_LINE_MOST (2 << 20)    /* a record; the longest is a network's configuration */
#define KEEPER_FDS_MOST 64
/* In a notice: who sends it has looked at the store, under its lock. */
#define KEEPER_NOTHING "nothing-promised"

enum keeper_request {
	KEEPER_PING,
	KEEPER_LIST,
	KEEPER_APPLY,
	KEEPER_STATUS,
	KEEPER_NOTICE,
	KEEPER_REQUEST_COUNT
};

/* A request or an answer. Zeroed: empty; keeper_message_fini frees it. */
struct keeper_message {
	enum keeper_request request;
	int code; /* of an answer: 0 or -errno */
	struct text text;
	int fds[KEEPER_FDS_MOST]; /* received ones are closed by _fini */
	size_t fd_count;
	bool begun;
};

void keeper_message_fini(struct keeper_message *message);
#define KEEPER_MESSAGE_CLEANUP __attribute__((cleanup(keeper_message_fini)))

/* Sends all of it; the descriptors go with the first piece and stay the caller's. */
int keeper_message_send(int sock, const struct keeper_message *message, struct err *err);

/*
 * Takes one piece in: 1 when it was the last, 0 when more follow or none is there yet (-EAGAIN is
 * no error). -ECONNRESET: the other end is gone; -EPROTO: not this protocol.
 */
int keeper_message_receive(int sock, struct keeper_message *message, struct err *err);

/* A step and what the door found out for it. */
struct keeper_step {
	struct step step;
	unsigned int sockets; /* so many of the descriptors, in order */
	const char
		*resolved; /* a peer's endpoint: "192.0.2.1:51821", "[fe80::1%3]:51821"; or NULL */
};

void keeper_steps_put(const struct keeper_step *steps, size_t len, struct text *out);

/*
 * Reads and checks: kinds are the keeper's, both sides are one object, what has to be there is,
 * descriptors add up to `fds`. -EINVAL names the line.
 */
int keeper_steps_get(const struct text *text, size_t fds, struct arena *arena,
		     struct keeper_step **steps, size_t *len, struct err *err);

/* Objects as lines, as in the answer to a list. */
int keeper_objects_get(const struct text *text, struct arena *arena, struct state *out,
		       struct err *err);

/* An error as an answer and back. `step`: number of the step that it is about, -1: none. */
void keeper_error_put(const struct err *error, int step, struct keeper_message *answer);
void keeper_error_get(const struct keeper_message *answer, int *step, struct err *error);

/* Text after a line's first word: "pid 42" and "pid" give "42" (in the arena). NULL: no such line.
 */
const char *keeper_line(const struct text *text, const char *word, struct arena *arena);

/*
 * The socket of a state folder as an address; a path that is too long goes through a descriptor of
 * the folder, *folder_fd, to be closed after use (-1: none needed).
 */
struct sockaddr_un;
int keeper_address(const char *folder, struct sockaddr_un *address, int *folder_fd,
		   struct err *err);

/* Room for long texts in both directions, as far as the system allows. */
void keeper_socket_widen(int sock);
