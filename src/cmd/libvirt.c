/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cmd/cmd.h"

static const struct cmd_option options[] = {
	{"interface", 0, NULL, "the <interface> of a domain, in place of the <network>"},
	{"guest", 0, "NAME", "the <interface> of this guest, with its MAC and its TAP"},
	{"hook", 0, "WHAT", "of libvirt's hooks: print, install or remove ours"},
	{"operation", 0, "NAME", "what a hook is told, with libvirt's XML as input"},
	{0},
};

static void libvirt_print(const struct cmd_call *call, const struct loom_doc *doc)
{
	(void)call;
	fputs(loom_text(doc, "xml"), stdout);
}

static void hook_print(const struct cmd_call *call, const struct loom_doc *doc)
{
	const struct loom_doc *hooks = loom_get(doc, "hooks");
	const char *result = loom_text(doc, "result");
	bool print = strcmp(cmd_value(call, "hook"), "print") == 0;

	for (size_t i = 0; i < loom_count(hooks); i++) {
		const struct loom_doc *hook = loom_at(hooks, i);

		printf("%s%s\n",
		       print				? "# "
		       : strcmp(result, "removed") == 0 ? "- "
							: "+ ",
		       loom_text(hook, "path"));
		if (print)
			printf("%s\n", loom_text(hook, "text"));
	}
	if (strcmp(result, "installed") == 0)
		puts("libvirt looks for hooks when it starts: systemctl restart libvirtd");
}

static int hook_run(struct cmd_call *call, const char *what)
{
	const char *operation = cmd_value(call, "operation");
	bool event = strcmp(what, "qemu") == 0 || strcmp(what, "network") == 0;
	struct loom_doc *doc;
	enum loom_status status;

	if (call->argc || event != (operation != NULL) ||
	    (!event && strcmp(what, "print") != 0 && strcmp(what, "install") != 0 &&
	     strcmp(what, "remove") != 0))
		return cmd_usage(call, "--hook is print, install or remove, and stands alone");
	status = event ? loom_libvirt_event(call->loom, what, operation, &doc)
		       : loom_libvirt_hook(call->loom, what, &doc);
	return cmd_answer(call, status, doc, event ? NULL : hook_print);
}

static int libvirt_run(struct cmd_call *call)
{
	const char *hook = cmd_value(call, "hook");
	struct loom_doc *doc;
	enum loom_status status;

	if (hook)
		return hook_run(call, hook);
	if (!call->argc || cmd_value(call, "operation"))
		return cmd_usage(call, "NETWORK is missing");
	loom_option(call->loom, "interface", cmd_value(call, "interface"));
	loom_option(call->loom, "guest", cmd_value(call, "guest"));
	status = loom_libvirt(call->loom, call->argv[0], &doc);
	return cmd_answer(call, status, doc, libvirt_print);
}

const struct cmd cmd_libvirt = {
	.name = "libvirt",
	.arguments = "[NETWORK]",
	.summary = "print a network, or a guest's place in it, as libvirt's XML",
	.manual =
		"Prints the <network> by which libvirt knows NETWORK, a network or bridge that is "
		"up: for virsh net-define. With --interface it is the <interface> that stands "
		"among "
		"a domain's <devices>; libvirt then makes the TAP and plugs it in. With --guest it "
		"has the MAC that the guest of this name has with lanloom vm; and where the guest "
		"is declared with this network, the <interface> is its TAP, of type ethernet and "
		"not managed: libvirt opens it, and leaves its port and all else to lanloom.\n\n"
		"--hook install puts a script into /etc/libvirt/hooks/qemu.d and network.d, beside "
		"those of others, and never over one; --hook remove takes it away, --hook print "
		"shows it. libvirt calls it when a domain starts or ends, and when libvirtd finds "
		"running domains again. A domain with a TAP of libvirt's own (vnet0) in the "
		"network of a declared guest, and with that guest's macaddress, then has what the "
		"guest's port has: isolation and other options, VLANs, shape, and the right to its "
		"MAC; it is the description by-libvirt, which is kept while the domain runs. When "
		"libvirt started a network of its own, what descriptions have on that bridge is "
		"applied again. Whatever goes wrong in it, the domain starts; the system's log "
		"says what.",
	.options = options,
	.least = 0,
	.most = 1,
	.words = WORDS_DEVICE,
	.run = libvirt_run,
};
