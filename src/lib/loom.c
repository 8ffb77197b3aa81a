/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "lib/lib.h"

const char *loom_version(void)
{
	return LANLOOM_VERSION;
}

struct loom *loom_new(void)
{
	return calloc(1, sizeof(struct loom));
}

static void keep_clear(struct loom *loom)
{
	while (loom->keep_count)
		free(loom->keep[--loom->keep_count]);
	free(loom->keep);
	loom->keep = NULL;
	loom->keep_none = false;
}

static int keep_add(struct loom *loom, const char *target)
{
	char **list;

	if (!target)
		keep_clear(loom);
	if (!target)
		return 0;
	if (strcmp(target, "none") == 0) {
		loom->keep_none = true;
		return 0;
	}
	list = realloc(loom->keep, (loom->keep_count + 1) * sizeof(*list));
	if (!list)
		return -1;
	loom->keep = list;
	list[loom->keep_count] = strdup(target);
	return list[loom->keep_count++] ? 0 : -1;
}

static int seconds_set(uint32_t *seconds, const char *value)
{
	int64_t number = 0;

	if (value && text_number(value, 0, GUARD_SECONDS_MOST, &number))
		return -1;
	*seconds = (uint32_t)number;
	return 0;
}

static int confirm_set(struct loom *loom, const char *value)
{
	loom->confirm_uplink = value && strcmp(value, "uplink") == 0;
	return seconds_set(&loom->confirm, loom->confirm_uplink ? NULL : value);
}

void loom_free(struct loom *loom)
{
	if (!loom)
		return;
	keep_clear(loom);
	free(loom->host);
	free(loom->name);
	free(loom->command);
	free(loom->root);
	free(loom->guest);
	free(loom);
}

static int text_set(char **slot, const char *value)
{
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return -1;
	free(*slot);
	*slot = copy;
	return 0;
}

/* As many as vm/ has room for. */
static int queues_set(unsigned int *queues, const char *value)
{
	int64_t number = 0;

	if (value && text_number(value, 1, 64, &number))
		return -1;
	*queues = (unsigned int)number;
	return 0;
}

int loom_option(struct loom *loom, const char *option, const char *value)
{
	if (strcmp(option, "host") == 0)
		return text_set(&loom->host, value);
	if (strcmp(option, "name") == 0)
		return text_set(&loom->name, value);
	if (strcmp(option, "command") == 0)
		return text_set(&loom->command, value);
	if (strcmp(option, "confirm") == 0)
		return confirm_set(loom, value);
	if (strcmp(option, "keep") == 0)
		return keep_add(loom, value);
	if (strcmp(option, "wait") == 0)
		return seconds_set(&loom->wait, value);
	if (strcmp(option, "root") == 0)
		return text_set(&loom->root, value);
	if (strcmp(option, "guest") == 0)
		return text_set(&loom->guest, value);
	if (strcmp(option, "queues") == 0)
		return queues_set(&loom->queues, value);
	if (strcmp(option, "adopt") == 0)
		loom->adopt = value != NULL;
	else if (strcmp(option, "force") == 0)
		loom->force = value != NULL;
	else if (strcmp(option, "interface") == 0)
		loom->interface = value != NULL;
	else if (strcmp(option, "dry") == 0)
		loom->dry = value != NULL;
	else
		return -1;
	return 0;
}

void loom_progress(struct loom *loom,
		   void (*progress)(void *data, const struct loom_doc *step, size_t n, size_t of),
		   void *data)
{
	loom->progress = progress;
	loom->data = data;
}
