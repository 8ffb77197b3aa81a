/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls by their numbers, all there are and some more, each by a process of its own behind the
 * filter alone. Arguments are -1, so that a call which gets through harms nobody.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/confine.h"
#include "daemon/confine_calls.h"
#include "system/probe.h"

#define NUMBERS 600	   /* a fifth more than Linux 6.18 has */
#define X32_BIT 0x40000000 /* the same, as a program of the x32 kind calls them */
#define X32_STEP 40	   /* a sample of those */
#define ARGUMENTS 6

/* Does the call, and says how that ended: the process's status. */
static int call(long number, const long arguments[ARGUMENTS])
{
	const long *a = arguments;
	pid_t child = fork();
	struct err err;
	int status;

	if (child == 0) {
		/* what it says of itself is not wanted */
		close(STDERR_FILENO);
		if (confine_process("probe", CONFINE_CALLS, &err))
			abort();
		syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
		_exit(0);
	}
	waitpid(child, &status, 0);
	return status;
}

static bool is_refused(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static void try_number(long number)
{
	static const long nothing[ARGUMENTS] = {-1, -1, -1, -1, -1, -1};
	char name[32];

	confine_call_name((int)number, name);
	printf("%s %ld %s\n", is_refused(call(number, nothing)) ? "refused" : "passed", number,
	       name);
}

static bool holds(const struct confine_test *test, const long arguments[ARGUMENTS])
{
	uint32_t value = test->self ? (uint32_t)getpid() : test->value;

	return ((uint32_t)arguments[test->argument] & test->mask) == value;
}

/* Is it permitted by any line of the list? The process that calls has another id than this one. */
static bool is_permitted(int number, const long arguments[ARGUMENTS])
{
	bool permitted = false;

	for (size_t i = 0; i < confine_calls_len; i++) {
		const struct confine_call *one = &confine_calls[i];
		bool all = one->number == number;

		for (unsigned int j = 0; j < one->len; j++)
			all = all && !one->tests[j].self && holds(&one->tests[j], arguments);
		permitted |= all;
	}
	return permitted;
}

/* All conditions hold but one, in which one bit is wrong. */
static void try_condition(const struct confine_call *one, unsigned int wrong)
{
	char name[32];

	confine_call_name(one->number, name);
	for (int bit = 0; bit < 32; bit++) {
		long arguments[ARGUMENTS] = {-1, -1, -1, -1, -1, -1};

		if (!(one->tests[wrong].mask & 1U << bit))
			continue;
		for (unsigned int i = 0; i < one->len; i++)
			arguments[one->tests[i].argument] = (long)one->tests[i].value;
		arguments[one->tests[wrong].argument] ^= 1L << bit;
		if (!is_permitted(one->number, arguments))
			printf("%s %u.%d %s\n",
			       is_refused(call(one->number, arguments)) ? "refused" : "passed",
			       one->tests[wrong].argument, bit, name);
	}
}

int probe_sweep(void)
{
	for (long number = 0; number < NUMBERS; number++)
		try_number(number);
#ifdef __x86_64__
	for (long number = 0; number < NUMBERS; number += X32_STEP)
		try_number(number | X32_BIT);
#endif
	return 0;
}

int probe_conditions(void)
{
	for (size_t i = 0; i < confine_calls_len; i++)
		for (unsigned int j = 0; j < confine_calls[i].len; j++)
			if (confine_calls[i].number >= 0 && !confine_calls[i].tests[j].self)
				try_condition(&confine_calls[i], j);
	return 0;
}
