/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

#include <string.h>

static void key_print(const struct cmd_call *call, const struct loom_doc *doc)
{
	puts(loom_text(doc, "public"));
}

static int key_run(struct cmd_call *call)
{
	const char *what = call->argv[0];
	struct loom_doc *doc;
	enum loom_status status;

	if (strcmp(what, "new") == 0)
		status = loom_key_new(call->loom, call->argv[1], &doc);
	else if (strcmp(what, "public") == 0)
		status = loom_key_public(call->loom, call->argv[1], &doc);
	else
		return cmd_usage(call, "key does \"new FILE\" and \"public FILE\", not \"%s\"",
				 what);
	return cmd_answer(call, status, doc, key_print);
}

const struct cmd cmd_key = {
	.name = "key",
	.arguments = "new|public FILE",
	.summary = "make a tunnel's key; print its public half",
	.manual = "key new FILE creates FILE with mode 0600 and a new private key in it, and its "
		  "folder where that is missing; it never overwrites one. key public FILE reads "
		  "it. Both print the public half, which is "
		  "what the description of the other hosts has. The form is that of wg genkey: 32 "
		  "bytes in base64.",
	.least = 2,
	.most = 2,
	.words = WORDS_FILE,
	.verbs = "new public",
	.run = key_run,
};
