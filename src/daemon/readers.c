/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may ask the keeper: root anything, and a group, if the file `group` in lanloom's folder of
 * configuration names one, how things are. What decides is who the other process is, as the kernel
 * says (SO_PEERCRED, SO_PEERGROUPS); the socket's and the folders' modes only let it come that far.
 *
 * The group is looked up in /etc/group, not by a name service: the network that one needs may be
 * what is about to be made here.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/inside.h"

#define FILE_MOST 1024
#define CLOSED 0700 /* a folder that is root's alone */
#define PASSED 0710 /* and one that the group may pass through, without seeing what is in it */

/* The first word of the file: a group's name or number. */
static bool word_read(char word[64])
{
	const char *etc = getenv("LANLOOM_ETC"); /* tests */
	struct text text TEXT_CLEANUP = {0};
	char path[300];
	struct err unused;

	snprintf(path, sizeof(path), "%.200s/group", etc ? etc : "/etc/lanloom");
	return file_read(path, FILE_MOST, &text, &unused) == 0 &&
	       sscanf(text_get(&text), "%63s", word) == 1;
}

static bool group_find(const char *word, gid_t *group)
{
	FILE *groups = fopen("/etc/group", "re");
	const struct group *entry;
	int64_t number;
	bool found = false;

	while (groups && !found && (entry = fgetgrent(groups))) {
		found = text_same(entry->gr_name, word);
		if (found)
			*group = entry->gr_gid;
	}
	if (groups)
		fclose(groups);
	if (!found && text_number(word, 1, UINT32_MAX - 1, &number) == 0) {
		*group = (gid_t)number;
		found = true;
	}
	return found;
}

/* Only folders that are as lanloom makes them; what somebody else chose stays. */
static void folder_open(int fd, gid_t group)
{
	struct stat status;
	mode_t mode;

	if (fstat(fd, &status) < 0 || status.st_uid != 0)
		return;
	mode = status.st_mode & 07777;
	if (mode != CLOSED && mode != PASSED)
		return;
	if (fchown(fd, 0, group) == 0)
		fchmod(fd, group ? PASSED : CLOSED);
}

gid_t readers_admit(struct keeper *keeper)
{
	int above FD_CLEANUP = openat(keeper->folder_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char word[64];
	gid_t group = 0;

	if (word_read(word) && !group_find(word, &group))
		log_warning(&keeper->log, "no group is called %s: only root may ask", word);
	if (fchownat(keeper->folder_fd, KEEPER_SOCKET, 0, group, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(keeper->folder_fd, KEEPER_SOCKET, group ? 0660 : 0600, 0) < 0) {
		log_warning(&keeper->log, "only root may ask: the socket cannot be given: %s",
			    strerror(errno));
		return 0;
	}
	folder_open(keeper->folder_fd, group);
	folder_open(above, group);
	return group;
}

static bool is_member(int sock, const struct ucred *peer, gid_t group)
{
	socklen_t size = 0;
	gid_t *groups;
	bool found = peer->gid == group;

	/* the first call tells how much room it takes */
	getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, NULL, &size);
	groups = malloc(size + 1);
	if (groups && getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0)
		for (size_t i = 0; i < size / sizeof(*groups); i++)
			found = found || groups[i] == group;
	free(groups);
	return found;
}

enum right readers_right(int sock, gid_t group)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t size = sizeof(peer);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return RIGHT_NONE;
	if (peer.uid == 0)
		return RIGHT_ALL;
	return group && is_member(sock, &peer, group) ? RIGHT_READ : RIGHT_NONE;
}
