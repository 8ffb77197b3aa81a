/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command on a network. What needs power is little: to open a TAP and plug it into a bridge
 * (attach.c). root does it here. A plain user asks lanloom-vm-helper (ask.c, helper.c), a program
 * with more power than its caller that looks into /etc/lanloom/acl (acl.c), does this one thing and
 * ends; so the process that becomes the user's command never had any power to give up. The
 * descriptors are put into the words of the command (words.c), and the command takes this process's
 * place: its exit code, its signals and its terminal are its own. Nothing stays behind to look
 * after it: a TAP that nobody declared goes with the last of its descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "lib/lib.h"
#include "sys/netns.h"
#include "vm/vm.h"

struct run {
	struct vm_ask ask;
	struct vm_guest guest;
	struct vm_port port;
	int vhost[VM_QUEUES_MOST];
	unsigned int vhosts;
	struct arena arena;
};

static int network_check(const struct run *run, struct err *err)
{
	const char *slash = strrchr(run->ask.network, '/');
	const char *own = run->guest.network;

	if (device_name_check(slash ? slash + 1 : run->ask.network, err))
		return err->code;
	if (!run->guest.declared || text_same(own, slash ? slash + 1 : run->ask.network))
		return 0;
	err_set(err, -EINVAL, "guest %s is declared in the network %s; expected that one",
		run->ask.guest, own);
	return err_hint(err, "lanloom vm %s --guest %s", own, run->ask.guest);
}

int vm_queues(const struct vm_ask *ask, const struct vm_guest *guest, struct err *err)
{
	if (!guest->declared)
		return ask->queues ? (int)ask->queues : 1;
	if (!ask->queues || ask->queues <= guest->queues)
		return (int)(ask->queues ? ask->queues : guest->queues);
	err_set(err, -EINVAL, "guest %s is declared with %u queue%s, and %u are asked for",
		ask->guest, guest->queues, guest->queues == 1 ? "" : "s", ask->queues);
	return err_hint(err, "guests: {%s: {queues: %u}}, and lanloom up", ask->guest, ask->queues);
}

static int attach(void *data, struct err *err)
{
	struct run *run = data;
	const char *slash = strrchr(run->ask.network, '/');
	int queues = vm_queues(&run->ask, &run->guest, err);

	if (queues < 0)
		return queues;
	return vm_attach(slash ? slash + 1 : run->ask.network, &run->guest, run->ask.guest,
			 (unsigned int)queues, &run->port, err);
}

static int attach_inside(struct run *run, struct err *err)
{
	const char *slash = strrchr(run->ask.network, '/');
	int ns FD_CLEANUP = -1;
	int r;

	if (!slash || slash == run->ask.network)
		return attach(run, err);
	r = netns_open(
		arena_textn(&run->arena, run->ask.network, (size_t)(slash - run->ask.network)), &ns,
		err);
	return r ? r : netns_inside(ns, attach, run, err);
}

static int port_open(struct run *run, struct err *err)
{
	int r;

	if (geteuid() != 0)
		return vm_helper_ask(&run->ask, &run->port, err);
	r = vm_guest_know(&run->ask, &run->arena, &run->guest, err);
	if (!r)
		r = network_check(run, err);
	return r ? r : attach_inside(run, err);
}

/* Packets then pass from queue to guest without QEMU; where it is not, or not for us: with it. */
static void vhost_open(struct run *run)
{
	for (; run->vhosts < run->port.count; run->vhosts++) {
		run->vhost[run->vhosts] = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
		if (run->vhost[run->vhosts] < 0)
			break;
	}
	while (run->vhosts < run->port.count && run->vhosts)
		close(run->vhost[--run->vhosts]);
}

static void inherit(const int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		fcntl(fds[i], F_SETFD, 0);
}

static int become(struct run *run, char *const *argv, struct err *err)
{
	char **words;
	int r;

	vhost_open(run);
	r = vm_words(argv, &run->port, run->vhosts ? run->vhost : NULL, &run->arena, &words, err);
	if (r)
		return r;
	inherit(run->port.fds, run->port.count);
	inherit(run->vhost, run->vhosts);
	execvp(words[0], words);
	return err_errno(err, -errno, "run %s", words[0]);
}

/* Before anything is made: the words may lack what takes the TAP, the guest may have a name. */
static int prepare(struct run *run, const struct loom *loom, char *const *argv, struct err *err)
{
	struct vm_port like = {.device = "tap", .count = 1};
	char **words;

	run->ask.guest = loom->guest ? loom->guest : vm_words_guest(argv, &run->arena);
	if (run->ask.guest && !run->ask.guest[0])
		run->ask.guest = NULL;
	if (run->ask.guest && strlen(run->ask.guest) > VM_GUEST_MOST)
		return err_set(err, -EINVAL,
			       "the guest's name is %zu bytes long; expected at most %d",
			       strlen(run->ask.guest), VM_GUEST_MOST);
	return vm_words(argv, &like, NULL, &run->arena, &words, err);
}

enum loom_status loom_vm(struct loom *loom, const char *network, char *const *argv,
			 struct loom_doc **doc)
{
	struct run run = {.ask = {.network = network, .queues = loom->queues, .uid = getuid()}};
	struct answer answer;
	struct err err = {0};
	int r;

	answer_init(&answer);
	arena_init(&run.arena);
	r = prepare(&run, loom, argv, &err);
	if (!r)
		r = port_open(&run, &err);
	if (!r)
		r = become(&run, argv, &err);
	vm_port_close(&run.port);
	while (run.vhosts)
		close(run.vhost[--run.vhosts]);
	err_at(&err, network, (struct place){0});
	answer_fail(&answer, &err);
	arena_fini(&run.arena);
	return answer_end(&answer, doc);
}
