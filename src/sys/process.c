/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fd.h"

/* The first bytes of a file of /proc, NUL-terminated; 0: nothing to read. */
static size_t proc_read(const char *path, char *bytes, size_t size)
{
	int fd FD_CLEANUP = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, bytes, size - 1);

	bytes[got > 0 ? got : 0] = '\0';
	return got > 0 ? (size_t)got : 0;
}

/*
 * "-name lab", "-name guest=lab,debug-threads=on" and "-uuid …" of QEMU's command line. Whatever a
 * process writes there is only told.
 */
static void vm_name(pid_t pid, char vm[64], char uuid[40])
{
	char path[64], line[32768]; /* libvirt's are long, and the UUID is not among the first */
	size_t size;

	vm[0] = uuid[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	size = proc_read(path, line, sizeof(line));
	for (char *word = line; word < line + size; word += strlen(word) + 1) {
		char *value = word + strlen(word) + 1;

		if (value >= line + size)
			return;
		if (strcmp(word, "-uuid") == 0)
			snprintf(uuid, 40, "%s", value);
		if (strcmp(word, "-name") != 0)
			continue;
		value += strncmp(value, "guest=", 6) == 0 ? 6 : 0;
		snprintf(vm, 64, "%.*s", (int)strcspn(value, ","), value);
	}
}

static bool same_program(pid_t pid)
{
	struct stat own, other;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return stat("/proc/self/exe", &own) == 0 && stat(path, &other) == 0 &&
	       own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

static void hold_describe(struct process_hold *hold)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", hold->pid);
	proc_read(path, hold->command, sizeof(hold->command));
	hold->command[strcspn(hold->command, "\n")] = '\0';
	vm_name(hold->pid, hold->vm, hold->uuid);
	/*
	 * A keeper that runs since before an upgrade is of another file, and one that is just
	 * being killed of none; any may have a copy for a moment (in_namespace).
	 */
	hold->ours = same_program(hold->pid) || strcmp(hold->command, "lanloom") == 0 ||
		     strcmp(hold->command, "lanloomd") == 0;
}

/*
 * Is the device behind descriptor `fd` of the process in that namespace? Where nobody can tell:
 * yes. A process that ended meanwhile, or let the device go, does not hold it.
 */
static bool in_namespace(pid_t pid, int fd, int ns_fd)
{
	int pidfd FD_CLEANUP = (int)syscall(SYS_pidfd_open, pid, 0);
	int copy FD_CLEANUP = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	int its_ns FD_CLEANUP = copy < 0 ? -1 : ioctl(copy, TUNGETDEVNETNS);
	struct stat its, wanted;

	if (its_ns < 0)
		return errno != ESRCH && errno != EBADF && errno != EBADFD && errno != ENOTTY;
	if (fstat(its_ns, &its) < 0 || fstat(ns_fd, &wanted) < 0)
		return true;
	return its.st_ino == wanted.st_ino && its.st_dev == wanted.st_dev;
}

/* The device's name, from the line "iff:\tNAME" that the tun driver adds to fdinfo. */
static bool device_behind(pid_t pid, const char *fd, char device[16])
{
	char path[64], target[32], info[1024];
	const char *line;
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%d/fd/%.20s", pid, fd);
	size = readlink(path, target, sizeof(target) - 1);
	if (size < 0)
		return false;
	target[size] = '\0';
	if (strcmp(target, "/dev/net/tun") != 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%.20s", pid, fd);
	proc_read(path, info, sizeof(info));
	line = strstr(info, "iff:\t");
	return line && sscanf(line + 5, "%15s", device) == 1;
}

static void process_scan(pid_t pid, int ns_fd,
			 void (*each)(const struct process_hold *hold, void *data), void *data)
{
	struct process_hold hold = {.pid = pid};
	char path[64], before[16] = "";
	struct dirent *entry;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	fds = opendir(path);
	while (fds && (entry = readdir(fds))) {
		if (!device_behind(pid, entry->d_name, hold.device) ||
		    strcmp(before, hold.device) == 0 ||
		    !in_namespace(pid, atoi(entry->d_name), ns_fd))
			continue;
		memcpy(before, hold.device, sizeof(before)); /* its queues stand side by side */
		hold_describe(&hold);
		each(&hold, data);
	}
	if (fds)
		closedir(fds);
}

void process_holds(int ns_fd, void (*each)(const struct process_hold *hold, void *data), void *data)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			process_scan(atoi(entry->d_name), ns_fd, each, data);
	if (proc)
		closedir(proc);
}

/* Descriptors 0, 1, 2 and, if there is one, 3 as the new program finds them. */
static void descriptors_set(int log_fd, int ready_fd)
{
	int null = open("/dev/null", O_RDWR);
	int ready = ready_fd < 0 ? -1 : fcntl(ready_fd, F_DUPFD, 10);
	int log = fcntl(log_fd < 0 ? null : log_fd, F_DUPFD, 10);

	dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	if (ready >= 0)
		dup2(ready, 3);
	closefrom(ready >= 0 ? 4 : 3);
}

int process_launch(const char *path, char *const argv[], int log_fd, int ready_fd, struct err *err)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return err_errno(err, -errno, "start %s", argv[0]);
	if (child == 0) {
		setsid();
		if (fork() != 0)
			_exit(0); /* the grandchild belongs to init */
		descriptors_set(log_fd, ready_fd);
		execv(path, argv);
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return 0;
}

int process_run(char *const argv[], struct err *err)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return err_errno(err, -errno, "start %s", argv[0]);
	if (child == 0) {
		descriptors_set(-1, -1);
		execvp(argv[0], argv);
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(err, -EIO, "%s %s failed", argv[0], argv[1] ? argv[1] : "");
}

int process_find(const char *name, char *path, size_t size)
{
	static const char *const folders[] = {"/usr/local/sbin", "/usr/sbin", "/sbin"};
	const char *at = getenv("PATH"), *end;

	for (; at && *at; at = *end ? end + 1 : end) {
		end = at + strcspn(at, ":");
		if (end > at &&
		    (size_t)snprintf(path, size, "%.*s/%s", (int)(end - at), at, name) < size &&
		    access(path, X_OK) == 0)
			return 0;
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if ((size_t)snprintf(path, size, "%s/%s", folders[i], name) < size &&
		    access(path, X_OK) == 0)
			return 0;
	return -ENOENT;
}
