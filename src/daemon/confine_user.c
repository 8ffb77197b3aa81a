/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who has a number is looked up where the system keeps it: /etc/passwd and /etc/group (not by
 * name services, which may wait for a network that this tunnel is about to make), the names under
 * which systemd reserves its dynamic users, and the processes that run. Two that look in the same
 * moment begin at different numbers, so they do not meet.
 */
#include "daemon/confine_user.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

#define FIRST 61184
#define LAST 65519
#define COUNT (LAST - FIRST + 1)
#define NOBODY 65534
#define STATUS_MOST 16384
#define MAP_MOST 65536

struct taken {
	bool ids[COUNT];
};

static void mark(struct taken *taken, uint64_t id)
{
	if (id >= FIRST && id <= LAST)
		taken->ids[id - FIRST] = true;
}

static void mark_known(struct taken *taken)
{
	FILE *users = fopen("/etc/passwd", "re"), *groups = fopen("/etc/group", "re");
	const struct passwd *user;
	const struct group *group;

	while (users && (user = fgetpwent(users))) {
		mark(taken, user->pw_uid);
		mark(taken, user->pw_gid);
	}
	while (groups && (group = fgetgrent(groups)))
		mark(taken, group->gr_gid);
	if (users)
		fclose(users);
	if (groups)
		fclose(groups);
}

/* "Uid:" real, effective, saved and file system's; "Gid:" likewise. */
static void mark_process(struct taken *taken, const char *status)
{
	static const char *const words[] = {"\nUid:", "\nGid:"};

	for (int i = 0; i < 2; i++) {
		const char *line = strstr(status, words[i]);
		unsigned int ids[4];

		if (!line ||
		    sscanf(line + 5, "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) != 4)
			continue;
		for (int j = 0; j < 4; j++)
			mark(taken, ids[j]);
	}
}

/* Everything in a folder that has a number for a name: text of NUMBER/status, or the number. */
static void mark_folder(struct taken *taken, const char *path, bool processes)
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		struct text status TEXT_CLEANUP = {0};
		char file[300];
		struct err unused;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(file, sizeof(file), "%s/%.200s/status", path, entry->d_name);
		if (!processes)
			mark(taken, strtoul(entry->d_name, NULL, 10));
		else if (file_read(file, STATUS_MOST, &status, &unused) == 0)
			mark_process(taken, text_get(&status));
	}
	if (folder)
		closedir(folder);
}

/* A user namespace may have few ids, and root alone: lines of "first there count". */
static bool mapped_by(const char *map, uint32_t id)
{
	unsigned long first, outside, count;
	int size;

	while (sscanf(map, " %lu %lu %lu%n", &first, &outside, &count, &size) == 3) {
		if (id >= first && id - first < count)
			return true;
		map += size;
	}
	return false;
}

struct maps {
	struct text users, groups;
};

static bool mapped(const struct maps *maps, uint32_t id)
{
	return mapped_by(text_get(&maps->users), id) && mapped_by(text_get(&maps->groups), id);
}

/* FNV-1a: nothing depends on its being hard to foresee. */
static uint32_t number_of(const char *seed)
{
	uint32_t hash = 2166136261;

	for (; *seed; seed++)
		hash = (hash ^ (uint8_t)*seed) * 16777619;
	return hash;
}

static uint32_t choose(const struct taken *taken, const struct maps *maps, const char *seed)
{
	uint32_t first = number_of(seed);

	for (uint32_t i = 0; i < COUNT; i++) {
		uint32_t at = (first + i) % COUNT;

		if (!taken->ids[at] && mapped(maps, FIRST + at))
			return FIRST + at;
	}
	return mapped(maps, NOBODY) ? NOBODY : CONFINE_USER_NONE;
}

uint32_t confine_user_find(const char *seed)
{
	struct taken taken = {0};
	struct maps maps = {0};
	struct err unused;
	uint32_t id;

	mark_known(&taken);
	mark_folder(&taken, "/run/systemd/dynamic-uid", false);
	mark_folder(&taken, "/proc", true);
	file_read("/proc/self/uid_map", MAP_MOST, &maps.users, &unused);
	file_read("/proc/self/gid_map", MAP_MOST, &maps.groups, &unused);
	id = choose(&taken, &maps, seed);
	text_fini(&maps.users);
	text_fini(&maps.groups);
	return id;
}
