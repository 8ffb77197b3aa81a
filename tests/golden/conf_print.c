/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prints what loading a description gives: the records of each host, then warnings and errors.
 *
 *	conf_print FILE [HOST]
 *
 * Key files are played: /golden/X.key holds a key whose public half is 32 times the byte X, and
 * /golden/denied.key cannot be read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "model/record.h"

static int played_key(void *data, const char *path, struct public_key *key, struct err *err)
{
	if (strncmp(path, "/golden/", 8) != 0)
		return err_errno(err, -ENOENT, "%s", path);
	if (strcmp(path, "/golden/denied.key") == 0)
		return err_errno(err, -EACCES, "%s", path);
	memset(key->bytes, path[8], sizeof(key->bytes));
	return 0;
}

static void print_state(const struct state *state)
{
	for (size_t i = 0; i < state->len; i++) {
		struct text text TEXT_CLEANUP = {0};

		record_put(state->objects[i], &text);
		printf("%s\n", text_get(&text));
	}
}

static void print_err(const char *severity, const struct err *err)
{
	if (err->place.file)
		printf("%s:%u:%u: ", err->place.file, err->place.line, err->place.column);
	printf("%s%s%s%s\n", severity, err->object, err->object[0] ? ": " : "", err->message);
	if (err->hint[0])
		printf("try: %s\n", err->hint);
}

static void print_all(const struct description *description)
{
	const char *name = strrchr(description->name, '/');

	printf("name %s\n", name ? name + 1 : description->name);
	if (description->keep)
		printf("keep\n");
	if (!description->host_count)
		print_state(&description->desired);
	for (size_t i = 0; i < description->host_count; i++) {
		printf("host %s%s\n", description->hosts[i],
		       text_same(description->hosts[i], description->host) ? ", chosen" : "");
		print_state(&description->states[i]);
	}
}

int main(int argc, char **argv)
{
	struct conf_request request = {.public_of = played_key};
	struct description description;
	struct diag diag = {0};
	struct arena arena;
	int r;

	if (argc < 2)
		return 2;
	request.path = argv[1];
	request.host = argc > 2 ? argv[2] : NULL;
	request.keys_needed = getenv("KEYS_NEEDED") != NULL;
	arena_init(&arena);
	r = conf_load(&request, &arena, &description, &diag);
	if (!r)
		print_all(&description);
	for (size_t i = 0; i < diag.warning_count; i++)
		print_err("warning: ", &diag.warnings[i]);
	for (size_t i = 0; i < diag.error_count; i++)
		print_err("", &diag.errors[i]);
	if (diag.error_count)
		printf("%zu errors\n", diag.error_count);
	r = !r == !diag.error_count ? 0 : 3; /* what is returned and what is told must agree */
	diag_fini(&diag);
	arena_fini(&arena);
	return r;
}
