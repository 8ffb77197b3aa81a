/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One object as two lines: exact ("x"), and blurred ("b"), without what a new one gets anew. */
#pragma once
#include <libmnl/libmnl.h>
#include <stddef.h>

/* What becomes of an attribute: the last entry of a table is for all others. */
enum how { PRINT, SKIP, NUMBER, DEVICE, NEST, FLAGS };
struct rule {
	unsigned int type;
	enum how how;
	const struct rule *inner;
};
extern const struct rule look_link[], look_address[], look_route[], look_neighbour[], look_queue[],
	look_all[];

void look_die(const char *what);

void line_begin(const char *space, const char *object);
void line_exact(const char *word, unsigned int value); /* only where it is exact */
void line_both(const char *word, unsigned int value);
void line_bytes(const void *bytes, size_t len);
void line_device(unsigned int number); /* blurred: its name */
/* The message's attributes behind a header of this size, by a table; printed. MNL_CB_OK. */
int line_end(const struct nlmsghdr *message, size_t header, const struct rule *rules);
