/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process behind a tunnel. It is this program executed anew, so that nothing of the keeper's
 * memory is in it, with one descriptor, its control socket, and confined before it hears from
 * anybody. It dies with the keeper, and when it dies by itself the keeper, which holds the same
 * sockets and TAP, gives them to the next one.
 */
#include "tunnel/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "daemon/confine.h"
#include "daemon/inside.h"
#include "tunnel/crypto.h"
#include "tunnel/io_udp.h"

#define CONTROL_FD 3

/* Tunnels of one name in two namespaces do not look for the same user id first. */
static void seed_make(const char *title, char seed[500])
{
	struct stat space = {0};

	(void)stat("/proc/self/ns/net", &space);
	snprintf(seed, 500, "%.400s %lu", title, (unsigned long)space.st_ino);
}

int worker_main(const char *title, const char *lanes)
{
	struct worker *worker;
	int64_t n_lanes;
	char seed[500];
	struct err err;

	prctl(PR_SET_NAME, "lanloomd");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fcntl(CONTROL_FD, F_GETFD) < 0 || text_number(lanes, 1, CONTROL_LANES_MAX, &n_lanes)) {
		fprintf(stderr, "lanloomd: a worker is started by the keeper only\n");
		return 2;
	}
	seed_make(title, seed);
	/* libcrypto reads its configuration and finds its algorithms while it may */
	if (crypto_guard(&err) || crypto_warm(&err)) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	worker = worker_open(CONTROL_FD, (uint8_t)n_lanes);
	if (!worker)
		return 1;
	/* Threads have what the one that makes them has; how they are made is forbidden then. */
	if (confine_process(seed, CONFINE_USER | CONFINE_FILES, &err) || worker_spawn(worker) ||
	    confine_process(seed, CONFINE_CALLS, &err)) {
		fprintf(stderr, "it does not run unconfined: %s\n", err.message);
		return 1;
	}
	return worker_serve(worker);
}

/* In the child: nothing but what may be called between fork and exec. */
static void become_worker(int control_fd, int mouth_fd, char *title, char *lanes)
{
	char *argv[] = {title, lanes, NULL};
	sigset_t none;
	int mouth = fcntl(mouth_fd, F_DUPFD, 10), control = fcntl(control_fd, F_DUPFD, 10);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid(); /* its share of the processors is its own (priority.c) */
	dup2(mouth, STDERR_FILENO);
	dup2(control, CONTROL_FD);
	closefrom(CONTROL_FD + 1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv("/proc/self/exe", argv);
	_exit(127);
}

static int worker_fork(struct service *service, int *control_fd, struct err *err)
{
	struct timeval patience = {.tv_sec = CONTROL_TIMEOUT_MS / 1000};
	const char *ns = service->setup->object->ns;
	int mouth FD_CLEANUP = -1;
	char title[400], lanes[12];
	int fds[2];

	snprintf(title, sizeof(title), "lanloomd: tunnel %s%s%s%s", service_name(service),
		 ns[0] ? " (" : "", ns, ns[0] ? ")" : "");
	snprintf(lanes, sizeof(lanes), "%u", service->secrets->config.n_lanes);
	if (voice_open(service, &mouth, err) || control_pair(fds, err))
		return err->code;
	service->pid = fork();
	if (!service->pid)
		become_worker(fds[1], mouth, title, lanes);
	close(fds[1]);
	if (service->pid < 0) {
		service->pid = 0;
		close(fds[0]);
		return err_errno(err, -errno, "start a worker");
	}
	/* one that does not read must not stop the keeper */
	setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	*control_fd = fds[0];
	return 0;
}

static void config_fill(const struct service *service, const struct secrets *secrets, bool tap,
			bool sockets, struct control_config *config)
{
	*config = secrets->config;
	config->tap_fd = tap ? service->tap_fd : -1;
	config->udp4_fd = sockets ? service->udp_fds[0] : -1;
	config->udp6_fd = sockets ? service->udp_fds[1] : -1;
	config->lanes = tap ? service->lanes : NULL;
	/* which the worker may not */
	for (int i = 0; sockets && i < 2; i++)
		if (service->udp_fds[i] >= 0)
			io_udp_widen(service->udp_fds[i]);
}

int worker_start(struct service *service, struct err *err)
{
	struct control_config config;
	int r = worker_fork(service, &service->control_fd, err);

	if (r) {
		voice_close(service);
		return r;
	}
	r = supervise_begin(service, err);
	config_fill(service, service->secrets, true, true, &config);
	if (!r)
		r = control_send_config(service->control_fd, &config, err);
	crypto_wipe(&config, sizeof(config));
	if (r) {
		worker_stop(service);
		return r == -EPIPE && service->voice.last[0]
			       ? err_set(err, r, "the tunnel's worker ended: %s",
					 service->voice.last)
			       : r;
	}
	return 0;
}

void worker_stop(struct service *service)
{
	supervise_stop(service);
}

void worker_distrust(struct service *service)
{
	if (!service->pid)
		return;
	log_warning(&service->keeper->log, "tunnel %s: the worker (process %d) does not answer",
		    service_name(service), (int)service->pid);
	kill(service->pid, SIGKILL);
	worker_stop(service);
	supervise_again(service);
}

static bool same_tunnel(const struct control_config *a, const struct control_config *b)
{
	return strcmp(a->name, b->name) == 0 && a->cipher == b->cipher && a->mtu == b->mtu &&
	       a->segment == b->segment &&
	       memcmp(a->private_key, b->private_key, sizeof(a->private_key)) == 0;
}

static const struct control_peer *peer_like(const struct control_config *config,
					    const struct control_peer *like)
{
	for (size_t i = 0; i < config->n_peers; i++)
		if (memcmp(config->peers[i].public_key, like->public_key,
			   sizeof(like->public_key)) == 0)
			return &config->peers[i];
	return NULL;
}

/* Only what differs, peer by peer. */
static int send_peers(int fd, const struct control_config *old, const struct control_config *new,
		      struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < old->n_peers; i++)
		if (!peer_like(new, &old->peers[i]))
			r = control_remove_peer(fd, old->peers[i].public_key, err);
	for (size_t i = 0; !r && i < new->n_peers; i++) {
		const struct control_peer *before = peer_like(old, &new->peers[i]);

		if (!before || memcmp(before, &new->peers[i], sizeof(*before)) != 0)
			r = control_set_peer(fd, &new->peers[i], err);
	}
	return r;
}

int worker_change(struct service *service, const struct secrets *secrets, bool sockets,
		  struct err *err)
{
	const struct control_config *old = &service->secrets->config, *new = &secrets->config;
	bool whole = sockets || !same_tunnel(old, new);
	struct control_config config;
	struct err ignored;
	int r;

	if (!service->pid)
		return 0; /* the next one gets it */
	config_fill(service, secrets, false, sockets, &config);
	r = whole ? control_send_config(service->control_fd, &config, err)
		  : send_peers(service->control_fd, old, new, err);
	config_fill(service, service->secrets, false, false, &config);
	/* a refused peer may have others before it that were taken */
	if (r && (r != -EINVAL ||
		  (!whole && control_send_config(service->control_fd, &config, &ignored))))
		worker_distrust(service);
	crypto_wipe(&config, sizeof(config));
	return r;
}
