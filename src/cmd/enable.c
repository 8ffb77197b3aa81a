/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

static const struct cmd_option options[] = {
	{"root", 0, "FOLDER", "another system's root, for images; nothing that runs is told"},
	{"print", 'p', NULL, "only print the units"},
	{0},
};

static void enable_print(const struct cmd_call *call, const struct loom_doc *doc)
{
	const struct loom_doc *units = loom_get(doc, "units");
	bool only = cmd_value(call, "print");

	for (size_t i = 0; i < loom_count(units); i++) {
		const struct loom_doc *unit = loom_at(units, i);

		printf("%s%s%s\n", only ? "# " : "+ ", loom_text(unit, "path"), only ? "" : "");
		if (only)
			printf("%s\n", loom_text(unit, "text"));
	}
	if (!only)
		puts("From the next boot on it is up before network-online.target.");
}

static int enable_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status;

	loom_option(call->loom, "root", cmd_value(call, "root"));
	loom_option(call->loom, "dry", cmd_value(call, "print"));
	status = loom_enable(call->loom, (const char *const *)call->argv, (size_t)call->argc, &doc);
	return cmd_answer(call, status, doc, enable_print);
}

const struct cmd cmd_enable = {
	.name = "enable",
	.arguments = "[FILE…]",
	.summary = "bring it up at boot",
	.manual =
		"Checks the files, and installs units of systemd that bring them up at every boot; "
		"without FILE, whatever stands in /etc/lanloom/lanloom.yaml and "
		"/etc/lanloom/lanloom.d then. An earlier enable is replaced. Nothing is brought up "
		"now.\n\n"
		"lanloom.service runs lanloom up behind network-pre.target and before "
		"network.target; it waits 30 seconds for network cards that are found late. "
		"Stopping it takes nothing down, so that at shutdown what is mounted over the "
		"network can be unmounted: lanloom down takes it down. "
		"lanloom-wait-online.service holds network-online.target until lanloom wait is "
		"content, at most two minutes; it runs only where something asks for that target. "
		"lanloomd@.service is the keeper in this machine's first network namespace: it is "
		"started when something needs it, watched, and started again when it dies.\n\n"
		"A boot begins with nothing: what a power cut interrupted is made anew from the "
		"file as it is then.",
	.options = options,
	.shared = CMD_HOST,
	.most = -1,
	.words = WORDS_FILE,
	.run = enable_run,
};
