/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "compat/ledger.h"

#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lanloom.h"

#define COMMAND_SIZE 256 /* of a command line, as much as the history shows */
#define PAIR_SIZE 512

bool ledger_is_on(void)
{
	const char *value = getenv("LANLOOM_LEDGER");

	return value && strcmp(value, "1") == 0;
}

/* The command line as it was typed, for the history. */
static void command_read(char text[COMMAND_SIZE])
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, COMMAND_SIZE - 1);

	if (fd >= 0)
		close(fd);
	if (got < 0)
		got = 0;
	for (ssize_t i = 0; i + 1 < got; i++)
		if (!text[i])
			text[i] = ' ';
	text[got] = '\0';
}

/* Whoever says it by the old names means it: a foreign device may be changed, and is given back. */
static struct loom *open_loom(void)
{
	struct loom *loom = loom_new();
	char command[COMMAND_SIZE];

	if (!loom) {
		fputs("memory is out\n", stderr);
		return NULL;
	}
	command_read(command);
	if (command[0])
		loom_option(loom, "command", command);
	loom_option(loom, "adopt", "yes");
	return loom;
}

static void list_tell(const struct loom_doc *list)
{
	for (size_t i = 0; i < loom_count(list); i++) {
		const struct loom_doc *one = loom_at(list, i);
		const char *object = loom_text(one, "object"), *try_this = loom_text(one, "try");

		fprintf(stderr, "%s%s%s\n", object ? object : "", object ? ": " : "",
			loom_text(one, "message"));
		if (try_this)
			fprintf(stderr, "try: %s\n", try_this);
	}
}

static int finish(struct loom *loom, enum loom_status status, struct loom_doc *doc)
{
	list_tell(loom_get(doc, "errors"));
	loom_doc_free(doc);
	loom_free(loom);
	return status == LOOM_DONE ? 0 : 1;
}

static int add(const char *kind, const char *name, const char *const *pairs, size_t count)
{
	struct loom *loom = open_loom();
	struct loom_doc *doc = NULL;
	enum loom_status status;

	if (!loom)
		return 1;
	status = loom_add(loom, kind, name, pairs, count, &doc);
	return finish(loom, status, doc);
}

static int set(const char *name, const char *const *pairs, size_t count)
{
	struct loom *loom = open_loom();
	struct loom_doc *doc = NULL;
	enum loom_status status;

	if (!loom)
		return 1;
	status = loom_set(loom, name, pairs, count, &doc);
	return finish(loom, status, doc);
}

/* One pair, in printf's form. */
__attribute__((format(printf, 2, 3))) static int set_pair(const char *name, const char *format, ...)
{
	char pair[PAIR_SIZE];
	const char *pairs[] = {pair};
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(pair, sizeof(pair), format, args);
	va_end(args);
	if (len >= (int)sizeof(pair)) {
		fprintf(stderr, "%s: this name is too long\n", name);
		return 1;
	}
	return set(name, pairs, 1);
}

int ledger_add_bridge(const char *bridge)
{
	static const char *const pairs[] = {"bare=true"};

	if (if_nametoindex(bridge)) {
		fprintf(stderr,
			"device %s already exists; can't create bridge with the same name\n",
			bridge);
		return 1;
	}
	return add("bridge", bridge, pairs, 1);
}

int ledger_del(const char *device)
{
	struct loom *loom = open_loom();
	struct loom_doc *doc = NULL;
	enum loom_status status;

	if (!loom)
		return 1;
	status = loom_del(loom, device, &doc);
	return finish(loom, status, doc);
}

int ledger_ports(const char *bridge, char sign, char *const *ports)
{
	size_t size = sizeof("interfaces+=");
	const char *pairs[1];
	char *pair, *end;
	int status;

	for (size_t i = 0; ports[i]; i++)
		size += strlen(ports[i]) + 1;
	pair = malloc(size);
	if (!pair) {
		fputs("memory is out\n", stderr);
		return 1;
	}
	end = pair + sprintf(pair, "interfaces%c=", sign);
	for (size_t i = 0; ports[i]; i++)
		end += sprintf(end, "%s%s", i ? "," : "", ports[i]);
	pairs[0] = pair;
	status = set(bridge, pairs, 1);
	free(pair);
	return status;
}

int ledger_set_bridge(const char *bridge, const char *key, const char *value)
{
	return set_pair(bridge, "%s=%s", key, value);
}

int ledger_set_number(const char *bridge, const char *key, int number)
{
	return set_pair(bridge, "%s=%d", key, number);
}

int ledger_set_time(const char *bridge, const char *key, unsigned long hundredths)
{
	return set_pair(bridge, "parameters.%s=%lu.%02lu", key, hundredths / 100, hundredths % 100);
}

/* What stands on a port is said of a port that is one: naming it again changes nothing. */
int ledger_set_port(const char *bridge, const char *port, const char *key, const char *value)
{
	char first[PAIR_SIZE], second[PAIR_SIZE];
	const char *pairs[] = {first, second};

	snprintf(first, sizeof(first), "interfaces+=%s", port);
	snprintf(second, sizeof(second), "ports={\"%s\": {%s: %s}}", port, key, value);
	return set(bridge, pairs, 2);
}

int ledger_set_port_number(const char *bridge, const char *port, const char *key, int number)
{
	char value[16];

	snprintf(value, sizeof(value), "%d", number);
	return ledger_set_port(bridge, port, key, value);
}

int ledger_add_tap(const char *kind, const char *device, int owner, int group)
{
	char owner_pair[32], group_pair[32];
	const char *pairs[3];
	size_t count = 0;

	if (owner != -1) {
		snprintf(owner_pair, sizeof(owner_pair), "owner=%u", (unsigned int)owner);
		pairs[count++] = owner_pair;
	}
	if (group != -1) {
		snprintf(group_pair, sizeof(group_pair), "group=%u", (unsigned int)group);
		pairs[count++] = group_pair;
	}
	if (if_nametoindex(device))
		return set(device, pairs, count);
	pairs[count++] = "bare=true";
	return add(kind, device, pairs, count);
}
