/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int file_read(const char *path, size_t most, struct text *out, struct err *err)
{
	int fd FD_CLEANUP = open(path, O_RDONLY | O_CLOEXEC);
	char chunk[16384];
	ssize_t got;

	if (fd < 0)
		return err_errno(err, -errno, "cannot read %s", path);
	while ((got = read(fd, chunk, sizeof(chunk))) > 0) {
		if (out->size + (size_t)got > most)
			return err_set(err, -EFBIG, "%s is larger than %zu bytes", path, most);
		text_addn(out, chunk, (size_t)got);
	}
	if (got < 0)
		return err_errno(err, -errno, "cannot read %s", path);
	return 0;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t put = write(fd, bytes, size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		bytes += put;
		size -= (size_t)put;
	}
	return 0;
}

static int folder_sync(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd FD_CLEANUP = -1;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 1,
		 slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int file_replace(const char *path, mode_t mode, const char *bytes, size_t size, struct err *err)
{
	char temporary[PATH_MAX];
	int fd FD_CLEANUP = -1;
	int r;

	snprintf(temporary, sizeof(temporary), "%s.%d.new", path, (int)getpid());
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return err_errno(err, -errno, "cannot write %s", temporary);
	r = write_all(fd, bytes, size);
	if (!r && fsync(fd) < 0)
		r = -errno;
	if (!r && rename(temporary, path) < 0)
		r = -errno;
	if (!r)
		r = folder_sync(path);
	if (r) {
		unlink(temporary);
		return err_errno(err, r, "cannot write %s", path);
	}
	return 0;
}

int file_rename(const char *from, const char *to, struct err *err)
{
	int r = rename(from, to) < 0 ? -errno : folder_sync(to);

	return r ? err_errno(err, r, "cannot rename %s to %s", from, to) : 0;
}

int folder_make(const char *path, struct err *err)
{
	char part[PATH_MAX];
	size_t size = strlen(path);

	if (size >= sizeof(part))
		return err_set(err, -ENAMETOOLONG, "cannot make %s: the path is too long", path);
	for (size_t i = 1; i <= size; i++) {
		if (path[i] != '/' && path[i])
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return err_errno(err, -errno, "cannot make %s", part);
	}
	return 0;
}
