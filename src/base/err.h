/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors are values: a function that can fail returns 0 or -errno and takes `struct err *` last.
 * The text is set where the fault is found and gets context on the way up ("bridge br0: …").
 * Nothing here allocates, so that an error can be told when memory is what is missing. Whatever is
 * quoted, the texts are UTF-8 without controls (text_tidy): what a file says cannot steer the
 * terminal that shows it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where in a description something stands. file NULL: nowhere (a command line, the kernel). */
struct place {
	const char *file; /* lives as long as the description that was loaded */
	uint32_t line;	  /* from 1 */
	uint32_t column;  /* from 1 */
};

struct err {
	int code;	    /* -errno, 0: no error */
	struct place place; /* the line that caused it, if one did */
	char object[80];    /* "br0", "ns1/tap2": what it is about, or "" */
	char message[420];  /* what is wrong; what was expected */
	char hint[220];	    /* a way out, shown behind "try: ", or "" */
};

/* Sets code and message (printf form); clears the rest. Returns code, so: return err_set(…). */
int err_set(struct err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* As err_set, the message ending in the words for errno `code`: "open /dev/net/tun: Permission
 * denied". */
int err_errno(struct err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " before the message; returns the code it holds. */
int err_context(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets the way out. Returns the code it holds. */
int err_hint(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Names the object and the place it came from, where none is set yet. Returns the code it holds. */
int err_at(struct err *err, const char *object, struct place place);
