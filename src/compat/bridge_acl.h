/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may put guests onto which bridge: the file that QEMU's helper reads, in its format. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct bridge_acl {
	const char *bridge; /* the one that is asked for */
	bool allowed, denied;
};

/*
 * Reads a file and those it includes, of which what cannot be read is passed over: so a file may be
 * there for some users only. false: it cannot be read, or something is wrong with it, which stands
 * on stderr.
 */
bool bridge_acl_read(struct bridge_acl *acl, const char *path);

/* Some rule allows it and none denies it, in whatever order they stand. */
static inline bool bridge_acl_allows(const struct bridge_acl *acl)
{
	return acl->allowed && !acl->denied;
}
