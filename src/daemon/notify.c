/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a service manager is told, where one started us: datagrams of VARIABLE=VALUE lines to the
 * socket that NOTIFY_SOCKET names, as sd_notify(3) describes; and a sign of life twice within the
 * time that WATCHDOG_USEC allows, from the event loop: one that hangs gives none.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/inside.h"

void notify_say(const char *text)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	int sock FD_CLEANUP = -1;
	size_t size = path ? strlen(path) : 0;

	if (!size || size >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, size);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* an abstract name */
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* nobody there to be told is no trouble of ours */
	if (sock < 0 || sendto(sock, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
			       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) < 0)
		return;
}

/* Half of what the watchdog allows, in ms; 0: there is none, or it watches somebody else. */
static int64_t period_ms(void)
{
	const char *allowed = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	int64_t us, whom;

	if (!allowed || text_number(allowed, 1, INT64_MAX, &us))
		return 0;
	if (pid && (text_number(pid, 1, INT32_MAX, &whom) || whom != getpid()))
		return 0;
	return us / 2000 ? us / 2000 : 1;
}

static void alive(void *data, int what)
{
	struct keeper *keeper = data;

	notify_say("WATCHDOG=1");
	loop_timer_set(&keeper->watchdog, period_ms());
}

int notify_open(struct keeper *keeper, struct err *err)
{
	if (!period_ms())
		return 0;
	if (loop_timer(&keeper->loop, &keeper->watchdog, alive, keeper, err))
		return err->code;
	loop_timer_set(&keeper->watchdog, 1);
	return 0;
}
