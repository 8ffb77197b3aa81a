/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "apply/stop.h"

#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void stops(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGTERM);
}

void stop_begin(struct stop *stop)
{
	sigset_t set;

	stops(&set);
	stop->signal = 0;
	pthread_sigmask(SIG_BLOCK, &set, &stop->before);
	stop->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool stop_asked(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 &&
	       (sigismember(&pending, SIGHUP) || sigismember(&pending, SIGINT) ||
		sigismember(&pending, SIGQUIT) || sigismember(&pending, SIGTERM));
}

int stop_wait(struct stop *stop, pid_t child)
{
	/* without a pidfd there is nothing to wait on but the child itself; signals wait, too */
	int child_fd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd fds[] = {{.fd = child_fd, .events = POLLIN},
			       {.fd = stop->fd, .events = POLLIN}};
	struct signalfd_siginfo info;
	int status = 0;

	while (child_fd >= 0 && !(fds[0].revents & POLLIN)) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents && read(stop->fd, &info, sizeof(info)) == sizeof(info)) {
			stop->signal = (int)info.ssi_signo;
			kill(child, stop->signal);
		}
	}
	if (child_fd >= 0)
		close(child_fd);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

void stop_end(struct stop *stop, bool heeded)
{
	if (stop->fd >= 0)
		close(stop->fd);
	pthread_sigmask(SIG_SETMASK, &stop->before, NULL);
	if (stop->signal && !heeded)
		raise(stop->signal);
}
