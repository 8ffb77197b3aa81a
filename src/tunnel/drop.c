/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/drop.h"

static const char *const names[] = {
#define DROP_NAME(word, name) [DROP_##word] = name,
	DROP_LIST(DROP_NAME)
#undef DROP_NAME
};
_Static_assert(sizeof(names) / sizeof(names[0]) == DROP_COUNT, "a name for every drop");

const char *drop_name(enum drop drop)
{
	return drop < DROP_COUNT ? names[drop] : "?";
}
