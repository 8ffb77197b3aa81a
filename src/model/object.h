/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An object is one thing of a kind: the kind's struct, a mask of the fields that are set, and
 * where each came from. Unset is not a value: a field nobody wrote is never compared. Objects are
 * owned by the arena of their state; nothing inside one is.
 */
#pragma once
#include "model/kind.h"

struct object {
	const struct kind *kind;
	const char *ns; /* namespace: "" is the caller's */
	uint64_t set;	/* bit i: kind_field(kind, i) has a value */
	bool automatic; /* the kernel made it by itself (fe80::, RA): shown, never planned or missed
			 */
	struct place place;   /* of the object */
	struct place *places; /* of its fields, or NULL */
	void *data;	      /* kind->size bytes */
};

struct object *object_make(struct arena *arena, const struct kind *kind, const char *ns);
struct object *object_copy(struct arena *arena, const struct object *object);

/* Values by field number … */
static inline bool object_has(const struct object *object, unsigned int i)
{
	return object->set >> i & 1;
}
/* The field i of `kind`, that is: two kinds of one base have the base's fields in common. */
bool object_has_of(const struct object *object, const struct kind *kind, unsigned int i);
void *object_at(const struct object *object, unsigned int i);
int object_parse(struct object *object, unsigned int i, const char *text, struct place place,
		 struct arena *arena, struct err *err);
void object_print(const struct object *object, unsigned int i, struct text *out);
void object_write(const struct object *object, unsigned int i,
		  struct text *out); /* as records have it */
struct place object_place(const struct object *object,
			  unsigned int i); /* the object's, if it has none */
bool object_place_own(const struct object *object, unsigned int i); /* somebody wrote it */
void object_take(struct object *to, unsigned int i, const struct object *from, unsigned int j,
		 struct arena *arena); /* copies one value; types must be equal */

/* … and by key, for those who do not know the kind. NULL, 0, false: unset or no such key. */
const char *object_text(const struct object *object, const char *key);
int64_t object_number(const struct object *object, const char *key, int64_t otherwise);
/* What a device of ours has in field i where the text is silent; NULL: nobody knows. One that is
 * left `bare` has what the kernel gives it. */
const char *object_initial(const struct object *object, unsigned int i);
const void *object_value(const struct object *object, const char *key, const struct vtype *type);
struct place object_place_of(const struct object *object, const char *key);
bool object_has_key(const struct object *object, const char *key);
/* Sets from text that is known to be right (expansion): a wrong one aborts. */
void object_set(struct object *object, const char *key, const char *text, struct arena *arena);
/*
 * Sets from text as read, from the kernel or from what we wrote down: what people may not write is
 * taken, too. What its type cannot hold leaves it unset: -errno.
 */
int object_recall(struct object *object, const char *key, const char *text, struct arena *arena);
int object_parse_any(struct object *object, unsigned int i, const char *text, struct arena *arena,
		     struct err *err);

/* Namespace, rank, root kind, then the keys. 0: the same thing (values may differ). */
int object_order(const struct object *a, const struct object *b);

/* Fields set in `want` that `have` lacks or has otherwise; keys, READ, ASIDE, COUNTS, FACE never.
 */
uint64_t object_differs(const struct object *want, const struct object *have);

/* True when some FIELD_IDENT is set in both and differs: another incarnation. */
bool object_other(const struct object *a, const struct object *b);

/* What stands before its name in messages: "br0", "ns1/br0", "address 10.0.0.1/24 on br0". */
const char *object_label(const struct object *object, struct arena *arena);

/* Its name, or of what has none the device it is told by (a port): what others stand on. */
const char *object_title(const struct object *object);
/* The device it belongs to: the FIELD_OWNER key. NULL: none. */
const char *object_owner(const struct object *object);
const char *object_name(const struct object *object); /* the key `name` */
