/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptions: any bytes as a file. What is refused says why; what is taken can be saved and
 * loaded again, and is then the same.
 *
 * covers: src/conf/check.c src/conf/children.c src/conf/conf.c src/conf/fields.c src/conf/hosts.c
 * covers: src/conf/join.c src/conf/load.c src/conf/merge.c src/conf/peers.c src/conf/save.c
 * covers: src/conf/secrets.c src/conf/words.c src/conf/yaml.c src/conf/yaml_words.c
 * covers: src/conf/yaml_write.c
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "fuzz/fuzz.h"
#include "model/record.h"

const char fuzz_name[] = "yaml";
const unsigned int fuzz_sample = 3000;
const size_t fuzz_most = 6144;

/* A key file's public half follows from its name; one in three cannot be read. */
static int played_key(void *data, const char *path, struct public_key *key, struct err *err)
{
	size_t size = strlen(path);

	if (size % 3 == 2)
		return err_errno(err, size % 2 ? -ENOENT : -EACCES, "%s", path);
	memset(key->bytes, (int)size, sizeof(key->bytes));
	return 0;
}

static void check_diag(const struct diag *diag)
{
	for (size_t i = 0; i < diag->error_count; i++)
		check_err(&diag->errors[i]);
	for (size_t i = 0; i < diag->warning_count; i++)
		check_err(&diag->warnings[i]);
}

static int load(const char *text, size_t size, const char *host, struct arena *arena,
		struct description *description)
{
	struct conf_request request = {
		.path = "fuzz.yaml",
		.text = text,
		.size = size,
		.name = "fuzz",
		.host = host,
		.public_of = played_key,
		.keys_needed = size % 2,
	};
	struct diag diag = {0};
	int r = conf_load(&request, arena, description, &diag);

	FUZZ_CHECK((r != 0) == (diag.error_count != 0));
	check_diag(&diag);
	diag_fini(&diag);
	return r;
}

static void records(const struct state *state, struct text *out)
{
	for (size_t i = 0; i < state->len; i++) {
		record_put(state->objects[i], out);
		text_add(out, "\n");
	}
}

/* Saved and loaded again it is the same. */
static void check_saved(const struct state *state, struct arena *arena)
{
	struct text saved TEXT_CLEANUP = {0}, before TEXT_CLEANUP = {0}, after TEXT_CLEANUP = {0};
	struct conf_request request = {.path = "saved.yaml", .name = "fuzz"};
	struct description again;
	struct diag diag = {0};

	conf_save(state, "fuzz", &saved);
	request.text = text_get(&saved);
	request.size = saved.size;
	if (conf_load(&request, arena, &again, &diag)) {
		dprintf(2, "%s\n%s\n", diag.errors[0].message, text_get(&saved));
		FUZZ_CHECK(!"what was saved loads again");
	}
	diag_fini(&diag);
	records(state, &before);
	records(&again.desired, &after);
	if (!text_same(text_get(&before), text_get(&after))) {
		dprintf(2, "%s---\n%s---\n%s", text_get(&saved), text_get(&before),
			text_get(&after));
		FUZZ_CHECK(!"what was saved is what was loaded");
	}
}

void fuzz_one(const uint8_t *bytes, size_t size)
{
	struct description description, chosen;
	struct arena arena;

	arena_init(&arena);
	if (load((const char *)bytes, size, NULL, &arena, &description) == 0) {
		if (!description.host_count && description.desired.len)
			check_saved(&description.desired, &arena);
		if (description.host_count)
			load((const char *)bytes, size,
			     size % 2 ? "nobody"
				      : description.hosts[size / 2 % description.host_count],
			     &arena, &chosen);
	}
	arena_fini(&arena);
}

/* The same text as the share of hosts, or in netplan's wrapper. */
static void seed_wrapped(struct seeds *seeds, const char *head, const char *indent,
			 const char *text)
{
	struct text wrapped TEXT_CLEANUP = {0};

	text_add(&wrapped, "%s", head);
	for (const char *end; (end = strchr(text, '\n')); text = end + 1)
		text_add(&wrapped, "%s%.*s\n", indent, (int)(end - text), text);
	seed_text(seeds, &wrapped);
}

static void seed_state(struct seeds *seeds, const struct state *state)
{
	struct text text TEXT_CLEANUP = {0};

	conf_save(state, NULL, &text);
	seed_text(seeds, &text);
	seed_wrapped(seeds, "network:\n  version: 2\n  renderer: networkd\n", "  ",
		     text_get(&text));
	seed_wrapped(seeds,
		     "hosts:\n  beta:\n    endpoint: 192.0.2.2\n"
		     "    keys: {public: \"FxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxc=\"}\n"
		     "  alpha:\n    endpoint: 192.0.2.1\n",
		     "    ", text_get(&text));
}

/* Each field alone, with the object it needs to stand under. */
static void seed_fields(struct seeds *seeds, const struct kind *kind, struct arena *arena)
{
	const struct kind *owner = kind->owner ? kind_find(kind->owner) : NULL;

	for (size_t i = 0; owner && !owner->section && kinds[i]; i++)
		if (kinds[i]->section && kind_is(kinds[i], kind->owner))
			owner = kinds[i];
	for (unsigned int i = 0; i < kind_field_count(kind); i++) {
		struct text text TEXT_CLEANUP = {0};
		struct state state;

		state_init(&state, arena);
		if (owner)
			state_add(&state, example_object(owner, "", 0, i, false, arena));
		state_add(&state, example_object(kind, "", UINT64_C(1) << i, i, false, arena));
		state_sort(&state);
		conf_save(&state, NULL, &text);
		seed_text(seeds, &text);
	}
}

/* What no kind's table has: the words of files, of hosts and of peers named by host. */
static const char *const written[] = {
	"taps: {t: {alias: @a\r\rb}}\n",
	"name: lab\nkeep: true\n",
	"hosts: {a: {endpoint: 192.0.2.1, keys: {public: "
	"\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\"}}, b: {endpoint: b.example, keys: "
	"{public: \"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\"}}}\n"
	"tunnels: {lan0: {mode: lan, key: /k, port: 51821, peers: all}}\n"
	"bridges: {br0: {interfaces: [lan0]}}\n",
	"hosts:\n  a:\n    endpoint: 192.0.2.1\n    tunnels: {lan0: {port: 1}}\n"
	"    bridges: {br0: {addresses: [10.0.0.1/24]}}\n  b: {bridges: {br0: {mtu: 1400}}}\n"
	"tunnels: {lan0: {mode: lan, key: /k, peers: [a, b]}}\nbridges: {br0: {interfaces: "
	"[lan0]}}\n",
	"bridges:\n  br0: &x {mtu: 1}\n  br1: *x\n  br2: !!map {<<: *x}\n--- \n...\n",
	"taps: {\"t\\e[31m\": {alias: \"\\x01\\u2028\"}}\n# \xe2\x82\xac\n",
	"taps:\n  t0: |\n    text\n  t1: >-\n    folded\n  t2: 'single ''quoted'''\n",
};

void fuzz_seeds(struct seeds *seeds)
{
	struct arena arena;
	struct state state;

	arena_init(&arena);
	for (unsigned int variant = 0; variant < 8; variant++) {
		example_state(&state, variant, &arena);
		seed_state(seeds, &state);
	}
	for (size_t i = 0; kinds[i]; i++)
		if (kinds[i]->section || kinds[i]->listed)
			seed_fields(seeds, kinds[i], &arena);
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++)
		seed_add(seeds, written[i], strlen(written[i]));
	example_words(seeds);
	for (size_t i = 0; i < 16; i++)
		seed_word(seeds,
			  (const char *const[]){"hosts", "endpoint", "keys", "public", "all",
						"network", "version", "renderer", "name", "keep",
						"&a ", "*a", "<<", "!!str ", "\n  ", "- "}[i]);
	arena_fini(&arena);
}
