/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

static int set_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status;

	plan_progress(call);
	status = loom_set(call->loom, call->argv[0], (const char *const *)call->argv + 1,
			  (size_t)call->argc - 1, &doc);
	return cmd_answer(call, status, doc, plan_print);
}

const struct cmd cmd_set = {
	.name = "set",
	.arguments = "NAME KEY=VALUE…",
	.summary = "change keys of one object without a file",
	.manual =
		"Sets keys of a device, ours or not. On a device that others made only these keys "
		"become ours, and lanloom del NAME gives them back what they were before. A key "
		"that a description sets is changed in that description. A list that is given "
		"replaces what set or add gave before; KEY+=NAMES adds to it, and KEY-=NAMES takes "
		"out what add or set had put in.",
	.shared = CMD_FORCE | CMD_GUARD,
	.least = 2,
	.most = -1,
	.words = WORDS_DEVICE,
	.run = set_run,
};
