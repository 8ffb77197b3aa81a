/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Command lines: words with NUL between them, command lines with the word ";" between them. The
 * command's own code runs; the library's operations are played, and those on single objects
 * (add, set, del) work on a state in memory, so that KEY=VALUE words are read in earnest.
 *
 * covers: src/cmd/cmd.c src/cmd/add.c src/cmd/set.c src/cmd/del.c src/cmd/answer.c
 * covers: src/conf/argument.c
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "conf/conf.h"
#include "fuzz/fuzz.h"
#include "model/record.h"

const char fuzz_name[] = "arguments";
const unsigned int fuzz_sample = 3000;
const size_t fuzz_most = 4096;

#define WORDS_MOST 64
#define LINES_MOST 6

/* Others are not run: whoever adds a command looks first what its code does beside the library. */
static const char *const run_here[] = {"help",	 "check", "plan", "up",	 "down",    "show",
				       "tunnel", "add",	  "set",  "del", "undo",    "log",
				       "kinds",	 "key",	  "exec", "vm",	 "libvirt", NULL};

static struct arena arena;
static struct state state;

static enum loom_status say(struct loom_doc **doc, struct diag *diag)
{
	for (size_t i = 0; i < diag->error_count; i++)
		check_err(&diag->errors[i]);
	*doc = loom_doc_error(diag->error_count ? diag->errors[0].message : "played",
			      diag->error_count ? diag->errors[0].hint : NULL);
	FUZZ_CHECK(*doc);
	diag_fini(diag);
	return LOOM_FAILED;
}

/* What was taken stands there, and prints as records that are taken. */
static void state_check(void)
{
	for (size_t i = 0; i < state.len; i++) {
		struct text record TEXT_CLEANUP = {0};
		struct object *again;
		struct err err;

		record_put(state.objects[i], &record);
		FUZZ_CHECK(record_get(text_get(&record), record.size, &arena, &again, &err) == 0);
		FUZZ_CHECK(state_find(&state, again));
	}
}

enum loom_status __wrap_loom_add(struct loom *loom, const char *kind, const char *name,
				 const char *const *pairs, size_t count, struct loom_doc **doc);
enum loom_status __wrap_loom_set(struct loom *loom, const char *name, const char *const *pairs,
				 size_t count, struct loom_doc **doc);
enum loom_status __wrap_loom_del(struct loom *loom, const char *name, struct loom_doc **doc);

enum loom_status __wrap_loom_add(struct loom *loom, const char *kind, const char *name,
				 const char *const *pairs, size_t count, struct loom_doc **doc)
{
	struct diag diag = {0};
	int r = conf_add(kind, name, pairs, count, &state, &diag);

	FUZZ_CHECK((r != 0) == (diag.error_count != 0));
	state_check();
	return say(doc, &diag);
}

enum loom_status __wrap_loom_set(struct loom *loom, const char *name, const char *const *pairs,
				 size_t count, struct loom_doc **doc)
{
	struct diag diag = {0};
	int r = conf_set(name, pairs, count, &state, &diag);

	FUZZ_CHECK((r != 0) == (diag.error_count != 0));
	state_check();
	return say(doc, &diag);
}

enum loom_status __wrap_loom_del(struct loom *loom, const char *name, struct loom_doc **doc)
{
	struct diag diag = {0};
	size_t before = state.len;
	int r = conf_del(name, &state, &diag);

	FUZZ_CHECK((r != 0) == (diag.error_count != 0));
	FUZZ_CHECK((r == 0) == (state.len < before));
	state_check();
	return say(doc, &diag);
}

/* The other operations say nothing but that they are played. */
#define PLAYED(name, ...)                                                                          \
	enum loom_status __wrap_loom_##name(struct loom *loom, ##__VA_ARGS__,                      \
					    struct loom_doc **doc);                                \
	enum loom_status __wrap_loom_##name(struct loom *loom, ##__VA_ARGS__,                      \
					    struct loom_doc **doc)                                 \
	{                                                                                          \
		return say(doc, &(struct diag){0});                                                \
	}
PLAYED(check, const char *const *files, size_t count)
PLAYED(plan, const char *const *files, size_t count)
PLAYED(up, const char *const *files, size_t count)
PLAYED(down, const char *const *files, size_t count)
PLAYED(down_all)
PLAYED(undo, unsigned long long n)
PLAYED(log)
PLAYED(show, const char *name)
PLAYED(tunnel, const char *name)
PLAYED(kinds, const char *kind)
PLAYED(key_new, const char *path)
PLAYED(key_public, const char *path)
PLAYED(exec, const char *name_space, char *const *argv)
PLAYED(vm, const char *network, char *const *argv)
PLAYED(libvirt, const char *network)

/* What a command prints is not looked at; the sanitizers write to the descriptor itself. */
static int run_silently(int argc, char **argv)
{
	static FILE *nowhere;
	FILE *out = stdout, *errors = stderr;
	int code;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	FUZZ_CHECK(nowhere);
	stdout = stderr = nowhere;
	code = cmd_main(argc, argv);
	stdout = out;
	stderr = errors;
	return code;
}

static bool is_run(const char *word)
{
	if (!cmd_find(word))
		return true; /* an unknown one, an option */
	for (size_t i = 0; run_here[i]; i++)
		if (strcmp(run_here[i], word) == 0)
			return true;
	return false;
}

static void run(int count, char **words)
{
	char *argv[WORDS_MOST + 2] = {"lanloom"};
	int code;

	for (int i = 0; i < count; i++)
		argv[i + 1] = words[i];
	if (count && !is_run(words[0]))
		return;
	code = run_silently(count + 1, argv);
	FUZZ_CHECK(code >= 0 && code <= 4);
}

void fuzz_one(const uint8_t *bytes, size_t size)
{
	char *copy = malloc(size + 1), *words[WORDS_MOST];
	int count = 0, lines = 0;

	FUZZ_CHECK(copy);
	memcpy(copy, bytes, size);
	copy[size] = 0;
	arena_init(&arena);
	state_init(&state, &arena);
	for (char *at = copy; at < copy + size && count < WORDS_MOST && lines < LINES_MOST;
	     at += strlen(at) + 1) {
		if (strcmp(at, ";") != 0) {
			words[count++] = at;
			continue;
		}
		run(count, words);
		count = 0;
		lines++;
	}
	run(count, words);
	arena_fini(&arena);
	free(copy);
}

static void word(struct text *out, const char *text)
{
	text_addn(out, text, strlen(text) + 1);
}

/* add KIND NAME with all keys that the example has; set NAME the same; del NAME. */
static void seed_kind(struct seeds *seeds, const struct kind *kind, unsigned int variant)
{
	struct object *object = example_object(kind, "", UINT64_MAX, variant, false, &arena);
	const char *name = variant % 2 ? arena_print(&arena, "ns1/%s", kind->name) : kind->name;
	struct text pairs TEXT_CLEANUP = {0}, text TEXT_CLEANUP = {0};

	for (unsigned int i = 0; i < kind_field_count(kind); i++) {
		struct text value TEXT_CLEANUP = {0};

		if (!object_has(object, i) || kind_field(kind, i)->flags & FIELD_KEY)
			continue;
		object_print(object, i, &value);
		word(&pairs,
		     arena_print(&arena, "%s=%s", kind_field(kind, i)->key, text_get(&value)));
	}
	word(&pairs, "addresses=10.0.0.1/24,[fd00::1/64],{10.0.0.2/32: {label: a}}");
	for (size_t i = 0; i < 3; i++) {
		word(&text, (const char *const[]){"add", "set", "del"}[i]);
		if (i == 0)
			word(&text, kind->name);
		word(&text, name);
		if (i < 2)
			text_addn(&text, text_get(&pairs), pairs.size);
		word(&text, ";");
	}
	seed_text(seeds, &text);
}

static void seed_command(struct seeds *seeds, const struct cmd *cmd)
{
	const struct cmd_option *option;
	struct text text TEXT_CLEANUP = {0};

	word(&text, cmd->name);
	for (size_t i = 0; (option = cmd_option_at(cmd, i)); i++) {
		word(&text, arena_print(&arena, option->value ? "--%s=1" : "--%s", option->name));
		if (option->letter)
			word(&text,
			     arena_print(&arena, "-q%c%c%c%c%c", option->letter, option->letter,
					 option->letter, option->letter, option->letter));
		seed_word(seeds, option->name);
	}
	word(&text, "--json");
	word(&text, "-vhhhh");
	word(&text, ";");
	word(&text, cmd->name);
	for (int i = 0; i < cmd->least + 1; i++)
		word(&text, "a");
	word(&text, "--");
	word(&text, "-x");
	seed_text(seeds, &text);
	seed_word(seeds, cmd->name);
}

void fuzz_seeds(struct seeds *seeds)
{
	arena_init(&arena);
	for (size_t i = 0; kinds[i]; i++)
		for (unsigned int variant = 0; variant < 4; variant++)
			seed_kind(seeds, kinds[i], variant);
	for (size_t i = 0; commands[i]; i++)
		seed_command(seeds, commands[i]);
	example_words(seeds);
	seed_word(seeds, "-hhhhhhhh");
	seed_word(seeds, "addresses=");
	arena_fini(&arena);
}
