/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a description last promised. This, and nothing in the kernel, says what is ours: an object
 * we made, or a key we set on somebody else's object together with the value it had before.
 */
#pragma once
#include "model/state.h"

enum claim {
	CLAIM_MADE,   /* we created it: it goes when the text no longer has it */
	CLAIM_SET,    /* it is somebody's: `prior` holds what the fields set here were before */
	CLAIM_SHARED, /* it stood there just so before us: it stays */
	CLAIM_TAKEN,  /* somebody's object that a step of ours took along: put back at the end */
	CLAIM_COUNT
};

extern const char *const claim_words[CLAIM_COUNT + 1];

struct entry {
	enum claim claim;
	struct object *object; /* as desired; FIELD_IDENT fields as read after the commit */
	struct object *prior;  /* CLAIM_SET: the old values of object->set; else NULL */
};

struct committed {
	const char *name; /* the description's */
	const char *file; /* real path, "-" or "" (by-hand) */
	bool keep;	  /* `keep: true`: the keeper mends what others change */
	struct arena *arena;
	struct entry *entries; /* in object_order */
	size_t len;
};

struct entry *committed_find(const struct committed *committed, const struct object *like);
void committed_add(struct committed *committed, enum claim claim, const struct object *object,
		   const struct object *prior);
void committed_sort(struct committed *committed);

/* As lines: "made RECORD", "set RECORD" followed by "prior RECORD"; a header line before. */
void committed_put(const struct committed *committed, struct text *out);
int committed_get(const char *text, size_t size, struct arena *arena, struct committed *committed,
		  struct err *err);
