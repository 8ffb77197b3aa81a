/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The numbers are those of the kernel's documentation (userspace-api/landlock); distributions'
 * headers are often older than the kernels that run.
 */
#include "daemon/confine_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444 /* the same on all architectures */
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum {
	MAY_EXECUTE = 1 << 0,
	MAY_WRITE = 1 << 1,
	MAY_READ = 1 << 2,
	MAY_LIST = 1 << 3,
	MAY_REMOVE = 1 << 5,
	MAY_MAKE = 1 << 8,
	MAY_TRUNCATE = 1 << 14,
	OF_FILES = MAY_EXECUTE | MAY_WRITE | MAY_READ | MAY_TRUNCATE,
};

#define RULE_BENEATH 1

#define ASK_ABI 1U

/* What a rule set handles is refused unless a rule allows it. */
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

static const struct level *level_find(struct err *err)
{
	const long known = sizeof(levels) / sizeof(levels[0]);
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_ABI);

	if (abi < 1) {
		err_set(err, -EOPNOTSUPP, "this kernel has no Landlock");
		return NULL;
	}
	return &levels[(abi < known ? abi : known) - 1];
}

static int path_keep(int rules_fd, const struct level *level, const struct confine_path *path)
{
	static const uint64_t rights[] = {
		[CONFINE_READ] = MAY_READ | MAY_LIST,
		[CONFINE_RUN] = MAY_READ | MAY_LIST | MAY_EXECUTE,
		[CONFINE_WRITE] =
			MAY_READ | MAY_LIST | MAY_WRITE | MAY_MAKE | MAY_REMOVE | MAY_TRUNCATE,
	};
	struct {
		uint64_t rights;
		int32_t fd;
	} __attribute__((packed)) rule = {rights[path->access] & level->files, -1};
	int fd FD_CLEANUP = open(path->path, O_PATH | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode))
		rule.rights &= OF_FILES;
	rule.fd = fd;
	return syscall(SYS_landlock_add_rule, rules_fd, RULE_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

static int restrict_to(const struct ruleset *rules, const struct level *level,
		       const struct confine_path *paths, struct err *err)
{
	int fd FD_CLEANUP = (int)syscall(SYS_landlock_create_ruleset, rules, level->size, 0);
	int r = fd < 0 ? -errno : 0;

	for (; !r && paths && paths->path; paths++)
		r = path_keep(fd, level, paths);
	if (!r && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		r = -errno;
	return r ? err_errno(err, r, "give up files (Landlock)") : 0;
}

int confine_files_take(struct err *err)
{
	const struct level *level = level_find(err);

	if (!level)
		return err->code;
	return restrict_to(&(struct ruleset){level->files, level->tcp, level->scope}, level, NULL,
			   err);
}

int confine_files_keep(const struct confine_path *paths, struct err *err)
{
	const struct level *level = level_find(err);

	if (!level)
		return err->code;
	return restrict_to(&(struct ruleset){level->files, 0, level->scope}, level, paths, err);
}
