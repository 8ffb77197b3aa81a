/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keeper's control socket: a client sends pieces of messages, whole or not, with descriptors
 * or not, and the keeper's loop runs until nothing more happens. What it answers is read as the
 * door reads it. Workers, TAPs and key files are played; all else is the keeper's own code.
 *
 * An input: pieces, each a head (request, flags, code), its size and its text. The same text is
 * also taken for an answer of a hostile keeper.
 *
 * covers: src/world/keeper_wire.c src/world/keeper_text.c src/daemon/control.c src/daemon/change.c
 * covers: src/daemon/setup.c src/daemon/secrets.c
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/inside.h"
#include "fuzz/fuzz.h"
#include "fuzz/keeper_played.h"
#include "model/record.h"

const char fuzz_name[] = "keeper";
const unsigned int fuzz_sample = 2000;
const size_t fuzz_most = 1 << 14;

#define PIECES_MOST 12

enum { MORE = 1, BAD_MAGIC = 2, BAD_PROTOCOL = 4, FDS = 8, BAD_ZERO = 16, SHORT = 32, ONE = 64 };

/* As world/keeper_wire.c has it. */
struct head {
	uint32_t magic;
	uint8_t protocol, request, more, zero;
	int32_t code;
};

static struct keeper keeper;
static struct sockaddr_un address;
static char folder[64];
static int sockets[2]; /* bound: IPv4, IPv6 */
static struct loop_source idle;
static unsigned int rounds;

/* Always ready; each time it comes round everything else has had its turn. */
static void idle_act(void *data, int what)
{
	if (!rounds--)
		loop_stop(&keeper.loop);
}

static void loop_some(unsigned int some)
{
	struct err err;

	rounds = some;
	keeper.loop.stop = false;
	FUZZ_CHECK(loop_run(&keeper.loop, &err) == 0);
}

/* What its port is said to be is PLAYED_PORT, see keeper_played.h. */
static int socket_bound(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 at = {.sin6_family = (sa_family_t)family};

	/* where there is no IPv6 any descriptor does: it is refused then */
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return fd < 0 ? eventfd(0, EFD_CLOEXEC) : fd;
	return fd;
}

static void leave(void)
{
	control_close(&keeper);
	rmdir(folder);
}

static void begin(void)
{
	static bool begun;
	struct err err;
	int folder_fd;

	if (begun)
		return;
	begun = true;
	snprintf(folder, sizeof(folder), "/tmp/fuzz-keeper-%d", (int)getpid());
	FUZZ_CHECK(folder_make(folder, &err) == 0);
	snprintf(keeper.folder, sizeof(keeper.folder), "%s", folder);
	keeper.folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	keeper.log.fd = -1;
	FUZZ_CHECK(loop_open(&keeper.loop, &err) == 0);
	FUZZ_CHECK(control_open(&keeper, &err) == 0);
	FUZZ_CHECK(keeper_address(folder, &address, &folder_fd, &err) == 0);
	FUZZ_CHECK(loop_add(&keeper.loop, &idle, eventfd(1, EFD_CLOEXEC), EPOLLIN, idle_act, NULL,
			    &err) == 0);
	sockets[0] = socket_bound(AF_INET);
	sockets[1] = socket_bound(AF_INET6);
	atexit(leave);
}

static void piece_send(int sock, struct input *input, struct text *all)
{
	uint8_t request = input_u8(input), flags = input_u8(input);
	struct head head = {0x6d6f6f6c ^ (flags & BAD_MAGIC),
			    (uint8_t)(KEEPER_PROTOCOL ^ (flags & BAD_PROTOCOL)),
			    request,
			    flags & MORE,
			    flags & BAD_ZERO,
			    -(int32_t)input_u8(input)};
	size_t size = input_u16(input);
	const uint8_t *bytes = input_bytes(input, &size);
	struct iovec parts[2] = {{&head, flags & SHORT ? 7 : sizeof(head)}, {(void *)bytes, size}};
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(sockets))];
	} space = {.align = {CMSG_LEN(sizeof(sockets)), SOL_SOCKET, SCM_RIGHTS}};
	struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};

	if (flags & FDS) {
		memcpy(CMSG_DATA(&space.align), sockets, sizeof(sockets));
		header.msg_control = &space;
		header.msg_controllen = sizeof(space.bytes);
		if (flags & ONE) {
			space.align.cmsg_len = CMSG_LEN(sizeof(int));
			header.msg_controllen = CMSG_SPACE(sizeof(int));
		}
	}
	text_addn(all, (const char *)bytes, size);
	(void)sendmsg(sock, &header, MSG_NOSIGNAL | MSG_DONTWAIT); /* it may have closed */
}

static void answer_check(int sock)
{
	struct keeper_message answer KEEPER_MESSAGE_CLEANUP = {0};
	struct arena arena;
	struct state state;
	struct err err = {0};
	int step, r;

	do
		r = keeper_message_receive(sock, &answer, &err);
	while (r == 0 && answer.begun);
	if (r != 1)
		return; /* it closed without a word */
	arena_init(&arena);
	state_init(&state, &arena);
	if (answer.code) {
		keeper_error_get(&answer, &step, &err);
		check_err(&err);
	} else if (answer.request == KEEPER_LIST) {
		FUZZ_CHECK(keeper_objects_get(&answer.text, &arena, &state, &err) == 0);
	} else if (answer.request == KEEPER_PING) {
		FUZZ_CHECK(keeper_line(&answer.text, "pid", &arena));
	}
	arena_fini(&arena);
}

/* The door's side, with a keeper that says this. */
static void hostile_answer(const struct text *text)
{
	struct keeper_message answer = {.code = -EINVAL, .text = *text};
	struct arena arena;
	struct state state;
	struct err err = {0};
	int step;

	arena_init(&arena);
	state_init(&state, &arena);
	keeper_error_get(&answer, &step, &err);
	check_err(&err);
	if (keeper_objects_get(text, &arena, &state, &err))
		check_err(&err);
	keeper_line(text, "pid", &arena);
	arena_fini(&arena);
}

/* Steps that were understood are written as they are read. */
static void steps_check(const struct text *text)
{
	struct text written TEXT_CLEANUP = {0}, again TEXT_CLEANUP = {0};
	struct keeper_step *steps, *second;
	struct arena arena;
	struct err err = {0};
	size_t len, second_len;

	arena_init(&arena);
	for (size_t fds = 0; fds <= 2; fds++) {
		if (keeper_steps_get(text, fds, &arena, &steps, &len, &err)) {
			check_err(&err);
			continue;
		}
		text_clear(&written);
		text_clear(&again);
		keeper_steps_put(steps, len, &written);
		FUZZ_CHECK(keeper_steps_get(&written, fds, &arena, &second, &second_len, &err) ==
			   0);
		keeper_steps_put(second, second_len, &again);
		FUZZ_CHECK(text_same(text_get(&written), text_get(&again)));
	}
	arena_fini(&arena);
}

void fuzz_one(const uint8_t *bytes, size_t size)
{
	struct input input = {bytes, bytes + size};
	struct text all TEXT_CLEANUP = {0};

	begin();
	for (int i = 0; i < PIECES_MOST && input_left(&input);) {
		int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		uint8_t pieces = input_u8(&input) % 4 + 1;

		FUZZ_CHECK(connect(sock, (struct sockaddr *)&address, sizeof(address)) == 0);
		for (; pieces-- && input_left(&input); i++)
			piece_send(sock, &input, &all);
		loop_some(8);
		answer_check(sock);
		close(sock);
		loop_some(4);
	}
	while (keeper.len)
		service_remove(&keeper, keeper.services[0]);
	free(keeper.services);
	keeper.services = NULL;
	if (!memchr(text_get(&all), 0, all.size)) {
		hostile_answer(&all);
		steps_check(&all);
	}
}

static void put_piece(struct text *out, uint8_t request, uint8_t flags, const struct text *text)
{
	uint16_t size = (uint16_t)text->size;

	text_addn(out, (const char[]){(char)request, (char)flags, 0}, 3);
	text_addn(out, (const char *)&size, 2);
	text_addn(out, text_get(text), text->size);
}

static void unset(struct object *object, const char *key)
{
	int field = kind_field_find(object->kind, key);

	FUZZ_CHECK(field >= 0);
	object->set &= ~(UINT64_C(1) << field);
}

static struct object *example(const char *kind, unsigned int variant, struct arena *arena)
{
	struct object *object =
		example_object(kind_find(kind), "", UINT64_MAX, variant, false, arena);

	if (strcmp(kind, "tunnel") == 0) {
		object_set(object, "name", "lan0", arena);
		object_set(object, "port", PLAYED_PORT_TEXT, arena);
		unset(object, "keys.public"); /* those of no file that is played */
	} else {
		object_set(object, "tunnel", "lan0", arena);
		unset(object, "keys.shared-digest");
	}
	return object;
}

/* A tunnel with a peer is made, listed, changed, asked and taken away. */
static void seed_life(struct seeds *seeds, unsigned int variant, struct arena *arena)
{
	struct keeper_step make[] = {
		{.step.after = example("tunnel", 0, arena), .sockets = 1 + variant % 2},
		{.step.after = example("peer", variant, arena), .resolved = "192.0.2.1:51821"},
	};
	struct keeper_step change[] = {
		{.step = {.before = example("tunnel", 0, arena),
			  .after = example("tunnel", variant, arena),
			  .mask = UINT64_C(0x38)}},
		{.step = {.before = example("peer", 0, arena),
			  .after = example("peer", variant, arena),
			  .mask = UINT64_C(0xf8)},
		 .resolved = "[fe80::1%2]:1"},
	};
	struct keeper_step end[] = {{.step.before = example("tunnel", 0, arena)}};
	struct text text TEXT_CLEANUP = {0}, part TEXT_CLEANUP = {0};
	const struct text none = {0};

	keeper_steps_put(make, 2, &part);
	text_addn(&text, "\0", 1);
	put_piece(&text, KEEPER_APPLY, variant % 2 ? FDS : FDS | ONE, &part);
	for (int request = 0; request <= KEEPER_REQUEST_COUNT; request++) {
		text_addn(&text, "\0", 1);
		put_piece(&text, (uint8_t)request, 0, &none);
	}
	text_clear(&part);
	keeper_steps_put(change, 2, &part);
	text_addn(&text, "\1", 1);
	put_piece(&text, KEEPER_APPLY, MORE, &part);
	put_piece(&text, KEEPER_APPLY, 0, &none);
	text_clear(&part);
	keeper_steps_put(end, 1, &part);
	text_addn(&text, "\0", 1);
	put_piece(&text, KEEPER_APPLY, 0, &part);
	seed_text(seeds, &text);
}

void fuzz_seeds(struct seeds *seeds)
{
	struct text text TEXT_CLEANUP = {0}, part TEXT_CLEANUP = {0};
	struct arena arena;

	arena_init(&arena);
	for (unsigned int variant = 0; variant < 8; variant++)
		seed_life(seeds, variant, &arena);
	text_add(&part, "message a%%20b\nobject lan0\nhint %%1b[0m\nstep 1\nversion 1\npid 1\n");
	text_addn(&text, "\0", 1);
	put_piece(&text, KEEPER_APPLY, 0, &part);
	seed_text(seeds, &text);
	for (size_t k = 0; kinds[k]; k++) {
		text_clear(&text);
		text_clear(&part);
		record_put(example_object(kinds[k], "", UINT64_MAX, 0, false, &arena), &part);
		text_add(&part, "\n");
		text_addn(&text, "\0", 1);
		put_piece(&text, KEEPER_APPLY, 0, &part);
		seed_text(seeds, &text);
	}
	example_words(seeds);
	for (size_t i = 0; i < 7; i++)
		seed_word(seeds, (const char *const[]){"step\n", "before ", "after ", "fields ",
						       "sockets 1\n", "resolved ", "step 1\n"}[i]);
	arena_fini(&arena);
}
