/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

#include <stdlib.h>

static const struct cmd_option options[] = {
	{"timeout", 't', "SECONDS", "give up then (default: 120)"},
	{0},
};

static int wait_run(struct cmd_call *call)
{
	const char *timeout = cmd_value(call, "timeout");
	struct loom_doc *doc;
	enum loom_status status;
	unsigned long seconds = 120;
	char *end;

	if (timeout) {
		seconds = strtoul(timeout, &end, 10);
		if (*end || end == timeout || timeout[0] == '-' || seconds > 86400)
			return cmd_usage(call, "--timeout takes seconds, at most a day, not \"%s\"",
					 timeout);
	}
	status = loom_wait(call->loom, (unsigned int)seconds, &doc);
	return cmd_answer(call, status, doc, NULL);
}

const struct cmd cmd_wait = {
	.name = "wait",
	.summary = "wait until what is up is online",
	.manual = "Ends with 0 as soon as every device that is up by lanloom is there, those that "
		  "stand on a wire (network cards, devices of others, and what is linked to one) "
		  "have a carrier, no IPv6 address waits any more for the proof that it is unique, "
		  "and all tunnels run. Whether a tunnel's peers answer is not waited for, nor is "
		  "the carrier of TAPs and of bridges, which comes and goes with the guests. When "
		  "the time is over it says what is missing and ends with 1. Where nothing is up, "
		  "there is nothing to wait for.",
	.options = options,
	.run = wait_run,
};
