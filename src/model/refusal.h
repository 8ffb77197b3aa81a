/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a refusal of the kernel to the line of the description that caused it: while a message is
 * made, one notes which bytes come from which field of which object; the kernel names a byte, or
 * at least says some words.
 */
#pragma once
#include "model/object.h"
#include "sys/nl_sock.h"

#define SENT_MAX                                                                                   \
	160 /* parts of a message: both ends of a veth with all their fields, and to spare */

struct sent {
	struct {
		const struct object *object;
		uint32_t start, end; /* bytes of the message */
		uint8_t field;
	} parts[SENT_MAX];
	size_t len;
};

/* Notes that the bytes from `start` to the message's present end come from a field. */
void sent_note(struct sent *sent, const struct object *object, unsigned int field, uint32_t start,
	       const struct nlmsghdr *message);

/* The field a refusal means; false: it does not say. NULL refusal: it does not. */
bool sent_find(const struct sent *sent, const struct nl_refusal *refusal,
	       const struct object **object, unsigned int *field);

/*
 * Words a refusal: names the field, or where nobody knows which, what was to be done ("make it")
 * and all that was asked. Sets object and place. `object`: what the step is about. Returns code.
 */
int refusal_tell(struct err *err, int code, const struct nl_refusal *refusal,
		 const struct sent *sent, const struct object *object, const char *doing);

/* The same where the field is known (found by trying one after the other). */
int refusal_tell_field(struct err *err, int code, const struct nl_refusal *refusal,
		       const struct object *object, unsigned int field);
