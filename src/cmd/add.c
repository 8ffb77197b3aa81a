/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

static int add_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status;

	plan_progress(call);
	status = loom_add(call->loom, call->argv[0], call->argv[1],
			  (const char *const *)call->argv + 2, (size_t)call->argc - 2, &doc);
	return cmd_answer(call, status, doc, plan_print);
}

const struct cmd cmd_add = {
	.name = "add",
	.arguments = "KIND NAME [KEY=VALUE…]",
	.summary = "make one object without a file",
	.manual =
		"Makes an object of any kind that lanloom kinds lists, through the same "
		"transaction "
		"as up. NAME may be namespace/name. Keys are the description's: lists are joined "
		"by commas, a key within a map is written with a dot (parameters.stp=true), and a "
		"value that begins with [ or { is read as YAML. What add and set make belongs to "
		"the description by-hand.",
	.shared = CMD_ADOPT | CMD_FORCE | CMD_GUARD,
	.least = 2,
	.most = -1,
	.words = WORDS_KIND,
	.run = add_run,
};
