/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For kinds with messages of their own (DOOR_OWN) whose attributes are flat: the table says which
 * field is which attribute, these walk it. What stands in the message's header, and what needs
 * more than its type's own way, the kind does itself.
 */
#pragma once
#include "model/refusal.h"

struct site;

/*
 * Fills the fields of `object` that have an attribute in `attrs` (`count` of them, as nl_attrs
 * makes them). One that its type cannot read stays unset.
 */
void message_get(struct object *object, const struct nlattr *const *attrs, size_t count,
		 const struct site *site, struct arena *arena);

/* Puts the set fields that have an attribute, and notes each. -ENODEV: a device is not there. */
int message_put(struct nlmsghdr *message, const struct object *object, const struct site *site,
		struct sent *sent);

/*
 * Sends a step's message. `gone_code`: what the kernel says to the deletion of what is not there
 * (besides -ENODEV), which is no error. Otherwise refusals are told in words. 0 or -errno.
 */
struct step;
int message_send(struct nlmsghdr *message, const struct step *step, const struct sent *sent,
		 int gone_code, struct site *site, struct err *err);
