/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/fd.h"

#define OWN "/proc/thread-self/ns/net"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static bool is_namespace(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == NSFS_MAGIC;
}

static void path_of(const char *name, char path[300])
{
	if (name[0])
		snprintf(path, 300, "%s/%s", NETNS_FOLDER, name);
	else
		snprintf(path, 300, "%s", OWN);
}

int netns_open(const char *name, int *fd, struct err *err)
{
	char path[300];
	int opened;

	path_of(name, path);
	opened = open(path, O_RDONLY | O_CLOEXEC);
	if (opened >= 0 && is_namespace(opened)) {
		*fd = opened;
		return 0;
	}
	if (opened < 0 && errno != ENOENT)
		return err_errno(err, -errno, "open %s", path);
	if (opened >= 0)
		close(opened);
	err_set(err, -ENOENT, "there is no network namespace of the name %s", name);
	return err_hint(err, "lanloom add namespace %s", name);
}

static int enter(int fd, struct err *err)
{
	if (setns(fd, CLONE_NEWNET) == 0)
		return 0;
	err_errno(err, -errno, "enter a network namespace");
	return err->code == -EPERM ? err_hint(err, "the same as root") : err->code;
}

/* A thread that cannot come back would work on in the wrong network. */
static void come_back(int home)
{
	struct err err;

	if (enter(home, &err)) {
		fprintf(stderr, "lanloom: come back from a network namespace: %s\n", err.message);
		abort();
	}
}

int netns_inside(int fd, int (*act)(void *data, struct err *err), void *data, struct err *err)
{
	int home FD_CLEANUP = open(OWN, O_RDONLY | O_CLOEXEC);
	struct stat there, here;
	int r;

	if (home < 0)
		return err_errno(err, -errno, "open %s", OWN);
	if (fstat(fd, &there) == 0 && fstat(home, &here) == 0 && there.st_ino == here.st_ino &&
	    there.st_dev == here.st_dev)
		return act(data, err); /* we are there: works without the right to move, too */
	r = enter(fd, err);
	if (r)
		return r;
	r = act(data, err);
	come_back(home);
	return r;
}

static int cookie_here(void *data, struct err *err)
{
	int sock FD_CLEANUP = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(uint64_t);

	if (sock < 0 || getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, data, &size) < 0)
		return err_errno(err, -errno, "ask for the cookie of a network namespace");
	return 0;
}

int netns_cookie(int fd, uint64_t *cookie, struct err *err)
{
	return netns_inside(fd, cookie_here, cookie, err);
}

/* The folder is a mount of its own that is shared, so that names are seen in every mount namespace.
 */
static int folder_ready(struct err *err)
{
	if (mkdir(NETNS_FOLDER, 0755) < 0 && errno != EEXIST)
		return err_errno(err, -errno, "make %s", NETNS_FOLDER);
	if (mount("", NETNS_FOLDER, "none", MS_SHARED | MS_REC, NULL) == 0)
		return 0;
	if (errno == EINVAL &&
	    mount(NETNS_FOLDER, NETNS_FOLDER, "none", MS_BIND | MS_REC, NULL) == 0 &&
	    mount("", NETNS_FOLDER, "none", MS_SHARED | MS_REC, NULL) == 0)
		return 0;
	return err_errno(err, -errno, "mount %s shared", NETNS_FOLDER);
}

static int lo_up(struct err *err)
{
	int sock FD_CLEANUP = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo"};

	if (sock < 0 || ioctl(sock, SIOCGIFFLAGS, &request) < 0)
		return err_errno(err, -errno, "set lo up");
	request.ifr_flags |= IFF_UP;
	if (ioctl(sock, SIOCSIFFLAGS, &request) < 0)
		return err_errno(err, -errno, "set lo up");
	return 0;
}

static int make(int *made, struct err *err)
{
	int home FD_CLEANUP = open(OWN, O_RDONLY | O_CLOEXEC);
	int r;

	if (home < 0)
		return err_errno(err, -errno, "open %s", OWN);
	if (unshare(CLONE_NEWNET) < 0)
		return err_errno(err, -errno, "make a network namespace");
	r = lo_up(err);
	*made = open(OWN, O_RDONLY | O_CLOEXEC);
	if (!r && *made < 0)
		r = err_errno(err, -errno, "open %s", OWN);
	come_back(home);
	return r;
}

struct naming {
	const char *path;
	int fd; /* the namespace to be named */
};

static int name_it(const struct naming *naming, struct err *err)
{
	char source[40];
	int file FD_CLEANUP = -1;
	int r = folder_ready(err);

	if (r)
		return r;
	file = open(naming->path, O_RDONLY | O_CLOEXEC | O_CREAT, 0444);
	if (file < 0)
		return err_errno(err, -errno, "make %s", naming->path);
	if (is_namespace(file))
		return err_set(err, -EEXIST, "%s is a network namespace already", naming->path);
	snprintf(source, sizeof(source), "/proc/self/fd/%d", naming->fd);
	if (mount(source, naming->path, "none", MS_BIND, NULL) == 0)
		return 0;
	err_errno(err, -errno, "mount a network namespace on %s", naming->path);
	unlink(naming->path);
	return err->code;
}

static int unname_it(const struct naming *naming, struct err *err)
{
	if (umount2(naming->path, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
		return err_errno(err, -errno, "unmount %s", naming->path);
	if (unlink(naming->path) < 0 && errno != ENOENT)
		return err_errno(err, -errno, "remove %s", naming->path);
	return 0;
}

static int in_child(int mounts, int (*act)(const struct naming *, struct err *),
		    const struct naming *naming, struct err *err)
{
	int ends[2], status = 0;
	pid_t child;
	ssize_t got;

	if (pipe2(ends, O_CLOEXEC) < 0 || (child = fork()) < 0)
		return err_errno(err, -errno, "start a child");
	if (!child) {
		struct err said = {0};

		if (setns(mounts, CLONE_NEWNS) < 0)
			err_errno(&said, -errno, "enter the first mount namespace");
		else
			act(naming, &said);
		_exit(write(ends[1], &said, sizeof(said)) != sizeof(said));
	}
	close(ends[1]);
	got = read(ends[0], err, sizeof(*err));
	close(ends[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (got != sizeof(*err))
		return err_set(err, -EINTR, "the child that names a network namespace died");
	return err->code;
}

static pid_t parent_of(pid_t pid)
{
	char path[64], line[512] = "";
	int fd FD_CLEANUP = -1;
	pid_t parent = 0;
	char *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, line, sizeof(line) - 1) < 0)
		return 0;
	end = strrchr(line, ')'); /* a command's name may hold anything */
	if (end)
		sscanf(end, ") %*c %d", &parent);
	return parent;
}

/* The mounts of the first process, or where it lets nobody look, of the farthest ancestor that
 * does. */
static int first_mounts(void)
{
	int found = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);
	char path[64];

	if (found >= 0)
		return found;
	for (pid_t pid = getppid(); pid > 1; pid = parent_of(pid)) {
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (found >= 0)
			close(found);
		found = fd;
	}
	return found;
}

/*
 * Names are the machine's: they are made where its first process sees them. A caller with mounts
 * of its own (ip netns exec gives such) sees them too, as mounts travel down; made in its own
 * they would end with it and leave an empty file behind.
 */
static int in_first_mounts(int (*act)(const struct naming *, struct err *),
			   const struct naming *naming, struct err *err)
{
	int first FD_CLEANUP = first_mounts();
	struct stat its, ours;

	if (first < 0 || fstat(first, &its) < 0 || stat("/proc/self/ns/mnt", &ours) < 0 ||
	    (its.st_ino == ours.st_ino && its.st_dev == ours.st_dev))
		return act(naming, err);
	return in_child(first, act, naming, err);
}

int netns_make(const char *name, struct err *err)
{
	int fd FD_CLEANUP = -1, seen FD_CLEANUP = -1;
	char path[300];
	struct naming naming = {.path = path};
	int r = make(&fd, err);

	path_of(name, path);
	naming.fd = fd;
	if (!r)
		r = in_first_mounts(name_it, &naming, err);
	/* mounts that do not travel down to the caller's: it is named there as well */
	if (!r && netns_open(name, &seen, err))
		r = name_it(&naming, err);
	return r;
}

int netns_remove(const char *name, struct err *err)
{
	char path[300];
	struct naming naming = {.path = path, .fd = -1};
	int r;

	path_of(name, path);
	r = in_first_mounts(unname_it, &naming, err);
	return r ? r : unname_it(&naming, err);
}

int netns_list(int (*each)(const char *name, void *data), void *data)
{
	DIR *folder = opendir(NETNS_FOLDER);
	struct dirent *entry;
	int r = 0;

	while (folder && !r && (entry = readdir(folder))) {
		struct err unused;
		int fd = -1;

		if (entry->d_name[0] == '.' || netns_open(entry->d_name, &fd, &unused))
			continue;
		close(fd);
		r = each(entry->d_name, data);
	}
	if (folder)
		closedir(folder);
	return r;
}

/* Each file of /etc/netns/NAME stands over its namesake in /etc, as ip-netns has it. */
static int etc_cover(const char *name, struct err *err)
{
	char folder[300], from[600], to[300];
	struct dirent *entry;
	DIR *files;
	int r = 0;

	snprintf(folder, sizeof(folder), "/etc/netns/%s", name);
	files = opendir(folder);
	while (files && !r && (entry = readdir(files))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(from, sizeof(from), "%s/%s", folder, entry->d_name);
		snprintf(to, sizeof(to), "/etc/%s", entry->d_name);
		if (mount(from, to, "none", MS_BIND, NULL) < 0 && errno != ENOENT)
			r = err_errno(err, -errno, "mount %s over %s", from, to);
	}
	if (files)
		closedir(files);
	return r;
}

/*
 * The root of a chroot is mostly no mount, so it cannot be told to keep what is mounted below it.
 * A copy of it can, and /proc has room for one: that is a mount, so nobody else sees what covers
 * it.
 */
static int root_copy(void)
{
	char *here = get_current_dir_name();
	int r = 0;

	if (mount("", "/proc", "none", MS_PRIVATE, NULL) < 0 ||
	    mount("/", "/proc", "none", MS_BIND | MS_REC, NULL) < 0 ||
	    mount("", "/proc", "none", MS_SLAVE | MS_REC, NULL) < 0 || chroot("/proc") < 0 ||
	    chdir(here ? here : "/") < 0)
		r = -errno;
	free(here);
	return r;
}

/* Nothing mounted from here on shows outside, what is mounted outside shows here. */
static int mounts_keep(struct err *err)
{
	int r = mount("", "/", "none", MS_SLAVE | MS_REC, NULL) < 0 ? -errno : 0;

	if (r == -EINVAL)
		r = root_copy();
	return r ? err_errno(err, r, "keep mounts to itself, with / no mount") : 0;
}

int netns_become(const char *name, struct err *err)
{
	int fd FD_CLEANUP = -1;
	struct statvfs sys;
	unsigned long flags = 0;
	int r = netns_open(name, &fd, err);

	if (!r)
		r = enter(fd, err);
	if (r || !name[0])
		return r;
	if (unshare(CLONE_NEWNS) < 0)
		return err_errno(err, -errno, "get mounts of its own");
	r = mounts_keep(err);
	if (r)
		return r;
	if (statvfs("/sys", &sys) == 0 && sys.f_flag & ST_RDONLY)
		flags |= MS_RDONLY;
	umount2("/sys", MNT_DETACH);
	if (mount(name, "/sys", "sysfs", flags, NULL) < 0)
		return err_errno(err, -errno, "mount /sys");
	return etc_cover(name, err);
}
