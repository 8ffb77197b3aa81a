/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What keeper and worker say to each other, each hearing a hostile other end. Two programs:
 *
 *	0	a worker hears messages and descriptors; it answers each or gives up
 *	1	a keeper asks, and finds these messages as answers
 *
 * A message: its type, where its struct is overwritten, how many descriptors come along, and how
 * much of it is sent.
 *
 * covers: src/tunnel/control.c src/tunnel/worker_control.c src/tunnel/configure.c
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "tunnel/worker_state.h"

const char fuzz_name[] = "worker";
const unsigned int fuzz_sample = 500;
const size_t fuzz_most = 2048;

#define MESSAGES_MOST 24
#define FDS_MOST 8
#define LANES 2

enum { HEARS_WORKER, HEARS_KEEPER };

/* Where a message may be overwritten, so that a mutation need not find the place. */
static const size_t places[] = {
	offsetof(struct control_message, magic),
	offsetof(struct control_message, type),
	offsetof(struct control_message, fd_mask),
	offsetof(struct control_message, begin.private_key),
	offsetof(struct control_message, begin.cipher),
	offsetof(struct control_message, begin.mtu),
	offsetof(struct control_message, begin.n_peers),
	offsetof(struct control_message, begin.n_lanes),
	offsetof(struct control_message, lane),
	offsetof(struct control_message, peer.public_key),
	offsetof(struct control_message, peer.has_preshared_key),
	offsetof(struct control_message, peer.cipher),
	offsetof(struct control_message, peer.endpoint),
	offsetof(struct control_message, peer.keepalive_s),
	offsetof(struct control_message, peer.relay),
	offsetof(struct control_message, peer.mac_limit),
	offsetof(struct control_message, result.code),
	offsetof(struct control_message, result.message),
	offsetof(struct control_message, tunnel.aead),
	offsetof(struct control_message, peer_status.connected),
	offsetof(struct control_message, peer_status.cipher),
};
#define PLACES (sizeof(places) / sizeof(places[0]))

static void message_make(struct control_message *message, struct input *input)
{
	memset(message, 0, sizeof(*message));
	message->magic = CONTROL_MAGIC;
	message->type = input_u8(input) % (CONTROL_MESSAGE_COUNT + 1);
	if (message->type == CONTROL_BEGIN) {
		memset(message->begin.private_key, 0x42, CONTROL_KEY_SIZE);
		message->begin.mtu = 1500;
		message->begin.cipher = CONTROL_CIPHER_AUTO;
	}
	if (message->type == CONTROL_PEER || message->type == CONTROL_SET ||
	    message->type == CONTROL_REMOVE)
		message->peer.public_key[0] = 9;
	for (uint8_t n = input_u8(input) % 8; n--;) {
		size_t place = places[input_u8(input) % PLACES];
		size_t at = place + input_u8(input) % 4;
		size_t size = input_u8(input) % 40;
		const uint8_t *bytes = input_bytes(input, &size);

		if (size > sizeof(*message) - at)
			size = sizeof(*message) - at;
		memcpy((uint8_t *)message + at, bytes, size);
	}
}

static void message_send(int fd, struct input *input)
{
	struct control_message message;
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(FDS_MOST * sizeof(int))];
	} space = {0};
	struct iovec part = {&message, sizeof(message)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	uint8_t n_fds, cut;
	int event = -1;

	message_make(&message, input);
	n_fds = input_u8(input) % (FDS_MOST + 1);
	cut = input_u8(input);
	if (cut > 250)
		part.iov_len = (size_t)cut * 3 % sizeof(message);
	if (n_fds) {
		struct cmsghdr *c = &space.align;

		event = eventfd(0, EFD_CLOEXEC);
		header.msg_control = space.bytes;
		header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		*c = (struct cmsghdr){CMSG_LEN(n_fds * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		for (uint8_t i = 0; i < n_fds; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &event, sizeof(int));
	}
	FUZZ_CHECK(sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0);
	if (event >= 0)
		close(event);
}

/* Whatever a worker answers is a message that a keeper takes. */
static void answers_check(int fd)
{
	struct control_message message;
	struct iovec part = {&message, sizeof(message)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

	while (recvmsg(fd, &header, MSG_PEEK | MSG_DONTWAIT) > 0) {
		FUZZ_CHECK(control_message_receive(fd, &message, NULL) == 1);
		FUZZ_CHECK(message.type == CONTROL_RESULT || message.type == CONTROL_TUNNEL ||
			   message.type == CONTROL_PEER_STATUS);
		FUZZ_CHECK(message.type != CONTROL_RESULT || message.result.code <= 0);
	}
}

/*
 * Each engine looks for its ciphers and tries them once; that is a third of an input, and the same
 * each time. So all get one, and as many have to be given back.
 */
struct crypto *__wrap_crypto_new(struct err *err);
struct crypto *__real_crypto_new(struct err *err);
void __wrap_crypto_free(struct crypto *crypto);

static struct crypto *tried;
static int crypto_count;

struct crypto *__wrap_crypto_new(struct err *err)
{
	if (!tried)
		tried = __real_crypto_new(err);
	FUZZ_CHECK(tried && !crypto_failed(tried));
	crypto_count++;
	return tried;
}

void __wrap_crypto_free(struct crypto *crypto)
{
	if (crypto)
		crypto_count--;
}

/*
 * A lane is six megabytes of buffers, of which an input touches none or little: they are mapped
 * once, and each input gets them back as zeros, of which only what was touched costs anything.
 */
static struct porter *porter_blank(uint8_t lane)
{
	static struct porter *porters[LANES];

	if (!porters[lane])
		porters[lane] = mmap(NULL, sizeof(struct porter), PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	FUZZ_CHECK(porters[lane] != MAP_FAILED);
	FUZZ_CHECK(madvise(porters[lane], sizeof(struct porter), MADV_DONTNEED) == 0);
	return porters[lane];
}

static void hear_worker(int fds[2], struct input *input)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	bool hears = true;

	FUZZ_CHECK(worker);
	worker->control_fd = fds[1];
	worker->n_porters = LANES;
	for (uint8_t i = 0; i < LANES; i++) {
		worker->porters[i] = porter_blank(i);
		worker->sockets[i] = &worker->porters[i]->udp;
		FUZZ_CHECK(porter_open(worker->porters[i], worker, i) == 0);
	}
	worker->holder = worker->porters[0];
	for (int i = 0; hears && i < MESSAGES_MOST && input_left(input); i++) {
		message_send(fds[0], input);
		hears = worker_hear(worker);
		answers_check(fds[0]);
	}
	worker_forget_staged(worker);
	engine_free(worker->engine);
	FUZZ_CHECK(crypto_count == 0);
	for (uint8_t i = 0; i < LANES; i++)
		porter_close(worker->porters[i]);
	free(worker);
}

static void hear_keeper(int fds[2], struct input *input)
{
	struct control_peer peer = {.name = "b", .public_key = {9}};
	struct control_config config = {.name = "lan0",
					.mtu = 1500,
					.peers = &peer,
					.n_peers = 1,
					.tap_fd = -1,
					.udp4_fd = -1,
					.udp6_fd = -1};
	struct control_tunnel_status tunnel;
	struct control_peer_status peers[4];
	struct err err = {0};
	int r;

	for (int i = 0; i < MESSAGES_MOST && input_left(input); i++)
		message_send(fds[1], input);
	shutdown(fds[1], SHUT_WR);
	for (int i = 0; i < 4; i++) {
		r = control_read_status(fds[0], &tunnel, peers, 4, &err);
		FUZZ_CHECK(r <= 4);
		if (r < 0)
			check_err(&err);
		for (int j = 0; j < r; j++) {
			FUZZ_CHECK(memchr(peers[j].name, 0, sizeof(peers[j].name)));
			FUZZ_CHECK(control_cipher_name(peers[j].cipher));
		}
	}
	if (control_send_config(fds[0], &config, &err))
		check_err(&err);
	if (control_set_peer(fds[0], &peer, &err))
		check_err(&err);
	if (control_remove_peer(fds[0], peer.public_key, &err))
		check_err(&err);
	if (control_send_tap(fds[0], 0, fds[0], &err))
		check_err(&err);
}

void fuzz_one(const uint8_t *bytes, size_t size)
{
	struct input input = {bytes, bytes + size};
	struct err err;
	int fds[2];

	FUZZ_CHECK(control_pair(fds, &err) == 0);
	if (input_u8(&input) % 2 == HEARS_WORKER)
		hear_worker(fds, &input);
	else
		hear_keeper(fds, &input);
	close(fds[0]);
	close(fds[1]);
}

struct written {
	uint8_t bytes[2048];
	size_t size;
};

static void put(struct written *written, const void *bytes, size_t size)
{
	memcpy(written->bytes + written->size, bytes, size);
	written->size += size;
}

static void put_u8(struct written *written, unsigned int value)
{
	put(written, &(uint8_t){(uint8_t)value}, 1);
}

/* One change: the bytes at a place. */
static void put_change(struct written *written, size_t place, const void *bytes, uint8_t size)
{
	unsigned int i = 0;

	while (places[i] != place) /* the first: members of the union may share it */
		i++;
	put_u8(written, i);
	put_u8(written, 0);
	put_u8(written, size);
	put(written, bytes, size);
}

#define PLACE(member) offsetof(struct control_message, member)

static void put_message(struct written *written, unsigned int type, unsigned int n_fds,
			uint32_t fd_mask)
{
	put_u8(written, type);
	put_u8(written, 1);
	put_change(written, PLACE(fd_mask), &fd_mask, 4);
	put_u8(written, n_fds);
	put_u8(written, 0);
}

/* A configuration with a TAP, two sockets and one peer. */
static void put_config(struct written *written, uint8_t key)
{
	uint32_t one = 1, mask = 7;

	put_u8(written, CONTROL_BEGIN);
	put_u8(written, 3);
	put_change(written, PLACE(begin.n_peers), &one, 4);
	put_change(written, PLACE(begin.private_key), &key, 1);
	put_change(written, PLACE(fd_mask), &mask, 4);
	put_u8(written, 3);
	put_u8(written, 0);
	put_message(written, CONTROL_PEER, 0, 0);
	put_message(written, CONTROL_COMMIT, 0, 0);
}

void fuzz_seeds(struct seeds *seeds)
{
	struct control_endpoint endpoint = {.family = 4, .address = {10, 0, 0, 1}, .port = 5};
	struct written worker = {0}, changed = {0};
	uint32_t mtu = 9000;

	put_u8(&worker, HEARS_WORKER);
	put_config(&worker, 0x42);
	put_message(&worker, CONTROL_STATUS, 0, 0);
	put_u8(&worker, CONTROL_SET);
	put_u8(&worker, 2);
	put_change(&worker, PLACE(peer.public_key), "\5", 1);
	put_change(&worker, PLACE(peer.endpoint), &endpoint, sizeof(endpoint));
	put_u8(&worker, 0);
	put_u8(&worker, 0);
	put_message(&worker, CONTROL_REMOVE, 0, 0);
	put_message(&worker, CONTROL_TAP, 1, 1);
	put_message(&worker, CONTROL_STATUS, 0, 0);
	seed_add(seeds, worker.bytes, worker.size);
	put_config(&worker, 0x43);
	put_u8(&worker, CONTROL_BEGIN);
	put_u8(&worker, 1);
	put_change(&worker, PLACE(begin.mtu), &mtu, 4);
	put_u8(&worker, 0);
	put_u8(&worker, 0);
	put_message(&worker, CONTROL_COMMIT, 0, 0);
	seed_add(seeds, worker.bytes, worker.size);

	put_u8(&changed, HEARS_KEEPER);
	for (unsigned int i = 0; i < 4; i++) {
		put_message(&changed, CONTROL_TUNNEL, 0, 0);
		put_message(&changed, CONTROL_PEER_STATUS, 0, 0);
		put_message(&changed, CONTROL_RESULT, 0, 0);
	}
	for (unsigned int i = 0; i < 4; i++)
		put_message(&changed, CONTROL_RESULT, i, 0);
	seed_add(seeds, changed.bytes, changed.size);
	for (unsigned int type = 0; type <= CONTROL_MESSAGE_COUNT; type++)
		for (unsigned int n_fds = 0; n_fds <= FDS_MOST; n_fds += 2) {
			struct written one = {0};

			put_u8(&one, type % 2);
			put_message(&one, type, n_fds, (1u << n_fds) - 1);
			put_message(&one, type, n_fds + 1, 0);
			seed_add(seeds, one.bytes, one.size);
		}
}
