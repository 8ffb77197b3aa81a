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

void loom_free(struct loom *loom)
{
	if (!loom)
		return;
	free(loom->host);
	free(loom->name);
	free(loom->command);
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

int loom_option(struct loom *loom, const char *option, const char *value)
{
	if (strcmp(option, "host") == 0)
		return text_set(&loom->host, value);
	if (strcmp(option, "name") == 0)
		return text_set(&loom->name, value);
	if (strcmp(option, "command") == 0)
		return text_set(&loom->command, value);
	if (strcmp(option, "adopt") == 0)
		loom->adopt = value != NULL;
	else if (strcmp(option, "force") == 0)
		loom->force = value != NULL;
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
