/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "world/keeper_door.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "sys/process.h"
#include "world/keeper_prepare.h"
#include "world/keeper_wire.h"

#define ANSWER_MS 60000 /* the keeper may wait for a worker, and another request, first */
#define START_MS 10000
#define END_MS 5000
#define KEEPER_UNIT "/etc/systemd/system/lanloomd@.service" /* see lib/boot.c */
#define KEEPER_FOLDERS "/run/lanloom/"			    /* the ones it serves */

static int64_t now_ms(void)
{
	return (int64_t)(clock_now_ns() / 1000000);
}

static bool readable(int fd, int64_t deadline)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int64_t left = deadline - now_ms();

	return poll(&poll_fd, 1, left > 0 ? (int)left : 0) > 0;
}

/* -ENOENT: nobody is there. */
static int connect_to(const char *folder, int *sock, struct err *err)
{
	struct sockaddr_un address;
	int folder_fd FD_CLEANUP = -1;
	int opened FD_CLEANUP = -1;

	if (!folder)
		return err_set(err, -ENOENT, "no keeper runs");
	if (keeper_address(folder, &address, &folder_fd, err))
		return err->code;
	opened = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (opened < 0)
		return err_errno(err, -errno, "open a socket");
	if (connect(opened, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return err_set(err, -ENOENT, "no keeper runs");
		return err_errno(err, -errno, "reach the keeper in %s", folder);
	}
	keeper_socket_widen(opened);
	*sock = fd_take(&opened);
	return 0;
}

static int answer_get(int sock, struct keeper_message *answer, struct err *err)
{
	int64_t deadline = now_ms() + ANSWER_MS;
	int r = 0;

	while (r == 0) {
		if (!readable(sock, deadline))
			return err_set(err, -ETIMEDOUT, "the keeper did not answer for %d s",
				       ANSWER_MS / 1000);
		r = keeper_message_receive(sock, answer, err);
	}
	return r < 0 ? r : 0;
}

/* 0: answered, also with an error; -ECONNRESET: it ended before it could. */
static int ask(int sock, const struct keeper_message *request, struct keeper_message *answer,
	       struct err *err)
{
	int r = keeper_message_send(sock, request, err);

	if (r == -EPIPE || r == -ECONNRESET)
		return err_set(err, -ECONNRESET, "the keeper ended");
	return r ? r : answer_get(sock, answer, err);
}

/* What the process that was started says of itself: "ready", or "error" and why. */
static int start_heard(int pipe_fd, struct err *err)
{
	char text[512] = "";
	ssize_t got =
		readable(pipe_fd, now_ms() + START_MS) ? read(pipe_fd, text, sizeof(text) - 1) : 0;

	if (got > 0)
		text[strcspn(text, "\n")] = '\0';
	if (!text_starts(text, "error "))
		return 0; /* ready; or another one was faster: connecting tells */
	return err_set(err, -EIO, "the keeper could not start: %s", text + strlen("error "));
}

/* This very program; for another one that uses the library, the lanloom that was installed. */
static const char *keeper_program(void)
{
	char own[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", own, sizeof(own) - 1);
	const char *slash;

	if (size <= 0)
		return "/proc/self/exe";
	own[size] = '\0';
	slash = strrchr(own, '/');
	return slash && text_starts(slash + 1, "lanloom") ? "/proc/self/exe" : LANLOOM_PROGRAM;
}

/* The namespace in which the service manager starts what it starts. */
static bool first_namespace(void)
{
	struct stat mine, first;

	return stat("/proc/self/ns/net", &mine) == 0 && stat("/proc/1/ns/net", &first) == 0 &&
	       mine.st_ino == first.st_ino && mine.st_dev == first.st_dev;
}

/*
 * As a service, where `lanloom enable` has made one: watched, started again, and not part of the
 * session that somebody logs out of. False: it is not there, or not willing; it goes without.
 */
static bool start_service(const char *folder)
{
	char unit[NAME_MAX + 32], *argv[] = {"systemctl", "start", unit, NULL};
	struct err ignored;

	if (!text_starts(folder, KEEPER_FOLDERS) || access(KEEPER_UNIT, F_OK) < 0 ||
	    access("/run/systemd/system", F_OK) < 0 || !first_namespace())
		return false;
	snprintf(unit, sizeof(unit), "lanloomd@%s.service", folder + strlen(KEEPER_FOLDERS));
	return process_run(argv, &ignored) == 0;
}

static int start(const char *folder, struct err *err)
{
	char *argv[] = {"lanloomd", (char *)folder, NULL};
	int hears FD_CLEANUP = -1;
	int says FD_CLEANUP = -1;
	int pair[2];
	int r;

	if (start_service(folder))
		return 0;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_errno(err, -errno, "make a pipe");
	hears = pair[0];
	says = pair[1];
	r = process_launch(keeper_program(), argv, -1, says, err);
	close(fd_take(&says));
	return r ? r : start_heard(hears, err);
}

/* Connects, after starting the keeper where there is none. */
static int connect_or_start(const char *folder, int *sock, struct err *err)
{
	int64_t deadline = now_ms() + START_MS;
	int r = connect_to(folder, sock, err);

	while (r == -ENOENT) {
		if (now_ms() > deadline)
			return err_set(err, -ETIMEDOUT, "the keeper did not start within %d s",
				       START_MS / 1000);
		if (start(folder, err))
			return err->code;
		r = connect_to(folder, sock, err);
		if (r == -ENOENT)
			poll(NULL, 0, 20);
	}
	return r;
}

int keeper_ping(const char *folder, pid_t *pid, struct err *err)
{
	struct keeper_message request = {.request = KEEPER_PING};
	struct keeper_message answer KEEPER_MESSAGE_CLEANUP = {0};
	int sock FD_CLEANUP = -1;
	struct arena arena;
	const char *line;
	int64_t number = 0;

	if (connect_to(folder, &sock, err) || ask(sock, &request, &answer, err))
		return err->code;
	arena_init(&arena);
	line = keeper_line(&answer.text, "pid", &arena);
	if (line)
		text_number(line, 1, INT32_MAX, &number);
	arena_fini(&arena);
	*pid = (pid_t)number;
	return 0;
}

static int answer_error(const struct keeper_message *answer, struct err *err)
{
	int step;

	if (!answer->code)
		return 0;
	keeper_error_get(answer, &step, err);
	return err->code;
}

/* A question that nobody has to be there for. 0: nobody is; 1: answered. `err` is untouched by 0.
 */
static int question(const char *folder, enum keeper_request what, struct keeper_message *answer,
		    struct err *err)
{
	struct keeper_message request = {.request = what};
	int sock FD_CLEANUP = -1;
	struct err own;
	int r = connect_to(folder, &sock, &own);

	if (!r)
		r = ask(sock, &request, answer, &own);
	if (r == -ENOENT || r == -ECONNRESET)
		return 0;
	if (!r)
		r = answer_error(answer, &own);
	if (r)
		*err = own;
	return r ? r : 1;
}

int keeper_read(const char *folder, struct state *out, struct err *err)
{
	struct keeper_message answer KEEPER_MESSAGE_CLEANUP = {0};
	int r = question(folder, KEEPER_LIST, &answer, err);

	return r < 1 ? r : keeper_objects_get(&answer.text, out->arena, out, err);
}

int keeper_status(const char *folder, json_t **status, struct err *err)
{
	struct keeper_message answer KEEPER_MESSAGE_CLEANUP = {0};
	int r = question(folder, KEEPER_STATUS, &answer, err);

	if (r < 0)
		return r;
	*status = r ? json_loadb(text_get(&answer.text), answer.text.size, 0, NULL)
		    : json_pack("{s:[],s:[],s:[]}", "tunnels", "networks", "carriers");
	if (json_is_array(json_object_get(*status, "tunnels")) &&
	    json_is_array(json_object_get(*status, "networks")))
		return 0;
	json_decref(*status);
	*status = NULL;
	return err_set(err, -EPROTO, "the keeper's status is not what it should be");
}

/* The refusal, at the place in the description of the step that it is about. */
static int apply_error(const struct keeper_message *answer, const struct keeper_step *steps,
		       size_t len, struct arena *arena, struct err *err)
{
	const struct object *object;
	int step;

	if (!answer->code)
		return 0;
	keeper_error_get(answer, &step, err);
	if (step < 0 || (size_t)step >= len)
		step = 0;
	object = step_object(&steps[step].step);
	return err_at(err, object_label(object, arena), steps[step].step.place);
}

static int apply(const char *folder, const struct keeper_prepared *prepared, struct arena *arena,
		 struct err *err)
{
	struct keeper_message request = {.request = KEEPER_APPLY, .fd_count = prepared->fd_count};
	struct keeper_message answer KEEPER_MESSAGE_CLEANUP = {0};
	int sock FD_CLEANUP = -1;
	int r;

	r = prepared->creates ? connect_or_start(folder, &sock, err)
			      : connect_to(folder, &sock, err);
	if (r)
		return r;
	memcpy(request.fds, prepared->fds, prepared->fd_count * sizeof(int));
	keeper_steps_put(prepared->steps, prepared->len, &request.text);
	r = ask(sock, &request, &answer, err);
	text_fini(&request.text);
	return r ? r : apply_error(&answer, prepared->steps, prepared->len, arena, err);
}

int keeper_apply(const char *folder, struct sites *sites, const struct breath *breath,
		 struct err *err)
{
	struct keeper_prepared prepared;
	struct arena arena;
	struct err own;
	int r;

	arena_init(&arena);
	r = keeper_prepare(sites, breath, &arena, &prepared, &own);
	if (!r && prepared.len) {
		r = apply(folder, &prepared, &arena, &own);
		if (r == -ECONNRESET &&
		    prepared.creates) /* it ended just then: the next one takes it */
			r = apply(folder, &prepared, &arena, &own);
		if ((r == -ENOENT || r == -ECONNRESET) && prepared.deletes_only)
			r = 0; /* what nobody runs is gone */
	}
	if (r)
		*err = own;
	keeper_prepared_fini(&prepared);
	arena_fini(&arena);
	return r;
}

/* What a killed keeper left lying in the folder; not while one lives, or is about to. */
static void clear_stale(const char *folder)
{
	static const char *const names[] = {KEEPER_SOCKET, "log", "log.old"};
	int fd FD_CLEANUP = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(fd, names[i], 0);
}

static bool says_ends(const struct keeper_message *answer)
{
	return !answer->code && text_starts(text_get(&answer->text), "ends");
}

int keeper_guard(const char *folder, struct err *err)
{
	struct keeper_message request = {.request = KEEPER_NOTICE};
	struct keeper_message answer KEEPER_MESSAGE_CLEANUP = {0};
	int sock FD_CLEANUP = -1;

	if (connect_or_start(folder, &sock, err) || ask(sock, &request, &answer, err) ||
	    answer_error(&answer, err))
		return err->code;
	if (strstr(text_get(&answer.text), "guards\n"))
		return 0;
	err_set(err, -EPROTO, "the keeper that runs knows nothing of guards");
	return err_hint(err, "it is of an earlier version: lanloom down, then up starts this one");
}

/*
 * A descriptor that can be read when the process at the other end is gone, its namespaces given
 * back; a process in its last moments has closed its sockets already. Where its number says nothing
 * here, the connection has to do.
 */
static int ended_open(int sock)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	int fd = -1;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0)
		fd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	return fd >= 0 ? fd : fcntl(sock, F_DUPFD_CLOEXEC, 0);
}

int keeper_notify(const char *folder, enum promised promised, struct err *err)
{
	bool keep = promised == PROMISED_SOMETHING;
	struct keeper_message request = {.request = KEEPER_NOTICE};
	struct keeper_message answer KEEPER_MESSAGE_CLEANUP = {0};
	int sock FD_CLEANUP = -1;
	int ended FD_CLEANUP = -1;
	struct err own;
	int r = keep ? connect_or_start(folder, &sock, &own) : connect_to(folder, &sock, &own);

	if (r == -ENOENT) {
		clear_stale(folder);
		return 0;
	}
	if (promised == PROMISED_NOTHING)
		text_add(&request.text, "%s\n", KEEPER_NOTHING);
	if (!r) {
		ended = ended_open(sock);
		r = ask(sock, &request, &answer, &own);
	}
	text_fini(&request.text);
	if (r == -ECONNRESET && !keep)
		return 0;
	if (!r && says_ends(&answer))
		readable(ended, now_ms() + END_MS);
	if (!r)
		r = answer_error(&answer, &own);
	if (r)
		*err = own;
	return r;
}
