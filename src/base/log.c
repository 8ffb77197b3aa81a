/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

int log_open(struct log *log, const char *path, struct err *err)
{
	*log = (struct log){.fd = -1};
	if ((size_t)snprintf(log->path, sizeof(log->path), "%s", path) >= sizeof(log->path))
		return err_set(err, -ENAMETOOLONG, "cannot write %s: the path is too long", path);
	log->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (log->fd < 0)
		return err_errno(err, -errno, "cannot write %s", path);
	return 0;
}

void log_close(struct log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

static void old_path(const struct log *log, char path[300])
{
	snprintf(path, 300, "%s.old", log->path);
}

void log_remove(struct log *log)
{
	char old[300];

	if (log->fd < 0)
		return;
	log_close(log);
	old_path(log, old);
	unlink(old);
	unlink(log->path);
}

static void turn_over(struct log *log)
{
	char old[300], path[sizeof(log->path)];
	struct err err;

	old_path(log, old);
	memcpy(path, log->path, sizeof(path));
	rename(path, old);
	log_close(log);
	log_open(log, path, &err);
}

static void say(struct log *log, const char *format, va_list arguments)
{
	struct stat status = {0};
	struct timespec now;
	struct tm parts;
	char line[1024];
	size_t size;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	size = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &parts);
	size += (size_t)snprintf(line + size, sizeof(line) - size, ".%03ldZ ",
				 now.tv_nsec / 1000000);
	vsnprintf(line + size, sizeof(line) - size - 1, format, arguments);
	size = strlen(line);
	line[size++] = '\n';
	if (log->fd < 0 || write(log->fd, line, size) < 0)
		return;
	/* children write there, too */
	if (fstat(log->fd, &status) == 0 && status.st_size > LOG_SIZE_MOST)
		turn_over(log);
}

void log_note(struct log *log, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(log, format, arguments);
	va_end(arguments);
}

void log_warning(struct log *log, const char *format, ...)
{
	va_list arguments, again;

	va_start(arguments, format);
	va_copy(again, arguments);
	say(log, format, arguments);
	vsyslog(LOG_DAEMON | LOG_WARNING, format, again);
	va_end(again);
	va_end(arguments);
}
