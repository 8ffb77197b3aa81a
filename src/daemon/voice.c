/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a process says. It is believed in nothing, so it does not get the log but a pipe: its lines
 * come under its service's name and with the time, so many a second and no more, and nothing in
 * them can play tricks on whoever reads the log.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "daemon/confine.h"
#include "daemon/inside.h"

#define LINES_A_SECOND 100 /* a sanitizer's report is one of them after the other */

static bool may_say(struct voice *voice)
{
	uint64_t now_ms = clock_now_ns() / 1000000;

	if (now_ms - voice->since_ms >= 1000) {
		voice->since_ms = now_ms;
		voice->lines = 0;
	}
	return voice->lines++ < LINES_A_SECOND;
}

static void line_take(struct service *service)
{
	struct voice *voice = &service->voice;
	int64_t number;

	voice->line[voice->size] = '\0';
	voice->size = 0;
	if (text_starts(voice->line, CONFINE_SAYS) &&
	    text_number(voice->line + sizeof(CONFINE_SAYS) - 1, 0, INT32_MAX, &number) == 0)
		voice->forbidden = (int)number;
	memcpy(voice->last, voice->line, sizeof(voice->last));
	voice->came = voice->came || (voice->awaited && strstr(voice->line, voice->awaited));
	if (may_say(voice))
		log_note(&service->keeper->log, "%s %s: process %d: %s", service->craft->word,
			 service_name(service), (int)service->pid, voice->line);
}

static void byte_take(struct service *service, char byte)
{
	struct voice *voice = &service->voice;

	if (byte != '\n')
		voice->line[voice->size++] = isprint((unsigned char)byte) ? byte : '?';
	if (voice->size == sizeof(voice->line) - 1 || (byte == '\n' && voice->size))
		line_take(service);
}

/* False: nothing more comes now. */
static bool hear_some(struct service *service)
{
	char bytes[4096];
	ssize_t got = read(service->voice.fd, bytes, sizeof(bytes));

	for (ssize_t i = 0; i < got; i++)
		byte_take(service, bytes[i]);
	return got > 0;
}

static void hear(void *data, int what)
{
	struct service *service = data;

	/* the end of the process is told by the process */
	if (!hear_some(service))
		loop_remove(&service->keeper->loop, &service->voice.source);
}

int voice_open(struct service *service, int *mouth, struct err *err)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_errno(err, -errno, "make a pipe");
	service->voice = (struct voice){.fd = pair[0], .forbidden = -1};
	*mouth = pair[1];
	return loop_add(&service->keeper->loop, &service->voice.source, pair[0], EPOLLIN, hear,
			service, err);
}

bool voice_await(struct service *service, const char *words, int ms)
{
	struct voice *voice = &service->voice;
	uint64_t deadline_ms = clock_now_ns() / 1000000 + (uint64_t)ms, now_ms;
	struct pollfd ready = {.fd = voice->fd, .events = POLLIN};

	voice->awaited = words;
	while (!voice->came) {
		now_ms = clock_now_ns() / 1000000;
		if (now_ms >= deadline_ms || poll(&ready, 1, (int)(deadline_ms - now_ms)) < 1 ||
		    !hear_some(service))
			break;
	}
	voice->awaited = NULL;
	return voice->came;
}

void voice_close(struct service *service)
{
	if (!service->voice.fd)
		return;
	loop_remove(&service->keeper->loop, &service->voice.source);
	/* a pipe holds no more than this much, so that nobody can keep us here */
	for (int i = 0; i < 16 && hear_some(service); i++)
		;
	close(service->voice.fd);
	service->voice.fd = 0;
}
