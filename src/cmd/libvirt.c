/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

static const struct cmd_option options[] = {
	{"interface", 0, NULL, "the <interface> of a domain, in place of the <network>"},
	{"guest", 0, "NAME", "the <interface> of this guest, with its MAC and its TAP"},
	{0},
};

static void libvirt_print(const struct cmd_call *call, const struct loom_doc *doc)
{
	(void)call;
	fputs(loom_text(doc, "xml"), stdout);
}

static int libvirt_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status;

	loom_option(call->loom, "interface", cmd_value(call, "interface"));
	loom_option(call->loom, "guest", cmd_value(call, "guest"));
	status = loom_libvirt(call->loom, call->argv[0], &doc);
	return cmd_answer(call, status, doc, libvirt_print);
}

const struct cmd cmd_libvirt = {
	.name = "libvirt",
	.arguments = "NETWORK",
	.summary = "print a network, or a guest's place in it, as libvirt's XML",
	.manual =
		"Prints the <network> by which libvirt knows NETWORK, a network or bridge that is "
		"up: for virsh net-define. With --interface it is the <interface> that stands "
		"among "
		"a domain's <devices>; libvirt then makes the TAP and plugs it in. With --guest it "
		"has the MAC that the guest of this name has with lanloom vm; and where the guest "
		"is declared with this network, the <interface> is its TAP, of type ethernet and "
		"not managed: libvirt opens it, and leaves its port and all else to lanloom.",
	.options = options,
	.least = 1,
	.most = 1,
	.words = WORDS_DEVICE,
	.run = libvirt_run,
};
