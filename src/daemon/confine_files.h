/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Landlock: no file is opened, made or removed any more, whoever the process is. */
#pragma once
#include "base/err.h"

/* As much of it as the running kernel has. -EOPNOTSUPP: it has none. Needs no_new_privs. */
int confine_files_take(struct err *err);
