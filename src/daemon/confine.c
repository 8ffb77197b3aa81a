/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order matters. Files are read first (who has which user id), then files are given up; what
 * needs privilege comes before privilege goes; a change of user makes the kernel forget that the
 * process is not to be dumped and is to die with its parent, so both are said after it; the filter
 * is last, since all of the above calls what it forbids.
 */
#include "daemon/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sanitized.h"
#include "daemon/confine_calls.h"
#include "daemon/confine_files.h"
#include "daemon/confine_user.h"

/* Nobody becomes root again by executing something, and all of these bits stay as they are. */
#define SECUREBITS                                                                                 \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |                    \
	 SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |                                   \
	 SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

/* Keys pass over the stack: it is guarded as a vault is. Best effort, as there. */
static void guard_stack(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long begin, end;
	char line[512];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (!strstr(line, "[stack]") || sscanf(line, "%lx-%lx", &begin, &end) != 2)
			continue;
		(void)mlock2((void *)begin, end - begin, MLOCK_ONFAULT);
		(void)madvise((void *)begin, end - begin, MADV_DONTDUMP);
	}
	if (maps)
		fclose(maps);
}

/* Without a capability only so much may be locked: as much as the system lets us say. */
static void raise_lock_limit(void)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY}, now;

	if (setrlimit(RLIMIT_MEMLOCK, &all) == 0 || getrlimit(RLIMIT_MEMLOCK, &now) < 0)
		return;
	now.rlim_cur = now.rlim_max;
	(void)setrlimit(RLIMIT_MEMLOCK, &now);
}

int confine_bounds(uint64_t kept, struct err *err)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(kept >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return err_errno(err, -errno, "give up capability %lu for ever", cap);
	return 0;
}

static int ids_set(uint32_t id, struct err *err)
{
	if (id == CONFINE_USER_NONE) {
		fprintf(stderr, "this user namespace has no user but root: the process stays root "
				"of it, without capabilities\n");
		return 0;
	}
	if (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
		return err_errno(err, -errno, "become user %u", id);
	return 0;
}

static int capabilities_clear(struct err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    syscall(SYS_capset, &head, none) < 0)
		return err_errno(err, -errno, "give up all capabilities");
	return 0;
}

/* Believed when the kernel says so. */
static int powerless_check(uint32_t id, struct err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	uid_t users[3];
	gid_t groups[3];
	bool same = getresuid(&users[0], &users[1], &users[2]) == 0 &&
		    getresgid(&groups[0], &groups[1], &groups[2]) == 0;
	uint32_t left = syscall(SYS_capget, &head, sets) < 0;

	for (int i = 0; id && i < 3; i++)
		same = same && users[i] == id && groups[i] == id;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		left |= sets[i].effective | sets[i].permitted | sets[i].inheritable;
	if (!same || left || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return err_set(err, -EPERM, "user and capabilities are not what they should be");
	return 0;
}

static int user_take(uint32_t id, struct err *err)
{
	int death = 0;
	int r;

	prctl(PR_GET_PDEATHSIG, &death);
	if (prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0) < 0)
		return err_errno(err, -errno, "set the secure bits");
	r = confine_bounds(0, err);
	if (!r)
		r = ids_set(id, err);
	if (!r)
		r = capabilities_clear(err);
	if (!r)
		r = powerless_check(id, err);
	if (r)
		return r;
	prctl(PR_SET_PDEATHSIG, death);
	/* a leak sanitizer attaches to its own process */
	if (prctl(PR_SET_DUMPABLE, SANITIZED) < 0)
		return err_errno(err, -errno, "not be dumped");
	return 0;
}

static int files_take(struct err *err)
{
	struct err why;
	int r = confine_files_take(&why);

	if (r != -EOPNOTSUPP) {
		if (r)
			*err = why;
		return r;
	}
	fprintf(stderr, "%s: files are out of reach without it\n", why.message);
	return 0;
}

int confine_process(const char *seed, unsigned layers, struct err *err)
{
	uint32_t id = layers & CONFINE_USER ? confine_user_find(seed) : CONFINE_USER_NONE;
	struct rlimit none = {0};
	int r = 0;

	if (SANITIZED && layers & (CONFINE_FILES | CONFINE_CALLS)) {
		fprintf(stderr, "this is a sanitizer build: no filter of system calls, "
				"no Landlock, and it may be dumped\n");
		layers &= CONFINE_USER;
	}
	guard_stack();
	raise_lock_limit();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return err_errno(err, -errno, "confine the process");
	if (layers & CONFINE_FILES)
		r = files_take(err);
	if (!r && layers & CONFINE_USER)
		r = user_take(id, err);
	if (!r && layers & CONFINE_CALLS)
		r = confine_calls_take(err);
	return r;
}
