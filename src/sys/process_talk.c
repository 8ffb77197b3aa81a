/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A program that reads, answers and ends, spoken to without a file. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/process.h"

/* Takes what both pipes have until both are closed; gives the input meanwhile. */
static void talk(int in, const char *input, size_t size, struct pollfd *from,
		 struct text *const *to)
{
	struct pollfd fds[3] = {from[0], from[1], {.fd = size ? in : -1, .events = POLLOUT}};
	char bytes[8192];
	ssize_t n;

	if (!size)
		close(in);
	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			break;
		for (int i = 0; i < 2; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			n = read(fds[i].fd, bytes, sizeof(bytes));
			if (n > 0 && to[i])
				text_addn(to[i], bytes, (size_t)n);
			else if (n == 0 || (n < 0 && errno != EINTR))
				fds[i].fd = -1;
		}
		if (fds[2].fd < 0 || !fds[2].revents)
			continue;
		n = send(in, input, size, MSG_NOSIGNAL);
		input += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
		if (!size || (n < 0 && errno != EINTR)) {
			close(in);
			fds[2].fd = -1;
		}
	}
	if (fds[2].fd >= 0)
		close(in);
}

/* In the child: the three ends become its descriptors 0, 1 and 2. */
static void talk_become(char *const argv[], int in, int out, int said)
{
	int ends[3] = {fcntl(in, F_DUPFD, 10), fcntl(out, F_DUPFD, 10), fcntl(said, F_DUPFD, 10)};

	for (int i = 0; i < 3; i++)
		dup2(ends[i], i);
	closefrom(3);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	_exit(127);
}

int process_talk(char *const argv[], const char *input, size_t size, struct text *output,
		 struct text *said, struct err *err)
{
	int in[2], out[2], words[2], status = 0;
	struct text *const to[2] = {output, said};
	pid_t child;

	/* a socket in place of a pipe: whoever does not read its input ends no process of ours */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) < 0)
		return err_errno(err, -errno, "run %s", argv[0]);
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(words, O_CLOEXEC) < 0)
		return err_errno(err, -errno, "run %s", argv[0]);
	child = fork();
	if (child == 0)
		talk_become(argv, in[1], out[1], words[1]);
	close(in[1]);
	close(out[1]);
	close(words[1]);
	if (child > 0)
		talk(in[0], input, size,
		     (struct pollfd[]){{.fd = out[0], .events = POLLIN},
				       {.fd = words[0], .events = POLLIN}},
		     to);
	else
		close(in[0]);
	close(out[0]);
	close(words[0]);
	if (child < 0)
		return err_errno(err, -errno, "start %s", argv[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(err, -ENOENT, "%s is not installed", argv[0]);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0
		       ? 0
		       : err_set(err, -EIO, "%s failed", argv[0]);
}
