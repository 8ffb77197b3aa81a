/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/ssh.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define VARIABLE "SSH_CONNECTION"
#define ENVIRONMENT_MOST (4u << 20)
#define ANCESTORS_MOST 64

static int address_get(const char *text, struct sockaddr_storage *address)
{
	struct sockaddr_in *four = (struct sockaddr_in *)address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
	char host[INET6_ADDRSTRLEN + 1];
	size_t size = strcspn(text, "%");

	*address = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		return 0;
	}
	snprintf(host, sizeof(host), "%.*s", (int)size, text);
	if (inet_pton(AF_INET6, host, &six->sin6_addr) != 1)
		return -EINVAL;
	six->sin6_family = AF_INET6;
	six->sin6_scope_id = text[size] ? if_nametoindex(text + size + 1) : 0;
	return 0;
}

/* "client-address client-port server-address server-port", see ssh(1). */
static int connection_get(const char *value, struct sockaddr_storage *peer,
			  struct sockaddr_storage *own)
{
	char from[80], to[80];

	if (sscanf(value, "%79s %*s %79s", from, to) != 2 || address_get(from, peer) ||
	    address_get(to, own) || peer->ss_family != own->ss_family)
		return -ENOENT;
	return 0;
}

static const char *variable_of(pid_t pid, struct text *environment)
{
	char path[64];
	struct err err;

	text_clear(environment);
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	if (file_read(path, ENVIRONMENT_MOST, environment, &err) || !environment->size)
		return NULL;
	for (const char *at = environment->bytes; at < environment->bytes + environment->size;
	     at += strlen(at) + 1)
		if (text_starts(at, VARIABLE "="))
			return at + strlen(VARIABLE "=");
	return NULL;
}

static pid_t parent_of(pid_t pid)
{
	struct text status TEXT_CLEANUP = {0};
	char path[64];
	const char *line;
	struct err err;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (file_read(path, 65536, &status, &err))
		return 0;
	line = strstr(text_get(&status), "\nPPid:");
	return line ? (pid_t)atoi(line + strlen("\nPPid:")) : 0;
}

int ssh_find(struct sockaddr_storage *peer, struct sockaddr_storage *own)
{
	struct text environment TEXT_CLEANUP = {0};
	const char *value = getenv(VARIABLE);
	pid_t pid = getppid();

	for (int i = 0; !value && pid > 0 && i < ANCESTORS_MOST; i++) {
		value = variable_of(pid, &environment);
		pid = parent_of(pid);
	}
	return value ? connection_get(value, peer, own) : -ENOENT;
}
