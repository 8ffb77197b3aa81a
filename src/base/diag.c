/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static struct err *list_add(struct err **list, size_t *count, const struct err *err)
{
	struct err *grown = realloc(*list, (*count + 1) * sizeof(*grown));

	if (!grown) {
		fputs("lanloom: out of memory\n", stderr);
		abort();
	}
	*list = grown;
	grown[*count] = *err;
	return &grown[(*count)++];
}

void diag_fini(struct diag *diag)
{
	free(diag->errors);
	free(diag->warnings);
	*diag = (struct diag){0};
}

void diag_add(struct diag *diag, const struct err *err)
{
	list_add(&diag->errors, &diag->error_count, err);
}

void diag_warn(struct diag *diag, const struct err *err)
{
	list_add(&diag->warnings, &diag->warning_count, err);
}

static struct err make(struct place place, const char *object, const char *format, va_list args)
{
	struct err err = {.code = -EINVAL, .place = place};

	snprintf(err.object, sizeof(err.object), "%s", object ? object : "");
	vsnprintf(err.message, sizeof(err.message), format, args);
	text_tidy(err.object);
	text_tidy(err.message);
	return err;
}

struct err *diag_error(struct diag *diag, struct place place, const char *object,
		       const char *format, ...)
{
	va_list args;
	struct err err;

	va_start(args, format);
	err = make(place, object, format, args);
	va_end(args);
	return list_add(&diag->errors, &diag->error_count, &err);
}

struct err *diag_warning(struct diag *diag, struct place place, const char *object,
			 const char *format, ...)
{
	va_list args;
	struct err err;

	va_start(args, format);
	err = make(place, object, format, args);
	va_end(args);
	err.code = 0;
	return list_add(&diag->warnings, &diag->warning_count, &err);
}

static int by_place(const void *left, const void *right)
{
	const struct err *a = left, *b = right;
	int order = text_compare(a->place.file, b->place.file);

	if (!order)
		order = (a->place.line > b->place.line) - (a->place.line < b->place.line);
	if (!order)
		order = (a->place.column > b->place.column) - (a->place.column < b->place.column);
	if (!order)
		order = strcmp(a->message, b->message);
	/* what stands in no file is told apart by what it is about */
	return order || a->place.file ? order : strcmp(a->object, b->object);
}

static void list_sort(struct err *list, size_t *count)
{
	size_t kept = 0;

	if (!*count)
		return;
	qsort(list, *count, sizeof(*list), by_place);
	for (size_t i = 1; i < *count; i++)
		if (by_place(&list[kept], &list[i]) != 0)
			list[++kept] = list[i];
	*count = kept + 1;
}

void diag_sort(struct diag *diag)
{
	list_sort(diag->errors, &diag->error_count);
	list_sort(diag->warnings, &diag->warning_count);
}
