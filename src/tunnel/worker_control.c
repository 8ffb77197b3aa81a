/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the keeper wants: configuration, all of it or none; and how it goes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/fd.h"
#include "base/vault.h"
#include "tunnel/worker_state.h"

enum { FD_TAP, FD_UDP4, FD_UDP6 };

static bool answer(struct worker *worker, struct control_message *message,
		   enum control_message_type type)
{
	message->magic = CONTROL_MAGIC;
	message->type = type;
	message->fd_mask = 0;
	return control_message_send(worker->control_fd, message, NULL) == 0;
}

static bool answer_result(struct worker *worker, int code, const struct err *err)
{
	struct control_message message = {.result.code = code};

	if (code)
		memcpy(message.result.message, err->message, sizeof(message.result.message));
	return answer(worker, &message, CONTROL_RESULT);
}
_Static_assert(sizeof(((struct err *)0)->message) >= sizeof(((struct control_result *)0)->message),
	       "an error fits an answer");

static void close_fds(int fds[CONTROL_FDS])
{
	for (int i = 0; i < CONTROL_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

void worker_forget_staged(struct worker *worker)
{
	struct staged *staged = &worker->staged;

	for (int lane = 0; lane < CONTROL_LANES_MAX && staged->begun; lane++)
		close_fds(staged->fds[lane]);
	vault_free(staged->peers);
	free(staged->sorted);
	crypto_wipe(staged, sizeof(*staged));
}

static void take_fds(int to[CONTROL_FDS], int from[CONTROL_FDS])
{
	for (int i = 0; i < CONTROL_FDS; i++)
		to[i] = fd_take(&from[i]);
}

static bool begin(struct worker *worker, const struct control_begin *begin, int fds[CONTROL_FDS])
{
	struct staged *staged = &worker->staged;

	worker_forget_staged(worker);
	staged->begun = true;
	memset(staged->fds, -1, sizeof(staged->fds));
	take_fds(staged->fds[0], fds);
	if (begin->n_peers > CONTROL_PEERS_MAX || begin->n_lanes > CONTROL_LANES_MAX)
		return false;
	staged->peers = vault_new((begin->n_peers + 1) * sizeof(*staged->peers));
	staged->sorted = calloc(begin->n_peers + 1, sizeof(*staged->sorted));
	if (!staged->peers || !staged->sorted) {
		staged->error = -ENOMEM;
		return true;
	}
	staged->begin = *begin;
	return true;
}

static bool add_lane(struct worker *worker, uint32_t lane, int fds[CONTROL_FDS])
{
	struct staged *staged = &worker->staged;

	if (staged->error)
		return true;
	if (!staged->begun || !lane || lane >= staged->begin.n_lanes)
		return false;
	close_fds(staged->fds[lane]);
	take_fds(staged->fds[lane], fds);
	return true;
}

static bool add_peer(struct worker *worker, const struct control_peer *peer)
{
	struct staged *staged = &worker->staged;

	if (staged->error)
		return true;
	if (!staged->begun || staged->n_peers == staged->begin.n_peers)
		return false;
	staged->peers[staged->n_peers] = *peer;
	staged->sorted[staged->n_peers] = &staged->peers[staged->n_peers];
	staged->n_peers++;
	return true;
}

static struct engine_config engine_config_of(struct worker *worker)
{
	const struct control_begin *begin = &worker->staged.begin;
	struct engine_config config = {
		.cipher = begin->cipher,
		.preferred = crypto_preferred(),
		.mtu = begin->mtu,
		.segment = begin->segment,
		.lanes = (uint8_t)begin->n_lanes,
		.wall_ns = clock_wall_ns(),
		.ops = worker_ops(worker),
	};

	memcpy(config.private_key, begin->private_key, KEY_SIZE);
	return config;
}

static int compare_keys(const void *a, const void *b)
{
	const struct control_peer *const *one = a, *const *other = b;

	return memcmp((*one)->public_key, (*other)->public_key, KEY_SIZE);
}

/* Sorts them by key on the way. */
static int check_peers(const struct staged *staged, const struct engine *engine, struct err *err)
{
	const struct control_peer **peers = staged->sorted;
	int rc = 0;

	/* syscall: sysinfo; glibc before 2.37, when there are many */
	qsort(peers, staged->n_peers, sizeof(*peers), compare_keys);
	for (uint32_t i = 0; i < staged->n_peers && rc == 0; i++) {
		if (i && compare_keys(&peers[i - 1], &peers[i]) == 0)
			return err_set(err, -EINVAL, "peers %s and %s have one key",
				       peers[i - 1]->name, peers[i]->name);
		rc = engine_check_peer(engine, peers[i], err);
	}
	return rc;
}

static bool is_named(const struct staged *staged, const uint8_t *public_key)
{
	struct control_peer wanted;
	const struct control_peer *like = &wanted;

	memcpy(wanted.public_key, public_key, KEY_SIZE);
	return bsearch(&like, staged->sorted, staged->n_peers, sizeof(like), compare_keys);
}

/* Removes the peers that the configuration does not name any more. */
static void remove_unnamed(const struct staged *staged, struct engine *engine, uint64_t now)
{
	struct control_peer_status status;
	uint32_t n = 0;

	while (engine_peer_status(engine, n, &status, now)) {
		if (is_named(staged, status.public_key))
			n++;
		else
			engine_remove_peer(engine, status.public_key);
	}
}

static void take_descriptors(struct worker *worker)
{
	for (uint8_t lane = 0; lane < worker->n_porters; lane++) {
		struct porter *porter = worker->porters[lane];
		int *fds = worker->staged.fds[lane];

		if (fds[FD_TAP] >= 0)
			porter_take_tap(porter, fd_take(&fds[FD_TAP]));
		if (fds[FD_UDP4] >= 0)
			porter_take_socket(porter, UDP_IPV4, fd_take(&fds[FD_UDP4]));
		if (fds[FD_UDP6] >= 0)
			porter_take_socket(porter, UDP_IPV6, fd_take(&fds[FD_UDP6]));
	}
}

static int check_descriptors(const struct worker *worker, struct err *err)
{
	const int *fds = worker->staged.fds[0];

	if (worker->staged.begin.n_lanes > worker->n_porters)
		return err_set(err, -EINVAL, "%u lanes; this worker was started for %u",
			       worker->staged.begin.n_lanes, worker->n_porters);
	if (fds[FD_TAP] < 0 && worker->porters[0]->tap.fd < 0 && !worker->engine)
		return err_set(err, -EINVAL, "the first configuration needs a TAP");
	if (fds[FD_UDP4] < 0 && fds[FD_UDP6] < 0 && !worker->engine)
		return err_set(err, -EINVAL, "the first configuration needs a UDP socket");
	return 0;
}

/* Checks all, then changes all: into the running engine, or a new one if the key is new. */
static int commit(struct worker *worker, struct err *err)
{
	struct staged *staged = &worker->staged;
	uint64_t now = clock_now_ns();

	if (staged->error)
		return err_set(err, staged->error, "no memory for so many peers");
	int rc = check_descriptors(worker, err);
	if (rc)
		return rc;
	struct engine_config config = engine_config_of(worker);
	bool same_key =
		worker->engine && crypto_same(worker->private_key, config.private_key, KEY_SIZE);
	struct engine *engine = same_key ? worker->engine : engine_new(&config, now, err);
	rc = engine ? check_peers(staged, engine, err) : err->code;
	if (rc == 0 && same_key)
		rc = engine_reconfigure(engine, &config, now, err);
	crypto_wipe(&config, sizeof(config));
	if (rc) {
		if (!same_key)
			engine_free(engine);
		return rc;
	}
	if (!same_key)
		engine_free(worker->engine);
	worker->engine = engine;
	memcpy(worker->private_key, staged->begin.private_key, KEY_SIZE);
	memcpy(worker->name, staged->begin.name, sizeof(worker->name));
	take_descriptors(worker);
	remove_unnamed(staged, engine, now);
	for (uint32_t i = 0; i < staged->n_peers && rc == 0; i++)
		rc = engine_set_peer(engine, staged->sorted[i], now, err);
	return rc;
}

static bool set_peer(struct worker *worker, const struct control_peer *peer)
{
	struct err err = {0};
	int rc = worker->engine ? engine_check_peer(worker->engine, peer, &err)
				: err_set(&err, -EINVAL, "there is no configuration yet");

	if (rc == 0)
		rc = engine_set_peer(worker->engine, peer, clock_now_ns(), &err);
	return answer_result(worker, rc, &err);
}

static bool remove_peer(struct worker *worker, const uint8_t *public_key)
{
	struct err err = {0};
	int rc = worker->engine ? engine_remove_peer(worker->engine, public_key) : -ENOENT;

	if (rc)
		err_set(&err, rc, "there is no peer with that key");
	return answer_result(worker, rc, &err);
}

static bool take_tap(struct worker *worker, uint32_t lane, int fds[CONTROL_FDS])
{
	struct err err = {0};

	if (fds[FD_TAP] < 0 || lane >= worker->n_porters)
		return false;
	porter_take_tap(worker->porters[lane], fd_take(&fds[FD_TAP]));
	return answer_result(worker, 0, &err);
}

static bool tell_status(struct worker *worker)
{
	struct control_message message = {0};
	uint64_t now = clock_now_ns();
	struct err err = {0};

	if (worker->engine)
		engine_status(worker->engine, &message.tunnel, now);
	memcpy(message.tunnel.name, worker->name, sizeof(message.tunnel.name));
	snprintf(message.tunnel.aead, sizeof(message.tunnel.aead), "%s; AES-GCM: %s",
		 crypto_describe(), worker->engine ? engine_aes_gcm(worker->engine) : "none");
	for (uint8_t i = 0; i < worker->n_porters; i++) {
		message.tunnel.drops[DROP_TAP_ERROR] += worker->porters[i]->tap_errors;
		message.tunnel.drops[DROP_WIRE_ERROR] += worker->porters[i]->udp.n_errors;
	}
	bool told = answer(worker, &message, CONTROL_TUNNEL);
	for (uint32_t n = 0; told && worker->engine; n++) {
		if (!engine_peer_status(worker->engine, n, &message.peer_status, now))
			break;
		told = answer(worker, &message, CONTROL_PEER_STATUS);
	}
	return told && answer_result(worker, 0, &err);
}

static bool finish(struct worker *worker)
{
	struct err err = {0};

	if (!worker->staged.begun ||
	    (!worker->staged.error && worker->staged.n_peers != worker->staged.begin.n_peers))
		return false;
	int rc = commit(worker, &err);
	worker_forget_staged(worker);
	return answer_result(worker, rc, &err);
}

bool worker_hear(struct worker *worker)
{
	struct control_message message;
	int fds[CONTROL_FDS];
	bool heard = false;

	if (control_message_receive(worker->control_fd, &message, fds) != 1)
		return false;
	switch (message.type) {
	case CONTROL_BEGIN:
		heard = begin(worker, &message.begin, fds);
		break;
	case CONTROL_LANE:
		heard = add_lane(worker, message.lane, fds);
		break;
	case CONTROL_PEER:
		heard = add_peer(worker, &message.peer);
		break;
	case CONTROL_COMMIT:
		heard = finish(worker);
		break;
	case CONTROL_SET:
		heard = set_peer(worker, &message.peer);
		break;
	case CONTROL_REMOVE:
		heard = remove_peer(worker, message.peer.public_key);
		break;
	case CONTROL_TAP:
		heard = take_tap(worker, message.lane, fds);
		break;
	case CONTROL_STATUS:
		heard = tell_status(worker);
		break;
	}
	close_fds(fds); /* what nobody took */
	crypto_wipe(&message, sizeof(message));
	return heard;
}
