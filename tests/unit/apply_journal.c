/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Journals that say less, or other, than was written: cut off at every byte, and damaged in ways
 * that a checksum does not tell. Reading one gives steps that undoing can work with, or an error.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/journal.h"
#include "base/fd.h"
#include "unit/test.h"

static struct store store;

static void journal_put(const char *bytes, size_t size)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/journal", store.folder);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
}

static void line_put(struct text *out, const char *line)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (const char *at = line; *at; at++)
		hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
	text_add(out, "%016" PRIx64 " %s\n", hash, line);
}

/* Reads these lines; the steps it gives have what whoever undoes them relies on. */
static int read_lines(const char *const *lines, size_t *steps, struct err *err)
{
	struct text bytes TEXT_CLEANUP = {0};
	struct journal_left left;
	struct arena arena;
	int r;

	for (size_t i = 0; lines[i]; i++)
		line_put(&bytes, lines[i]);
	journal_put(text_get(&bytes), bytes.size);
	arena_init(&arena);
	r = journal_read(&store, &arena, &left, err);
	*steps = left.len;
	for (size_t i = 0; !r && i < left.len; i++)
		CHECK(step_object(&left.steps[i]) != NULL);
	arena_fini(&arena);
	return r;
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void a_step_that_was_cut_off_was_not_begun(void)
{
	struct err err = {0};
	size_t steps;

	CHECK(read_lines(LINES("run lab up", "step 0 0", "after tap / name=a", "step 0 0"), &steps,
			 &err) == 0);
	CHECK(steps == 1);
	CHECK(read_lines(LINES("run lab up", "step 0 0"), &steps, &err) == 0);
	CHECK(steps == 0);
}

static void what_cannot_have_been_written_is_refused(void)
{
	struct err err = {0};
	size_t steps;

	CHECK(read_lines(LINES("run lab up", "step 0 0", "step 0 0", "after tap / name=a"), &steps,
			 &err) < 0);
	CHECK(strstr(err.message, "a step without an object") != NULL);
	CHECK(read_lines(LINES("run lab up", "step 0 8000000000000000", "before tap / name=a",
			       "after tap / name=a"),
			 &steps, &err) < 0);
	CHECK(strstr(err.message, "has not so many fields") != NULL);
	CHECK(read_lines(LINES("run lab up", "step 0 1", "before tap / name=a",
			       "after bridge / name=a"),
			 &steps, &err) < 0);
	CHECK(strstr(err.message, "from one kind to another") != NULL);
	CHECK(read_lines(LINES("step 0 0", "after tap / name=a"), &steps, &err) < 0);
	CHECK(strstr(err.message, "does not begin with a run") != NULL);
}

/* Power went at any byte of what was being written: there is a reading of it. */
static void cut_off_anywhere_it_is_read(void)
{
	struct text bytes TEXT_CLEANUP = {0};
	struct err err = {0};

	line_put(&bytes, "run lab up");
	line_put(&bytes, "step 0 0");
	line_put(&bytes, "after bridge / name=br0 mtu=1400");
	line_put(&bytes, "step 0 8");
	line_put(&bytes, "before bridge / name=br0 mtu=1400");
	line_put(&bytes, "after bridge / name=br0 mtu=1500");
	for (size_t size = 0; size <= bytes.size; size++) {
		struct journal_left left;
		struct arena arena;

		journal_put(text_get(&bytes), size);
		arena_init(&arena);
		CHECK(journal_read(&store, &arena, &left, &err) == 0);
		CHECK(left.len <= 2);
		for (size_t i = 0; i < left.len; i++)
			CHECK(step_object(&left.steps[i]) != NULL);
		arena_fini(&arena);
	}
}

/* A description is often called by the path of its file, and that may have anything in it. */
static void names_come_back_as_they_were(void)
{
	static const char name[] = "/home/a b/100%=\n\xc3\xa9.yaml", command[] = "down /home/a b";
	struct journal_left left;
	struct journal journal;
	struct arena arena;
	struct state owed;
	struct err err = {0};

	arena_init(&arena);
	state_init(&owed, &arena);
	journal_remove(&store);
	CHECK(journal_begin(&journal, &store, name, command, &owed, &err) == 0);
	journal_leave(&journal);
	CHECK(journal_read(&store, &arena, &left, &err) == 0 && left.found);
	CHECK(text_same(left.name, name) && text_same(left.command, command));
	arena_fini(&arena);
}

int main(void)
{
	char folder[] = "/tmp/lanloom-journal-XXXXXX";

	if (!mkdtemp(folder))
		return 1;
	snprintf(store.folder, sizeof(store.folder), "%s", folder);
	TEST(a_step_that_was_cut_off_was_not_begun);
	TEST(what_cannot_have_been_written_is_refused);
	TEST(cut_off_anywhere_it_is_read);
	TEST(names_come_back_as_they_were);
	journal_remove(&store);
	rmdir(folder);
	return test_done();
}
