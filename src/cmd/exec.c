/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

#include <stdio.h>

static int exec_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status;

	fflush(NULL);
	status = loom_exec(call->loom, call->argv[0], call->argv + 1, &doc);
	return cmd_answer(call, status, doc, NULL);
}

const struct cmd cmd_exec = {
	.name = "exec",
	.arguments = "NAMESPACE COMMAND [ARGUMENT…]",
	.summary = "run a command inside a namespace",
	.manual = "Runs COMMAND in the network namespace NAMESPACE, as ip netns exec does: /sys "
		  "shows "
		  "that namespace's devices, and the files of /etc/netns/NAMESPACE stand in the "
		  "place of their namesakes in /etc. Options for COMMAND need no --. Ends with "
		  "COMMAND's exit code.",
	.shared = CMD_STOPS,
	.least = 2,
	.most = -1,
	.words = WORDS_NAMESPACE,
	.run = exec_run,
};
