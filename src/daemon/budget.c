/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is mended again and again belongs to somebody else: it is given up, until it is told anew.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/inside.h"

#define LINES_MOST 4096 /* the oldest are forgotten */

static struct budget_line *line_find(const struct budget *budget, const char *what)
{
	for (size_t i = 0; i < budget->len; i++)
		if (strcmp(budget->lines[i].what, what) == 0)
			return &budget->lines[i];
	return NULL;
}

static struct budget_line *line_add(struct budget *budget, const char *what)
{
	struct budget_line *lines = budget->lines;

	if (budget->len == LINES_MOST) {
		free(lines[0].what);
		memmove(lines, lines + 1, --budget->len * sizeof(*lines));
	}
	lines = realloc(lines, (budget->len + 1) * sizeof(*lines));
	if (!lines)
		abort();
	budget->lines = lines;
	lines[budget->len] = (struct budget_line){.what = strdup(what)};
	if (!lines[budget->len].what)
		abort();
	return &lines[budget->len++];
}

void budget_clear(struct budget *budget)
{
	for (size_t i = 0; i < budget->len; i++)
		free(budget->lines[i].what);
	free(budget->lines);
	*budget = (struct budget){0};
}

bool budget_use(struct budget *budget, const char *what, uint64_t now_ms)
{
	struct budget_line *line = line_find(budget, what);
	uint64_t oldest;

	if (!line)
		line = line_add(budget, what);
	if (line->spent)
		return false;
	line->at_ms[line->next] = now_ms;
	line->next = (line->next + 1) % BUDGET_TIMES;
	oldest = line->at_ms[line->next]; /* 0 while it was mended fewer times */
	line->spent = oldest && now_ms - oldest < BUDGET_MS;
	return line->spent;
}

bool budget_spent(const struct budget *budget, const char *what)
{
	const struct budget_line *line = line_find(budget, what);

	return line && line->spent;
}
