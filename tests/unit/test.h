/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A unit test is a program: it says CHECK as often as it likes inside functions run by TEST, and
 * prints TAP. One point per function; a failed CHECK names file, line and expression, and the
 * function goes on, so that one run shows all that is wrong.
 */
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int test_count, test_failures, test_bad;

#define CHECK(expression)                                                                          \
	do {                                                                                       \
		if (!(expression)) {                                                               \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #expression);                  \
			test_bad++;                                                                \
		}                                                                                  \
	} while (0)

#define CHECK_TEXT(have, want)                                                                     \
	do {                                                                                       \
		const char *have_ = (have), *want_ = (want);                                       \
		if (!have_ || strcmp(have_, want_) != 0) {                                         \
			printf("# %s:%d: have \"%s\", want \"%s\"\n", __FILE__, __LINE__,          \
			       have_ ? have_ : "(null)", want_);                                   \
			test_bad++;                                                                \
		}                                                                                  \
	} while (0)

#define TEST(function)                                                                             \
	do {                                                                                       \
		test_bad = 0;                                                                      \
		function();                                                                        \
		test_failures += test_bad != 0;                                                    \
		printf("%sok %d - %s\n", test_bad ? "not " : "", ++test_count, #function);         \
		fflush(stdout);                                                                    \
	} while (0)

/* The last statement of main: prints the plan, gives the exit code. */
static inline int test_done(void)
{
	printf("1..%d\n", test_count);
	return test_failures != 0;
}
