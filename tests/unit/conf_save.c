/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A state printed as a description and loaded again is the same state: for every good file. */
#include <glob.h>
#include <stdlib.h>

#include "base/fd.h"
#include "conf/conf.h"
#include "conf/yaml.h"
#include "model/record.h"
#include "unit/test.h"

static int played_key(void *data, const char *path, struct public_key *key, struct err *err)
{
	if (strncmp(path, "/golden/", 8) != 0)
		return err_set(err, -1, "no such key");
	memset(key->bytes, path[8], sizeof(key->bytes));
	return 0;
}

static const char *records(const struct state *state, struct arena *arena)
{
	struct text text TEXT_CLEANUP = {0};

	for (size_t i = 0; i < state->len; i++) {
		record_put(state->objects[i], &text);
		text_add(&text, "\n");
	}
	return arena_text(arena, text_get(&text));
}

/* Prints and loads again one host's state. keys: its key files were read. */
static void check_same(const struct state *state, const char *where, bool keys, struct arena *arena)
{
	struct conf_request request = {.path = "saved.yaml", .public_of = keys ? played_key : NULL};
	struct text text TEXT_CLEANUP = {0};
	struct description again;
	struct diag diag = {0};

	if (!state->len)
		return;
	conf_save(state, "saved", &text);
	request.text = text_get(&text);
	request.size = text.size;
	CHECK(conf_load(&request, arena, &again, &diag) == 0);
	for (size_t i = 0; i < diag.error_count; i++)
		printf("# %s: %u:%u: %s\n", where, diag.errors[i].place.line,
		       diag.errors[i].place.column, diag.errors[i].message);
	if (!diag.error_count) {
		CHECK_TEXT(again.name, "saved");
		CHECK_TEXT(records(&again.desired, arena), records(state, arena));
	}
	diag_fini(&diag);
}

static size_t check_files(const char *pattern)
{
	glob_t found;

	if (glob(pattern, 0, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct conf_request request = {.path = found.gl_pathv[i], .public_of = played_key};
		struct description description;
		struct diag diag = {0};
		struct arena arena;

		arena_init(&arena);
		CHECK(conf_load(&request, &arena, &description, &diag) == 0);
		for (size_t h = 0; h < (description.host_count ?: 1); h++)
			check_same(&description.states[h], found.gl_pathv[i],
				   !description.host_count, &arena);
		diag_fini(&diag);
		arena_fini(&arena);
	}
	globfree(&found);
	return found.gl_pathc;
}

static void good_files(void)
{
	CHECK(check_files(SOURCE_ROOT "/tests/golden/conf/good-*.yaml") > 5);
}

static void examples(void)
{
	CHECK(check_files(SOURCE_ROOT "/examples/*.yaml") > 3);
}

/* Texts that YAML would take for something else come back as they were. */
static void quoting(void)
{
	static const char *const texts[] = {
		"", "yes", "No", "null", "~", "1500", "0x10", "1.5", "-", "- a", "a: b", "a #b",
		"#a", "a, b", "[a]", "{a}", "\"q\"", "'", "\\n", "&a", "*a", "!a", "@a", "`a`",
		"%a", "|", ">", ":a", "a:", " a", "a ", "\xc3\xa4", "<<", "=", "12:30:45", "1e3",
		"::/0", "?", "? a", "---", "...", "true\t", ".5", "+1", "02:00",
		/* ends of lines and what is no character, to YAML: U+0085, U+0082, U+2028, U+FEFF,
		   U+FFFE */
		"a\xc2\x85"
		"b",
		"\xc2\x82", "\xe2\x80\xa8", "a\xe2\x80\xa9",
		"\xef\xbb\xbf"
		"a",
		"\xef\xbf\xbe"};
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct yaml_node *root = yaml_make(&arena, YAML_MAP, (struct place){0}), *again;
		struct yaml_node *list = yaml_make(&arena, YAML_LIST, (struct place){0});
		struct text text TEXT_CLEANUP = {0};
		struct diag diag = {0};

		yaml_append(list, NULL, yaml_scalar(&arena, texts[i], (struct place){0}));
		yaml_append(root, yaml_scalar(&arena, "one", (struct place){0}),
			    yaml_scalar(&arena, texts[i], (struct place){0}));
		yaml_append(root, yaml_scalar(&arena, "list", (struct place){0}), list);
		yaml_write(root, &text);
		CHECK(yaml_read("q", text_get(&text), text.size, &arena, &again, &diag) == 0);
		if (!diag.error_count) {
			CHECK_TEXT(again->first->text, texts[i]);
			CHECK_TEXT(again->last->first->text, texts[i]);
			CHECK(!yaml_null(again->first));
		}
		diag_fini(&diag);
	}
	arena_fini(&arena);
}

int main(void)
{
	TEST(good_files);
	TEST(examples);
	TEST(quoting);
	return test_done();
}
