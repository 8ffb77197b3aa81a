/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a command and its children under ptrace, counts the system calls that change something or
 * ask for it, and does something to the one of a given number:
 *
 *	fire -o LOG [-n NUMBER] [-m MODE] [-e ERRNO] -- COMMAND...
 *
 *	count    nothing: every call is a line "call NUMBER ROLE WHAT" in LOG
 *	refuse   it is not made and answers ERRNO; persist: so do all that follow
 *	ack      it is made (a netlink message), but its acknowledgement says ERRNO
 *	child    the process that is about to make it is killed
 *	parent   the command itself is killed, its children go on
 *	all      the command and all its children are killed
 *
 * ROLE is "first" for the command itself and "run" for those below it. At the end LOG gets
 * "hit NUMBER ROLE WHAT" and "after MILLISECONDS" (from the blow to the end of the command). A
 * child that becomes another program (the keeper) is let go. The exit code is the command's; 128
 * and the signal's number when it was killed. strace counts per process and call, which cannot
 * name "the k-th change of this run"; hence this.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fire.h"

#define PROCESSES 64

enum mode { MODE_COUNT, MODE_REFUSE, MODE_PERSIST, MODE_ACK, MODE_CHILD, MODE_PARENT, MODE_ALL };
static const char *const mode_words[] = {"count", "refuse", "persist", "ack",
					 "child", "parent", "all",     NULL};

struct process {
	pid_t pid;
	bool first, refused;
};

struct fire {
	enum mode mode;
	unsigned int number, count;
	int code; /* errno */
	FILE *log;
	pid_t command;
	int status; /* of the command */
	struct process list[PROCESSES];
	size_t len;
	bool hit;
	struct timespec blow, end;
	pid_t ack_pid;
	uint32_t ack_seq;
};

static void die(const char *what)
{
	fprintf(stderr, "fire: %s: %s\n", what, strerror(errno));
	exit(125);
}

static struct process *process_of(struct fire *fire, pid_t pid)
{
	for (size_t i = 0; i < fire->len; i++)
		if (fire->list[i].pid == pid)
			return &fire->list[i];
	if (fire->len == PROCESSES) {
		errno = E2BIG;
		die("processes");
	}
	fire->list[fire->len] = (struct process){.pid = pid, .first = pid == fire->command};
	return &fire->list[fire->len++];
}

static void process_drop(struct fire *fire, pid_t pid)
{
	for (size_t i = 0; i < fire->len; i++)
		if (fire->list[i].pid == pid)
			fire->list[i] = fire->list[--fire->len];
}

static void kill_all(struct fire *fire)
{
	for (size_t i = 0; i < fire->len; i++)
		kill(fire->list[i].pid, SIGKILL);
}

static void note_hit(struct fire *fire, const struct process *process, const char *what)
{
	fire->hit = true;
	clock_gettime(CLOCK_MONOTONIC, &fire->blow);
	fprintf(fire->log, "hit %u %s %s\n", fire->count, process->first ? "first" : "run", what);
}

/* The blow falls; true: the call is to be refused. */
static bool strike(struct fire *fire, struct process *process, const struct call *call)
{
	switch (fire->mode) {
	case MODE_COUNT:
		break;
	case MODE_REFUSE:
	case MODE_PERSIST:
		return true;
	case MODE_ACK:
		fire->ack_pid = process->pid;
		fire->ack_seq = call->seq;
		break;
	case MODE_CHILD:
		kill(process->pid, SIGKILL);
		break;
	case MODE_PARENT:
		kill(fire->command, SIGKILL);
		break;
	case MODE_ALL:
		kill_all(fire);
		break;
	}
	return false;
}

static void call_begins(struct fire *fire, struct process *process,
			const struct ptrace_syscall_info *info)
{
	struct call call;

	if (!call_changes(process->pid, info, &call))
		return;
	fire->count++;
	if (fire->mode == MODE_COUNT)
		fprintf(fire->log, "call %u %s %s\n", fire->count, process->first ? "first" : "run",
			call.what);
	if (fire->mode == MODE_PERSIST ? fire->count < fire->number : fire->count != fire->number)
		return;
	if (!fire->hit)
		note_hit(fire, process, call.what);
	if (!strike(fire, process, &call))
		return;
	if (call_skip(process->pid) < 0)
		die("skip a call");
	process->refused = true;
}

static void call_ends(struct fire *fire, struct process *process,
		      const struct ptrace_syscall_info *info)
{
	if (process->refused && call_answer(process->pid, -fire->code) < 0)
		die("answer a call");
	process->refused = false;
	if (fire->ack_pid == process->pid &&
	    call_ack_spoil(process->pid, info->exit.rval, fire->ack_seq, -fire->code))
		fire->ack_pid = 0;
}

static void take_stop(struct fire *fire, pid_t pid, int status)
{
	struct process *process = process_of(fire, pid);
	struct ptrace_syscall_info info;
	int signal = WSTOPSIG(status);

	if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8) && !process->first) {
		process_drop(fire, pid);
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
		return;
	}
	if (signal == (SIGTRAP | 0x80)) {
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
			return; /* it was killed meanwhile */
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			call_begins(fire, process, &info);
		else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
			call_ends(fire, process, &info);
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			call_remember(pid, &info);
		signal = 0;
	} else if (signal == SIGTRAP || signal == SIGSTOP) {
		signal = 0; /* an event of ours, or the first stop of a child */
	}
	ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal);
}

static void watch(struct fire *fire)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			take_stop(fire, pid, status);
			continue;
		}
		process_drop(fire, pid);
		if (pid != fire->command)
			continue;
		fire->status = status;
		clock_gettime(CLOCK_MONOTONIC, &fire->end);
	}
}

static void start(struct fire *fire, char **command)
{
	int status;

	fire->command = fork();
	if (fire->command < 0)
		die("fork");
	if (!fire->command) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(command[0], command);
		die(command[0]);
	}
	if (waitpid(fire->command, &status, 0) < 0 ||
	    ptrace(PTRACE_SETOPTIONS, fire->command, NULL,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			   PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC) < 0)
		die("trace");
	process_of(fire, fire->command);
	ptrace(PTRACE_SYSCALL, fire->command, NULL, NULL);
}

static enum mode mode_of(const char *word)
{
	for (int i = 0; mode_words[i]; i++)
		if (strcmp(mode_words[i], word) == 0)
			return (enum mode)i;
	fprintf(stderr, "fire: no mode %s\n", word);
	exit(125);
}

int main(int argc, char **argv)
{
	struct fire fire = {.mode = MODE_COUNT};
	int option;

	while ((option = getopt(argc, argv, "+o:n:m:e:")) >= 0) {
		if (option == 'o')
			fire.log = fopen(optarg, "we");
		else if (option == 'n')
			fire.number = (unsigned int)atoi(optarg);
		else if (option == 'm')
			fire.mode = mode_of(optarg);
		else if (option == 'e')
			fire.code = atoi(optarg);
		else
			return 125;
	}
	if (!fire.log || !argv[optind])
		die("usage");
	start(&fire, argv + optind);
	watch(&fire);
	fprintf(fire.log, "count %u\n", fire.count);
	if (fire.hit)
		fprintf(fire.log, "after %ld\n",
			(fire.end.tv_sec - fire.blow.tv_sec) * 1000 +
				(fire.end.tv_nsec - fire.blow.tv_nsec) / 1000000);
	fclose(fire.log);
	return WIFSIGNALED(fire.status) ? 128 + WTERMSIG(fire.status) : WEXITSTATUS(fire.status);
}
