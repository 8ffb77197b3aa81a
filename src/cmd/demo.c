/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `lanloom demo`: two hosts on this machine become one encrypted Ethernet, before the user's eyes.
 *
 * It is a user of lanloom like any other: it runs this very program, as the user would type it, in
 * two network namespaces that play the hosts, and shows what it says. What it makes for itself
 * (demo_stage.c) can be told from everything else on the machine, so that the end takes all of it
 * away, a signal in the middle too, and the next demo what a kill has left. The state of the
 * machine before and after is compared in the end (demo_proof.c).
 *
 * Order of the files: demo_scenes.c is what is shown; demo_stage.c, demo_guest.c and demo_ear.c are
 * the hosts, the guests and the eavesdropper; demo_run.c and demo_tell.c serve them all.
 */
#include "cmd/demo.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int demo_init(struct demo *demo, struct cmd_call *call)
{
	sigset_t stop;
	ssize_t n;

	*demo = (struct demo){
		.call = call,
		.vms = !cmd_value(call, "no-vm"),
		.quiet = call->json || call->quiet,
		.signals = -1,
		.lock = -1,
		.guests = {{.name = "guest-alpha",
			    .address = "10.77.0.1",
			    .mac = "52:54:00:4c:00:01"},
			   {.name = "guest-beta",
			    .address = "10.77.0.2",
			    .mac = "52:54:00:4c:00:02"}},
	};
	for (int i = 0; i < HOST_COUNT; i++) {
		demo->guests[i].to = demo->guests[i].from = -1;
		demo->guests[i].space = stage_spaces[i];
	}
	if (!demo->vms) {
		demo->guests[HOST_ALPHA].space = DEMO_PREFIX "guest-alpha";
		demo->guests[HOST_BETA].space = DEMO_PREFIX "guest-beta";
	}
	if (geteuid() != 0) {
		snprintf(demo->hint, sizeof(demo->hint), "sudo lanloom demo");
		return demo_fail(demo, "the demo makes network namespaces and needs root");
	}
	if (demo->vms && access("/var/cache/lanloom/guest/vmlinuz", R_OK) < 0) {
		snprintf(demo->hint, sizeof(demo->hint),
			 "./dev demo, which makes them a guest; or lanloom demo --no-vm");
		return demo_fail(demo, "there is no image for the VMs in /var/cache/lanloom/guest");
	}
	n = readlink("/proc/self/exe", demo->exe, sizeof(demo->exe) - 1);
	if (n < 0)
		return demo_fail(demo, "/proc/self/exe: %m");
	demo->exe[n] = '\0';
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGHUP);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	demo->signals = signalfd(-1, &stop, SFD_CLOEXEC);
	return demo->signals < 0 ? demo_fail(demo, "signalfd: %m") : 0;
}

static int prove(struct demo *demo, const struct proof *before)
{
	struct proof *after = proof_take(demo);
	char rest[200];
	int differing;

	if (!after)
		return -1;
	tell_title(demo, "The proof");
	differing = proof_compare(demo, before, after);
	proof_free(after);
	if (differing > 0)
		return demo_fail(demo, "%d kinds of state are not as before", differing);
	if (!stage_is_bare(demo, rest, sizeof(rest)))
		return demo_fail(demo, "%s", rest);
	demo->restored = true;
	tell(demo, "Devices, addresses, routes, rules, static neighbours, nft rules and sysctls of "
		   "this machine are as before, line by line; no namespace, process or file of the "
		   "demo is left.");
	return 0;
}

/* Between the lock and its release. */
static int demo_play(struct demo *demo)
{
	struct proof *before = proof_take(demo);
	int result;

	if (!before)
		return -1;
	result = scenes_play(demo);
	for (int i = 0; i < HOST_COUNT; i++)
		guest_stop(&demo->guests[i]);
	stage_clear(demo);
	if (result == 0)
		result = prove(demo, before);
	proof_free(before);
	return result;
}

static void print_json(const struct demo *demo)
{
	printf("{\"guests\":\"%s\",\"ping-ms\":%.3f,\"wire-largest\":%u,\"wire-packets\":%u,"
	       "\"plaintext-seen\":%s,\"bits-per-second\":%.0f,\"restored\":%s}\n",
	       demo->vms ? "vm" : "namespace", demo->ping_ms, demo->wire_most, demo->wire_packets,
	       demo->secret_seen ? "true" : "false", demo->bits_per_second,
	       demo->restored ? "true" : "false");
}

static int demo_run_command(struct cmd_call *call)
{
	const char *device = cmd_value(call, "listen");
	struct demo demo;
	int result;

	if (device)
		return ear_main(device);
	result = demo_init(&demo, call);
	if (result == 0) {
		if (!demo.quiet)
			printf("%slanloom demo%s: two hosts, one Ethernet, one file\n",
			       ink(INK_BOLD), ink(INK_NONE));
		result = stage_open(&demo);
	}
	if (result == 0) {
		result = demo_play(&demo);
		rmdir(DEMO_FOLDER);
	}
	if (demo.lock >= 0)
		close(demo.lock);
	if (demo.signals >= 0)
		close(demo.signals);
	if (result < 0)
		return cmd_answer(call, LOOM_FAILED,
				  loom_doc_error(demo.trouble, demo.hint[0] ? demo.hint : NULL),
				  NULL);
	if (call->json)
		print_json(&demo);
	return LOOM_DONE;
}

static const struct cmd_option options[] = {
	{"no-vm", 0, NULL, "namespaces in place of the VMs"},
	{"listen", 0, "DEVICE", "the demo's eavesdropper alone: keeps frames until its input ends"},
	{0},
};

const struct cmd cmd_demo = {
	.name = "demo",
	.summary = "two hosts with a VM each become one Ethernet, here and now",
	.manual =
		"Builds two hosts of network namespaces on this machine, joins them from one file, "
		"boots a VM on each and shows: the file, the plan, the tree, a ping between the "
		"VMs, "
		"a 1514-byte frame crossing a 1500-byte path, what an eavesdropper on the wire "
		"sees, "
		"and the throughput. Then it takes everything away and proves it.\n\n"
		"Needs root, and for the VMs QEMU and the image in /var/cache/lanloom/guest that "
		"./dev demo makes; --no-vm does without. A demo that was killed is cleared away by "
		"the next.",
	.options = options,
	.most = 0,
	.run = demo_run_command,
};
