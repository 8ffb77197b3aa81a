/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a description to a state: YAML with places, the kinds' tables, the short forms written
 * out, the rules checked. Everything here walks the tables; no kind is known by name. All faults
 * of a file are gathered, each with its place and, where there is one, the way out (err.hint).
 */
#pragma once
#include "base/diag.h"
#include "model/state.h"

/* More than this of a file is refused (bytes, nodes, levels, bytes of one scalar, entries of one
 * map or list, hosts, objects of one host): each with a message that names the limit. */
enum {
	CONF_FILE_MAX = 8 << 20,
	CONF_NODES_MAX = 250000,
	CONF_DEPTH_MAX = 32,
	CONF_SCALAR_MAX = 64 << 10,
	CONF_ENTRIES_MAX = 20000,
	CONF_HOSTS_MAX = 256,
	CONF_OBJECTS_MAX = 100000,
	CONF_ERRORS_MAX = 1000, /* what is told of one file */
};

struct conf_request {
	const char *path; /* the file; "-": standard input; with `text`: its name in messages */
	const char *text; /* the content, where the caller has it; NULL: read `path` */
	size_t size;	  /* of text */
	const char *name; /* the description's, where the text says none; NULL: the real path */
	const char *host; /* which of the hosts is meant; NULL: all are checked, none chosen */

	/*
	 * The public half of the private key in a file (-errno: why not), and the digest of a key
	 * that two ends share. NULL: key files are not looked at. `keys_needed`: a key file that
	 * cannot be read is an error, else a warning.
	 */
	int (*public_of)(void *data, const char *path, struct public_key *key, struct err *err);
	int (*digest_of)(void *data, const char *path, struct public_key *digest, struct err *err);
	void *data;
	bool keys_needed;
};

struct description {
	const char *name;     /* `name:`, or the file's real path */
	const char *file;     /* real path, or "-" */
	bool keep;	      /* `keep: true` */
	size_t host_count;    /* 0: the file has no `hosts:` */
	const char **hosts;   /* their names, in the file's order */
	const char *host;     /* the chosen one, as the file has it; NULL: none */
	struct state desired; /* sorted: of the chosen host, or of a file without hosts */
	struct state *states; /* sorted: of each host */
};

/*
 * Reads, expands and checks a description. Everything in `out` lives in `arena`. 0, or -errno with
 * at least one error in diag (sorted); warnings may be there either way. `out` is only whole when 0
 * is returned.
 */
int conf_load(const struct conf_request *request, struct arena *arena, struct description *out,
	      struct diag *diag);

/*
 * `add KIND NAME KEY=VALUE…` and `set NAME KEY=VALUE…`: parses into `state` what the words say.
 * NAME may be "namespace/name". Nested keys are dotted (parameters.stp=true), lists are joined by
 * commas (addresses=10.0.0.1/24,10.0.0.2/24), and a value that begins with [ or { is read as YAML.
 * A key that `state` had for this object gets the new value, a list written here replaces that
 * list. conf_add: KIND is a kind's name or section; -EEXIST when `state` has such an object.
 * conf_set: the object must be in `state` (-ENOENT). Expanded and checked like a file; `state` is
 * sorted afterwards, and unchanged when something is wrong. Errors go to diag.
 */
int conf_add(const char *kind, const char *name, const char *const *arguments, size_t count,
	     struct state *state, struct diag *diag);
int conf_set(const char *name, const char *const *arguments, size_t count, struct state *state,
	     struct diag *diag);
/* `del NAME`: the object and what hangs on it (children, companion, made other ends) leaves
 * `state`. */
int conf_del(const char *name, struct state *state, struct diag *diag);
/*
 * What is KIND_MADE, made anew into `out`, which is initialized, with copies of all in `state` that
 * is not. What cannot be made is left out.
 */
void conf_remake(const struct state *state, struct state *out);

/*
 * Prints a sorted state as a description. Loading it gives the same state again. What only the
 * kernel says is left out; so is what belongs to no device of the state.
 */
void conf_save(const struct state *state, const char *name, struct text *out);
