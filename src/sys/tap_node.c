/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/tap_node.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"

/*
 * A view of /sys that belongs to the namespace of the thread that opens it, mounted nowhere: the
 * usual /sys shows the devices of whoever mounted that.
 */
static int sysfs_open(void)
{
	int context FD_CLEANUP = (int)syscall(SYS_fsopen, "sysfs", FSOPEN_CLOEXEC);
	int mount;

	if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return -errno;
	mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);

	return mount < 0 ? -errno : mount;
}

int tap_node_number(uint32_t ifindex, const char *name, dev_t *number, struct err *err)
{
	char path[64], text[32] = "";
	unsigned int major, minor;
	int folder FD_CLEANUP = sysfs_open();
	int file FD_CLEANUP = -1;

	if (folder < 0)
		return err_errno(err, folder, "look at the devices of the namespace");
	snprintf(path, sizeof(path), "class/net/%s/tap%u/dev", name, ifindex);
	file = openat(folder, path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || read(file, text, sizeof(text) - 1) <= 0 ||
	    sscanf(text, "%u:%u", &major, &minor) != 2)
		return err_set(err, -ENODEV, "its device node is not known: no %s in /sys", path);
	*number = makedev(major, minor);
	return 0;
}

static void folders_make(const char *path)
{
	char folder[4096];

	for (const char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(at - path), path);
		mkdir(folder, 0755); /* one that is there is as good */
	}
}

int tap_node_make(const char *path, dev_t number, uid_t owner, gid_t group, struct err *err)
{
	struct stat there;

	if (lstat(path, &there) == 0 && (!S_ISCHR(there.st_mode) || there.st_rdev != number))
		unlink(path); /* left by one of an earlier device of that name */
	folders_make(path);
	if (mknod(path, S_IFCHR | 0600, number) != 0 && errno != EEXIST)
		return err_errno(err, -errno, "make its device node");
	if (chown(path, owner, group) != 0 || chmod(path, 0660) != 0)
		return err_errno(err, -errno, "give its device node to its owner");
	return 0;
}
