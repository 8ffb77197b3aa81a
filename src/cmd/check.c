/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

static void check_print(const struct cmd_call *call, const struct loom_doc *doc)
{
	const struct loom_doc *descriptions = loom_get(doc, "descriptions");

	for (size_t i = 0; i < loom_count(descriptions); i++) {
		const struct loom_doc *one = loom_at(descriptions, i);
		const struct loom_doc *hosts = loom_get(one, "hosts");

		printf("%s: %snothing is wrong%s", loom_text(one, "file"), ink(INK_GREEN),
		       ink(INK_NONE));
		if (loom_count(hosts))
			printf(", for %zu host%s", loom_count(hosts),
			       loom_count(hosts) == 1 ? "" : "s");
		printf("; %.0f object%s\n", loom_number(one, "objects"),
		       loom_number(one, "objects") == 1 ? "" : "s");
	}
}

static int check_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status =
		loom_check(call->loom, (const char *const *)call->argv, (size_t)call->argc, &doc);

	return cmd_answer(call, status, doc, check_print);
}

const struct cmd cmd_check = {
	.name = "check",
	.arguments = "[FILE…]",
	.summary = "read a description and say all that is wrong with it",
	.manual =
		"Reads and checks only, looks at no device and needs no root. All errors are told "
		"at once, each with file, line and column, and for a misspelling with the word "
		"that was probably meant. Of a file with hosts all hosts are checked, together. "
		"A key file that cannot be read here is a warning.",
	.shared = CMD_HOST | CMD_NAME,
	.most = -1,
	.words = WORDS_FILE,
	.run = check_run,
};
