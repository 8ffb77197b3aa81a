/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of namespaces under /run/netns. A process inside keeps a namespace alive that nobody
 * can reach any more; so when the one we are in, or that of a tunnel, loses its last name, what
 * runs there ends. The first namespace and one that never had a name are left alone.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/inside.h"
#include "sys/netns.h"

#define SETTLE_MS 100 /* a name is a file first, and a moment later a namespace */

struct names {
	int inotify;
	struct loop_source source, timer;
	uint64_t device, inode;
	bool first;
	bool had_name;
	bool watches; /* the folder was there */
};

static bool identity_of(const char *path, uint64_t *device, uint64_t *inode)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return false;
	*device = status.st_dev;
	*inode = status.st_ino;
	return true;
}

void names_identity(const char *ns, uint64_t *device, uint64_t *inode)
{
	char path[300];

	*device = *inode = 0;
	snprintf(path, sizeof(path), "%s/%s", NETNS_FOLDER, ns);
	if (ns[0])
		identity_of(path, device, inode);
}

static bool has_name(const struct names *names)
{
	DIR *folder = opendir(NETNS_FOLDER);
	struct dirent *entry;
	bool found = false;

	while (folder && !found && (entry = readdir(folder))) {
		uint64_t device, inode;

		if (entry->d_name[0] == '.')
			continue;
		names_identity(entry->d_name, &device, &inode);
		found = device == names->device && inode == names->inode;
	}
	if (folder)
		closedir(folder);
	return found;
}

/* The folder is made by the first name there is. */
static void watch(struct names *names)
{
	uint32_t events = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;

	if (names->watches)
		return;
	names->watches = inotify_add_watch(names->inotify, NETNS_FOLDER, events) >= 0;
	if (!names->watches)
		inotify_add_watch(names->inotify, "/run", IN_CREATE);
}

/* Tunnels whose namespace's name now means another, or none. */
static void end_nameless(struct keeper *keeper)
{
	for (size_t i = keeper->len; i--;) {
		struct service *service = keeper->services[i];
		const char *ns = service->setup->object->ns;
		uint64_t device, inode;

		if (!ns[0])
			continue;
		names_identity(ns, &device, &inode);
		if (device == service->ns_device && inode == service->ns_inode)
			continue;
		log_note(&keeper->log, "%s %s ends: the namespace %s is gone", service->craft->word,
			 service_name(service), ns);
		service_remove(keeper, service);
		watch_renew(keeper, false);
	}
}

static void look(void *data, int what)
{
	struct keeper *keeper = data;
	struct names *names = keeper->names;
	bool has;

	watch(names);
	has = has_name(names);
	if (names->had_name && !has && !names->first) {
		log_note(&keeper->log, "the namespace lost its name");
		keeper->abandoned = true;
		loop_stop(&keeper->loop);
		return;
	}
	names->had_name |= has;
	end_nameless(keeper);
	keeper_end_check(keeper);
}

void names_look(struct keeper *keeper)
{
	loop_timer_start(&keeper->names->timer, SETTLE_MS);
}

static void heard(void *data, int what)
{
	struct keeper *keeper = data;
	char events[4096];

	while (read(keeper->names->inotify, events, sizeof(events)) > 0)
		;
	look(keeper, 0);
	names_look(keeper);
}

int names_open(struct keeper *keeper, struct err *err)
{
	struct names *names = calloc(1, sizeof(*names));
	uint64_t device = 0, inode = 0;

	if (!names)
		abort();
	keeper->names = names;
	names->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (names->inotify < 0)
		return err_errno(err, -errno, "watch the names of namespaces");
	identity_of("/proc/self/ns/net", &names->device, &names->inode);
	identity_of("/proc/1/ns/net", &device, &inode);
	names->first = device == names->device && inode == names->inode;
	watch(names);
	names->had_name = has_name(names);
	if (loop_add(&keeper->loop, &names->source, names->inotify, EPOLLIN, heard, keeper, err))
		return err->code;
	return loop_timer(&keeper->loop, &names->timer, look, keeper, err);
}

void names_close(struct keeper *keeper)
{
	struct names *names = keeper->names;

	if (!names)
		return;
	loop_remove(&keeper->loop, &names->source);
	loop_remove(&keeper->loop, &names->timer);
	if (names->inotify >= 0)
		close(names->inotify);
	free(names);
	keeper->names = NULL;
}
