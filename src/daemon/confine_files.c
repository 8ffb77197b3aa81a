/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The numbers are those of the kernel's documentation (userspace-api/landlock); distributions'
 * headers are often older than the kernels that run.
 */
#include "daemon/confine_files.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444 /* the same on all architectures */
#define SYS_landlock_restrict_self 446
#endif

#define ASK_ABI 1U

/* What a rule set handles is refused unless a rule allows it; ours has no rules. */
struct ruleset {
	uint64_t files;
	uint64_t tcp;	/* ABI 4: bind, connect */
	uint64_t scope; /* ABI 6: abstract sockets and signals, to others */
};

static const struct level {
	uint64_t files;
	uint64_t tcp, scope;
	size_t size; /* of the struct then */
} levels[] = {
	{(1 << 13) - 1, 0, 0, 8}, /* ABI 1, Linux 5.13: open, make, remove */
	{(1 << 14) - 1, 0, 0, 8}, /* 2: and rename */
	{(1 << 15) - 1, 0, 0, 8}, /* 3: and truncate */
	{(1 << 15) - 1, 3, 0, 16}, {(1 << 16) - 1, 3, 0, 16}, /* 5: and a device's ioctl */
	{(1 << 16) - 1, 3, 3, 24},
};

int confine_files_take(struct err *err)
{
	const long known = sizeof(levels) / sizeof(levels[0]);
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_ABI);
	int fd FD_CLEANUP = -1;

	if (abi < 1)
		return err_set(err, -EOPNOTSUPP, "this kernel has no Landlock");
	const struct level *level = &levels[(abi < known ? abi : known) - 1];
	struct ruleset all = {level->files, level->tcp, level->scope};
	fd = (int)syscall(SYS_landlock_create_ruleset, &all, level->size, 0);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return err_errno(err, -errno, "give up files (Landlock)");
	return 0;
}
