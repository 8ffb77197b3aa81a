/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Landlock: no file is opened, made or removed any more, whoever the process is. */
#pragma once
#include "base/err.h"

/* As much of it as the running kernel has. -EOPNOTSUPP: it has none. Needs no_new_privs. */
int confine_files_take(struct err *err);

enum confine_access { CONFINE_READ, CONFINE_RUN, CONFINE_WRITE };

/* What stays within reach: a file, or a folder with all that is in it. */
struct confine_path {
	const char *path; /* one that is not there is passed over */
	enum confine_access access;
};

/* The same for files alone (it may use TCP), but for these paths. NULL ends the list. */
int confine_files_keep(const struct confine_path *paths, struct err *err);
