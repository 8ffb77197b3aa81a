/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control socket: requests come in piece by piece, and are looked at when they are whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/inside.h"
#include "model/record.h"

#define CONNECTIONS_MOST 32
#define READERS_MOST 16	 /* of them, so that root always has some */
#define REQUEST_MS 30000 /* a request that is not whole by then is dropped */
#define LINGER_MS 1000	 /* after the last service: its successor, or a notice, may follow */

struct connection {
	struct keeper *keeper;
	int sock;
	enum right right;
	struct loop_source source, deadline;
	struct keeper_message request;
	struct connection *next;
};

struct control {
	int sock;
	struct loop_source source;
	gid_t group; /* whose members may read; 0: there is none */
	struct connection *connections;
	size_t count, readers;
};

static void connection_close(struct connection *connection)
{
	struct control *control = connection->keeper->control;
	struct connection **at = &control->connections;

	while (*at != connection)
		at = &(*at)->next;
	*at = connection->next;
	control->count--;
	control->readers -= connection->right == RIGHT_READ;
	loop_remove(&connection->keeper->loop, &connection->source);
	loop_remove(&connection->keeper->loop, &connection->deadline);
	keeper_message_fini(&connection->request);
	close(connection->sock);
	free(connection);
}

static void list(struct keeper *keeper, struct text *out)
{
	for (size_t i = 0; i < keeper->len; i++) {
		const struct setup *setup = keeper->services[i]->setup;

		record_put(setup->object, out);
		text_add(out, "\n");
		for (size_t j = 0; j < setup->len; j++) {
			record_put(setup->peers[j].object, out);
			text_add(out, "\n");
		}
	}
}

static void log_steps(struct keeper *keeper, const struct keeper_step *steps, size_t len)
{
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < len; i++)
		log_note(&keeper->log, "%s %s", action_word(step_action(&steps[i].step)),
			 object_label(step_object(&steps[i].step), &arena));
	arena_fini(&arena);
}

static void apply(struct keeper *keeper, struct keeper_message *request,
		  struct keeper_message *answer)
{
	struct keeper_step *steps;
	struct arena arena;
	struct err err;
	size_t len;
	int failed = -1;
	int r;

	arena_init(&arena);
	r = keeper_steps_get(&request->text, request->fd_count, &arena, &steps, &len, &err);
	if (!r)
		r = change_apply(keeper, steps, len, request->fds, &failed, &err);
	if (r) {
		keeper_error_put(&err, failed, answer);
		log_note(&keeper->log, "refused: %s", err.message);
	} else {
		log_steps(keeper, steps, len);
		watch_told(keeper);
		watch_renew(keeper, false);
		names_look(keeper);
		keeper_wait(keeper, keeper->len ? 0 : LINGER_MS);
	}
	arena_fini(&arena);
}

static void status(struct keeper *keeper, struct text *out)
{
	json_t *services = status_describe(keeper);
	char *text = json_dumps(services, JSON_COMPACT);

	if (!text)
		abort();
	text_add(out, "%s", text);
	free(text);
	json_decref(services);
}

/* True: this was the last there was to do. */
static bool answer_make(struct keeper *keeper, struct keeper_message *request,
			struct keeper_message *answer)
{
	bool ends = false;

	switch (request->request) {
	case KEEPER_PING:
		text_add(&answer->text, "version %s\nprotocol %d\npid %d\n", LANLOOM_VERSION,
			 KEEPER_PROTOCOL, (int)getpid());
		break;
	case KEEPER_LIST:
		list(keeper, &answer->text);
		break;
	case KEEPER_APPLY:
		apply(keeper, request, answer);
		break;
	case KEEPER_STATUS:
		status(keeper, &answer->text);
		break;
	case KEEPER_NOTICE:
		watch_renew(keeper, true);
		if (text_starts(text_get(&request->text), KEEPER_NOTHING))
			watch_told(keeper);
		guarding_look(keeper);
		keeper_wait(keeper, 0);
		ends = keeper_end_check(keeper);
		text_add(&answer->text, ends ? "ends\n" : "stays\n");
		if (guarding_stands(keeper))
			text_add(&answer->text, "guards\n");
		break;
	case KEEPER_REQUEST_COUNT:
		break;
	}
	return ends;
}

/* Does it ask how things are, and no more? */
static bool only_reads(enum keeper_request request)
{
	switch (request) {
	case KEEPER_PING:
	case KEEPER_LIST:
	case KEEPER_STATUS:
		return true;
	case KEEPER_APPLY:
	case KEEPER_NOTICE:
	case KEEPER_REQUEST_COUNT:
		break;
	}
	return false;
}

/* As answer_make, for whoever it is. */
static bool answer_whom(struct connection *connection, struct keeper_message *answer)
{
	struct err err;

	if (connection->right == RIGHT_ALL || only_reads(connection->request.request))
		return answer_make(connection->keeper, &connection->request, answer);
	err_set(&err, -EPERM, "only root may change what the keeper runs");
	keeper_error_put(&err, -1, answer);
	return false;
}

static void request_done(struct connection *connection)
{
	struct keeper_message answer KEEPER_MESSAGE_CLEANUP = {
		.request = connection->request.request,
	};
	struct keeper *keeper = connection->keeper;
	struct err err;
	bool ends = answer_whom(connection, &answer);

	/* nobody waits for whoever does not read: there is room for all of it, or it is lost */
	if (keeper_message_send(connection->sock, &answer, &err))
		log_note(&keeper->log, "an answer was not taken: %s", err.message);
	if (ends)
		return; /* the connection closes with this process, which is awaited */
	connection_close(connection);
	keeper_end_check(keeper);
}

static void hear(void *data, int what)
{
	struct connection *connection = data;
	struct keeper *keeper = connection->keeper;
	struct err err;
	int r = keeper_message_receive(connection->sock, &connection->request, &err);

	if (r == 1) {
		request_done(connection);
		return;
	}
	if (r == 0)
		return;
	if (r != -ECONNRESET || connection->request.begun)
		log_note(&keeper->log, "a request was dropped: %s", err.message);
	connection_close(connection);
}

static void too_late(void *data, int what)
{
	struct connection *connection = data;

	log_note(&connection->keeper->log, "a request was dropped: its end did not come");
	connection_close(connection);
}

/* Also whether there is room for one more of that sort. */
static enum right right_of(const struct control *control, int sock)
{
	enum right right = readers_right(sock, control->group);

	if (control->count == CONNECTIONS_MOST ||
	    (right == RIGHT_READ && control->readers == READERS_MOST))
		return RIGHT_NONE;
	return right;
}

static void greet(void *data, int what)
{
	struct keeper *keeper = data;
	struct control *control = keeper->control;
	int sock FD_CLEANUP = accept4(control->sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct connection *connection;
	enum right right = sock < 0 ? RIGHT_NONE : right_of(control, sock);
	struct err err;

	if (right == RIGHT_NONE)
		return;
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		abort();
	keeper_socket_widen(sock);
	connection->keeper = keeper;
	connection->sock = fd_take(&sock);
	connection->right = right;
	connection->next = control->connections;
	control->connections = connection;
	control->count++;
	control->readers += right == RIGHT_READ;
	if (loop_add(&keeper->loop, &connection->source, connection->sock, EPOLLIN, hear,
		     connection, &err) ||
	    loop_timer(&keeper->loop, &connection->deadline, too_late, connection, &err)) {
		log_warning(&keeper->log, "%s", err.message);
		connection_close(connection);
		return;
	}
	loop_timer_set(&connection->deadline, REQUEST_MS);
}

static int listen_at(const struct keeper *keeper, int *out, struct err *err)
{
	int sock FD_CLEANUP = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int folder_fd FD_CLEANUP = -1;
	struct sockaddr_un address;

	if (keeper_address(keeper->folder, &address, &folder_fd, err))
		return err->code;
	unlinkat(keeper->folder_fd, KEEPER_SOCKET, 0); /* of a keeper that was killed */
	/* umask: nobody else may connect between bind and whatever would come then */
	if (sock < 0 || bind(sock, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(sock, CONNECTIONS_MOST) < 0)
		return err_errno(err, -errno, "listen at %s/%s", keeper->folder, KEEPER_SOCKET);
	*out = fd_take(&sock);
	return 0;
}

int control_open(struct keeper *keeper, struct err *err)
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		abort();
	r = listen_at(keeper, &control->sock, err);
	if (r) {
		free(control);
		return r;
	}
	keeper->control = control;
	control->group = readers_admit(keeper);
	return loop_add(&keeper->loop, &control->source, control->sock, EPOLLIN, greet, keeper,
			err);
}

void control_close(struct keeper *keeper)
{
	struct control *control = keeper->control;

	if (!control)
		return;
	unlinkat(keeper->folder_fd, KEEPER_SOCKET, 0);
	loop_remove(&keeper->loop, &control->source);
	close(control->sock);
}

void control_forget(struct keeper *keeper)
{
	struct control *control = keeper->control;
	struct connection *connection, *next;

	for (connection = control ? control->connections : NULL; connection; connection = next) {
		next = connection->next;
		keeper_message_fini(&connection->request);
		free(connection);
	}
	free(control);
	keeper->control = NULL;
}
