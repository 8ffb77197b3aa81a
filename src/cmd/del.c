/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

static int del_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status;

	plan_progress(call);
	status = loom_del(call->loom, call->argv[0], &doc);
	return cmd_answer(call, status, doc, plan_print);
}

const struct cmd cmd_del = {
	.name = "del",
	.arguments = "NAME",
	.summary = "remove what add made, take back what set changed",
	.manual = "Takes NAME and what hangs on it out of the description by-hand. What a file's "
		  "description made goes with lanloom down, or by editing the file and lanloom up; "
		  "what others made is theirs to delete.",
	.shared = CMD_FORCE | CMD_GUARD,
	.least = 1,
	.most = 1,
	.words = WORDS_DEVICE,
	.run = del_run,
};
