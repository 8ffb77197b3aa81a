/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The proof that nothing is left: what ip and nft say of the caller's namespace, and all of
 * /proc/sys/net, before and after. Counters and lifetimes run by themselves and are blanked.
 */
#include "cmd/demo.h"

#include <ctype.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct look {
	const char *what;
	const char *argv[8];
};

/* clang-format off */
static const struct look looks[] = {
	{"devices", {"ip", "-o", "link", "show"}},
	{"addresses", {"ip", "-br", "addr", "show"}},
	{"IPv4 routes", {"ip", "-4", "route", "show", "table", "all"}},
	{"IPv6 routes", {"ip", "-6", "route", "show", "table", "all"}},
	{"IPv4 rules", {"ip", "-4", "rule", "show"}},
	{"IPv6 rules", {"ip", "-6", "rule", "show"}},
	{"static neighbours", {"ip", "neigh", "show", "nud", "permanent"}},
	{"nft rules", {"nft", "list", "ruleset"}},
	{"sysctls", {NULL}},
};
/* clang-format on */
enum { LOOK_COUNT = sizeof(looks) / sizeof(looks[0]) };

struct proof {
	char *texts[LOOK_COUNT];
};

/* Numbers behind these words change while nobody changes anything. */
static const char *const runs_by_itself[] = {"expires ", "packets ", "bytes "};

/* Sysctls that the kernel moves by itself. */
static const char *const volatile_sysctls[] = {
	"nf_conntrack_count", "random", "tcp_mem",	"udp_mem",
	"stable_secret",      "/flush", "retrans_time", "base_reachable"};

static void blank_numbers(char *text)
{
	for (size_t i = 0; i < sizeof(runs_by_itself) / sizeof(runs_by_itself[0]); i++) {
		char *at = text;

		while ((at = strstr(at, runs_by_itself[i]))) {
			at += strlen(runs_by_itself[i]);
			while (isdigit((unsigned char)*at))
				*at++ = 'N';
		}
	}
}

static bool is_volatile(const char *path)
{
	for (size_t i = 0; i < sizeof(volatile_sysctls) / sizeof(volatile_sysctls[0]); i++) {
		if (strstr(path, volatile_sysctls[i]))
			return true;
	}
	return false;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Everything under /proc/sys/net as lines "path value". */
static char *read_sysctls(void)
{
	char *const roots[] = {(char *)"/proc/sys/net", NULL};
	char *text = NULL, *value;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	FTSENT *entry;

	while (stream && tree && (entry = fts_read(tree))) {
		if (entry->fts_info != FTS_F || is_volatile(entry->fts_path) ||
		    !(entry->fts_statp->st_mode & 0400))
			continue;
		value = demo_read_file(entry->fts_path);
		fprintf(stream, "%s %s\n", entry->fts_path, value ? value : "");
		free(value);
	}
	if (tree)
		fts_close(tree);
	if (stream)
		fclose(stream);
	return text;
}

static int take_look(struct demo *demo, const struct look *look, char **text)
{
	struct said said;

	if (!look->argv[0]) {
		*text = read_sysctls();
		return *text ? 0 : demo_fail(demo, "memory is out");
	}
	if (demo_run(demo, NULL, look->argv, 20, &said) < 0) {
		said_free(&said);
		return -1;
	}
	/* A kernel without IPv6, a machine without nft: the answer is then the same twice. */
	blank_numbers(said.text);
	*text = said.text;
	return 0;
}

struct proof *proof_take(struct demo *demo)
{
	struct proof *proof = calloc(1, sizeof(*proof));

	if (!proof) {
		demo_fail(demo, "memory is out");
		return NULL;
	}
	for (size_t i = 0; i < LOOK_COUNT; i++) {
		if (take_look(demo, &looks[i], &proof->texts[i]) < 0) {
			proof_free(proof);
			return NULL;
		}
	}
	return proof;
}

void proof_free(struct proof *proof)
{
	if (!proof)
		return;
	for (size_t i = 0; i < LOOK_COUNT; i++)
		free(proof->texts[i]);
	free(proof);
}

static bool has_line(const char *text, const char *line, size_t size)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		if (n == size && memcmp(text, line, n) == 0)
			return true;
		text += n + (text[n] == '\n');
	}
	return false;
}

/* The lines of `text` that `other` lacks, with a sign before each. */
static void tell_lacking(struct demo *demo, const char *sign, const char *text, const char *other)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		if (!has_line(other, text, n))
			tell(demo, "%s %.*s", sign, (int)(n < 200 ? n : 200), text);
		text += n + (text[n] == '\n');
	}
}

int proof_compare(struct demo *demo, const struct proof *before, const struct proof *after)
{
	int differing = 0;

	for (size_t i = 0; i < LOOK_COUNT; i++) {
		if (strcmp(before->texts[i], after->texts[i]) == 0)
			continue;
		differing++;
		tell(demo, "%s differ:", looks[i].what);
		tell_lacking(demo, "-", before->texts[i], after->texts[i]);
		tell_lacking(demo, "+", after->texts[i], before->texts[i]);
	}
	return differing;
}
