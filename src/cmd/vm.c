/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

static const struct cmd_option options[] = {
	{"guest", 0, "NAME", "the guest that COMMAND is (default: what its -name says)"},
	{"queues", 0, "N", "queues of its network card (default: 1, or as declared)"},
	{0},
};

static int vm_run(struct cmd_call *call)
{
	const char *queues = cmd_value(call, "queues");
	struct loom_doc *doc;
	enum loom_status status;

	if (loom_option(call->loom, "queues", queues))
		return cmd_usage(call, "--queues takes a number from 1 to 64, not \"%s\"", queues);
	loom_option(call->loom, "guest", cmd_value(call, "guest"));
	fflush(NULL);
	status = loom_vm(call->loom, call->argv[0], call->argv + 1, &doc);
	return cmd_answer(call, status, doc, NULL);
}

const struct cmd cmd_vm = {
	.name = "vm",
	.arguments = "NETWORK -- COMMAND [ARGUMENT…]",
	.summary = "run QEMU, or another program, with a TAP in a network",
	.manual =
		"Opens a TAP in NETWORK, which may be any bridge, and becomes COMMAND, with the "
		"TAP's descriptors open. The word {netdev} stands for the four words -netdev "
		"tap,id=net-TAP,fd=N -device virtio-net-pci,netdev=net-TAP,mac=MAC; with several "
		"queues fds=N:N… is in the place of fd=N, and mq=on,vectors=… behind the MAC; "
		"where /dev/vhost-net may be opened, vhost=on,vhostfd=N joins. In other words "
		"{fds}, {vhostfds}, {mac} and {device} stand for these alone. QEMU without any of "
		"them gets {netdev} as its last words. A second {netdev} is left as it is, for a "
		"lanloom vm in COMMAND's place: one more card in another network.\n\n"
		"The MAC is the guest's own, the same at every start for the same --guest, or "
		"QEMU's -name; without either it is a new one. A guest that stands under guests "
		"with this network has the TAP, MAC, queues and port that are declared there. For "
		"others the TAP is made, and goes when COMMAND ends, however it ends. It ends with "
		"COMMAND's exit code.\n\n"
		"Who is not root needs lanloom-vm-helper, and a rule in /etc/lanloom/acl: see "
		"GUESTS "
		"OF PLAIN USERS.",
	.options = options,
	.least = 2,
	.most = -1,
	.words = WORDS_DEVICE,
	.run = vm_run,
};
