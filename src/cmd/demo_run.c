/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running programs: inside namespaces, with an end to their time, and dying with the demo. */
#include "cmd/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double demo_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int demo_fail(struct demo *demo, const char *format, ...)
{
	va_list args;

	/* The first trouble is the cause of those that follow. */
	if (demo->trouble[0])
		return -1;
	va_start(args, format);
	vsnprintf(demo->trouble, sizeof(demo->trouble), format, args);
	va_end(args);
	return -1;
}

int demo_wait(struct demo *demo, int fd, double seconds)
{
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN},
				{.fd = demo->signals, .events = POLLIN}};
	double end = demo_now() + seconds;

	for (;;) {
		double left = end - demo_now();
		int n = poll(fds, 2, left > 0 ? (int)(left * 1000) + 1 : 0);

		if (n < 0 && errno != EINTR)
			return demo_fail(demo, "poll: %m");
		if (fds[1].revents && n > 0)
			return demo_fail(demo, "interrupted");
		if (n > 0)
			return 1;
		if (n == 0 && left <= 0)
			return 0;
	}
}

/* The child's half of demo_spawn. */
static _Noreturn void become(struct demo *demo, const char *space, const char *const *argv, int in,
			     int out, int err)
{
	struct loom_doc *doc = NULL;
	sigset_t none;
	int null;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(in < 0 ? null : in, 0) < 0 || dup2(out < 0 ? null : out, 1) < 0 ||
	    dup2(err < 0 ? 1 : err, 2) < 0 || chdir(DEMO_FOLDER) < 0)
		_exit(126);
	if (space) {
		loom_exec(demo->call->loom, space, (char *const *)argv, &doc);
		cmd_errors(doc);
	} else {
		execvp(argv[0], (char *const *)argv);
		fprintf(stderr, "%s: %m\n", argv[0]);
	}
	_exit(127);
}

pid_t demo_spawn(struct demo *demo, const char *space, const char *const *argv, int in, int out,
		 int err)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent) /* it died before the line above */
			_exit(126);
		become(demo, space, argv, in, out, err);
	}
	if (pid < 0)
		demo_fail(demo, "fork: %m");
	return pid;
}

void demo_reap(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void said_free(struct said *said)
{
	free(said->text);
	said->text = NULL;
	said->size = 0;
}

static int said_add(struct demo *demo, struct said *said, const char *bytes, size_t size)
{
	char *text = realloc(said->text, said->size + size + 1);

	if (!text)
		return demo_fail(demo, "memory is out");
	memcpy(text + said->size, bytes, size);
	said->text = text;
	said->size += size;
	text[said->size] = '\0';
	return 0;
}

/* Until the program has closed its output. */
static int said_read(struct demo *demo, struct said *said, int fd, const char *name, double end)
{
	char bytes[4096];
	ssize_t n;
	int ready;

	for (;;) {
		ready = demo_wait(demo, fd, end - demo_now());
		if (ready < 0)
			return -1;
		if (ready == 0)
			return demo_fail(demo, "%s does not come to an end", name);
		n = read(fd, bytes, sizeof(bytes));
		if (n < 0 && errno != EINTR)
			return demo_fail(demo, "reading from %s: %m", name);
		if (n == 0)
			return 0;
		if (n > 0 && said_add(demo, said, bytes, (size_t)n) < 0)
			return -1;
	}
}

int demo_run(struct demo *demo, const char *space, const char *const *argv, double seconds,
	     struct said *said)
{
	int ends[2], status = 0, result;
	pid_t pid;

	*said = (struct said){0};
	if (said_add(demo, said, "", 0) < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return demo_fail(demo, "pipe: %m");
	pid = demo_spawn(demo, space, argv, -1, ends[1], -1);
	close(ends[1]);
	result = pid < 0 ? -1 : said_read(demo, said, ends[0], argv[0], demo_now() + seconds);
	close(ends[0]);
	if (result < 0) {
		demo_reap(pid);
		return -1;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	said->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

char *demo_read_file(const char *path)
{
	size_t size = 0, room = 65536;
	char *text = malloc(room + 1);
	ssize_t n = -1;
	int fd = text ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	/* What /proc gives is short; a longer file of it is cut, in the same way each time. */
	while (fd >= 0 && (n = read(fd, text + size, room - size)) > 0)
		size += (size_t)n;
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[size] = '\0';
	return text;
}
