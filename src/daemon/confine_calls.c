/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The filter of system calls. What is not in the list never happens: the kernel sends SIGSYS in its
 * place, whose handler says the call's number, since nobody else is told it, and calls something
 * forbidden once more. SIGSYS being blocked then, that ends the process. Calls of another
 * architecture (int 0x80 on x86-64) end it at once.
 */
#include "daemon/confine_calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "daemon/confine.h"

/* Only what is allowed in a handler, and in the filter. */
static void forbidden(int signal, siginfo_t *info, void *context)
{
	char line[64] = CONFINE_SAYS, digits[12];
	unsigned int number = (unsigned int)info->si_syscall;
	size_t size = sizeof(CONFINE_SAYS) - 1, n = 0;

	(void)signal, (void)context;
	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number && n < sizeof(digits));
	while (n)
		line[size++] = digits[--n];
	line[size++] = '\n';
	(void)!write(STDERR_FILENO, line, size);
	for (;;)
		syscall(SYS_kill, 0, SIGSYS);
}

static int listen_for_refusals(struct err *err)
{
	struct sigaction action = {.sa_sigaction = forbidden, .sa_flags = SA_SIGINFO};

	if (sigaction(SIGSYS, &action, NULL) < 0)
		return err_errno(err, -errno, "wait for SIGSYS");
	return 0;
}

static int allow(scmp_filter_ctx filter, const struct confine_call *call)
{
	struct scmp_arg_cmp tests[CONFINE_TESTS];

	for (unsigned int i = 0; i < call->len; i++) {
		const struct confine_test *test = &call->tests[i];

		tests[i] = (struct scmp_arg_cmp){
			.arg = test->argument,
			.op = SCMP_CMP_MASKED_EQ,
			.datum_a = test->mask,
			.datum_b = test->self ? (uint32_t)getpid() : test->value,
		};
	}
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call->number, call->len, tests);
}

static int fill(scmp_filter_ctx filter)
{
	int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	/* What an older kernel or library does not know makes no difference to what is allowed. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	/* All threads of a worker's lanes, which are there by now. */
	if (!r)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	/* Before Linux 5.16 a filter would turn on a mitigation for foreign code, which costs
	 * speed. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; !r && i < confine_calls_len; i++)
		r = allow(filter, &confine_calls[i]);
	return r;
}

int confine_calls_take(struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	int r = filter ? fill(filter) : -ENOMEM;

	if (!r && listen_for_refusals(err))
		r = err->code;
	if (!r)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r ? err_errno(err, r, "filter system calls") : 0;
}

void confine_call_name(int number, char name[32])
{
	char *found = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	snprintf(name, 32, "%s", found ? found : "unknown");
	free(found);
}
