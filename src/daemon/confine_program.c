/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a worker gives up a program of others needs in part: dnsmasq opens its ports and sets
 * entries of the neighbour table. It never is root: capabilities that it needs are ambient, which
 * survive its execution as a user.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/confine.h"
#include "daemon/confine_files.h"
#include "daemon/confine_user.h"

static int capabilities_set(uint64_t kept, struct err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t some = (uint32_t)(kept >> 32 * i);

		sets[i] = (struct __user_cap_data_struct){some, some, some};
	}
	if (syscall(SYS_capset, &head, sets) < 0)
		return err_errno(err, -errno, "give up capabilities");
	for (unsigned long cap = 0; kept >> cap; cap++)
		if (kept >> cap & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return err_errno(err, -errno, "keep capability %lu", cap);
	return 0;
}

static int user_become(uint32_t id, struct err *err)
{
	if (id == CONFINE_USER_NONE)
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
		return err_errno(err, -errno, "become user %u", id);
	return 0;
}

int confine_program(uint32_t id, uint64_t kept, const struct confine_path *paths, struct err *err)
{
	struct rlimit none = {0};
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
	    prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0) < 0)
		return err_errno(err, -errno, "confine a program");
	r = confine_files_keep(paths, err);
	if (r == -EOPNOTSUPP) {
		fprintf(stderr, "%s: its user's rights alone guard files\n", err->message);
		r = 0;
	}
	if (!r)
		r = confine_bounds(kept, err);
	if (!r)
		r = user_become(id, err);
	if (!r)
		r = capabilities_set(kept, err);
	/* a change of user makes the kernel forget it */
	if (!r && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		r = err_errno(err, -errno, "die with the keeper");
	return r;
}
