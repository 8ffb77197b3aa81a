/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * At boot: three units of systemd.
 *
 *	lanloom.service              brings the description up, before network.target; stopping it
 *	                             takes nothing down, so that what is mounted over the network
 *can still be unmounted lanloom-wait-online.service  holds network-online.target until all of it
 *carries lanloomd@.service            the keeper, apart from whoever needs it first: a watchdog
 *looks after it, and one that died is started again
 *
 * A boot begins with an empty /run, so there is no journal and nothing promised; what a power cut
 * left of a network went with the machine.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "lib/lib.h"
#include "model/describe.h"
#include "sys/process.h"

#define UNITS "/etc/systemd/system"
#define SERVICE "lanloom.service"
#define ONLINE "lanloom-wait-online.service"
#define KEEPER "lanloomd@.service"
#define DEVICES_WAIT_S 30 /* for cards that are found late */
#define ONLINE_WAIT_S 120 /* as systemd-networkd-wait-online has it */
#define MADE "# Made by lanloom enable, which writes it anew; lanloom disable removes it.\n"

static const char *const units[] = {SERVICE, ONLINE, KEEPER, NULL};
/* Who is started when what is reached. */
static const char *const links[][2] = {
	{"multi-user.target.wants", SERVICE},
	{"network-online.target.wants", ONLINE},
};
#define LINKS (sizeof(links) / sizeof(links[0]))

struct boot {
	const struct loom *loom;
	struct arena *arena;
	const char *program; /* absolute */
	const char **paths;  /* of descriptions, absolute; none: the default ones */
	size_t len;
	struct answer *answer;
};

const char *program_own(struct arena *arena)
{
	char own[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", own, sizeof(own) - 1);
	const char *slash;

	if (size <= 0)
		return LANLOOM_PROGRAM;
	own[size] = '\0';
	slash = strrchr(own, '/');
	return slash && text_starts(slash + 1, "lanloom") ? arena_text(arena, own)
							  : LANLOOM_PROGRAM;
}

/* A word of a command or of a list of paths, so that systemd reads it as it is. */
static void word_add(struct text *out, const char *word, bool command)
{
	text_add(out, " \"");
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			text_add(out, "\\");
		if (*word == '%' || (*word == '$' && command))
			text_addn(out, word, 1);
		text_addn(out, word, 1);
	}
	text_add(out, "\"");
}

static void service_text(const struct boot *boot, struct text *out)
{
	text_add(out, MADE "[Unit]\n"
			   "Description=The network that lanloom describes\n"
			   "Documentation=man:lanloom(1)\n"
			   "DefaultDependencies=no\n"
			   "Wants=network-pre.target network.target\n"
			   "After=local-fs.target systemd-udevd.service systemd-sysctl.service "
			   "systemd-modules-load.service network-pre.target\n"
			   "Before=network.target network-online.target shutdown.target\n"
			   "Conflicts=shutdown.target\n"
			   "RequiresMountsFor=/var/lib/lanloom");
	for (size_t i = 0; i < boot->len; i++)
		word_add(out, boot->paths[i], false);
	text_add(out, "\n\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=%s up --wait %d",
		 boot->program, DEVICES_WAIT_S);
	if (boot->loom->host) {
		text_add(out, " --host");
		word_add(out, boot->loom->host, true);
	}
	for (size_t i = 0; i < boot->len; i++)
		word_add(out, boot->paths[i], true);
	text_add(out, "\n# What runs on for the network outlives this unit.\n"
		      "KillMode=process\n"
		      "TimeoutStartSec=300\n"
		      "\n[Install]\nWantedBy=multi-user.target\n");
}

static void online_text(const struct boot *boot, struct text *out)
{
	text_add(out,
		 MADE "[Unit]\n"
		      "Description=Wait until the network that lanloom describes carries\n"
		      "Documentation=man:lanloom(1)\n"
		      "DefaultDependencies=no\n"
		      "Requisite=" SERVICE "\n"
		      "After=" SERVICE "\n"
		      "Before=network-online.target shutdown.target\n"
		      "Conflicts=shutdown.target\n"
		      "\n[Service]\nType=oneshot\nRemainAfterExit=yes\n"
		      "ExecStart=%s wait --timeout %d\n"
		      "TimeoutStartSec=%d\n"
		      "\n[Install]\nWantedBy=network-online.target\n",
		 boot->program, ONLINE_WAIT_S, ONLINE_WAIT_S + 30);
}

static void keeper_text(const struct boot *boot, struct text *out)
{
	text_add(out,
		 MADE "[Unit]\n"
		      "Description=The keeper of lanloom\n"
		      "Documentation=man:lanloom(1)\n"
		      "DefaultDependencies=no\n"
		      "# A guarded change is undone in time, however often its keeper dies.\n"
		      "StartLimitIntervalSec=0\n"
		      "\n[Service]\nType=notify\n"
		      "ExecStart=@%s lanloomd /run/lanloom/%%i\n"
		      "Restart=on-failure\n"
		      "RestartSec=100ms\n"
		      "WatchdogSec=30\n"
		      "TimeoutStartSec=60\n",
		 boot->program);
}

static void unit_text(const struct boot *boot, const char *unit, struct text *out)
{
	if (text_same(unit, SERVICE))
		service_text(boot, out);
	else if (text_same(unit, ONLINE))
		online_text(boot, out);
	else
		keeper_text(boot, out);
}

static const char *path_of(const struct boot *boot, const char *folder, const char *name)
{
	const char *root = boot->loom->root ? boot->loom->root : "";

	return arena_print(boot->arena, "%s" UNITS "/%s%s%s", root, folder, folder[0] ? "/" : "",
			   name);
}

/* Folders of the system are everybody's to read; folder_make makes private ones. */
static int folder_public(const struct boot *boot, const char *path, struct err *err)
{
	char *part = arena_text(boot->arena, path);

	for (char *at = part + 1;; at++) {
		char was = *at;

		if (was && was != '/')
			continue;
		*at = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return err_errno(err, -errno, "cannot make %s", part);
		*at = was;
		if (!was)
			return 0;
	}
}

static int link_make(const struct boot *boot, const char *folder, const char *unit, struct err *err)
{
	const char *path = path_of(boot, folder, unit);
	const char *temporary = arena_print(boot->arena, "%s.new", path);

	if (folder_public(boot, path_of(boot, "", folder), err))
		return err->code;
	unlink(temporary); /* of one that was killed here */
	if (symlink(arena_print(boot->arena, UNITS "/%s", unit), temporary) < 0)
		return err_errno(err, -errno, "cannot make %s", temporary);
	return file_rename(temporary, path, err);
}

static void unit_describe(const struct boot *boot, const char *unit, const char *text)
{
	json_t *list = json_object_get(boot->answer->json, "units"), *one = json_object();

	if (!list) {
		list = json_array();
		json_object_set_new(boot->answer->json, "units", list);
	}
	json_object_set_new(one, "path", describe_text(path_of(boot, "", unit)));
	if (text)
		json_object_set_new(one, "text", describe_text(text));
	json_array_append_new(list, one);
}

static int unit_write(const struct boot *boot, const char *unit, struct err *err)
{
	struct text text TEXT_CLEANUP = {0};
	const char *path = path_of(boot, "", unit);

	unit_text(boot, unit, &text);
	unit_describe(boot, unit, text_get(&text));
	if (boot->loom->dry)
		return 0;
	if (folder_public(boot, path_of(boot, "", ""), err))
		return err->code;
	return file_replace(path, 0644, text_get(&text), text.size, err);
}

/* A system that runs is told that its units have changed. */
static void manager_tell(const struct boot *boot)
{
	char *argv[] = {"systemctl", "daemon-reload", NULL};
	struct err err;

	if (boot->loom->root || access("/run/systemd/system", F_OK) < 0)
		return;
	if (process_run(argv, &err))
		diag_warn(&boot->answer->diag, &err);
}

static void enable(struct boot *boot)
{
	struct err err;

	for (size_t i = 0; units[i]; i++)
		if (unit_write(boot, units[i], &err)) {
			answer_fail(boot->answer, &err);
			return;
		}
	if (boot->loom->dry)
		return;
	for (size_t i = 0; i < LINKS; i++)
		if (link_make(boot, links[i][0], links[i][1], &err)) {
			answer_fail(boot->answer, &err);
			return;
		}
	manager_tell(boot);
	json_object_set_new(boot->answer->json, "result", json_string("enabled"));
}

/* The files as they are found from anywhere; what is in them has to be right now. */
static void paths_take(struct boot *boot, struct files *loaded, const char *const *files,
		       size_t count)
{
	struct diag diag = {0};
	struct err err;

	files_load(loaded, boot->loom, files, count, true, &diag);
	answer_take(boot->answer, &diag);
	diag_fini(&diag);
	boot->paths = arena_alloc(boot->arena, (count + 1) * sizeof(*boot->paths));
	for (size_t i = 0; i < count; i++) {
		char *real = realpath(files[i], NULL);

		if (text_same(files[i], "-")) {
			err_set(&err, -EINVAL,
				"standard input is not there at boot; expected a file");
			answer_usage(boot->answer, &err);
		}
		boot->paths[boot->len++] = arena_text(boot->arena, real ? real : files[i]);
		free(real);
	}
}

enum loom_status loom_enable(struct loom *loom, const char *const *files, size_t count,
			     struct loom_doc **doc)
{
	struct answer answer;
	struct arena arena;
	struct boot boot = {.loom = loom, .arena = &arena, .answer = &answer};
	struct files loaded;

	answer_init(&answer);
	arena_init(&arena);
	boot.program = program_own(&arena);
	paths_take(&boot, &loaded, files, count);
	if (answer.status == LOOM_DONE)
		enable(&boot);
	answer_end(&answer, doc);
	files_fini(&loaded); /* the answer named their places */
	arena_fini(&arena);
	return answer.status;
}

/* True: it was there. */
static bool unit_remove(const struct boot *boot, const char *folder, const char *unit,
			struct err *err)
{
	const char *path = path_of(boot, folder, unit);

	if (unlink(path) == 0)
		return true;
	if (errno != ENOENT) {
		err_errno(err, -errno, "cannot remove %s", path);
		answer_fail(boot->answer, err);
	}
	return false;
}

enum loom_status loom_disable(struct loom *loom, struct loom_doc **doc)
{
	struct answer answer;
	struct arena arena;
	struct boot boot = {.loom = loom, .arena = &arena, .answer = &answer};
	struct err err;
	bool removed = false;

	answer_init(&answer);
	arena_init(&arena);
	for (size_t i = 0; i < LINKS; i++) {
		removed |= unit_remove(&boot, links[i][0], links[i][1], &err);
		rmdir(path_of(&boot, "", links[i][0]));
	}
	for (size_t i = 0; units[i]; i++)
		if (unit_remove(&boot, "", units[i], &err)) {
			removed = true;
			unit_describe(&boot, units[i], NULL);
		}
	if (removed)
		manager_tell(&boot);
	json_object_set_new(answer.json, "result", json_string(removed ? "disabled" : "unchanged"));
	arena_fini(&arena);
	return answer_end(&answer, doc);
}
