/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files made to hurt, and beside each a healthy one that is nearly the same. `up` of the hostile
 * one is refused in less than a second and within 64 MiB, says what is wrong where it is, and asks
 * the kernel to change nothing: its process dies if it sends, ioctls or mounts anything. The
 * healthy one is accepted. Every file runs in a child whose processor time and peak memory are
 * measured. Then `lanloom check`, the program that LANLOOM names, reads each with no more than 64
 * MiB of addresses, its libraries included. The table is conf_hostile.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sanitized.h"
#include "base/text.h"
#include "lanloom.h"
#include "unit/conf_hostile.h"
#include "unit/test.h"

static char folder[] = "/tmp/lanloom-hostile-XXXXXX";
static char path[64], key[64];

static void part_write(FILE *file, const struct made *made, const char *text)
{
	for (; *text; text++) {
		if (text_starts(text, KEYFILE)) {
			fputs(key, file);
			text += strlen(KEYFILE);
		}
		fputc(made->nul && *text == made->nul ? 0 : *text, file);
	}
}

/* A `numbered` part has its number where %u stands. */
static void file_write(const struct made *made)
{
	FILE *file = fopen(path, "w");
	size_t size = made->part ? strlen(made->part) : 0;

	CHECK(file != NULL);
	part_write(file, made, made->head);
	for (unsigned int i = 0; i < made->times; i++)
		if (made->numbered)
			fprintf(file, made->part, i, i);
		else
			CHECK(fwrite(made->part, 1, size, file) == size);
	part_write(file, made, made->tail ? made->tail : "");
	CHECK(fclose(file) == 0);
}

/* Whoever does one of these from now on is killed. */
static void forbid_changes(void)
{
	static const unsigned int calls[] = {
		SYS_sendto, SYS_sendmsg,  SYS_sendmmsg, SYS_ioctl,   SYS_mount,	 SYS_unshare,
		SYS_setns,  SYS_renameat, SYS_unlinkat, SYS_mkdirat, SYS_execve, SYS_clone,
#ifdef SYS_rename
		SYS_rename, SYS_unlink,	  SYS_mkdir,
#endif
	};
	struct sock_filter code[3 + sizeof(calls) / sizeof(calls[0])];
	size_t n = sizeof(calls) / sizeof(calls[0]), len = 0;
	struct sock_fprog program = {.filter = code};

	code[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						   offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < n; i++)
		code[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i],
							   (uint8_t)(n - i), 0);
	code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	program.len = (unsigned short)len;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(9);
}

enum way { UP, CHECKED, EXECUTED };

static bool needs_host(const struct made *made)
{
	return strstr(made->head, "hosts:") || (made->tail && strstr(made->tail, "hosts:"));
}

/* In the child: prints how many errors, and the first of them. */
static int run(const struct made *made, bool up, int out)
{
	const char *file = path;
	struct loom *loom = loom_new();
	struct loom_doc *doc;
	const struct loom_doc *errors, *error;
	enum loom_status status;

	loom_option(loom, "name", "hostile");
	if (needs_host(made))
		loom_option(loom, "host", "h00");
	if (up)
		forbid_changes();
	status = up ? loom_up(loom, &file, 1, &doc) : loom_check(loom, &file, 1, &doc);
	errors = loom_get(doc, "errors");
	if (errors)
		dprintf(out, "%zu ", loom_count(errors));
	for (size_t i = 0; i < 5 && (error = loom_at(errors, i)); i++)
		dprintf(out, "%s:%.0f: %s: %s\n", loom_text(error, "file") ? "file" : "",
			loom_number(error, "line"),
			loom_text(error, "object") ? loom_text(error, "object") : "",
			loom_text(error, "message"));
	loom_doc_free(doc);
	loom_free(loom);
	return (int)status;
}

struct told {
	int code;
	double seconds;
	long kib;
	char text[4096];
};

/* In the child: becomes `lanloom check`. */
static void execute(const struct made *made, int out)
{
	const struct rlimit limit = {64 << 20, 64 << 20};
	const char *words[8] = {"lanloom", "check", "--name", "hostile", path};

	if (needs_host(made)) {
		words[5] = "--host";
		words[6] = "h00";
	}
	if (dup2(out, STDERR_FILENO) < 0 || (!SANITIZED && setrlimit(RLIMIT_AS, &limit)))
		_exit(9);
	close(STDOUT_FILENO);
	open("/dev/null", O_WRONLY);
	execv(getenv("LANLOOM"), (char **)words);
	_exit(10);
}

static void ask(const struct made *made, enum way way, struct told *told)
{
	struct rusage used;
	int pipes[2], status;
	char rest[4096];
	ssize_t size, all = 0;
	pid_t child;

	*told = (struct told){0};
	CHECK(pipe2(pipes, O_CLOEXEC) == 0);
	child = fork();
	if (!child && way == EXECUTED)
		execute(made, pipes[1]);
	if (!child)
		_exit(run(made, way == UP, pipes[1]));
	close(pipes[1]);
	while (all < (ssize_t)sizeof(told->text) - 1 &&
	       (size = read(pipes[0], told->text + all, sizeof(told->text) - 1 - (size_t)all)) > 0)
		all += size;
	while (read(pipes[0], rest, sizeof(rest)) > 0)
		;
	close(pipes[0]);
	CHECK(wait4(child, &status, 0, &used) == child);
	told->code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
	told->seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
			(double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
	told->kib = used.ru_maxrss;
}

static void point(const char *name, const struct told *told)
{
	if (test_bad)
		printf("# %s: exit %d, %.3f s, %ld KiB: %s\n", name, told->code, told->seconds,
		       told->kib, told->text);
	test_failures += test_bad != 0;
	printf("%sok %d - %s\n", test_bad ? "not " : "", ++test_count, name);
	fflush(stdout);
}

/* `lanloom check` may warn of what an operation of the library says nothing of. */
static void program_try(const struct made *made, bool hostile, struct told *told)
{
	const char *which = getenv("HOSTILE");
	bool all = which && strcmp(which, "all") == 0;

	if (test_bad || !getenv("LANLOOM") || (!all && test_count % 5))
		return;
	ask(made, EXECUTED, told);
	CHECK(told->code == (hostile ? LOOM_FAILED : LOOM_DONE));
	CHECK(!hostile || told->text[0]);
	CHECK(told->seconds < (SANITIZED ? 20 : 1));
}

static void row_try(const struct row *row)
{
	struct told told;

	test_bad = 0;
	file_write(&row->hostile);
	ask(&row->hostile, UP, &told);
	CHECK(told.code == LOOM_FAILED);
	CHECK(told.seconds < (SANITIZED ? 20 : 1));
	CHECK(SANITIZED || told.kib < 64 << 10);
	CHECK(strstr(told.text, row->says) != NULL);
	CHECK(strtoul(told.text, NULL, 10) <= 1000);
	program_try(&row->hostile, true, &told);
	if (test_bad) {
		point(row->name, &told);
		return;
	}
	file_write(&row->healthy);
	ask(&row->healthy, CHECKED, &told);
	CHECK(told.code == LOOM_DONE && !told.text[0]);
	program_try(&row->healthy, false, &told);
	point(row->name, &told);
}

static void key_make(void)
{
	struct loom *loom = loom_new();
	struct loom_doc *doc;

	snprintf(key, sizeof(key), "%s/lan0.key", folder);
	CHECK(loom_key_new(loom, key, &doc) == LOOM_DONE);
	loom_doc_free(doc);
	loom_free(loom);
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/hostile.yaml", folder);
	setenv("LANLOOM_RUN", folder, 1);
	setenv("LANLOOM_LIB", folder, 1);
	key_make();
	for (size_t i = 0; i < ROWS; i++)
		row_try(&rows[i]);
	unlink(key);
	rmdir(folder);
	return test_done();
}
