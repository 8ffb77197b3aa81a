/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * First the lists that tell without asking: /sys/module, and the modules.builtin and modules.dep of
 * the running release. A kernel without those (no modules at all) is asked to make a device of the
 * kind in a network namespace of a child, which ends with the child.
 */
#include "world/presence.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/nl_msg.h"
#include "sys/nl_sock.h"

#define LIST_MAX (16 << 20)

const char *const presence_words[PRESENCE_COUNT + 1] = {"has", "loadable", "lacks", NULL};

static bool loaded(const char *module)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	for (char *c = path; *c; c++)
		if (*c == '-')
			*c = '_';
	return access(path, F_OK) == 0;
}

/* Does a line of the list name the file of the module ("…/vxlan.ko", perhaps compressed)? */
static bool listed(const char *list, const char *module)
{
	struct text content TEXT_CLEANUP = {0};
	struct utsname system;
	char path[256], name[80];
	struct err unused;

	uname(&system);
	snprintf(path, sizeof(path), "/lib/modules/%s/%s", system.release, list);
	if (file_read(path, LIST_MAX, &content, &unused))
		return false;
	snprintf(name, sizeof(name), "/%s.ko", module);
	return strstr(text_get(&content), name) != NULL;
}

/* A device of that word in a namespace of its own; the kernel says so when it does not know the
 * word. */
static bool known_word(const char *word)
{
	struct nl_refusal refusal = {0};
	struct nl_sock *sock;
	struct nl_msg msg;
	struct nlattr *info;
	struct err unused;
	int r;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return true; /* nobody can tell; the attempt will */
	if (nl_sock_open(&sock, &unused))
		return true;
	nl_msg_start(&msg, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(&msg.head, IFLA_IFNAME, "lanloom-probe");
	info = mnl_attr_nest_start(&msg.head, IFLA_LINKINFO);
	mnl_attr_put_strz(&msg.head, IFLA_INFO_KIND, word);
	mnl_attr_nest_end(&msg.head, info);
	r = nl_talk(sock, &msg.head, &refusal);
	/* the TUN driver refuses with the same number, but in other words */
	return r != -EOPNOTSUPP || (refusal.text[0] && !strstr(refusal.text, "Unknown device"));
}

static bool probed(const char *word)
{
	pid_t child = fork();
	int status = 0;

	if (child < 0)
		return true;
	if (child == 0)
		_exit(known_word(word) ? 0 : 1);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return !(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

enum presence presence_of(const struct kind *kind)
{
	const char *module = kind->module;

	if (kind->door == DOOR_NETNS)
		return access("/proc/self/ns/net", F_OK) == 0 ? PRESENCE_HAS : PRESENCE_LACKS;
	if (!module || loaded(module) || listed("modules.builtin", module))
		return PRESENCE_HAS;
	if (listed("modules.dep", module))
		return PRESENCE_LOADABLE;
	if (!kind->word) /* a tunnel: it needs what TAPs need */
		return access("/dev/net/tun", F_OK) == 0 ? PRESENCE_HAS : PRESENCE_LACKS;
	return probed(kind->word) ? PRESENCE_HAS : PRESENCE_LACKS;
}
