/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* File descriptors that close themselves at the end of a scope, and whole-file reads and writes. */
#pragma once
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"

static inline void fd_cleanup(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* int fd FD_CLEANUP = -1; closes when the scope ends. fd_take gives it away. */
#define FD_CLEANUP __attribute__((cleanup(fd_cleanup)))

static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* The whole of a file, at most `most` bytes (-EFBIG above). Errors name the path. */
int file_read(const char *path, size_t most, struct text *out, struct err *err);

/*
 * Replaces a file as one act: a temporary beside it, fsync, rename, fsync of the folder. After a
 * crash the old or the new content stands there, never a part.
 */
int file_replace(const char *path, mode_t mode, const char *bytes, size_t size, struct err *err);

/* Gives a file another name, lastingly: the folder is synced, too. */
int file_rename(const char *from, const char *to, struct err *err);

/* mkdir -p with 0700 for what it makes. */
int folder_make(const char *path, struct err *err);
