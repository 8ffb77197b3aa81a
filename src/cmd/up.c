/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

static int up_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status;

	plan_progress(call);
	status = loom_up(call->loom, (const char *const *)call->argv, (size_t)call->argc, &doc);
	return cmd_answer(call, status, doc, plan_print);
}

const struct cmd cmd_up = {
	.name = "up",
	.arguments = "[FILE…]",
	.summary = "make this host as the description says",
	.manual =
		"Reads the description, plans, and carries the plan out as one transaction: "
		"when a step is refused, the steps before it are undone and the system is as "
		"before. Then it plans again to see that nothing is left to do. What an earlier "
		"text of the same name made and this one lacks is removed. Where there is nothing "
		"to do, nothing in the kernel is touched.\n\n"
		"Without FILE all of /etc/lanloom/lanloom.yaml and /etc/lanloom/lanloom.d/*.yaml "
		"are brought up; each is a description of its own, and when one is refused, those "
		"before it are taken back, too. FILE - is standard input.",
	.shared = CMD_HOST | CMD_NAME | CMD_ADOPT | CMD_FORCE,
	.most = -1,
	.words = WORDS_FILE,
	.run = up_run,
};
