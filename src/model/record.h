/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one codec for objects: journal, committed states, history, the keeper's socket and
 * `show --full` all use it. A record is a line of text:
 *
 *	bridge ns1/ name=br0 mtu=1400 parameters.stp=false
 *
 * kind, namespace and '/', then key=value for every set field in table order. Values are printed
 * by their type; bytes outside 0x21…0x7e, '%' and '=' are written %XX. No record holds a secret:
 * a key is its path and its public half.
 */
#pragma once
#include "model/object.h"

void record_put(const struct object *object, struct text *out); /* without a newline */

/* Reads one line. -EINVAL: not a record (names the word); unknown kinds and keys are errors. */
int record_get(const char *line, size_t size, struct arena *arena, struct object **object,
	       struct err *err);

/*
 * As record_get, of what was read and written down by ourselves: the limits of what people may
 * write do not hold for it (an MTU of 65536, a MAC of zeros: lo has both).
 */
int record_recall(const char *line, size_t size, struct arena *arena, struct object **object,
		  struct err *err);

void record_escape(const char *text, struct text *out);
/* One word of a line, unescaped, from *at on; NULL: the line ends, or an escape is broken. */
char *record_word(const char *line, size_t size, size_t *at, struct arena *arena);
