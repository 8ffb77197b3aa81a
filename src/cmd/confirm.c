/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

static void confirm_print(const struct cmd_call *call, const struct loom_doc *doc)
{
	if (loom_number(doc, "change") > 0)
		printf("Change %.0f stays.\n", loom_number(doc, "change"));
}

static int confirm_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status = loom_confirm(call->loom, &doc);

	return cmd_answer(call, status, doc, confirm_print);
}

const struct cmd cmd_confirm = {
	.name = "confirm",
	.summary = "keep a change made with --confirm",
	.manual = "Ends the waiting: the change stays. When it comes too late, the change has been "
		  "undone; this command says so and ends with 1, as it does where nothing waits. "
		  "There is no third outcome, whenever it comes. To take the change back at once, "
		  "lanloom undo.",
	.run = confirm_run,
};
