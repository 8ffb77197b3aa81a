/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who changed what, when: one file per change, numbered, with what was promised before and after.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apply/store.h"
#include "base/fd.h"
#include "model/record.h"

#define HISTORY_MOST 500 /* older ones go */
#define BEGUN ".begun"

static int by_number(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a < b) - (a > b);
}

/* Newest first; the array is the store's. */
static size_t numbers(struct store *store, uint64_t **out)
{
	uint64_t *list = NULL;
	char path[300];
	struct dirent *entry;
	size_t len = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/history", store->lasting);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		int64_t n;

		if (text_number(entry->d_name, 1, INT64_MAX, &n))
			continue;
		list = arena_room(&store->arena, list, len, sizeof(*list));
		list[len++] = (uint64_t)n;
	}
	if (folder)
		closedir(folder);
	if (len)
		qsort(list, len, sizeof(*list), by_number);
	*out = list;
	return len;
}

/* The person behind sudo where there is one, else whoever runs this. */
static uint32_t caller(struct arena *arena, const char **name)
{
	const char *sudo = getenv("SUDO_UID");
	int64_t uid = getuid();
	struct passwd *user;

	if (sudo && uid == 0)
		text_number(sudo, 0, UINT32_MAX - 1, &uid);
	user = getpwuid((uid_t)uid);
	*name = user ? arena_text(arena, user->pw_name) : arena_print(arena, "%d", (int)uid);
	return (uint32_t)uid;
}

static void change_put(const struct change *change, struct text *out)
{
	text_add(out, "change time=%" PRId64 " uid=%u user=", change->time, change->uid);
	record_escape(change->user, out);
	text_add(out, " command=");
	record_escape(change->command, out);
	text_add(out, " name=");
	record_escape(change->name, out);
	text_add(out, "\nbefore\n");
	if (change->before)
		committed_put(change->before, out);
	text_add(out, "after\n");
	if (change->after)
		committed_put(change->after, out);
}

static void path_of(const struct store *store, uint64_t n, const char *suffix, char path[300])
{
	snprintf(path, 300, "%s/history/%" PRIu64 "%s", store->lasting, n, suffix);
}

uint64_t store_history_newest(struct store *store)
{
	uint64_t *list;

	return numbers(store, &list) ? list[0] : 0;
}

int store_history_begin(struct store *store, struct change *change, struct err *err)
{
	struct text bytes TEXT_CLEANUP = {0};
	char path[300];

	change->n = store_history_newest(store) + 1;
	change->time = time(NULL);
	if (!change->user)
		change->uid = caller(&store->arena, &change->user);
	change_put(change, &bytes);
	snprintf(path, sizeof(path), "%s/history", store->lasting);
	if (folder_make(path, err))
		return err->code;
	path_of(store, change->n, BEGUN, path);
	return file_replace(path, 0600, text_get(&bytes), bytes.size, err);
}

static void forget_oldest(struct store *store)
{
	uint64_t *list;
	size_t len = numbers(store, &list);
	char path[300];

	for (size_t i = HISTORY_MOST; i < len; i++) {
		path_of(store, list[i], "", path);
		unlink(path);
	}
}

int store_history_end(struct store *store, uint64_t n, bool stays, struct err *err)
{
	char begun[300], path[300];

	path_of(store, n, BEGUN, begun);
	path_of(store, n, "", path);
	if (!stays) {
		unlink(begun);
		return 0;
	}
	if (access(begun, F_OK) < 0)
		return 0; /* done already, before the run died */
	forget_oldest(store);
	return file_rename(begun, path, err);
}

void store_history_clear(struct store *store)
{
	char path[600];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/history", store->lasting);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		if (!strchr(entry->d_name, '.') || entry->d_name[0] == '.')
			continue; /* one that is whole, or the folder itself */
		snprintf(path, sizeof(path), "%s/history/%s", store->lasting, entry->d_name);
		unlink(path);
	}
	if (folder)
		closedir(folder);
}

/* The value behind " key=" in a header line, unescaped. */
static const char *value(struct arena *arena, const char *line, const char *key)
{
	const char *end = strchrnul(line, '\n'),
		   *at = memmem(line, (size_t)(end - line), key, strlen(key));
	char *out, *to;

	if (!at)
		return "";
	at += strlen(key);
	out = to = arena_alloc(arena, (size_t)(end - at) + 1);
	for (; at < end && *at != ' '; at++) {
		unsigned int byte;

		if (*at == '%' && sscanf(at + 1, "%2x", &byte) == 1) {
			*to++ = (char)byte;
			at += 2;
		} else {
			*to++ = *at;
		}
	}
	return out;
}

static int side_get(struct store *store, const char *text, size_t size, struct committed **side,
		    struct err *err)
{
	*side = NULL;
	if (!size)
		return 0;
	*side = arena_make(&store->arena, struct committed);
	return committed_get(text, size, &store->arena, *side, err);
}

int store_history_get(struct store *store, uint64_t n, struct change *change, struct err *err)
{
	struct text bytes TEXT_CLEANUP = {0};
	const char *before, *after;
	int64_t number = 0;
	char path[300], *text;

	snprintf(path, sizeof(path), "%s/history/%" PRIu64, store->lasting, n);
	if (file_read(path, 128u << 20, &bytes, err)) {
		if (err->code == -ENOENT) {
			err_set(err, -ENOENT, "there is no change %" PRIu64, n);
			err_hint(err, "lanloom log lists them");
		}
		return err->code;
	}
	text = arena_textn(&store->arena, text_get(&bytes), bytes.size);
	before = strstr(text, "\nbefore\n");
	after = before ? strstr(before, "\nafter\n") : NULL;
	if (!after)
		return err_set(err, -EINVAL, "%s is damaged", path);
	*change = (struct change){.n = n};
	text_number(value(&store->arena, text, " time="), 0, INT64_MAX, &number);
	change->time = number;
	number = 0;
	text_number(value(&store->arena, text, " uid="), 0, UINT32_MAX, &number);
	change->uid = (uint32_t)number;
	change->user = value(&store->arena, text, " user=");
	change->command = value(&store->arena, text, " command=");
	change->name = value(&store->arena, text, " name=");
	before += strlen("\nbefore\n");
	if (before > after)
		before = after;
	if (side_get(store, before, (size_t)(after - before), &change->before, err))
		return err_context(err, "%s", path);
	after += strlen("\nafter\n");
	return side_get(store, after, bytes.size - (size_t)(after - text), &change->after, err);
}

size_t store_history_list(struct store *store, struct change **changes)
{
	uint64_t *list;
	size_t len = numbers(store, &list), kept = 0;

	*changes = arena_alloc(&store->arena, len * sizeof(**changes) + 1);
	for (size_t i = 0; i < len; i++) {
		struct err err;

		if (store_history_get(store, list[i], &(*changes)[kept], &err) == 0)
			kept++;
	}
	return kept;
}
