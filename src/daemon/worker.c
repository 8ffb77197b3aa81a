/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process behind a tunnel. It is this program executed anew, so that nothing of the keeper's
 * memory is in it, with one descriptor: its control socket. It dies with the keeper, and when it
 * dies by itself the keeper, which holds the same sockets and TAP, gives them to the next one.
 */
#include "tunnel/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/inside.h"
#include "tunnel/crypto.h"

#define CONTROL_FD 3
#define END_MS 1000	    /* a worker's time to end by itself */
#define CALM_MS 10000	    /* one that lived so long had no lasting trouble */
#define RESTART_MOST_MS 800 /* so that a restart is tried within a second */

int worker_main(void)
{
	struct rlimit none = {0};

	prctl(PR_SET_NAME, "lanloomd");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	if (fcntl(CONTROL_FD, F_GETFD) < 0) {
		fprintf(stderr, "lanloomd: a worker is started by the keeper only\n");
		return 2;
	}
	return worker_run(CONTROL_FD);
}

/* In the child: nothing but what may be called between fork and exec. */
static void become_worker(const struct keeper *keeper, int control_fd, char *title)
{
	char *argv[] = {title, NULL};
	sigset_t none;
	int log = fcntl(keeper->log.fd, F_DUPFD, 10), control = fcntl(control_fd, F_DUPFD, 10);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(log, STDERR_FILENO);
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
	const char *ns = service->setup->tunnel->ns;
	char title[400];
	int fds[2];

	snprintf(title, sizeof(title), "lanloomd: tunnel %s%s%s%s", service_name(service),
		 ns[0] ? " (" : "", ns, ns[0] ? ")" : "");
	if (control_pair(fds, err))
		return err->code;
	service->pid = fork();
	if (!service->pid)
		become_worker(service->keeper, fds[1], title);
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

static void restart_later(struct service *service)
{
	static const int delays_ms[] = {10, 50, 200, RESTART_MOST_MS};
	unsigned int n = service->failures < 4 ? service->failures : 3;

	service->failures++;
	loop_timer_set(&service->restart, delays_ms[n]);
}

static void describe_end(int status, char text[64])
{
	if (WIFSIGNALED(status))
		snprintf(text, 64, "was ended by signal %d", WTERMSIG(status));
	else
		snprintf(text, 64, "ended with code %d", WEXITSTATUS(status));
}

static void worker_ended(void *data, int status)
{
	struct service *service = data;
	uint64_t lived_ms = clock_now_ns() / 1000000 - service->started_ms;
	char how[64];

	describe_end(status, how);
	snprintf(service->problem, sizeof(service->problem), "its worker %s", how);
	log_warning(&service->keeper->log, "tunnel %s: the worker (process %d) %s",
		    service_name(service), (int)service->pid, how);
	close(service->control_fd);
	service->control_fd = -1;
	service->pid = 0;
	service->restarts++;
	if (lived_ms > CALM_MS)
		service->failures = 0;
	restart_later(service);
}

static void config_fill(const struct service *service, const struct secrets *secrets, bool tap,
			bool sockets, struct control_config *config)
{
	*config = secrets->config;
	config->tap_fd = tap ? service->tap_fd : -1;
	config->udp4_fd = sockets ? service->udp_fds[0] : -1;
	config->udp6_fd = sockets ? service->udp_fds[1] : -1;
}

int worker_start(struct service *service, struct err *err)
{
	struct control_config config;
	int r = worker_fork(service, &service->control_fd, err);

	if (r)
		return r;
	r = loop_child(&service->keeper->loop, &service->child, service->pid, worker_ended, service,
		       err);
	config_fill(service, service->secrets, true, true, &config);
	if (!r)
		r = control_send_config(service->control_fd, &config, err);
	crypto_wipe(&config, sizeof(config));
	if (r) {
		worker_stop(service);
		return r;
	}
	service->started_ms = clock_now_ns() / 1000000;
	service->problem[0] = '\0';
	log_note(&service->keeper->log, "tunnel %s: process %d works", service_name(service),
		 (int)service->pid);
	return 0;
}

/* It ends by itself when its control socket closes; if not, it is ended. */
void worker_stop(struct service *service)
{
	struct pollfd ended = {.fd = service->child.fd, .events = POLLIN};

	if (!service->pid)
		return;
	close(service->control_fd);
	service->control_fd = -1;
	if (!service->child.fd || poll(&ended, 1, END_MS) < 1)
		kill(service->pid, SIGKILL);
	loop_remove(&service->keeper->loop, &service->child);
	while (waitpid(service->pid, NULL, 0) < 0 && errno == EINTR)
		;
	service->pid = 0;
}

void worker_distrust(struct service *service)
{
	if (!service->pid)
		return;
	log_warning(&service->keeper->log, "tunnel %s: the worker (process %d) does not answer",
		    service_name(service), (int)service->pid);
	kill(service->pid, SIGKILL);
	worker_stop(service);
	service->restarts++;
	restart_later(service);
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
