/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kinds' tables as text, and as the tables of the manual. */
#include "cmd/cmd.h"

#include <string.h>

static const struct cmd_option options[] = {
	{"man", 0, NULL, "as the manual's tables (roff)"},
	{0},
};

static const char *text_or(const struct loom_doc *doc, const char *key, const char *otherwise)
{
	const char *text = loom_text(doc, key);

	return text ? text : otherwise;
}

/* "a | b | c", "number 0…65535", "prefix, as 10.0.0.1/24". */
static void type_write(FILE *line, const struct loom_doc *key)
{
	const struct loom_doc *words = loom_get(key, "words");
	const char *type = loom_text(key, "type"), *example = loom_text(key, "example");

	for (size_t i = 0; i < loom_count(words); i++)
		fprintf(line, "%s%s", i ? " | " : "", loom_text(loom_at(words, i), NULL));
	if (loom_count(words))
		return;
	fputs(type, line);
	if (strcmp(type, "text") == 0 && loom_get(key, "max"))
		fprintf(line, ", at most %.0f bytes", loom_number(key, "max"));
	else if (loom_get(key, "max"))
		fprintf(line, " %.10g…%.10g", loom_number(key, "min"), loom_number(key, "max"));
	else if (example && strcmp(type, "number") != 0 && strcmp(type, "text") != 0 &&
		 strcmp(type, "true|false") != 0)
		fprintf(line, ", as %s", example);
}

/* What a writer of descriptions wants to know besides type and help. */
static void notes_write(FILE *line, const struct loom_doc *key)
{
	if (loom_get(key, "default")) {
		const char *text = loom_text(key, "default");

		fputs(text && !text[0] ? "; default empty" : "; default ", line);
		out_value(line, loom_get(key, "default"));
	}
	if (loom_truth(key, "needed"))
		fputs("; must be there", line);
	if (loom_truth(key, "fixed"))
		fputs("; a change makes the object anew", line);
	if (loom_truth(key, "at-creation"))
		fputs("; set at creation, never compared", line);
	if (loom_truth(key, "read-only"))
		fputs("; only shown", line);
	if (loom_text(key, "spread"))
		fprintf(line, "; also written as a map %s under the owner",
			loom_text(key, "spread"));
}

/* What is written as a key: not the name, which the entry itself gives, nor what is only shown. */
static bool is_written(const struct loom_doc *kind, const struct loom_doc *key)
{
	return !(loom_text(kind, "section") && loom_truth(key, "identity")) &&
	       !loom_truth(key, "read-only");
}

static void key_cells(struct table *table, const struct loom_doc *key)
{
	char text[600] = "";
	FILE *line = fmemopen(text, sizeof(text), "w");

	if (!line)
		return;
	fprintf(line, "%s (", text_or(key, "help", ""));
	type_write(line, key);
	notes_write(line, key);
	fputs(")", line);
	fclose(line);
	table_cell(table, "%s", loom_text(key, "key"));
	table_ink(table, INK_BOLD);
	table_cell(table, "%s", text);
}

static void kernel_print(const struct loom_doc *kind)
{
	const char *kernel = loom_text(kind, "kernel"), *config = loom_text(kind, "config");

	if (!kernel)
		return;
	if (strcmp(kernel, "has") == 0)
		puts("This kernel has it.");
	else if (strcmp(kernel, "loadable") == 0)
		printf("This kernel can load it (module %s).\n", text_or(kind, "module", "?"));
	else if (strcmp(kernel, "lacks") == 0)
		printf("%sThis kernel lacks it%s (%s).\n", ink(INK_RED), ink(INK_NONE),
		       config ? config : "no configuration option is known");
}

static void kind_print(const struct cmd_call *call, const struct loom_doc *kind)
{
	const struct loom_doc *keys = loom_get(kind, "keys"), *lists = loom_get(kind, "lists");
	struct table *table = table_new(2);

	printf("%s%s%s: %s\n", ink(INK_BOLD), loom_text(kind, "name"), ink(INK_NONE),
	       loom_text(kind, "summary"));
	if (loom_text(kind, "section"))
		printf("Written under %s%s%s.\n", loom_text(kind, "section"),
		       loom_text(kind, "mode") ? " with mode: " : "", text_or(kind, "mode", ""));
	else if (loom_text(kind, "listed"))
		printf("Written as %s under a %s.\n", loom_text(kind, "listed"),
		       text_or(kind, "owner", "device"));
	kernel_print(kind);
	for (size_t i = 0; i < loom_count(keys); i++)
		if (call->verbose || is_written(kind, loom_at(keys, i)))
			key_cells(table, loom_at(keys, i));
	for (size_t i = 0; i < loom_count(lists); i++) {
		const struct loom_doc *list = loom_at(lists, i);

		table_cell(table, "%s", loom_text(list, "key"));
		table_ink(table, INK_BOLD);
		table_cell(table, "%s (a %s; see lanloom kinds %s)", loom_text(list, "help"),
			   strcmp(loom_text(list, "form"), "map") == 0 ? "map" : "list",
			   loom_text(list, "kind"));
	}
	putchar('\n');
	table_print(table, 2);
}

static void kinds_print(const struct cmd_call *call, const struct loom_doc *doc)
{
	const struct loom_doc *kinds = loom_get(doc, "kinds");
	struct table *table;

	if (call->argc) {
		for (size_t i = 0; i < loom_count(kinds); i++) {
			if (i)
				putchar('\n');
			kind_print(call, loom_at(kinds, i));
		}
		return;
	}
	table = table_new(4);
	table_cell(table, "KIND");
	table_cell(table, "WRITTEN UNDER");
	table_cell(table, "KERNEL");
	table_cell(table, "WHAT IT IS");
	for (size_t i = 0; i < loom_count(kinds); i++) {
		const struct loom_doc *kind = loom_at(kinds, i);
		const char *mode = loom_text(kind, "mode");

		if (loom_truth(kind, "hidden"))
			continue;
		table_cell(table, "%s", loom_text(kind, "name"));
		table_ink(table, INK_BOLD);
		table_cell(table, "%s%s%s", text_or(kind, "section", text_or(kind, "listed", "")),
			   mode ? ", mode " : "", mode ? mode : "");
		table_cell(table, "%s", text_or(kind, "kernel", ""));
		table_cell(table, "%s", text_or(kind, "summary", ""));
	}
	table_print(table, 0);
	puts("\nlanloom kinds KIND shows the keys of one.");
}

static void roff_key(const struct loom_doc *key)
{
	char text[600] = "";
	FILE *line = fmemopen(text, sizeof(text), "w");

	if (!line)
		return;
	type_write(line, key);
	notes_write(line, key);
	fclose(line);
	printf(".TP\n.B ");
	roff_text(loom_text(key, "key"));
	putchar('\n');
	roff_text(text_or(key, "help", ""));
	printf("\n(");
	roff_text(text);
	puts(")");
}

static void roff_lists(const struct loom_doc *lists)
{
	for (size_t i = 0; i < loom_count(lists); i++) {
		const struct loom_doc *list = loom_at(lists, i);

		printf(".TP\n.B ");
		roff_text(loom_text(list, "key"));
		putchar('\n');
		roff_text(loom_text(list, "help"));
		printf("\n(see %s)\n", loom_text(list, "kind"));
	}
}

static void roff_print(const struct cmd_call *call, const struct loom_doc *doc)
{
	const struct loom_doc *kinds = loom_get(doc, "kinds");

	(void)call;
	for (size_t i = 0; i < loom_count(kinds); i++) {
		const struct loom_doc *kind = loom_at(kinds, i), *keys = loom_get(kind, "keys");

		if (loom_truth(kind, "hidden"))
			continue;
		printf(".SS %s\n", loom_text(kind, "name"));
		roff_text(text_or(kind, "summary", ""));
		putchar('\n');
		if (loom_text(kind, "section"))
			printf("Section\n.BR %s%s%s .\n", loom_text(kind, "section"),
			       loom_text(kind, "mode") ? ", mode: " : "",
			       text_or(kind, "mode", ""));
		else if (loom_text(kind, "listed"))
			printf("Written as\n.B %s\nunder a %s.\n", loom_text(kind, "listed"),
			       text_or(kind, "owner", "device"));
		for (size_t k = 0; k < loom_count(keys); k++)
			if (is_written(kind, loom_at(keys, k)))
				roff_key(loom_at(keys, k));
		roff_lists(loom_get(kind, "lists"));
	}
}

static int kinds_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status = loom_kinds(call->loom, call->argv[0], &doc);

	return cmd_answer(call, status, doc, cmd_value(call, "man") ? roff_print : kinds_print);
}

const struct cmd cmd_kinds = {
	.name = "kinds",
	.arguments = "[KIND]",
	.summary = "every kind of object, every key of it",
	.manual =
		"Lists the kinds a description may have, where they are written, and whether this "
		"kernel has them, could load them, or lacks them. With KIND (its name or its "
		"section): every key with type, limits, default and a line of help; with -v also "
		"what is only "
		"shown.",
	.options = options,
	.most = 1,
	.words = WORDS_KIND,
	.run = kinds_run,
};
