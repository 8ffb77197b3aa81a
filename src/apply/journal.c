/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "apply/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/fd.h"
#include "model/record.h"

#define JOURNAL_MOST (256u << 20)

static void line_add(struct text *out, const struct text *line)
{
	text_add(out, "%016" PRIx64 " %s\n", checksum(text_get(line), line->size), text_get(line));
}

static void record_line(struct text *out, const char *word, const struct object *object)
{
	struct text line TEXT_CLEANUP = {0};

	text_add(&line, "%s ", word);
	record_put(object, &line);
	line_add(out, &line);
}

static void step_lines(struct text *out, const struct step *step)
{
	struct text line TEXT_CLEANUP = {0};

	text_add(&line, "step %u %" PRIx64, step->flags, step->mask);
	line_add(out, &line);
	if (step->before)
		record_line(out, "before", step->before);
	if (step->after)
		record_line(out, "after", step->after);
}

/*
 * One write per call. It is not synced: the network that it describes dies with the machine, so
 * the journal has to outlive processes only, and its folder is of this boot.
 */
static int append(struct journal *journal, const struct text *bytes, struct err *err)
{
	size_t done = 0;

	while (done < bytes->size) {
		ssize_t put = write(journal->fd, bytes->bytes + done, bytes->size - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_errno(err, -errno, "cannot write %s", journal->path);
		done += (size_t)put;
	}
	return 0;
}

int journal_begin(struct journal *journal, const struct store *store, const char *name,
		  const char *command, const struct state *owed, struct err *err)
{
	struct text bytes TEXT_CLEANUP = {0};
	struct text line TEXT_CLEANUP = {0};

	snprintf(journal->path, sizeof(journal->path), "%s/journal", store->folder);
	journal->fd = open(journal->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (journal->fd < 0)
		return err_errno(err, -errno, "cannot make %s", journal->path);
	text_add(&line, "run ");
	record_escape(name, &line);
	text_add(&line, " ");
	record_escape(command, &line);
	line_add(&bytes, &line);
	for (size_t i = 0; i < owed->len; i++)
		record_line(&bytes, "owed", owed->objects[i]);
	if (append(journal, &bytes, err) == 0)
		return 0;
	journal_end(journal); /* nothing is begun */
	return err->code;
}

int journal_breath(struct journal *journal, const struct breath *breath, struct err *err)
{
	struct text bytes TEXT_CLEANUP = {0};

	for (size_t i = 0; i < breath->len; i++)
		step_lines(&bytes, &breath->steps[i]);
	return append(journal, &bytes, err);
}

void journal_refused(struct journal *journal, const struct breath *breath)
{
	struct text bytes TEXT_CLEANUP = {0};
	struct text line TEXT_CLEANUP = {0};
	struct err err;

	text_add(&line, "refused %zu", breath->len);
	line_add(&bytes, &line);
	append(journal, &bytes, &err);
}

/* The new committed state, line by line. */
static void committed_lines(struct text *out, const struct committed *committed)
{
	struct text all TEXT_CLEANUP = {0};
	char *save = NULL;

	committed_put(committed, &all);
	for (char *at = strtok_r(all.bytes, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
		struct text line TEXT_CLEANUP = {0};

		text_add(&line, "c %s", at);
		line_add(out, &line);
	}
}

int journal_commit(struct journal *journal, const struct committed *committed, bool gone,
		   uint64_t change, const struct breath *later, size_t later_count,
		   const struct state *owing, struct err *err)
{
	struct text bytes TEXT_CLEANUP = {0};
	struct text line TEXT_CLEANUP = {0};

	text_add(&line, "commit %s %" PRIu64, gone ? "gone" : "stays", change);
	line_add(&bytes, &line);
	committed_lines(&bytes, committed);
	for (size_t i = 0; i < later_count; i++)
		for (size_t j = 0; j < later[i].len; j++) {
			const struct step *step = &later[i].steps[j];

			record_line(&bytes, step->after ? "owing" : "later", step_object(step));
		}
	for (size_t i = 0; i < owing->len; i++)
		record_line(&bytes, "owing", owing->objects[i]);
	text_clear(&line);
	text_add(&line, "committed");
	line_add(&bytes, &line);
	return append(journal, &bytes, err);
}

void journal_end(struct journal *journal)
{
	close(journal->fd);
	if (unlink(journal->path) < 0 && errno != ENOENT)
		unlink(journal->path); /* once more: a finished run must not be undone */
}

void journal_leave(struct journal *journal)
{
	close(journal->fd);
}

void journal_remove(const struct store *store)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/journal", store->folder);
	unlink(path);
}

struct reader {
	struct arena *arena;
	struct journal_left *left;
	struct text committed; /* the lines behind "c " */
	bool complete;	       /* "committed" was read */
	struct err *err;
};

static int object_line(struct reader *reader, const char *line, size_t size, struct object **object)
{
	return record_recall(line, size, reader->arena, object, reader->err);
}

static int step_line(struct reader *reader, const char *line)
{
	struct journal_left *left = reader->left;
	struct step step = {0};

	if (sscanf(line, "%u %" SCNx64, &step.flags, &step.mask) != 2)
		return err_set(reader->err, -EINVAL, "a broken step");
	left->steps = arena_room(reader->arena, left->steps, left->len, sizeof(step));
	left->steps[left->len++] = step;
	return 0;
}

static int side_line(struct reader *reader, const char *line, size_t size, bool after)
{
	struct journal_left *left = reader->left;
	struct object *object;

	if (!left->len)
		return err_set(reader->err, -EINVAL, "a record without its step");
	if (object_line(reader, line, size, &object))
		return reader->err->code;
	if (after)
		left->steps[left->len - 1].after = object;
	else
		left->steps[left->len - 1].before = object;
	return 0;
}

static int refused_line(struct reader *reader, const char *line)
{
	size_t count;

	if (sscanf(line, "%zu", &count) != 1 || count > reader->left->len)
		return err_set(reader->err, -EINVAL, "more steps refused than there were");
	reader->left->len -= count;
	return 0;
}

static int run_line(struct reader *reader, const char *line, size_t size)
{
	struct journal_left *left = reader->left;
	size_t at = 0;

	left->name = record_word(line, size, &at, reader->arena);
	left->command = left->name ? record_word(line, size, &at, reader->arena) : NULL;
	if (!left->command)
		return err_set(reader->err, -EINVAL, "a broken first line");
	left->found = true;
	return 0;
}

static int state_line(struct reader *reader, struct state *state, const char *line, size_t size)
{
	struct object *object;
	int r = object_line(reader, line, size, &object);

	if (!r)
		state_add(state, object);
	return r;
}

static int commit_line(struct journal_left *left, const char *rest, struct err *err)
{
	char word[8];

	if (sscanf(rest, "%7s %" SCNu64, word, &left->change) != 2)
		return err_set(err, -EINVAL, "a broken commit");
	left->gone = strcmp(word, "gone") == 0;
	return 0;
}

static int one_line(struct reader *reader, char *line)
{
	struct journal_left *left = reader->left;
	char *rest = strchr(line, ' ');
	size_t size;

	if (!left->found && !text_starts(line, "run "))
		return err_set(reader->err, -EINVAL, "it does not begin with a run");
	if (strcmp(line, "committed") == 0) {
		reader->complete = true;
		return 0;
	}
	if (!rest)
		return err_set(reader->err, -EINVAL, "a line without a meaning");
	*rest++ = 0;
	size = strlen(rest);
	if (strcmp(line, "run") == 0)
		return run_line(reader, rest, size);
	if (strcmp(line, "owed") == 0)
		return state_line(reader, &left->owed, rest, size);
	if (strcmp(line, "owing") == 0)
		return state_line(reader, &left->owing, rest, size);
	if (strcmp(line, "later") == 0)
		return state_line(reader, &left->later, rest, size);
	if (strcmp(line, "step") == 0)
		return step_line(reader, rest);
	if (strcmp(line, "refused") == 0)
		return refused_line(reader, rest);
	if (strcmp(line, "before") == 0 || strcmp(line, "after") == 0)
		return side_line(reader, rest, size, line[0] == 'a');
	if (strcmp(line, "commit") == 0)
		return commit_line(left, rest, reader->err);
	if (strcmp(line, "c") == 0)
		text_add(&reader->committed, "%s\n", rest);
	else
		return err_set(reader->err, -EINVAL, "a line without a meaning");
	return 0;
}

/* The line behind its checksum; NULL: torn. */
static char *line_check(char *line)
{
	uint64_t sum;

	if (strlen(line) < 18 || line[16] != ' ' || sscanf(line, "%16" SCNx64, &sum) != 1 ||
	    sum != checksum(line + 17, strlen(line + 17)))
		return NULL;
	return line + 17;
}

static int read_lines(struct reader *reader, char *bytes, size_t size, const char *path)
{
	char *end = bytes + size;
	unsigned int number = 0;

	while (bytes < end) {
		char *stop = memchr(bytes, '\n', (size_t)(end - bytes)), *line;

		number++;
		if (!stop)
			return 0; /* torn: it was not written */
		*stop = 0;
		line = line_check(bytes);
		if (!line && stop + 1 == end)
			return 0;
		if (!line || one_line(reader, line)) {
			if (!line)
				err_set(reader->err, -EINVAL, "a damaged line");
			err_context(reader->err, "%s:%u", path, number);
			return err_hint(reader->err, "look at the file; remove it when the system "
						     "is as you want it");
		}
		bytes = stop + 1;
	}
	return 0;
}

/* Whoever undoes a step believes what it says of its fields. */
static int step_check(const struct step *step, struct err *err)
{
	const struct object *object = step_object(step);
	unsigned int count = object ? kind_field_count(object->kind) : 0;

	if (!object)
		return err_set(err, -EINVAL, "a step without an object");
	if (step->before && step->after && step->before->kind != step->after->kind)
		return err_set(err, -EINVAL, "a step from one kind to another");
	if (count < 64 && step->mask >> count)
		return err_set(err, -EINVAL, "a %s has not so many fields", object->kind->name);
	return 0;
}

static int steps_check(struct journal_left *left, const char *path, struct err *err)
{
	/* cut off before its objects: nothing of its breath was begun */
	if (left->len && !step_object(&left->steps[left->len - 1]))
		left->len--;
	for (size_t i = 0; i < left->len; i++)
		if (step_check(&left->steps[i], err))
			return err_context(err, "%s", path);
	return 0;
}

int journal_read(const struct store *store, struct arena *arena, struct journal_left *left,
		 struct err *err)
{
	struct reader reader = {.arena = arena, .left = left, .err = err};
	struct text bytes TEXT_CLEANUP = {0};
	char path[300];
	int r;

	*left = (struct journal_left){0};
	state_init(&left->later, arena);
	state_init(&left->owed, arena);
	state_init(&left->owing, arena);
	snprintf(path, sizeof(path), "%s/journal", store->folder);
	r = file_read(path, JOURNAL_MOST, &bytes, err);
	if (r == -ENOENT)
		return 0;
	if (!r)
		r = read_lines(&reader, arena_textn(arena, text_get(&bytes), bytes.size),
			       bytes.size, path);
	if (!r)
		r = steps_check(left, path, err);
	left->committed = !r && reader.complete;
	if (left->committed)
		r = committed_get(
			arena_textn(arena, text_get(&reader.committed), reader.committed.size),
			reader.committed.size, arena, &left->state, err);
	text_fini(&reader.committed);
	left->found = true;
	return r;
}
