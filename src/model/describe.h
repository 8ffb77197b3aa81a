/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables and objects in the form in which they are shown: JSON, whose names are the description's
 * keys. Help, manual, completion and text output are made from these documents, so what a table
 * says is said in one place. All functions return a new reference.
 */
#pragma once
#include <jansson.h>

#include "model/object.h"

/* A kind: name, section, mode, summary, config, module, owner, keys, lists. */
json_t *describe_kind(const struct kind *kind);

/* A text that is UTF-8 whatever the bytes: others are written \xNN (a device's name may have any).
 */
json_t *describe_text(const char *text);

/* One value, in its type's shape; a truth is true, not "true". */
json_t *describe_value(const struct object *object, unsigned int i);

/* {"file","line","column"}; null where there is none. */
json_t *describe_place(struct place place);

/*
 * The set fields of an object that have none of the flags `without`, added to `to`:
 * "parameters.stp" becomes {"parameters":{"stp":…}}. What `to` has already stays.
 */
void describe_fields(const struct object *object, unsigned int without, json_t *to);
