/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Other programs' descriptions as ours. A format is one file: it walks the foreign text and says
 * what it found to an `import`, which becomes a description. What has no counterpart is named: a
 * warning with its file and line.
 */
#pragma once
#include "base/arena.h"
#include "base/diag.h"
#include "base/text.h"
#include "conf/yaml.h"
#include "model/state.h"

struct import_device {
	const char *name, *section; /* section NULL: nothing says what it is: a NIC */
	struct yaml_node *map;	    /* as the description has it */
	bool named;		    /* it is only spoken of (a port): nothing is said of itself */
};

struct import {
	struct arena *arena;
	struct diag *diag;
	const char *file; /* that is read now */
	uint32_t line;
	struct import_device *devices;
	size_t len;
};

struct import_format {
	const char *name;
	const char *place;  /* where its files are */
	const char *suffix; /* in a folder: which are meant; or NULL */
	const char *prefix;
	void (*read)(struct import *import, const char *bytes, size_t size);
	void (*finish)(struct import *import); /* after the last file; or NULL */
};

/* NULL-terminated. */
extern const struct import_format *const import_formats[];

/* What has no counterpart, at the line that is read now. */
void import_lacks(struct import *import, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The device of that name, made if need be. */
struct import_device *import_device(struct import *import, const char *name);
/* What it is; another word for the same device is told. */
void import_is(struct import *import, struct import_device *device, const char *section);

/* Sets a key ("parameters.stp"); later words win. */
void import_put(struct import *import, struct import_device *device, const char *key,
		const char *value);
/* Adds to a list ("addresses"); what stands there already is left. */
void import_add(struct import *import, struct import_device *device, const char *key,
		const char *value);
/* An item of routes and the like: pairs of key and value, NULL at the end; NULL values are left
 * out. */
void import_item(struct import *import, struct import_device *device, const char *key, ...)
	__attribute__((sentinel));

/* "10.0.0.1" and "255.255.255.0" or "24", or "10.0.0.1/24": with its prefix. NULL: it is none. */
const char *import_prefix(struct import *import, const char *address, const char *mask);

bool import_truth(const char *word); /* yes, on, true, 1 */

/* The next line, cut off the text, blanks around it taken away; lines that end in a backslash are
 * one. NULL: the end. */
char *import_line(struct import *import, char **text);

/*
 * Reads a file, or those of a folder (path NULL: the format's own), into a description. What is
 * wrong stands in diag; -errno: nothing was read.
 */
int import_text(const struct import_format *format, const char *path, const char *name,
		struct arena *arena, struct text *out, struct diag *diag);

/* A system's state as wishes: without what the kernel makes by itself, or has by default. */
void import_live(const struct state *actual, struct state *desired, struct diag *diag);
