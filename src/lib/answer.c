/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an operation answers: a document with, where something is wrong, `errors` and `warnings`. */
#include "lib/lib.h"
#include "model/describe.h"

void answer_init(struct answer *answer)
{
	*answer = (struct answer){.json = json_object()};
}

enum loom_status answer_fail(struct answer *answer, const struct err *err)
{
	diag_add(&answer->diag, err);
	if (answer->status != LOOM_PARTIAL)
		answer->status = LOOM_FAILED;
	return LOOM_FAILED;
}

enum loom_status answer_usage(struct answer *answer, const struct err *err)
{
	answer_fail(answer, err);
	answer->status = LOOM_USAGE;
	return LOOM_USAGE;
}

void answer_take(struct answer *answer, struct diag *diag)
{
	for (size_t i = 0; i < diag->error_count; i++)
		answer_fail(answer, &diag->errors[i]);
	for (size_t i = 0; i < diag->warning_count; i++)
		diag_warn(&answer->diag, &diag->warnings[i]);
}

static json_t *err_describe(const struct err *err)
{
	json_t *json = json_object();

	if (err->place.file) {
		json_object_set_new(json, "file", describe_text(err->place.file));
		json_object_set_new(json, "line", json_integer(err->place.line));
		if (err->place.column) /* of a file of another program only lines may be known */
			json_object_set_new(json, "column", json_integer(err->place.column));
	}
	if (err->object[0])
		json_object_set_new(json, "object", describe_text(err->object));
	json_object_set_new(json, "message", describe_text(err->message));
	if (err->hint[0])
		json_object_set_new(json, "try", describe_text(err->hint));
	return json;
}

static void list_add(json_t *to, const char *key, const struct err *errs, size_t count)
{
	json_t *list = json_object_get(to, key);

	if (!list && count) {
		list = json_array();
		json_object_set_new(to, key, list);
	}
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, err_describe(&errs[i]));
}

enum loom_status answer_end(struct answer *answer, struct loom_doc **doc)
{
	diag_sort(&answer->diag);
	list_add(answer->json, "errors", answer->diag.errors, answer->diag.error_count);
	list_add(answer->json, "warnings", answer->diag.warnings, answer->diag.warning_count);
	diag_fini(&answer->diag);
	*doc = doc_of(answer->json);
	answer->json = NULL;
	return answer->status;
}

void answer_drop(struct answer *answer)
{
	diag_fini(&answer->diag);
	json_decref(answer->json);
	answer->json = NULL;
}

void answer_merge(struct answer *answer, struct answer *part)
{
	const char *key;
	json_t *value, *there;

	json_object_foreach(part->json, key, value)
	{
		there = json_object_get(answer->json, key);
		if (json_is_array(there) && json_is_array(value))
			json_array_extend(there, value);
		else
			json_object_set(answer->json, key, value);
	}
	answer_take(answer, &part->diag);
	if (part->status == LOOM_PARTIAL)
		answer->status = LOOM_PARTIAL;
	answer_drop(part);
}
