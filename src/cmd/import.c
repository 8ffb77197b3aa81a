/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

static void import_print(const struct cmd_call *call, const struct loom_doc *doc)
{
	(void)call;
	fputs(loom_text(doc, "text"), stdout);
}

static int import_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status =
		loom_import(call->loom, call->argv[0], call->argc > 1 ? call->argv[1] : NULL, &doc);

	return cmd_answer(call, status, doc, import_print);
}

const struct cmd cmd_import = {
	.name = "import",
	.arguments = "FORMAT [FILE]",
	.summary = "print a description made from something else",
	.manual =
		"Prints a description that makes the same as FILE, a file or a folder, or - for "
		"standard input. FORMAT is ifcfg (Red Hat's; default "
		"/etc/sysconfig/network-scripts), "
		"interfaces (Debian's ifupdown; /etc/network/interfaces), libvirt (its networks; "
		"/etc/libvirt/qemu/networks), netplan (/etc/netplan) or "
		"networkd (/etc/systemd/network); or live, which is this host as it is, for taking "
		"over with up --adopt.\n\n"
		"Where another program's default is not lanloom's it is written out: netplan's "
		"bridges have spanning tree, the others' a forward delay of 15 seconds. What has "
		"no "
		"counterpart is named on standard error with its file and line, and left out. "
		"Nothing "
		"is changed, and of live nothing that the kernel makes by itself is told. There "
		"one end "
		"of a wire whose other end nobody can name (a container's) is existing: true.",
	.shared = CMD_NAME,
	.least = 1,
	.most = 2,
	.words = WORDS_FILE,
	.verbs = "live ifcfg interfaces libvirt netplan networkd",
	.run = import_run,
};
