/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

#include <stdlib.h>

static int undo_run(struct cmd_call *call)
{
	unsigned long long n = 0;
	struct loom_doc *doc;
	enum loom_status status;
	char *end;

	if (call->argc) {
		n = strtoull(call->argv[0], &end, 10);
		if (*end || !n || call->argv[0][0] == '-')
			return cmd_usage(call, "undo takes the number of a change, not \"%s\"",
					 call->argv[0]);
	}
	plan_progress(call);
	status = loom_undo(call->loom, n, &doc);
	return cmd_answer(call, status, doc, plan_print);
}

const struct cmd cmd_undo = {
	.name = "undo",
	.arguments = "[N]",
	.summary = "go back to what was before a change",
	.manual = "Plans towards the state before change N (lanloom log lists them; default: the "
		  "last), "
		  "limited to what that change touched: later changes of other objects stay. Going "
		  "back is a change of its own and can be undone as well.",
	.shared = CMD_FORCE | CMD_GUARD,
	.most = 1,
	.run = undo_run,
};
