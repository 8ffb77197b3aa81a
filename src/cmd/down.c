/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

static const struct cmd_option options[] = {
	{"all", 'a', NULL, "everything that lanloom made here, whatever description it came from"},
	{0},
};

static int down_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status;

	if (cmd_value(call, "all") && call->argc)
		return cmd_usage(call, "down takes --all or files, not both");
	plan_progress(call);
	if (cmd_value(call, "all"))
		status = loom_down_all(call->loom, &doc);
	else
		status = loom_down(call->loom, (const char *const *)call->argv, (size_t)call->argc,
				   &doc);
	return cmd_answer(call, status, doc, plan_print);
}

const struct cmd cmd_down = {
	.name = "down",
	.arguments = "[FILE…]",
	.summary = "remove what a description made",
	.manual =
		"Removes what the description made when it was last brought up, and nothing else: "
		"the text of FILE gives only the description's name. What it set on devices of "
		"others goes back to what it was before. A FILE that is gone or broken can be "
		"named all the same; so can a description by its name, as lanloom show has it.",
	.options = options,
	.shared = CMD_NAME | CMD_FORCE | CMD_GUARD,
	.most = -1,
	.words = WORDS_FILE,
	.run = down_run,
};
