/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a tunnel's process is scheduled. All guests' frames pass it, and beside bulk traffic most of
 * a round trip is waiting for a processor (doc/design/fast-path.md): so it has a greater share than
 * others, unless the user wants that otherwise.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/inside.h"

#define GREATER_SHARE (-8) /* setpriority(2): six times that of an ordinary process */
#define LEAST 1 /* of the real-time ones: before all others, behind whatever else is urgent */

/* As the kind's words, in their order. */
enum priority { PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_REALTIME };

static enum priority priority_of(const struct setup *setup)
{
	return (enum priority)object_number(setup->object, "priority", PRIORITY_HIGH);
}

/* Each thread has its own. One that has ended meanwhile needs none. */
static int give_thread(pid_t thread, enum priority priority)
{
	bool realtime = priority == PRIORITY_REALTIME;
	struct sched_param param = {.sched_priority = realtime ? LEAST : 0};
	int nice = priority == PRIORITY_HIGH ? GREATER_SHARE : 0;

	if (sched_setscheduler(thread, realtime ? SCHED_RR : SCHED_OTHER, &param) ||
	    setpriority(PRIO_PROCESS, (id_t)thread, nice))
		return errno == ESRCH ? 0 : -errno;
	return 0;
}

/*
 * sched(7), "The autogroup feature": where sessions share the processor, a thread's nice value
 * counts within its own only, and the worker has one to itself. Not every kernel has the file.
 */
static void give_session(pid_t pid, enum priority priority)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "/proc/%d/autogroup", (int)pid);
	snprintf(text, sizeof(text), "%d", priority == PRIORITY_HIGH ? GREATER_SHARE : 0);
	int fd FD_CLEANUP = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, text, strlen(text));
}

static int give_all(pid_t pid, enum priority priority)
{
	char path[64];
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *folder = opendir(path);
	if (!folder)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *entry; r == 0 && (entry = readdir(folder));) {
		pid_t thread = (pid_t)atoi(entry->d_name);

		if (thread > 0)
			r = give_thread(thread, priority);
	}
	closedir(folder);
	give_session(pid, priority);
	return r;
}

int priority_give(const struct service *service, const struct setup *setup, struct err *err)
{
	enum priority priority = priority_of(setup);
	int r = service->pid ? give_all(service->pid, priority) : 0;

	if (!r)
		return 0;
	(void)give_all(service->pid, PRIORITY_NORMAL);
	/* Where it cannot be had, a tunnel that did not ask for it works without. */
	if (!object_has_key(setup->object, "priority"))
		return 0;
	err_errno(err, r, "give the tunnel's process its priority");
	return err_hint(err, "priority: normal; or a system that lets root give others");
}

bool priority_same(const struct setup *one, const struct setup *other)
{
	return priority_of(one) == priority_of(other);
}
