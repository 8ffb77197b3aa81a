/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

static const struct cmd_option options[] = {
	{"wait", 0, "SECONDS", "wait so long for devices that have to be there"},
	{0},
};

static int up_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status;

	if (loom_option(call->loom, "wait", cmd_value(call, "wait")))
		return cmd_usage(call, "--wait takes seconds, at most a day, not \"%s\"",
				 cmd_value(call, "wait"));
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
		"before it are taken back, too. FILE - is standard input.\n\n"
		"A change may cut you off. With --confirm it is undone after so many seconds, "
		"counted from its end, unless lanloom confirm comes first; until then no other "
		"change is made. With --keep, which may be said several times, it is undone when "
		"the address no longer answers pings, or the host:port takes no connection, within "
		"5 seconds; one that cannot be reached before the change is an error. lanloomd "
		"sees "
		"to both: that this command, its terminal or its connection is gone changes "
		"nothing, nor does setting the clock. Where you come over SSH and the change "
		"touches the way to your client, that client is kept unless --keep none is said, "
		"and at a terminal --confirm 60 is the default; --confirm 0 is none. A file that "
		"was wrong stays wrong: what is undone is the network, not the text.",
	.options = options,
	.shared = CMD_HOST | CMD_NAME | CMD_ADOPT | CMD_FORCE | CMD_GUARD,
	.most = -1,
	.words = WORDS_FILE,
	.run = up_run,
};
