/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All that is wrong at once: loading and checking go on after a fault and gather here. Errors and
 * warnings are `struct err`; only errors make a run fail.
 */
#pragma once
#include "base/err.h"

struct diag {
	struct err *errors;
	size_t error_count;
	struct err *warnings;
	size_t warning_count;
};

void diag_fini(struct diag *diag);
void diag_add(struct diag *diag, const struct err *err);
void diag_warn(struct diag *diag, const struct err *err);

/* Sorted by file, line and column; the same message at the same place stays once. */
void diag_sort(struct diag *diag);

/* diag_error(diag, place, object, format, …): the usual case in one call; returns the stored err,
 * so that a hint may be added: err_hint(diag_error(…), …). Valid until the next call on diag. */
struct err *diag_error(struct diag *diag, struct place place, const char *object,
		       const char *format, ...) __attribute__((format(printf, 4, 5)));
struct err *diag_warning(struct diag *diag, struct place place, const char *object,
			 const char *format, ...) __attribute__((format(printf, 4, 5)));
