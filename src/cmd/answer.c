/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a command ends: its document as JSON, or its errors on stderr and its text on stdout. */
#include "cmd/cmd.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *err_ink(const char *escape)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!isatty(STDERR_FILENO) || (no && no[0]) || (term && strcmp(term, "dumb") == 0))
		return "";
	return escape;
}

/* file:line:col: thing: what is wrong; what was expected - and a line `try: …`. */
static void error_write(FILE *to, const struct loom_doc *error, const char *escape,
			const char *severity)
{
	const char *file = loom_text(error, "file"), *object = loom_text(error, "object");

	fputs(file ? file : "lanloom", to);
	if (file && loom_number(error, "line") > 0)
		fprintf(to, ":%.0f", loom_number(error, "line"));
	/* where lines are all that is known of another program's file */
	if (file && loom_number(error, "column") > 0)
		fprintf(to, ":%.0f", loom_number(error, "column"));
	fputs(": ", to);
	if (severity[0])
		fprintf(to, "%s%s%s: ", err_ink(escape), severity, err_ink("\033[0m"));
	if (object && object[0])
		fprintf(to, "%s%s%s: ", err_ink("\033[1m"), object, err_ink("\033[0m"));
	fprintf(to, "%s", loom_text(error, "message"));
}

static void error_print(const struct loom_doc *error, const char *escape, const char *severity)
{
	const char *try_this = loom_text(error, "try");
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		abort();
	error_write(memory, error, escape, severity);
	if (fclose(memory))
		abort();
	err_folded(2, text);
	free(text);
	/* what is to be typed stays in one piece */
	if (try_this)
		fprintf(stderr, "try: %s\n", try_this);
}

void cmd_errors(const struct loom_doc *doc)
{
	const struct loom_doc *errors = loom_get(doc, "errors"), *warnings;

	warnings = loom_get(doc, "warnings");
	for (size_t i = 0; i < loom_count(warnings); i++)
		error_print(loom_at(warnings, i), "\033[33m", "warning");
	for (size_t i = 0; i < loom_count(errors); i++)
		error_print(loom_at(errors, i), "\033[31m", "");
}

int cmd_answer(const struct cmd_call *call, enum loom_status status, struct loom_doc *doc,
	       void (*print)(const struct cmd_call *call, const struct loom_doc *doc))
{
	const char *result = loom_text(doc, "result");
	bool done = result && strcmp(result, "applied") == 0;
	bool told = done || (status != LOOM_FAILED && status != LOOM_USAGE);

	if (call->progress)
		fputs("\r\033[K", stderr);
	if (call->json) {
		loom_doc_print(doc, stdout);
	} else {
		if (print && told && !call->quiet)
			print(call, doc);
		fflush(stdout);
		cmd_errors(doc);
		if (status == LOOM_FAILED && result && strcmp(result, "rolled-back") == 0)
			fputs("lanloom: what had been done is undone: all is as before\n", stderr);
	}
	loom_doc_free(doc);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "lanloom: writing the answer: %m\n");
		return status == LOOM_DONE ? LOOM_FAILED : (int)status;
	}
	return (int)status;
}

int cmd_usage(const struct cmd_call *call, const char *format, ...)
{
	char message[400], try_this[100] = "lanloom help";
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (call->cmd)
		snprintf(try_this, sizeof(try_this), "lanloom help %s", call->cmd->name);
	return cmd_answer(call, LOOM_USAGE, loom_doc_error(message, try_this), NULL);
}
