/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may put which guest onto which network. The form is that of QEMU's bridge.conf, and such a
 * file means the same here; a rule may say besides whom and which guest it speaks of. Some rule has
 * to allow and none may deny, in whatever order they stand; whatever is not as it has to be (a
 * file others may write, a word nobody knows, a user there is not) lets nobody in but root. It is
 * read with root's eyes, so messages name lines and never quote them.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "lib/lib.h"
#include "vm/vm.h"

#define DEPTH_MOST 8
#define SIZE_MOST (1u << 20)
#define WORDS_MOST 64

struct acl {
	const struct vm_caller *caller;
	const char *network, *guest;
	bool declared; /* the guest: to allow it a rule has to name it */
	bool allowed, denied;
	struct err *err;
};

struct line {
	const char *path;
	unsigned int number;
	char *words[WORDS_MOST + 1];
	size_t count;
};

/* What a rule's words are about, and whether this call is of it. */
struct about {
	bool who, whose; /* some word says so */
	bool caller, guest;
};

static int refuse(const struct acl *acl, const struct line *line, const char *what)
{
	err_set(acl->err, -EINVAL, "%s:%u: %s, so nobody but root may", line->path, line->number,
		what);
	return acl->err->code;
}

bool vm_caller_in(const struct vm_caller *caller, gid_t group)
{
	for (size_t i = 0; i < caller->group_count; i++)
		if (caller->groups[i] == group)
			return true;
	return false;
}

/* By number or by name; -1: there is none. */
static int64_t id_of(const char *text, bool group)
{
	const struct passwd *user;
	const struct group *found;
	int64_t number;

	if (text_number(text, 0, UINT32_MAX - 1, &number) == 0)
		return number;
	if (group) {
		found = getgrnam(text);
		return found ? (int64_t)found->gr_gid : -1;
	}
	user = getpwnam(text);
	return user ? (int64_t)user->pw_uid : -1;
}

static int about_read(const struct acl *acl, const struct line *line, const char *word,
		      struct about *about)
{
	bool group = text_starts(word, "group:");
	int64_t id;

	if (text_starts(word, "guest:") && word[6] && strlen(word + 6) <= VM_GUEST_MOST) {
		about->whose = true;
		about->guest = about->guest || text_same(word + 6, acl->guest);
		return 0;
	}
	if (!group && !text_starts(word, "user:"))
		return refuse(acl, line, "expected user:NAME, group:NAME or guest:NAME");
	id = id_of(strchr(word, ':') + 1, group);
	if (id < 0)
		return refuse(acl, line,
			      group ? "there is no such group" : "there is no such user");
	about->who = true;
	about->caller = about->caller || (group ? vm_caller_in(acl->caller, (gid_t)id)
						: acl->caller->uid == (uid_t)id);
	return 0;
}

/* A name that no device can have is an error, so that none is compared in part. */
static int rule_read(struct acl *acl, const struct line *line, bool *hit)
{
	struct about about = {0};
	struct err unused;
	int r = 0;

	if (line->count < 2)
		return refuse(acl, line, "expected the name of a network, or all");
	if (device_name_check(line->words[1], &unused))
		return refuse(acl, line, "this can be no network's name");
	for (size_t i = 2; !r && i < line->count; i++)
		r = about_read(acl, line, line->words[i], &about);
	if (r || (about.who && !about.caller) || (about.whose && !about.guest))
		return r;
	if (hit == &acl->allowed && acl->declared && !about.whose)
		return 0;
	*hit = *hit || text_same(line->words[1], "all") || text_same(line->words[1], acl->network);
	return 0;
}

static int acl_read(struct acl *acl, const char *path, unsigned int depth);

static int line_read(struct acl *acl, const struct line *line, unsigned int depth)
{
	if (!line->count)
		return 0;
	if (text_same(line->words[0], "allow"))
		return rule_read(acl, line, &acl->allowed);
	if (text_same(line->words[0], "deny"))
		return rule_read(acl, line, &acl->denied);
	if (!text_same(line->words[0], "include"))
		return refuse(acl, line, "expected allow, deny or include");
	if (line->count != 2 || line->words[1][0] != '/')
		return refuse(acl, line, "expected one absolute path");
	if (depth >= DEPTH_MOST)
		return refuse(acl, line, "files include each other too deep");
	return acl_read(acl, line->words[1], depth + 1);
}

/* Words between blanks; a '#' that begins one begins a comment. */
static bool words_split(char *text, struct line *line)
{
	char *save = NULL;

	line->count = 0;
	for (char *word = strtok_r(text, " \t\r\f", &save); word && word[0] != '#';
	     word = strtok_r(NULL, " \t\r\f", &save)) {
		if (line->count == WORDS_MOST)
			return false;
		line->words[line->count++] = word;
	}
	return true;
}

/* Only root may have written it; else whoever may write there would be let in by himself. */
static int file_trusted(const char *path, struct err *err)
{
	struct stat is;

	if (stat(path, &is) < 0)
		return err_errno(err, -errno, "%s", path);
	if (S_ISREG(is.st_mode) && is.st_uid == 0 && !(is.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	err_set(err, -EINVAL, "%s is not a file that root alone may write, so nobody but root may",
		path);
	return err_hint(err, "chown root %s; chmod go-w %s", path, path);
}

static int acl_read(struct acl *acl, const char *path, unsigned int depth)
{
	struct text text TEXT_CLEANUP = {0};
	struct line line = {.path = path};
	char *at, *end;
	int r = file_trusted(path, acl->err);

	if (!r)
		r = file_read(path, SIZE_MOST, &text, acl->err);
	if (!r && text.size && memchr(text.bytes, 0, text.size))
		r = err_set(acl->err, -EINVAL, "%s is no text", path);
	for (at = text.size ? text.bytes : NULL; !r && at; at = end) {
		end = strchr(at, '\n');
		if (end)
			*end++ = '\0';
		line.number++;
		r = words_split(at, &line) ? line_read(acl, &line, depth)
					   : refuse(acl, &line, "too many words");
	}
	return r;
}

/* A declared guest is its owner's, or its group's; to others, it takes a rule that names it. */
static bool guest_theirs(const struct vm_caller *caller, const struct vm_guest *known)
{
	return (known->owner >= 0 && (uid_t)known->owner == caller->uid) ||
	       (known->group >= 0 && vm_caller_in(caller, (gid_t)known->group));
}

static int denied(const struct acl *acl, struct err *err)
{
	const char *guest = acl->declared ? acl->guest : NULL;

	if (guest)
		err_set(err, -EACCES,
			"guest %s is not yours to start here; expected its owner, root, or a rule "
			"in " VM_ACL_FILE " that names it",
			guest);
	else
		err_set(err, -EACCES,
			"is not yours to join; expected root, or a rule in " VM_ACL_FILE
			" that allows it");
	return err_hint(err, "as root: echo \"allow %s user:%u%s%s\" >>" VM_ACL_FILE, acl->network,
			acl->caller->uid, guest ? " guest:" : "", guest ? guest : "");
}

int vm_acl_check(const char *path, const struct vm_caller *caller, const char *network,
		 const char *guest, const struct vm_guest *known, struct err *err)
{
	struct acl acl = {.caller = caller,
			  .network = network,
			  .guest = guest,
			  .declared = known->declared,
			  .err = err};
	bool theirs = known->declared && guest_theirs(caller, known);
	int r;

	/* without a file there are no rules; a file that a rule names has to be there */
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return theirs ? 0 : denied(&acl, err);
	r = acl_read(&acl, path, 0);
	if (r)
		return r;
	if (acl.denied)
		return err_set(err, -EACCES, "a rule of " VM_ACL_FILE " denies it");
	return acl.allowed || theirs ? 0 : denied(&acl, err);
}
