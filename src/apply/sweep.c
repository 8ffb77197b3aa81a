/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What nobody needs any more: files whose writing was cut off, and state folders of network
 * namespaces that are gone. Each folder holds the name its namespace had (`name`); when no
 * namespace has that name any more, or ours has it now, the folder is nobody's. One that is in use
 * (locked), or never had a name, stays.
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/store_inside.h"
#include "base/fd.h"

#define NAMES "/run/netns" /* as ip-netns has it */

static bool same_file(const char *path, const struct stat *want)
{
	struct stat status;

	return stat(path, &status) == 0 && status.st_dev == want->st_dev &&
	       status.st_ino == want->st_ino;
}

/* The name of the namespace we are in; false: it has none. */
static bool own_name(char name[256])
{
	struct dirent *entry;
	struct stat own;
	bool found = false;
	DIR *names = stat("/proc/self/ns/net", &own) == 0 ? opendir(NAMES) : NULL;

	while (names && !found && (entry = readdir(names))) {
		char path[300];

		snprintf(path, sizeof(path), "%s/%s", NAMES, entry->d_name);
		found = same_file(path, &own);
		if (found)
			snprintf(name, 256, "%s", entry->d_name);
	}
	if (names)
		closedir(names);
	return found;
}

static int remove_one(const char *path, const struct stat *status, int what, struct FTW *ftw)
{
	return remove(path);
}

static bool in_use(const char *folder)
{
	char path[700];
	int fd FD_CLEANUP = -1;

	snprintf(path, sizeof(path), "%s/lock", folder);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

/* The keeper of a namespace holds its folder locked for as long as it runs. */
static bool kept(const char *folder)
{
	int fd FD_CLEANUP = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

static void sweep_one(const char *folder, const char *own)
{
	struct text name TEXT_CLEANUP = {0};
	char path[700];
	struct stat status;
	struct err err;

	snprintf(path, sizeof(path), "%s/name", folder);
	if (file_read(path, 255, &name, &err) || !name.size)
		return;
	snprintf(path, sizeof(path), "%s/%s", NAMES, text_get(&name));
	if (stat(path, &status) == 0 && !text_same(text_get(&name), own))
		return;
	if (!in_use(folder) && !kept(folder))
		nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void clean_folder(const char *folder)
{
	DIR *files = opendir(folder);
	struct dirent *entry;
	char path[700];

	while (files && (entry = readdir(files))) {
		size_t size = strlen(entry->d_name);

		if (size < 4 || strcmp(entry->d_name + size - 4, ".new") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		unlink(path);
	}
	if (files)
		closedir(files);
}

void store_clean(const struct store *store)
{
	static const char *const folders[] = {"", "/committed", "/history"};
	char path[400];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", store->folder, folders[i]);
		clean_folder(path);
		snprintf(path, sizeof(path), "%s%s", store->lasting, folders[i]);
		clean_folder(path);
	}
}

void store_sweep(const struct store *store)
{
	char root[256], own[256] = "", path[600];
	const char *slash = strrchr(store->folder, '/');
	struct dirent *entry;
	struct text known TEXT_CLEANUP = {0};
	struct err err;
	DIR *folders;

	snprintf(root, sizeof(root), "%.*s", (int)(slash - store->folder), store->folder);
	snprintf(path, sizeof(path), "%s/name", store->folder);
	if (own_name(own) &&
	    (file_read(path, 255, &known, &err) || !text_same(text_get(&known), own)))
		file_replace(path, 0600, own, strlen(own), &err);
	folders = opendir(root);
	while (folders && (entry = readdir(folders))) {
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, slash + 1) == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", root, entry->d_name);
		sweep_one(path, own);
	}
	if (folders)
		closedir(folders);
}
