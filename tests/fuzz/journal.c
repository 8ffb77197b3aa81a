/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal of a killed run, whatever stands in it, read and recovered from on a world in memory.
 * The first byte of an input says whether its lines are given their checksums (else they are taken
 * as they are), and which steps the world refuses.
 *
 * covers: src/apply/journal.c src/apply/recover.c src/apply/undo.c
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "apply/journal.h"
#include "apply/run.h"
#include "base/fd.h"
#include "fuzz/fuzz.h"
#include "model/record.h"

const char fuzz_name[] = "journal";
const unsigned int fuzz_sample = 5000;
const size_t fuzz_most = 8192;

enum { WITH_SUMS = 1, TORN = 2, REFUSES = 4 };

/* The store's files: the journal, and the committed state written last. */
static struct text journal, written;

int __wrap_file_read(const char *path, size_t most, struct text *out, struct err *err);
int __wrap_file_replace(const char *path, mode_t mode, const char *bytes, size_t size,
			struct err *err);

int __wrap_file_read(const char *path, size_t most, struct text *out, struct err *err)
{
	bool is_journal = strcmp(path, "/fuzz/journal") == 0;
	const struct text *from = is_journal ? &journal : &written;

	if (!from->size)
		return err_errno(err, -ENOENT, "cannot read %s", path);
	text_addn(out, text_get(from), from->size);
	return 0;
}

int __wrap_file_replace(const char *path, mode_t mode, const char *bytes, size_t size,
			struct err *err)
{
	text_clear(&written);
	text_addn(&written, bytes, size);
	return 0;
}

static uint64_t checksum(const char *bytes, size_t size)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static void journal_make(const char *at, const char *end, uint8_t flags)
{
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t size = (size_t)((stop ? stop : end) - at);

		if (flags & WITH_SUMS)
			text_add(&journal, "%016" PRIx64 " ", checksum(at, strnlen(at, size)));
		text_addn(&journal, at, size);
		if (stop || !(flags & TORN))
			text_addn(&journal, "\n", 1);
		at += size + 1;
	}
}

/* The world has what the journal says was done, every third thing aside. */
static void actual_make(const struct journal_left *left, struct state *actual, struct arena *arena)
{
	state_init(actual, arena);
	for (size_t i = 0; i < left->len; i++)
		if (i % 3 != 2 && left->steps[i].after)
			state_put(actual, object_copy(arena, left->steps[i].after));
	for (size_t i = 0; i < left->later.len; i++)
		if (i % 3 != 2)
			state_put(actual, object_copy(arena, left->later.objects[i]));
	state_sort(actual);
}

static void recover(struct store *store, const struct journal_left *left, uint8_t flags,
		    struct arena *arena)
{
	struct state actual;
	struct world *world;
	struct err err = {0};

	actual_make(left, &actual, arena);
	world = world_fake_new(&actual);
	world_fake_refuse(world, flags & REFUSES ? flags >> 3 : -1);
	if (apply_recover(store, world, &err) < 0)
		check_err(&err);
	world->ops->free(world);
}

void fuzz_one(const uint8_t *bytes, size_t size)
{
	struct store store = {.folder = "/fuzz", .lasting = "/fuzz", .lock_fd = -1};
	uint8_t flags = size ? bytes[0] : 0;
	struct journal_left left;
	struct arena arena;
	struct err err = {0};

	arena_init(&arena);
	arena_init(&store.arena);
	journal_make((const char *)bytes + (size > 0), (const char *)bytes + size, flags);
	if (journal_read(&store, &arena, &left, &err))
		check_err(&err);
	else
		recover(&store, &left, flags, &arena);
	text_fini(&journal);
	text_fini(&written);
	arena_fini(&store.arena);
	arena_fini(&arena);
}

static void line(struct text *out, const char *word, const struct object *object)
{
	text_add(out, "%s ", word);
	record_put(object, out);
	text_add(out, "\n");
}

/* A run that makes, changes and deletes the examples; `until`: how far it came. */
static void seed_run(struct seeds *seeds, unsigned int variant, bool committed, struct arena *arena)
{
	struct text text TEXT_CLEANUP = {0};
	struct state state, old;

	example_state(&state, variant, arena);
	example_state(&old, variant + 1, arena);
	text_add(&text, "%crun lab up%%20lab.yaml\n", WITH_SUMS);
	line(&text, "owed", old.objects[variant % old.len]);
	for (size_t i = 0; i < state.len; i++) {
		struct object *before = state_find(&old, state.objects[i]);

		text_add(&text, "step %u %" PRIx64 "\n", variant % 16,
			 before ? object_differs(state.objects[i], before) : 0);
		if ((i + variant) % 3 && before)
			line(&text, "before", before);
		if ((i + variant) % 3 != 1 || !before)
			line(&text, "after", state.objects[i]);
	}
	if (committed) {
		text_add(&text, "commit %s 7\nc description name=lab file= keep=false\n",
			 variant % 2 ? "gone" : "stays");
		for (size_t i = 0; i < state.len; i++) {
			text_add(&text, "c ");
			line(&text, "made", state.objects[i]);
		}
		line(&text, "later", old.objects[0]);
		line(&text, "owing", old.objects[old.len - 1]);
		text_add(&text, "committed\n");
	}
	seed_text(seeds, &text);
}

static void seed_kind(struct seeds *seeds, const struct kind *kind, struct arena *arena)
{
	struct text text TEXT_CLEANUP = {0};
	struct object *one = example_object(kind, "", UINT64_MAX, 0, true, arena);
	struct object *other = example_object(kind, "", UINT64_MAX, 1, true, arena);

	text_add(&text, "%crun a b\nstep 0 0\n", WITH_SUMS);
	line(&text, "after", one);
	text_add(&text, "step 0 ffffffffffffffff\n");
	line(&text, "before", one);
	line(&text, "after", other);
	text_add(&text, "step 1 0\n");
	line(&text, "before", other);
	seed_text(seeds, &text);
}

void fuzz_seeds(struct seeds *seeds)
{
	struct arena arena;

	arena_init(&arena);
	for (unsigned int variant = 0; variant < 8; variant++) {
		seed_run(seeds, variant, false, &arena);
		seed_run(seeds, variant, true, &arena);
	}
	for (size_t k = 0; kinds[k]; k++)
		seed_kind(seeds, kinds[k], &arena);
	seed_add(seeds, "\0cbf29ce484222325 \n0123456789abcdef run a b\n", 44);
	example_words(seeds);
	for (size_t i = 0; i < 9; i++)
		seed_word(seeds, (const char *const[]){"run ", "step ", "before ", "after ",
						       "owed ", "later ", "owing ", "commit gone 1",
						       "committed\n"}[i]);
	arena_fini(&arena);
}
