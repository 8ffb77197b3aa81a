/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "world/keeper_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define PREFIX "dhcp."

void keeper_file_name(const struct object *object, char name[KEEPER_FILE_SIZE])
{
	snprintf(name, KEEPER_FILE_SIZE, PREFIX "%s%s%s", object->ns, object->ns[0] ? ":" : "",
		 object_name(object));
}

static void remove_called(int folder_fd, const char *name, bool leases)
{
	struct stat status;
	char path[KEEPER_FILE_SIZE + 8];

	snprintf(path, sizeof(path), "%.*s/leases", KEEPER_FILE_SIZE - 1, name);
	if (leases ||
	    (fstatat(folder_fd, path, &status, AT_SYMLINK_NOFOLLOW) == 0 && !status.st_size))
		unlinkat(folder_fd, path, 0);
	snprintf(path, sizeof(path), "%.*s.conf", KEEPER_FILE_SIZE - 1, name);
	unlinkat(folder_fd, path, 0);
	unlinkat(folder_fd, name, AT_REMOVEDIR);
}

void keeper_files_forget(int folder_fd, const struct object *object, bool leases)
{
	char name[KEEPER_FILE_SIZE];

	keeper_file_name(object, name);
	remove_called(folder_fd, name, leases);
}

void keeper_files_clear(const char *folder)
{
	int fd FD_CLEANUP = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = NULL;
	const struct dirent *entry;
	char name[KEEPER_FILE_SIZE];

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		list = opendir(folder);
	while (list && (entry = readdir(list))) {
		const char *end = strrchr(entry->d_name, '.');
		size_t size = strlen(entry->d_name);

		if (!text_starts(entry->d_name, PREFIX))
			continue;
		if (text_same(end, ".conf"))
			size -= strlen(end);
		snprintf(name, sizeof(name), "%.*s", (int)size, entry->d_name);
		remove_called(fd, name, true);
	}
	if (list)
		closedir(list);
}
