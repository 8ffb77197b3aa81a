/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Has this kernel what a kind needs? Asking changes nothing; no module is loaded by it. */
#pragma once
#include "model/kind.h"

enum presence {
	PRESENCE_HAS,	   /* built in or loaded */
	PRESENCE_LOADABLE, /* its module is installed; the kernel loads it when it is first used */
	PRESENCE_LACKS,	   /* needs a kernel with kind->config */
	PRESENCE_COUNT
};

extern const char *const presence_words[PRESENCE_COUNT + 1]; /* "has", "loadable", "lacks" */

/* Every kernel has the kinds that need nothing special. */
enum presence presence_of(const struct kind *kind);
