/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

int err_set(struct err *err, int code, const char *format, ...)
{
	va_list args;

	*err = (struct err){.code = code};
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	text_tidy(err->message);
	return code;
}

int err_errno(struct err *err, int code, const char *format, ...)
{
	va_list args;
	size_t used;

	*err = (struct err){.code = code};
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	used = strlen(err->message);
	snprintf(err->message + used, sizeof(err->message) - used, ": %s", strerror(-code));
	text_tidy(err->message);
	return code;
}

int err_context(struct err *err, const char *format, ...)
{
	char inner[sizeof(err->message)];
	va_list args;
	size_t used;

	memcpy(inner, err->message, sizeof(inner));
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	used = strlen(err->message);
	snprintf(err->message + used, sizeof(err->message) - used, ": %s", inner);
	text_tidy(err->message);
	return err->code;
}

int err_hint(struct err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->hint, sizeof(err->hint), format, args);
	va_end(args);
	text_tidy(err->hint);
	return err->code;
}

int err_at(struct err *err, const char *object, struct place place)
{
	if (!err->object[0] && object)
		snprintf(err->object, sizeof(err->object), "%s", object);
	text_tidy(err->object);
	if (!err->place.file)
		err->place = place;
	return err->code;
}
