/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lanloom-vm-helper: the one thing a plain user may have done with root's power, by a copy of this
 * binary that is set-user-ID root (main.c lets nothing else of it run so). It has two acts. As
 * root it reads what is up and who may (and, the very first time, draws the seed of MACs): fixed
 * paths, an empty environment, nothing the caller chose but names to compare. Then it becomes its
 * caller, with CAP_NET_ADMIN and nothing else, opens the TAP and joins the bridge, hands the
 * descriptors over and ends. If it is killed on the way the TAP goes with it.
 */
#include "vm/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "lib/lib.h"
#include "vm/vm.h"

#define GROUPS_MOST 1024

/* What the caller may have left: files to be cut short, a folder, a mask, an environment. */
static int clean(struct err *err)
{
	static const struct rlimit whole = {RLIM_INFINITY, RLIM_INFINITY};
	struct stat is;

	clearenv();
	closefrom(VM_HELPER_FD + 1);
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (fstat(VM_HELPER_FD, &is) < 0 || !S_ISSOCK(is.st_mode))
		return err_set(err, -EINVAL,
			       "is called by lanloom vm, with a socket as descriptor "
			       "3");
	if (geteuid() != 0) {
		err_set(err, -EPERM, VM_HELPER " is not set-user-ID root");
		return err_hint(err, "as root: chown root FILE; chmod 4755 FILE");
	}
	/* a root that may not even do this gets an error where it writes, in place of a signal */
	setrlimit(RLIMIT_FSIZE, &whole);
	return chdir("/") < 0 ? err_errno(err, -errno, "go to /") : 0;
}

static const char *word_value(const char *word, const char *name)
{
	return text_starts(word, name) ? word + strlen(name) : NULL;
}

static int words_read(struct vm_ask *ask, int argc, char **argv, struct err *err)
{
	const char *value;
	int64_t queues = 0;

	for (int i = 1; i < argc; i++) {
		if ((value = word_value(argv[i], "--network=")))
			ask->network = value;
		else if ((value = word_value(argv[i], "--guest=")))
			ask->guest = value;
		else if (!(value = word_value(argv[i], "--queues=")) ||
			 text_number(value, 0, VM_QUEUES_MOST, &queues))
			return err_set(err, -EINVAL, "there is no such word for " VM_HELPER);
	}
	ask->queues = (unsigned int)queues;
	if (!ask->network)
		return err_set(err, -EINVAL, "--network is missing");
	if (strchr(ask->network, '/'))
		return err_set(err, -EPERM, "is in another namespace, which takes root");
	if (ask->guest && (!ask->guest[0] || strlen(ask->guest) > VM_GUEST_MOST))
		return err_set(err, -EINVAL, "the guest's name is %zu bytes long; expected 1 to %d",
			       strlen(ask->guest), VM_GUEST_MOST);
	return device_name_check(ask->network, err);
}

static int allowed(const struct vm_ask *ask, const struct vm_guest *guest, struct err *err)
{
	gid_t groups[GROUPS_MOST + 1];
	struct vm_caller caller = {.uid = ask->uid, .groups = groups};
	int count = getgroups(GROUPS_MOST, groups);

	if (count < 0)
		return err_errno(err, -errno, "ask for the caller's groups");
	groups[count] = getgid();
	caller.group_count = (size_t)count + 1;
	return vm_acl_check(VM_ACL_FILE, &caller, ask->network, ask->guest, guest, err);
}

/* From here on it can do to the network what CAP_NET_ADMIN can, to files what its caller can. */
static int power_drop(struct err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{.effective = 1U << CAP_NET_ADMIN, .permitted = 1U << CAP_NET_ADMIN},
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_KEEPCAPS, 1) ||
	    setresgid(getgid(), getgid(), getgid()) || setresuid(getuid(), getuid(), getuid()) ||
	    syscall(SYS_capset, &header, data))
		return err_errno(err, -errno, "give up root's power");
	return 0;
}

static int attach(const struct vm_ask *ask, const struct vm_guest *guest, struct vm_port *port,
		  struct err *err)
{
	int queues = vm_queues(ask, guest, err);

	if (queues < 0)
		return queues;
	if (guest->declared && !text_same(guest->network, ask->network))
		return err_set(err, -EINVAL, "guest %s is declared in the network %s", ask->guest,
			       guest->network);
	return vm_attach(ask->network, guest, ask->guest, (unsigned int)queues, port, err);
}

static void hand(const struct vm_port *port, const struct vm_reply *reply)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(VM_QUEUES_MOST * sizeof(int))];
	} control = {0};
	struct iovec part = {(void *)(uintptr_t)reply, sizeof(*reply)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	size_t size = port->count * sizeof(int);

	if (port->count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(size);
		control.header.cmsg_len = CMSG_LEN(size);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.header), port->fds, size);
	}
	while (sendmsg(VM_HELPER_FD, &message, 0) < 0 && errno == EINTR)
		;
}

static int help(struct vm_ask *ask, int argc, char **argv, struct arena *arena,
		struct vm_port *port, struct err *err)
{
	struct vm_guest guest;
	int r = clean(err);

	if (!r)
		r = words_read(ask, argc, argv, err);
	if (!r)
		r = vm_guest_know(ask, arena, &guest, err);
	if (!r)
		r = allowed(ask, &guest, err);
	if (!r)
		r = power_drop(err);
	return r ? r : attach(ask, &guest, port, err);
}

int vm_helper_main(int argc, char **argv)
{
	struct vm_ask ask = {.uid = getuid()};
	struct vm_port port = {0};
	struct vm_reply reply = {0};
	struct err err = {0};
	struct arena arena;

	arena_init(&arena);
	reply.code = help(&ask, argc, argv, &arena, &port, &err);
	snprintf(reply.message, sizeof(reply.message), "%s", err.message);
	snprintf(reply.hint, sizeof(reply.hint), "%s", err.hint);
	snprintf(reply.device, sizeof(reply.device), "%s", port.device);
	snprintf(reply.mac, sizeof(reply.mac), "%s", port.mac);
	if (reply.code)
		vm_port_close(&port);
	hand(&port, &reply);
	arena_fini(&arena);
	return reply.code ? 1 : 0;
}
