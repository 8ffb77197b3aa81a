/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A YAML file as a tree whose every node knows where it stood. The profile is strict: one
 * document; no tags, anchors, aliases, merge keys or duplicate keys; sizes and depth bounded.
 * A plain scalar is its text: what it means is for the field that takes it to say.
 */
#pragma once
#include "base/arena.h"
#include "base/diag.h"
#include "base/text.h"

enum yaml_shape { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_shape shape;
	bool plain;   /* a scalar without quotes */
	uint32_t len; /* children */
	struct place place;
	const char *text;      /* a scalar's; no NUL inside */
	struct yaml_node *key; /* in a map: the scalar before the colon */
	struct yaml_node *first, *last, *next;
};

/*
 * Reads bytes into a tree in `arena`. `file` names them in places and lives as long as the tree;
 * NULL for a command line's argument. -EINVAL: errors in diag, *root untouched.
 */
int yaml_read(const char *file, const char *bytes, size_t size, struct arena *arena,
	      struct yaml_node **root, struct diag *diag);

bool yaml_null(const struct yaml_node *node);	     /* nothing, `~` or `null` behind the colon */
const char *yaml_word(const struct yaml_node *node); /* "a list", "a map", "a value", "nothing" */
struct yaml_node *yaml_get(const struct yaml_node *map, const char *key); /* NULL: not there */

/* Building by hand (merging, arguments). The child is changed; a node has one parent. */
struct yaml_node *yaml_make(struct arena *arena, enum yaml_shape shape, struct place place);
struct yaml_node *yaml_scalar(struct arena *arena, const char *text, struct place place);
void yaml_append(struct yaml_node *parent, struct yaml_node *key, struct yaml_node *child);

/* Puts a node where a dotted key leads, making maps on the way. False: something stands there. */
bool yaml_put(struct yaml_node *map, const char *key, struct yaml_node *node, struct arena *arena);

/*
 * Prints a tree as a file, for people: short maps and lists in one line. Reading it gives the same
 * tree; texts that another reader would take for a number or a truth are quoted. A scalar that is
 * `plain` is printed as it is.
 */
void yaml_write(const struct yaml_node *root, struct text *out);

/*
 * Root and host as one map: maps merge key by key, lists join, a scalar of `over` wins; the same
 * scalar in both lists comes once. Neither is changed, though unmerged parts are shared. Two
 * shapes that cannot be one are an error.
 */
struct yaml_node *yaml_merge(const struct yaml_node *under, const struct yaml_node *over,
			     struct arena *arena, struct diag *diag);

/* What libyaml says, in plain words, for the bytes it said it about. Hint: "" where there is none.
 */
void yaml_explain(const char *problem, const char *context, const char *line, size_t column,
		  struct err *err);
