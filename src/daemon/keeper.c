/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Theory of operation. The keeper runs what has to run after `lanloom` ended: it is one process
 * with one event loop per state folder, that is per network namespace. It decides nothing. What
 * runs is told to it over the control socket by whoever applies (control, change); what has to be
 * there is what is committed in the store (watch, mend); it never reads a description.
 *
 * What runs is a service: a process of its own, which the keeper starts, hears, and starts again
 * when it dies (services, supervise). What the sorts of services do in ways of their own is their
 * craft: of a tunnel the sockets and the TAP queue belong to the keeper, and a worker does the work
 * with copies of them (service, worker); a network's DHCP and DNS is dnsmasq, confined (dnsmasq).
 * When the keeper dies its services die with it, and the next one, started by a service manager or
 * by whoever needs it, finds what is promised and begins anew. The keeper ends by itself when it
 * has nothing left to do, and when the namespace it serves loses its name (names).
 *
 * A guard over a change (guarding) is the keeper's, too: it undoes what nobody confirmed in time.
 *
 * No request waits for another process but a service's, which answers soon or is ended; all longer
 * work is done by a child that has the store's lock.
 */
#include "daemon/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/store.h"
#include "base/fd.h"
#include "daemon/inside.h"

#define READY_FD 3
#define BEGIN_MS 10000 /* the first request comes by then, or nobody needs us */
#define FOLDER_WAIT_MS 5000

bool keeper_end_check(struct keeper *keeper)
{
	if (keeper->len || keeper->keeps || keeper->guards || keeper->waits ||
	    watch_mends(keeper) || guarding_stands(keeper))
		return false;
	/* started again, it may have come to an undoing before it came to its tunnels */
	if (!watch_knows(keeper))
		return false;
	loop_stop(&keeper->loop);
	return true;
}

void keeper_wait(struct keeper *keeper, int ms)
{
	keeper->waits = ms;
	if (ms)
		loop_timer_set(&keeper->end_timer, ms);
}

static void waited(void *data, int what)
{
	struct keeper *keeper = data;

	keeper->waits = false;
	keeper_end_check(keeper);
}

void keeper_become_child(struct keeper *keeper, int *report)
{
	sigset_t none;
	int log = fcntl(keeper->log.fd, F_DUPFD_CLOEXEC, 10);
	int copy = fcntl(*report, F_DUPFD_CLOEXEC, 10);

	*report = 3;
	dup3(copy, *report, O_CLOEXEC);
	dup3(log, 4, O_CLOEXEC);
	closefrom(5);
	keeper->log.fd = 4;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

bool keeper_store_free(const struct keeper *keeper)
{
	int fd FD_CLEANUP = openat(keeper->folder_fd, "lock", O_RDONLY | O_CLOEXEC);

	return fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0;
}

/* One keeper per folder: whoever holds its lock. 1: another one does, and goes on. */
static int folder_take(struct keeper *keeper, struct err *err)
{
	struct stat opened, named;

	for (int waited_ms = 0;; waited_ms += 20) {
		int fd FD_CLEANUP = -1;

		if (folder_make(keeper->folder, err))
			return err->code;
		fd = open(keeper->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			return err_errno(err, -errno, "open %s", keeper->folder);
		/* one that is about to end may just have removed it */
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &opened) == 0 &&
		    stat(keeper->folder, &named) == 0 && opened.st_ino == named.st_ino) {
			keeper->folder_fd = fd_take(&fd);
			return 0;
		}
		if (waited_ms >= FOLDER_WAIT_MS)
			return 1;
		usleep(20000);
	}
}

static void signalled(void *data, int what)
{
	struct keeper *keeper = data;

	if (what == SIGHUP)
		return;
	log_note(&keeper->log, "ends at signal %d", what);
	loop_stop(&keeper->loop);
}

static int keeper_open(struct keeper *keeper, struct err *err)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, 0};
	char path[280];

	snprintf(path, sizeof(path), "%s/log", keeper->folder);
	if (log_open(&keeper->log, path, err) || loop_open(&keeper->loop, err) ||
	    loop_signals(&keeper->loop, &keeper->signals, signals, signalled, keeper, err) ||
	    loop_timer(&keeper->loop, &keeper->end_timer, waited, keeper, err) ||
	    names_open(keeper, err) || fills_open(keeper, err) || ports_open(keeper, err) ||
	    watch_open(keeper, err) || control_open(keeper, err) || guarding_open(keeper, err) ||
	    notify_open(keeper, err))
		return err->code;
	keeper_wait(keeper, BEGIN_MS);
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	remove(path);
	return 0;
}

/* What is empty goes; of a namespace that is gone, all. */
static void tidy(struct keeper *keeper, bool done)
{
	struct store store;
	struct err err;

	if (keeper->abandoned) {
		log_remove(&keeper->log);
		nftw(keeper->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
		return;
	}
	if (!done)
		return; /* ended from outside: the log may tell why */
	log_note(&keeper->log, "nothing is left to keep");
	log_remove(&keeper->log);
	if (!keeper_store_free(keeper) || store_open(&store, true, &err))
		return;
	store_tidy(&store);
	store_close(&store);
}

static void keeper_close(struct keeper *keeper)
{
	bool done = !keeper->len && !keeper->keeps && !keeper->guards && !guarding_stands(keeper);

	notify_say("STOPPING=1");
	control_close(keeper);
	while (keeper->len)
		service_remove(keeper, keeper->services[keeper->len - 1]);
	free(keeper->services);
	names_close(keeper);
	watch_close(keeper);
	fills_close(keeper);
	ports_close(keeper);
	guarding_close(keeper);
	loop_remove(&keeper->loop, &keeper->watchdog);
	tidy(keeper, done);
	control_forget(keeper);
	log_close(&keeper->log);
}

/* Whoever started us waits for this on `ready`; -1: nobody does. error NULL: all is well. */
static void say(int ready, const char *error)
{
	if (ready < 0) {
		if (error)
			fprintf(stderr, "lanloomd: %s\n", error);
		return;
	}
	dprintf(ready, "%s%s\n", error ? "error " : "ready", error ? error : "");
	close(ready);
}

static void harden(void)
{
	struct rlimit none = {0}, files;

	prctl(PR_SET_NAME, "lanloomd");
	/* three for each thing that runs, and there may be a thousand carriers */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	fcntl(READY_FD, F_SETFD, FD_CLOEXEC);
	umask(077);
	if (chdir("/") < 0)
		return;
}

static int keep(const char *folder)
{
	struct keeper keeper = {.log.fd = -1, .folder_fd = -1, .loop.fd = -1};
	struct err err;
	/* asked for before we open anything that could get this number */
	int ready = fcntl(READY_FD, F_GETFD) < 0 ? -1 : READY_FD;
	int r;

	harden();
	snprintf(keeper.folder, sizeof(keeper.folder), "%s", folder);
	r = folder_take(&keeper, &err);
	if (r > 0) {
		notify_say("READY=1"); /* by the other one */
		return 0;
	}
	if (!r)
		r = keeper_open(&keeper, &err);
	if (r) {
		say(ready, err.message);
		return 1;
	}
	log_note(&keeper.log, "process %d begins", (int)getpid());
	say(ready, NULL);
	notify_say("READY=1");
	r = loop_run(&keeper.loop, &err);
	if (r)
		log_warning(&keeper.log, "%s", err.message);
	keeper_close(&keeper);
	return r ? 1 : 0;
}

int keeper_main(int argc, char **argv)
{
	if (argc == 2 && text_starts(argv[0], "lanloomd: tunnel "))
		return worker_main(argv[0], argv[1]);
	if (argc != 2 || argv[1][0] != '/') {
		fprintf(stderr,
			"usage: lanloomd FOLDER\nlanloom starts it when something needs it.\n");
		return 2;
	}
	return keep(argv[1]);
}
