/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tunctl: makes TAP devices that stay, and removes them. As Debian's uml-utilities have it; -n and
 * -p are of the 1.5 branch that other distributions ship. A TUN comes of -n alone: by Debian's
 * tunctl `-t tun0` is a TAP, and scripts count on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "compat/compat.h"
#include "compat/ledger.h"

struct tunctl {
	const char *program, *clone, *device;
	int owner, group; /* -1: not said */
	short type;
	bool delete, brief;
};

static int usage(const char *program)
{
	fprintf(stderr,
		"Create: %s [-b] [-u owner] [-g group] [-t device-name] [-f tun-clone-device]\n"
		"Delete: %s -d device-name [-f tun-clone-device]\n\n"
		"The default tun clone device is /dev/net/tun - some systems use\n"
		"/dev/misc/net/tun instead\n\n"
		"-b will result in brief output (just the device name)\n",
		program, program);
	return 1;
}

/* A number in C's notation, cut to 32 bits without a word. false: it has other characters. */
static bool number_read(const char *text, int *number)
{
	char *end;

	*number = (int)strtol(text, &end, 0);
	return !*end;
}

static bool owner_read(struct tunctl *tunctl, const char *text)
{
	const struct passwd *user = getpwnam(text);

	if (user) {
		tunctl->owner = (int)user->pw_uid;
		return true;
	}
	if (number_read(text, &tunctl->owner))
		return true;
	fprintf(stderr, "'%s' is neither a username nor a numeric uid.\n", text);
	return false;
}

static bool group_read(struct tunctl *tunctl, const char *text)
{
	const struct group *group = getgrnam(text);

	if (group) {
		tunctl->group = (int)group->gr_gid;
		return true;
	}
	if (number_read(text, &tunctl->group))
		return true;
	fprintf(stderr, "'%s' is neither a groupname nor a numeric group.\n", text);
	return false;
}

static bool option_read(struct tunctl *tunctl, int option)
{
	switch (option) {
	case 'b':
		tunctl->brief = true;
		return true;
	case 'd':
		tunctl->delete = true;
		tunctl->device = optarg;
		return true;
	case 'f':
		tunctl->clone = optarg;
		return true;
	case 'g':
		return group_read(tunctl, optarg);
	case 'n':
		tunctl->type = IFF_TUN;
		return true;
	case 'p':
		tunctl->type = IFF_TAP;
		return true;
	case 't':
		tunctl->device = optarg;
		return true;
	case 'u':
		return owner_read(tunctl, optarg);
	default:
		return false;
	}
}

static bool words_read(struct tunctl *tunctl, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "bd:f:t:u:g:np")) > 0)
		if (!option_read(tunctl, option))
			return false;
	return optind >= argc;
}

static int failed(const char *what)
{
	perror(what);
	return 1;
}

static void owner_default(struct tunctl *tunctl)
{
	if (tunctl->owner == -1 && tunctl->group == -1)
		tunctl->owner = (int)geteuid();
}

/* First it stays, then it gets its owner: so does the original, also where the second fails. */
static int make(struct tunctl *tunctl, int fd)
{
	if (ioctl(fd, TUNSETPERSIST, 1) < 0)
		return failed("TUNSETPERSIST");
	owner_default(tunctl);
	if (tunctl->owner != -1 && ioctl(fd, TUNSETOWNER, (long)tunctl->owner) < 0)
		return failed("TUNSETPERSIST");
	if (tunctl->group != -1 && ioctl(fd, TUNSETGROUP, (long)tunctl->group) < 0)
		return failed("TUNSETPERSIST");
	return 0;
}

static void made_tell(const struct tunctl *tunctl, const char *device)
{
	if (tunctl->brief) {
		printf("%s\n", device);
		return;
	}
	printf("Set '%s' persistent and owned by", device);
	if (tunctl->owner != -1)
		printf(" uid %d", tunctl->owner);
	if (tunctl->group != -1)
		printf(" gid %d", tunctl->group);
	printf("\n");
}

static int run(struct tunctl *tunctl)
{
	struct ifreq request = {.ifr_flags = tunctl->type | IFF_NO_PI};
	int fd = open(tunctl->clone, O_RDWR), status;

	if (fd < 0) {
		fprintf(stderr, "Failed to open '%s' : ", tunctl->clone);
		return failed("");
	}
	strncpy(request.ifr_name, tunctl->device, sizeof(request.ifr_name) - 1);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return failed("TUNSETIFF");
	if (!tunctl->delete) {
		status = make(tunctl, fd);
		if (!status)
			made_tell(tunctl, request.ifr_name);
		return status;
	}
	if (ioctl(fd, TUNSETPERSIST, 0) < 0)
		return failed("TUNSETPERSIST");
	printf("Set '%s' nonpersistent\n", request.ifr_name);
	return 0;
}

/* A template as the kernel completes one, "tap%d" or nothing: the first name that is free. */
static bool name_complete(const struct tunctl *tunctl, char name[IFNAMSIZ])
{
	const char *template = tunctl->device[0]	 ? tunctl->device
			       : tunctl->type == IFF_TUN ? "tun%d"
							 : "tap%d";
	const char *mark = strstr(template, "%d");

	if (!mark) {
		snprintf(name, IFNAMSIZ, "%s", template);
		return true;
	}
	for (int i = 0; i < 32768; i++) {
		snprintf(name, IFNAMSIZ, "%.*s%d%s", (int)(mark - template), template, i, mark + 2);
		if (!if_nametoindex(name))
			return true;
	}
	fprintf(stderr, "TUNSETIFF: %s\n", strerror(ENFILE));
	return false;
}

static int run_ledger(struct tunctl *tunctl)
{
	char name[IFNAMSIZ];
	int status;

	if (!name_complete(tunctl, name))
		return 1;
	if (tunctl->delete) {
		status = ledger_del(name);
		if (!status)
			printf("Set '%s' nonpersistent\n", name);
		return status;
	}
	owner_default(tunctl);
	status = ledger_add_tap(tunctl->type == IFF_TUN ? "tun" : "tap", name, tunctl->owner,
				tunctl->group);
	if (!status)
		made_tell(tunctl, name);
	return status;
}

int tunctl_main(int argc, char **argv)
{
	struct tunctl tunctl = {
		.program = argv[0],
		.clone = "/dev/net/tun",
		.device = "",
		.owner = -1,
		.group = -1,
		.type = IFF_TAP,
	};

	if (!words_read(&tunctl, argc, argv))
		return usage(tunctl.program);
	return ledger_is_on() ? run_ledger(&tunctl) : run(&tunctl);
}
