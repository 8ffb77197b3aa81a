/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A plan in words: one step a line, then what it cuts, then a summary.
 *
 *	+ bridge br0: mtu 1400 (lab.yaml:7)	made
 *	~ bridge br0: mtu 1500 → 1400		changed
 *	± veth a: peer b → c, with veth b	deleted and made again
 *	- bridge br0, with 2 addresses		deleted
 */
#include "cmd/cmd.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum sign { SIGN_CREATE, SIGN_CHANGE, SIGN_REPLACE, SIGN_DELETE, SIGN_COUNT };

static const struct {
	const char *action, *sign, *past;
	enum ink ink;
} signs[] = {
	{"create", "+", "made", INK_GREEN},
	{"change", "~", "changed", INK_YELLOW},
	{"replace", "±", "replaced", INK_YELLOW},
	{"delete", "-", "deleted", INK_RED},
};
_Static_assert(sizeof(signs) / sizeof(signs[0]) == SIGN_COUNT, "a sign per action");

static enum sign sign_of(const struct loom_doc *step)
{
	const char *action = loom_text(step, "action");

	for (int i = 0; i < SIGN_COUNT; i++)
		if (action && strcmp(action, signs[i].action) == 0)
			return (enum sign)i;
	return SIGN_CHANGE;
}

/* How many lines a text of several has; 0: it is a word, a number, a list. */
static size_t lines_in(const struct loom_doc *value)
{
	const char *text = loom_text(value, NULL);
	size_t lines = 0;

	for (; text && *text; text++)
		lines += *text == '\n';
	return lines;
}

static void value_add(FILE *line, const struct loom_doc *value)
{
	size_t lines = lines_in(value);

	if (lines)
		fprintf(line, "(%zu lines)", lines);
	else
		out_value(line, value);
}

/* What is too long for the step's own line, on lines below it. */
static void blocks_print(const struct loom_doc *fields)
{
	for (size_t i = 0; i < loom_count(fields); i++) {
		const struct loom_doc *to =
			loom_get(loom_get(fields, loom_key_at(fields, i)), "to");
		const char *text = lines_in(to) ? loom_text(to, NULL) : NULL;

		while (text && *text) {
			const char *end = strchrnul(text, '\n');

			printf("    %s%.*s%s\n", ink(INK_DIM), (int)(end - text), text,
			       ink(INK_NONE));
			text = *end ? end + 1 : end;
		}
	}
}

static void fields_add(FILE *line, const struct loom_doc *fields, bool both)
{
	size_t told = 0;

	for (size_t i = 0; i < loom_count(fields); i++) {
		const char *key = loom_key_at(fields, i);
		const struct loom_doc *field = loom_get(fields, key);

		if (!both && strcmp(key, "up") == 0 && loom_truth(field, "to"))
			continue; /* what is made is up, unless it says otherwise */
		fprintf(line, "%s%s ", told++ ? ", " : ": ", key);
		if (both) {
			value_add(line, loom_get(field, "from"));
			fputs(" → ", line);
		}
		value_add(line, loom_get(field, "to"));
	}
}

static void place_add(FILE *line, const struct loom_doc *place)
{
	const char *file = loom_text(place, "file"), *slash = file ? strrchr(file, '/') : NULL;

	if (file)
		fprintf(line, " %s(%s:%.0f)%s", ink(INK_DIM), slash ? slash + 1 : file,
			loom_number(place, "line"), ink(INK_NONE));
}

/* The deletions behind step `i` that go along with it: named when few, else counted. */
static size_t riders_add(FILE *line, const struct loom_doc *steps, size_t i)
{
	size_t end = i + 1;

	while (end < loom_count(steps) && loom_truth(loom_at(steps, end), "rides") &&
	       sign_of(loom_at(steps, end)) == SIGN_DELETE)
		end++;
	if (end - i > 4) {
		fprintf(line, ", with %zu more that belong to it", end - i - 1);
		return end;
	}
	for (size_t rider = i + 1; rider < end; rider++)
		fprintf(line, "%s%s", rider == i + 1 ? ", with " : ", ",
			loom_text(loom_at(steps, rider), "says"));
	return end;
}

/* What moves with a device into a bridge, or back: told once, as what it is afterwards. */
static size_t movers_add(FILE *line, const struct loom_doc *steps, size_t i)
{
	size_t next = i + 1;
	const char *comma = ", with ";

	for (; next < loom_count(steps) && loom_truth(loom_at(steps, next), "rides"); next++) {
		const struct loom_doc *step = loom_at(steps, next);

		if (sign_of(step) == SIGN_DELETE)
			continue;
		fprintf(line, "%s%s", comma, loom_text(step, "says"));
		comma = ", ";
	}
	return next;
}

/* Prints the line of step `i`; returns the next step that has its own. */
static size_t step_print(const struct cmd_call *call, const struct loom_doc *steps, size_t i)
{
	const struct loom_doc *step = loom_at(steps, i);
	enum sign sign = sign_of(step);
	char *text = NULL;
	size_t size, next = i + 1;
	FILE *line = open_memstream(&text, &size);

	if (!line)
		abort();
	fputs(loom_text(step, "says"), line);
	fields_add(line, loom_get(step, "fields"), sign == SIGN_CHANGE || sign == SIGN_REPLACE);
	if (loom_truth(step, "restores"))
		fputs(" (put back)", line);
	if (loom_truth(step, "moves") && !call->verbose)
		next = movers_add(line, steps, i);
	else if ((sign == SIGN_DELETE || sign == SIGN_REPLACE) && !call->verbose)
		next = riders_add(line, steps, i);
	place_add(line, loom_get(step, "place"));
	fclose(line);
	printf("%s%s%s ", ink(signs[sign].ink), signs[sign].sign, ink(INK_NONE));
	out_folded(2, 4, text);
	free(text);
	if (call->verbose)
		blocks_print(loom_get(step, "fields"));
	return next;
}

static void count_print(const struct loom_doc *steps, const char *before, const char *behind)
{
	size_t counts[SIGN_COUNT] = {0};
	const char *comma = "";

	for (size_t i = 0; i < loom_count(steps); i++)
		counts[sign_of(loom_at(steps, i))]++;
	fputs(before, stdout);
	for (int i = 0; i < SIGN_COUNT; i++) {
		if (!counts[i])
			continue;
		printf("%s%zu %s", comma, counts[i], signs[i].past);
		comma = ", ";
	}
	puts(behind);
}

static void left_print(const struct loom_doc *left)
{
	for (size_t i = 0; i < loom_count(left); i++)
		printf("%sleft%s %s\n", ink(INK_RED), ink(INK_NONE),
		       loom_text(loom_at(left, i), "says"));
}

static void confirm_print(const struct loom_doc *confirm)
{
	char text[160];

	if (loom_number(confirm, "seconds") <= 0)
		return;
	snprintf(text, sizeof(text),
		 "It is undone in %.0f s, unless you say that it works:%s lanloom confirm%s",
		 loom_number(confirm, "seconds"), ink(INK_BOLD), ink(INK_NONE));
	out_folded(0, 0, text);
}

static void result_print(const struct loom_doc *doc)
{
	const struct loom_doc *steps = loom_get(doc, "steps");
	const char *result = loom_text(doc, "result");

	if (!loom_count(steps)) {
		puts("There is nothing to do.");
	} else if (!result) {
		count_print(steps, "Would be: ", ". Nothing has been changed.");
	} else if (strcmp(result, "applied") == 0) {
		char behind[64] = ".";

		if (loom_number(doc, "change") > 0)
			snprintf(behind, sizeof(behind), ". This was change %.0f.",
				 loom_number(doc, "change"));
		count_print(steps, "Done: ", behind);
		confirm_print(loom_get(doc, "confirm"));
	} else {
		puts(loom_count(loom_get(doc, "left"))
			     ? "Undone or deleted only in part; what is left is listed above."
			     : "Done or undone only in part.");
	}
}

void plan_print(const struct cmd_call *call, const struct loom_doc *doc)
{
	const struct loom_doc *steps = loom_get(doc, "steps"), *cuts = loom_get(doc, "cuts");

	for (size_t i = 0; i < loom_count(steps);)
		i = step_print(call, steps, i);
	for (size_t i = 0; i < loom_count(cuts); i++) {
		printf("%scuts%s ", ink(INK_RED), ink(INK_NONE));
		out_folded(5, 5, loom_text(loom_at(cuts, i), NULL));
	}
	left_print(loom_get(doc, "left"));
	result_print(doc);
}

/* A line that stays: what follows may never reach this terminal. */
static void guard_shown(const struct loom_doc *confirm)
{
	const struct loom_doc *keep = loom_get(confirm, "keep");
	double seconds = loom_number(confirm, "seconds");

	fputs("\r\033[KThis may cut you off: it is undone", stderr);
	for (size_t i = 0; i < loom_count(keep); i++)
		fprintf(stderr, "%s%s", i ? " or " : " when ", loom_text(loom_at(keep, i), NULL));
	if (loom_count(keep))
		fprintf(stderr, " is out of reach%s", seconds > 0 ? ", and" : "");
	if (seconds > 0)
		fprintf(stderr, " %.0f s from its end, unless lanloom confirm comes", seconds);
	fputs(".\n", stderr);
	fflush(stderr);
}

/* One line that the next step overwrites. */
static void step_shown(void *data, const struct loom_doc *step, size_t n, size_t of)
{
	(void)data;
	if (!of) {
		guard_shown(loom_get(step, "confirm"));
		return;
	}
	fprintf(stderr, "\r\033[K[%zu/%zu] %s %.60s", n + 1, of, signs[sign_of(step)].sign,
		loom_text(step, "says"));
	fflush(stderr);
}

void plan_progress(struct cmd_call *call)
{
	const char *term = getenv("TERM");

	call->progress =
		isatty(STDERR_FILENO) && !call->quiet && !(term && strcmp(term, "dumb") == 0);
	if (call->progress)
		loom_progress(call->loom, step_shown, NULL);
}
