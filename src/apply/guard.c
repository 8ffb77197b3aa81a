/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "apply/guard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/fd.h"

#define GUARD_SIZE_MOST 8192

static const char *const phases[] = {"runs", "checks", "waits"};
_Static_assert(sizeof(phases) / sizeof(phases[0]) == GUARD_PHASE_COUNT, "a word for each phase");

static void path_of(const char *folder, char path[300])
{
	snprintf(path, 300, "%.255s/%s", folder, GUARD_FILE);
}

int guard_write(const char *folder, const struct guard *guard, struct err *err)
{
	struct text lines TEXT_CLEANUP = {0};
	struct text bytes TEXT_CLEANUP = {0};
	char path[300];

	text_add(&lines, "phase %s\nbase %" PRIu64 "\nseconds %" PRIu32 "\ndeadline %" PRIu64 "\n",
		 phases[guard->phase], guard->base, guard->seconds, guard->deadline_ns);
	for (size_t i = 0; i < guard->keep_count; i++)
		text_add(&lines, "keep %s\n", guard->keep[i]);
	text_add(&bytes, "%016" PRIx64 "\n%s", checksum(lines.bytes, lines.size), lines.bytes);
	path_of(folder, path);
	return file_replace(path, 0600, bytes.bytes, bytes.size, err);
}

static int phase_get(const char *word, struct guard *guard)
{
	for (int i = 0; i < GUARD_PHASE_COUNT; i++)
		if (text_same(word, phases[i])) {
			guard->phase = (enum guard_phase)i;
			return 0;
		}
	return -EINVAL;
}

static int number_get(const char *word, int64_t most, uint64_t *number)
{
	int64_t value;
	int r = text_number(word, 0, most, &value);

	if (!r)
		*number = (uint64_t)value;
	return r;
}

static int keep_get(const char *word, struct guard *guard)
{
	if (guard->keep_count == GUARD_KEEP_MOST || strlen(word) >= GUARD_KEEP_SIZE)
		return -EINVAL;
	snprintf(guard->keep[guard->keep_count++], GUARD_KEEP_SIZE, "%s", word);
	return 0;
}

static int line_get(char *line, struct guard *guard)
{
	char *value = strchr(line, ' ');
	uint64_t seconds;

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	if (text_same(line, "phase"))
		return phase_get(value, guard);
	if (text_same(line, "base"))
		return number_get(value, INT64_MAX, &guard->base);
	if (text_same(line, "deadline"))
		return number_get(value, INT64_MAX, &guard->deadline_ns);
	if (text_same(line, "keep"))
		return keep_get(value, guard);
	if (!text_same(line, "seconds") || number_get(value, GUARD_SECONDS_MOST, &seconds))
		return -EINVAL;
	guard->seconds = (uint32_t)seconds;
	return 0;
}

static int lines_get(struct text *bytes, struct guard *guard)
{
	char *save = NULL, *body = bytes->size ? strchr(bytes->bytes, '\n') : NULL;
	uint64_t sum;

	if (!body || sscanf(bytes->bytes, "%16" SCNx64, &sum) != 1 ||
	    sum != checksum(body + 1, bytes->size - (size_t)(body + 1 - bytes->bytes)))
		return -EINVAL;
	for (char *line = strtok_r(body + 1, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (line_get(line, guard))
			return -EINVAL;
	return 0;
}

int guard_read(const char *folder, struct guard *guard, struct err *err)
{
	struct text bytes TEXT_CLEANUP = {0};
	char path[300];
	int r;

	*guard = (struct guard){0};
	path_of(folder, path);
	r = file_read(path, GUARD_SIZE_MOST, &bytes, err);
	if (r == -ENOENT)
		return 0;
	if (!r && lines_get(&bytes, guard)) {
		r = err_set(err, -EINVAL, "%s is damaged", path);
		err_hint(err, "remove it when the system is as you want it");
	}
	return r ? r : 1;
}

void guard_remove(const char *folder)
{
	char path[300];

	path_of(folder, path);
	unlink(path);
}

uint32_t guard_left_s(const struct guard *guard, uint64_t now_ns)
{
	if (now_ns >= guard->deadline_ns)
		return 0;
	return (uint32_t)((guard->deadline_ns - now_ns + 999999999) / 1000000000);
}
