/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What strangers reach may do no more than carry frames: a worker gives up, for ever, everything
 * that it was not handed. doc/design/confinement.md says why so.
 */
#pragma once
#include <stdint.h>

#include "base/err.h"

/* A worker takes all of them; tests look at what each alone prevents. */
enum confine_layer {
	CONFINE_USER = 1,  /* a user id of its own, no capability, no core, no signal from others */
	CONFINE_FILES = 2, /* Landlock: no file, no TCP; passed over where the kernel lacks it */
	CONFINE_CALLS = 4, /* no system call but those that src/tunnel and src/base name */
	CONFINE_ALL = 7,
};

/*
 * Confines this process, which is root and has one thread; it is lost after an error. CALLS alone
 * may come later, when it has more: it holds for all. `seed`, any
 * text, decides which user id comes first, so that a tunnel has the same one each time. What could
 * not be had and is done without is said on stderr. In a sanitizer build, whose run-time library
 * opens files and traces its own process, the layers FILES and CALLS are passed over, and that is
 * said too.
 */
int confine_process(const char *seed, unsigned layers, struct err *err);

/*
 * A process that calls what it may not ends by SIGSYS; before that it says this and the number, as
 * one line on stderr.
 */
#define CONFINE_SAYS "forbidden system call "

/* "socket", or "unknown". */
void confine_call_name(int number, char name[32]);

/* Capabilities that neither this process nor a program it executes ever has: all but `kept`. */
int confine_bounds(uint64_t kept, struct err *err);

/*
 * Before a program that is not ours is executed: it will be user `id` (CONFINE_USER_NONE: stays),
 * have the capabilities of the mask `kept` and no others, reach the files of `paths`
 * (confine_files.h), and die with its parent.
 */
struct confine_path;
int confine_program(uint32_t id, uint64_t kept, const struct confine_path *paths, struct err *err);
