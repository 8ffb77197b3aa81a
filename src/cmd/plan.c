/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

static int plan_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status =
		loom_plan(call->loom, (const char *const *)call->argv, (size_t)call->argc, &doc);

	return cmd_answer(call, status, doc, plan_print);
}

const struct cmd cmd_plan = {
	.name = "plan",
	.arguments = "[FILE…]",
	.summary = "show what up would do, and what traffic that cuts",
	.manual =
		"Prints the steps that up would take, each with the line it comes from; then what "
		"traffic they cut. Changes nothing. Ends with 0 where there is nothing to do and "
		"with 3 where there is.\n\n"
		"The signs: + is made, ~ is changed (old → new), ± is deleted and made again "
		"because a value cannot change in place, - is deleted. What goes along with a "
		"deletion stands in its line; -v gives it lines of its own.",
	.shared = CMD_HOST | CMD_NAME | CMD_ADOPT | CMD_FORCE,
	.most = -1,
	.words = WORDS_FILE,
	.run = plan_run,
};
