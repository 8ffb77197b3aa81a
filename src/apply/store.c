/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "apply/store_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "model/record.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define COMMITTED_MOST (64u << 20)
#define LOCK_WAIT_S 30

static const char *root(const char *variable, const char *otherwise)
{
	const char *path = getenv(variable);

	return path && path[0] == '/' ? path : otherwise;
}

static int cookie_get(uint64_t *cookie, struct err *err)
{
	int fd FD_CLEANUP = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(*cookie);

	/* any socket knows the cookie of its namespace (Linux 5.14) */
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size) < 0)
		return err_errno(err, -errno, "cannot tell network namespaces apart");
	return 0;
}

static int boot_get(char boot[9], struct err *err)
{
	struct text text TEXT_CLEANUP = {0};
	int r = file_read("/proc/sys/kernel/random/boot_id", 64, &text, err);

	if (!r)
		snprintf(boot, 9, "%.8s", text_get(&text));
	return r;
}

/* In the machine's first namespace what lasts outlives a boot; elsewhere it goes with the rest. */
static bool first_namespace(void)
{
	struct stat mine, first;

	return stat("/proc/self/ns/net", &mine) == 0 && stat("/proc/1/ns/net", &first) == 0 &&
	       mine.st_ino == first.st_ino && mine.st_dev == first.st_dev;
}

static int folders(struct store *store, struct err *err)
{
	uint64_t cookie = 0;
	char boot[9];

	if (cookie_get(&cookie, err) || boot_get(boot, err))
		return err->code;
	snprintf(store->folder, sizeof(store->folder), "%.200s/%s-%" PRIx64,
		 root("LANLOOM_RUN", "/run/lanloom"), boot, cookie);
	if (first_namespace())
		snprintf(store->lasting, sizeof(store->lasting), "%.200s",
			 root("LANLOOM_LIB", "/var/lib/lanloom"));
	else
		snprintf(store->lasting, sizeof(store->lasting), "%s", store->folder);
	return 0;
}

/* The lock that is held is the file that has the name: `down` removes it while others wait. */
static bool lock_current(const struct store *store, const char *path)
{
	struct stat held, named;

	return fstat(store->lock_fd, &held) == 0 && stat(path, &named) == 0 &&
	       held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

static int lock_try(struct store *store, struct err *err)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/committed", store->folder);
	if (folder_make(path, err))
		return err->code;
	snprintf(path, sizeof(path), "%s/lock", store->folder);
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->lock_fd < 0)
		return err_errno(err, -errno, "cannot open %s", path);
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0 && lock_current(store, path))
		return 0;
	close(store->lock_fd);
	store->lock_fd = -1;
	err_set(err, -EWOULDBLOCK, "cannot lock %s: another lanloom is changing this host", path);
	return err_hint(err, "wait for it; %s/journal names what it does", store->folder);
}

static int lock(struct store *store, struct err *err)
{
	int r;

	for (int i = 0; (r = lock_try(store, err)) && i < LOCK_WAIT_S * 20; i++) {
		if (r != -EWOULDBLOCK && r != -ENOENT)
			return r;
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
	return r;
}

static int load_one(struct store *store, const char *path, struct err *err)
{
	struct committed *committed = arena_make(&store->arena, struct committed);
	struct text text TEXT_CLEANUP = {0};
	char *copy;

	if (file_read(path, COMMITTED_MOST, &text, err))
		return err->code;
	copy = arena_textn(&store->arena, text_get(&text), text.size);
	if (committed_get(copy, text.size, &store->arena, committed, err))
		return err_context(err, "%s", path);
	store->committed =
		arena_room(&store->arena, store->committed, store->len, sizeof(committed));
	store->committed[store->len++] = committed;
	return 0;
}

static int load(struct store *store, struct err *err)
{
	char path[600];
	struct dirent *entry;
	DIR *folder;
	int r = 0;

	snprintf(path, sizeof(path), "%s/committed", store->folder);
	folder = opendir(path);
	if (!folder)
		return errno == ENOENT ? 0 : err_errno(err, -errno, "cannot read %s", path);
	while (!r && (entry = readdir(folder))) {
		size_t size = strlen(entry->d_name);

		if (entry->d_name[0] == '.' ||
		    (size > 4 && strcmp(entry->d_name + size - 4, ".new") == 0))
			continue; /* a write that was cut off */
		snprintf(path, sizeof(path), "%s/committed/%s", store->folder, entry->d_name);
		r = load_one(store, path, err);
	}
	closedir(folder);
	return r;
}

int store_open(struct store *store, bool locked, struct err *err)
{
	int r;

	*store = (struct store){.lock_fd = -1};
	arena_init(&store->arena);
	r = folders(store, err);
	if (!r && locked)
		r = lock(store, err);
	if (!r && locked) {
		store_clean(store);
		store_sweep(store);
	}
	if (!r)
		r = load(store, err);
	if (r)
		store_close(store);
	return r;
}

int store_reload(struct store *store, struct err *err)
{
	store->len = 0;
	return load(store, err);
}

void store_close(struct store *store)
{
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	store->lock_fd = -1;
	arena_fini(&store->arena);
}

struct committed *store_committed(const struct store *store, const char *name)
{
	for (size_t i = 0; i < store->len; i++)
		if (text_same(store->committed[i]->name, name))
			return store->committed[i];
	return NULL;
}

/* A description's name is any text, often a path: its file is the escaped name, '/' too. */
static void committed_path(const struct store *store, const char *name, struct text *path)
{
	struct text escaped TEXT_CLEANUP = {0};

	record_escape(name, &escaped);
	text_add(path, "%s/committed/", store->folder);
	for (const char *at = text_get(&escaped); *at; at++) {
		/* ".new" at the end is that of a file that is being written */
		if (*at == '/' || (*at == '.' && at == text_get(&escaped)) ||
		    strcmp(at, ".new") == 0)
			text_add(path, "%%%02x", (unsigned char)*at);
		else
			text_addn(path, at, 1);
	}
}

static void forget_in_memory(struct store *store, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < store->len; i++)
		if (!text_same(store->committed[i]->name, name))
			store->committed[kept++] = store->committed[i];
	store->len = kept;
}

int store_commit(struct store *store, const struct committed *committed, struct err *err)
{
	struct text path TEXT_CLEANUP = {0};
	struct text bytes TEXT_CLEANUP = {0};
	int r;

	committed_path(store, committed->name, &path);
	committed_put(committed, &bytes);
	r = file_replace(text_get(&path), 0600, text_get(&bytes), bytes.size, err);
	if (r)
		return r;
	forget_in_memory(store, committed->name);
	return load_one(store, text_get(&path), err);
}

int store_forget(struct store *store, const char *name, struct err *err)
{
	struct text path TEXT_CLEANUP = {0};

	committed_path(store, name, &path);
	if (unlink(text_get(&path)) < 0 && errno != ENOENT)
		return err_errno(err, -errno, "cannot remove %s", text_get(&path));
	forget_in_memory(store, name);
	return 0;
}

void store_tidy(struct store *store)
{
	char path[300];

	if (store->len)
		return;
	snprintf(path, sizeof(path), "%s/committed", store->folder);
	if (rmdir(path) < 0)
		return;
	snprintf(path, sizeof(path), "%s/lock", store->folder);
	unlink(path);
	if (strcmp(store->folder, store->lasting) != 0) {
		snprintf(path, sizeof(path), "%s/name", store->folder);
		unlink(path);
	}
	rmdir(store->folder); /* stays while the history is in it */
}

/* `fixed` is lines of "KEY<tab>VALUE". */
const char *store_fixed(struct store *store, const char *key)
{
	struct text text TEXT_CLEANUP = {0};
	char path[300], *save = NULL;
	size_t size = strlen(key);
	struct err err;

	snprintf(path, sizeof(path), "%s/fixed", store->lasting);
	if (file_read(path, 1u << 20, &text, &err) || !text.size)
		return NULL;
	for (char *line = strtok_r(text.bytes, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, key, size) == 0 && line[size] == '\t')
			return arena_text(&store->arena, line + size + 1);
	return NULL;
}

int store_fix(struct store *store, const char *key, const char *value, struct err *err)
{
	struct text text TEXT_CLEANUP = {0};
	struct err ignored;
	char path[300];

	if (folder_make(store->lasting, err))
		return err->code;
	snprintf(path, sizeof(path), "%s/fixed", store->lasting);
	file_read(path, 1u << 20, &text, &ignored);
	text_add(&text, "%s\t%s\n", key, value);
	return file_replace(path, 0600, text_get(&text), text.size, err);
}
