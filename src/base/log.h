/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a process without a terminal has to say: lines with the time in a file of bounded size.
 * Warnings also go to the system's log, which outlives the file.
 */
#pragma once
#include <stddef.h>

#include "base/err.h"

#define LOG_SIZE_MOST (512 << 10)

struct log {
	int fd;		/* opened to append; -1: nothing is written */
	char path[280]; /* when full it becomes path.old, and begins anew */
};

/* Continues the file, or makes it (0600). A zeroed log with fd -1 is one that nobody reads. */
int log_open(struct log *log, const char *path, struct err *err);
void log_close(struct log *log);
void log_remove(struct log *log); /* closes, and removes its files */

void log_note(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_warning(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
