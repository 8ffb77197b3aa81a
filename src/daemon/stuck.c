/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A run that a guard was written for, that has its lock, and does nothing with it: stopped by
 * Ctrl-Z, or waiting for a terminal at the far end of the connection it has just cut. Nobody could
 * undo what it did while it lives. Past its time, and with no sign of life in the journal for a
 * while, it is ended.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/guard.h"
#include "base/clock.h"
#include "base/fd.h"
#include "daemon/inside.h"

#define STUCK_MS 5000

static bool is_keeper(pid_t pid)
{
	struct text name TEXT_CLEANUP = {0};
	char path[64];
	struct err err;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	return file_read(path, 64, &name, &err) || text_starts(text_get(&name), "lanloomd");
}

static bool has_open(pid_t pid, const struct stat *file)
{
	char path[64];
	struct dirent *entry;
	bool found = false;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	while (fds && !found && (entry = readdir(fds))) {
		struct stat status;

		found = entry->d_name[0] != '.' &&
			fstatat(dirfd(fds), entry->d_name, &status, 0) == 0 &&
			status.st_ino == file->st_ino && status.st_dev == file->st_dev;
	}
	if (fds)
		closedir(fds);
	return found;
}

/* The run and who watches it: both have the lock, and whoever lives longer. */
static void holders_end(struct keeper *keeper)
{
	struct dirent *entry;
	struct stat lock;
	DIR *proc;

	if (fstatat(keeper->folder_fd, "lock", &lock, 0) < 0)
		return;
	proc = opendir("/proc");
	while (proc && (entry = readdir(proc))) {
		int64_t pid;

		if (text_number(entry->d_name, 2, INT32_MAX, &pid) ||
		    !has_open((pid_t)pid, &lock) || is_keeper((pid_t)pid))
			continue;
		log_warning(&keeper->log,
			    "process %d is stuck with a guarded change half done: it is ended, so "
			    "that the change can be undone",
			    (int)pid);
		kill((pid_t)pid, SIGKILL);
	}
	if (proc)
		closedir(proc);
}

/* Changes with every breath. */
static uint64_t journal_size(const struct keeper *keeper)
{
	struct stat status;

	return fstatat(keeper->folder_fd, "journal", &status, 0) < 0 ? 0 : (uint64_t)status.st_size;
}

void stuck_look(struct keeper *keeper, const struct guard *guard, struct stuck *stuck)
{
	uint64_t now = clock_now_ns(), size = journal_size(keeper);

	if (now < guard->deadline_ns || size != stuck->journal_size || !stuck->since_ns) {
		*stuck = (struct stuck){.journal_size = size, .since_ns = now};
		return;
	}
	if (now - stuck->since_ns < STUCK_MS * UINT64_C(1000000))
		return;
	*stuck = (struct stuck){0};
	holders_end(keeper);
}
