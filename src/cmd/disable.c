/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

#include <string.h>

static const struct cmd_option options[] = {
	{"root", 0, "FOLDER", "another system's root, for images; nothing that runs is told"},
	{0},
};

static void disable_print(const struct cmd_call *call, const struct loom_doc *doc)
{
	const struct loom_doc *units = loom_get(doc, "units");

	for (size_t i = 0; i < loom_count(units); i++)
		printf("- %s\n", loom_text(loom_at(units, i), "path"));
	if (strcmp(loom_text(doc, "result"), "unchanged") == 0)
		puts("Nothing was enabled.");
}

static int disable_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status;

	loom_option(call->loom, "root", cmd_value(call, "root"));
	status = loom_disable(call->loom, &doc);
	return cmd_answer(call, status, doc, disable_print);
}

const struct cmd cmd_disable = {
	.name = "disable",
	.summary = "no longer bring it up at boot",
	.manual = "Removes the units that lanloom enable installed. What is up stays up: lanloom "
		  "down takes it down.",
	.options = options,
	.run = disable_run,
};
