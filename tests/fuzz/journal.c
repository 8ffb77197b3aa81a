/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal of a killed run, whatever stands in it, read and recovered from on a world in memory.
 * The first byte of an input says whether its lines are given their checksums (else they are taken
 * as they are), and which steps the world refuses. What was read is also written down by a run, and
 * that reads as the same.
 *
 * covers: src/apply/journal.c src/apply/recover.c src/apply/undo.c
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/types.h>

#include "apply/journal.h"
#include "apply/run.h"
#include "base/fd.h"
#include "fuzz/fuzz.h"
#include "model/record.h"

const char fuzz_name[] = "journal";
const unsigned int fuzz_sample = 5000;
const size_t fuzz_most = 8192;

enum { WITH_SUMS = 1, TORN = 2, REFUSES = 4, AGAIN = 8 };

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

/* What a run writes goes into the same text. */
#define JOURNAL_FD 1000000

int __wrap_open64(const char *path, int flags, ...);
int __real_open64(const char *path, int flags, ...);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __real_write(int fd, const void *bytes, size_t size);
int __wrap_close(int fd);
int __real_close(int fd);
int __wrap_unlink(const char *path);
int __real_unlink(const char *path);

int __wrap_open64(const char *path, int flags, ...)
{
	va_list args;
	int mode;

	if (strcmp(path, "/fuzz/journal") == 0)
		return JOURNAL_FD;
	va_start(args, flags);
	mode = va_arg(args, int);
	va_end(args);
	return __real_open64(path, flags, mode);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
	if (fd != JOURNAL_FD)
		return __real_write(fd, bytes, size);
	text_addn(&journal, bytes, size);
	return (ssize_t)size;
}

int __wrap_close(int fd)
{
	return fd == JOURNAL_FD ? 0 : __real_close(fd);
}

int __wrap_unlink(const char *path)
{
	if (strcmp(path, "/fuzz/journal") != 0)
		return __real_unlink(path);
	text_clear(&journal);
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
	world_fake_refuse(world, flags & REFUSES ? flags >> 4 : -1);
	if (apply_recover(store, world, &err) < 0)
		check_err(&err);
	world->ops->free(world);
}

static void state_print(const struct state *state, const char *word, struct text *out)
{
	for (size_t i = 0; i < state->len; i++) {
		text_add(out, "%s ", word);
		record_put(state->objects[i], out);
		text_add(out, "\n");
	}
}

static void left_print(const struct journal_left *left, struct text *out)
{
	text_add(out, "%s|%s|%d %d %" PRIu64 "\n", left->name, left->command, left->committed,
		 left->committed && left->gone, left->committed ? left->change : 0);
	for (size_t i = 0; i < left->len; i++) {
		const struct step *step = &left->steps[i];

		text_add(out, "%u %" PRIx64, step->flags, step->mask);
		if (step->before)
			record_put(step->before, out);
		text_add(out, ">");
		if (step->after)
			record_put(step->after, out);
		text_add(out, "\n");
	}
	state_print(&left->owed, "owed", out);
	if (!left->committed)
		return;
	state_print(&left->later, "later", out);
	state_print(&left->owing, "owing", out);
	committed_put(&left->state, out);
}

/* A run that does what was read, and goes as far; its last breath is refused. */
static void write_down(struct store *store, struct journal_left *left, struct arena *arena)
{
	struct step *later = arena_alloc(arena, left->later.len * sizeof(*later) + 1);
	struct breath breath = {.len = left->len, .steps = left->steps};
	struct journal writer;
	struct err err;

	text_clear(&journal);
	FUZZ_CHECK(journal_begin(&writer, store, left->name, left->command, &left->owed, &err) ==
		   0);
	FUZZ_CHECK(journal_breath(&writer, &breath, &err) == 0);
	if (left->len) {
		breath.len = 1;
		FUZZ_CHECK(journal_breath(&writer, &breath, &err) == 0);
		journal_refused(&writer, &breath);
	}
	for (size_t i = 0; i < left->later.len; i++)
		later[i] = (struct step){.before = left->later.objects[i]};
	breath = (struct breath){.steps = later, .len = left->later.len};
	if (left->committed)
		FUZZ_CHECK(journal_commit(&writer, &left->state, left->gone, left->change, &breath,
					  1, &left->owing, &err) == 0);
	journal_leave(&writer);
}

static void write_and_read(struct store *store, struct journal_left *left, struct arena *arena)
{
	struct text first TEXT_CLEANUP = {0};
	struct text second TEXT_CLEANUP = {0};
	struct journal_left again;
	struct err err = {0};

	if (!left->name || !left->name[0] || !left->command[0])
		return; /* no run has no name */
	left_print(left, &first);
	write_down(store, left, arena);
	FUZZ_CHECK(journal_read(store, arena, &again, &err) == 0 && again.found);
	left_print(&again, &second);
	FUZZ_CHECK(text_same(text_get(&first), text_get(&second)));
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
	if (journal_read(&store, &arena, &left, &err)) {
		check_err(&err);
	} else {
		FUZZ_CHECK(apply_unsettled(&store, &err) == (left.name ? -EBUSY : 0));
		if (flags & AGAIN)
			write_and_read(&store, &left, &arena);
		recover(&store, &left, flags, &arena);
	}
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
	text_add(&text, "%crun lab up%%20lab.yaml\n", WITH_SUMS | AGAIN);
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
	text_add(&text, "refused %u\n", variant % 3);
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

	text_add(&text, "%crun a b\nstep 0 0\n", WITH_SUMS | AGAIN);
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
	for (size_t i = 0; i < 10; i++)
		seed_word(seeds, (const char *const[]){"run ", "step ", "before ", "after ",
						       "owed ", "later ", "owing ", "commit gone 1",
						       "committed\n", "refused 1\n"}[i]);
	arena_fini(&arena);
}
