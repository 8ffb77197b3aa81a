/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a confined process can still do: each call is tried by a process of its own, forked and
 * confined for it.
 *
 *	probe LAYERS [CALL...]	none, user, files, calls, all; a line for each call:
 *				"works", "error NUMBER" or "signal NUMBER", and its name
 *	probe sweep		every number a call may have, behind the filter alone
 *	probe conditions	each call that depends on its arguments, with others
 *	probe id SEED		the user id that comes of it
 *	probe turn PID		its next system call becomes getppid, as if it had been taken over
 *	probe crash KEYFILE	unconfined, may leave a core, has the file in memory, and crashes
 *
 * As root; with LAYERS none, too, it does nothing that outlives it.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/confine.h"
#include "daemon/confine_user.h"
#include "system/probe.h"

#define TRIED_MOST 100 /* an exit code; errors are below */

static void die(const char *what)
{
	fprintf(stderr, "probe: %s\n", what);
	exit(2);
}

/* What a try may change is this process's own. */
static void prepare(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("no namespace");
	had.tcp = socket(AF_INET, SOCK_STREAM, 0);
	had.udp = socket(AF_INET, SOCK_DGRAM, 0);
	had.memory = memfd_create("probe", 0);
	had.netns = open("/proc/self/ns/net", O_RDONLY);
}

static void run(const struct probe_try *one, unsigned int layers)
{
	pid_t child = fork();
	struct err err;
	int status;

	if (child == 0) {
		prepare();
		if (layers && confine_process("probe", layers, &err))
			die(err.message);
		errno = 0;
		_exit(one->act() >= 0 ? 0 : errno < TRIED_MOST ? errno : TRIED_MOST);
	}
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf("signal %d %s\n", WTERMSIG(status), one->name);
	else if (WEXITSTATUS(status))
		printf("error %d %s\n", WEXITSTATUS(status), one->name);
	else
		printf("works %s\n", one->name);
	fflush(stdout);
}

static unsigned int layers_of(const char *word)
{
	static const char *const words[] = {
		[0] = "none",
		[CONFINE_USER] = "user",
		[CONFINE_FILES] = "files",
		[CONFINE_CALLS] = "calls",
		[CONFINE_ALL] = "all",
	};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i] && strcmp(words[i], word) == 0)
			return i;
	die("LAYERS are none, user, files, calls or all");
	return 0;
}

static bool wanted(const char *name, char **names, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return !count;
}

/* The process is in a call, or about to make one: of its next, the number is changed. */
static int turn(pid_t pid)
{
	int status, number = SYS_getppid;

	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		die("cannot trace it");
	do {
		if (waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
			die("it ended");
		if (WSTOPSIG(status) != (SIGTRAP | 0x80) && ptrace(PTRACE_SYSCALL, pid, 0, 0) < 0)
			die("it does not go on");
	} while (WSTOPSIG(status) != (SIGTRAP | 0x80));
#ifdef __x86_64__
	if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), number) < 0)
		die("it cannot be changed");
#elif defined(__aarch64__)
	struct iovec part = {&number, sizeof(number)};

	if (ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &part) < 0)
		die("it cannot be changed");
#else
	die("not on this CPU");
#endif
	return ptrace(PTRACE_DETACH, pid, 0, 0) < 0;
}

static int crash(const char *path)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	char bytes[128];
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, bytes, sizeof(bytes)) < 0)
		die("no file");
	/* as much as may be had */
	getrlimit(RLIMIT_CORE, &all);
	all.rlim_cur = all.rlim_max;
	setrlimit(RLIMIT_CORE, &all);
	prctl(PR_SET_DUMPABLE, 1);
	abort();
}

int main(int argc, char **argv)
{
	if (argc < 2)
		die("what?");
	if (argc == 3 && strcmp(argv[1], "id") == 0) {
		printf("%u\n", confine_user_find(argv[2]));
		return 0;
	}
	if (strcmp(argv[1], "sweep") == 0)
		return probe_sweep();
	if (strcmp(argv[1], "conditions") == 0)
		return probe_conditions();
	if (argc == 3 && strcmp(argv[1], "turn") == 0)
		return turn(atoi(argv[2]));
	if (argc == 3 && strcmp(argv[1], "crash") == 0)
		return crash(argv[2]);
	had.parent = getpid();
	had.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < probe_tries_len; i++)
		if (wanted(probe_tries[i].name, argv + 2, argc - 2))
			run(&probe_tries[i], layers_of(argv[1]));
	return 0;
}
