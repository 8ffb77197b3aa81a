/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

#include <time.h>

static void log_print(const struct cmd_call *call, const struct loom_doc *doc)
{
	const struct loom_doc *changes = loom_get(doc, "changes");
	struct table *table = table_new(4);

	for (size_t i = 0; i < loom_count(changes); i++) {
		const struct loom_doc *change = loom_at(changes, i);
		time_t time = (time_t)loom_number(change, "time");
		char text[32] = "";
		struct tm parts;

		if (localtime_r(&time, &parts))
			strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
		table_cell(table, "%.0f", loom_number(change, "change"));
		table_ink(table, INK_BOLD);
		table_cell(table, "%s", text);
		table_cell(table, "%s", loom_text(change, "user"));
		table_cell(table, "%s", loom_text(change, "command"));
	}
	table_print(table, 0);
	if (!loom_count(changes))
		puts("No change has been made here yet.");
}

static int log_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status = loom_log(call->loom, &doc);

	return cmd_answer(call, status, doc, log_print);
}

const struct cmd cmd_log = {
	.name = "log",
	.summary = "who changed what, when",
	.manual = "Lists the changes made by up, down, add, set, del and undo, newest first: "
		  "number, time, "
		  "user and command. --json has for each the objects it touched.",
	.run = log_run,
};
