/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a tunnel's process is scheduled: as any other, or before all of these. Beside bulk traffic
 * most of a round trip is waiting for a processor (doc/design/fast-path.md).
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/inside.h"

#define LEAST 1 /* of the real-time ones: before all others, behind whatever else is urgent */

static bool is_realtime(const struct setup *setup)
{
	return object_number(setup->object, "priority", 0); /* the first word is "normal" */
}

/* Each thread has its own. One that has ended meanwhile needs none. */
static int give_all(pid_t pid, bool realtime)
{
	struct sched_param param = {.sched_priority = realtime ? LEAST : 0};
	int policy = realtime ? SCHED_RR : SCHED_OTHER, r = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *folder = opendir(path);
	if (!folder)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *entry; r == 0 && (entry = readdir(folder));) {
		pid_t thread = (pid_t)atoi(entry->d_name);

		if (thread > 0 && sched_setscheduler(thread, policy, &param) && errno != ESRCH)
			r = -errno;
	}
	closedir(folder);
	return r;
}

int priority_give(const struct service *service, const struct setup *setup, struct err *err)
{
	bool realtime = is_realtime(setup);
	int r = service->pid ? give_all(service->pid, realtime) : 0;

	if (!r)
		return 0;
	if (realtime)
		give_all(service->pid, false);
	err_errno(err, r, "give the tunnel's process its priority");
	return err_hint(err, "priority: normal; or a system that lets root have real-time ones");
}

bool priority_same(const struct setup *one, const struct setup *other)
{
	return is_realtime(one) == is_realtime(other);
}
