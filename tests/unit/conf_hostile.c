/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files made to hurt: each is refused in less than a second and within 64 MiB, with one clear
 * message that says what is too much. Every case runs in a child whose processor time and peak
 * memory are measured.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "unit/test.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static struct text text;

static void repeat(const char *part, size_t times)
{
	size_t size = strlen(part);

	for (size_t i = 0; i < times; i++)
		text_addn(&text, part, size);
}

/* Loads `text`, which has to be refused; prints the first message. In the child. */
static int refuse(int out)
{
	struct conf_request request = {
		.path = "hostile.yaml", .text = text_get(&text), .size = text.size};
	struct description description;
	struct diag diag = {0};
	struct arena arena;
	int r;

	arena_init(&arena);
	r = conf_load(&request, &arena, &description, &diag);
	if (diag.error_count)
		dprintf(out, "%zu %s", diag.error_count, diag.errors[0].message);
	return r == 0;
}

static double seconds(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
	       (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

/* The first message contains `expected`; at most `most` errors were told. */
static void check_refused(const char *expected, unsigned int most)
{
	double limit = SANITIZED ? 20 : 1;
	struct rusage used;
	char message[600] = "";
	int pipes[2], status;
	ssize_t size;
	pid_t child;

	CHECK(pipe(pipes) == 0);
	child = fork();
	if (!child)
		_exit(refuse(pipes[1]));
	close(pipes[1]);
	size = read(pipes[0], message, sizeof(message) - 1);
	close(pipes[0]);
	CHECK(size > 0);
	CHECK(wait4(child, &status, 0, &used) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CHECK(seconds(&used) < limit);
	if (!SANITIZED)
		CHECK(used.ru_maxrss < 64 << 10);
	CHECK(strstr(message, expected) != NULL);
	CHECK(strtoul(message, NULL, 10) <= most);
	if (!strstr(message, expected))
		printf("# have \"%s\", want \"%s\"\n", message, expected);
	printf("# %zu bytes: %.3f s, %ld KiB\n", text.size, seconds(&used), used.ru_maxrss);
	text_fini(&text);
}

static void two_million_brackets(void)
{
	repeat("[", 2000000);
	check_refused("nested more than 32 deep", 1);
	repeat("a: ", 1);
	repeat("{a: ", 500000);
	check_refused("nested more than 32 deep", 1);
	repeat("[\n", 1000000);
	check_refused("nested more than 32 deep", 1);
	repeat("- ", 2000000);
	check_refused("nested more than 32 deep", 1);
	repeat("? ", 2000000);
	check_refused("a key is a map or a list", 1);
}

static void alias_bomb(void)
{
	repeat("a: &a [x, x, x, x, x, x, x, x, x]\n", 1);
	repeat("b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n", 1);
	repeat("c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n", 1);
	repeat("d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\n", 1);
	check_refused("anchors (&) are not part of a description", 100);
	repeat("a: *x\n", 1000000);
	check_refused("aliases (*) are not part of a description", CONF_ERRORS_MAX);
	repeat("- &a x\n", 1000000);
	check_refused("anchors (&) are not part of a description", CONF_ERRORS_MAX);
}

static void strange_bytes(void)
{
	text_addn(&text, "taps: {a\0b: {}}", 15);
	check_refused("a NUL byte (0x00) stands here", 1);
	repeat("taps: {a\xff: {}}", 1);
	check_refused("a byte that is not UTF-8 (0xff)", 1);
	repeat("taps: {a\xc0\x80: {}}", 1); /* overlong NUL */
	check_refused("a byte that is not UTF-8 (0xc0)", 1);
	repeat("taps: {a\xed\xa0\x80: {}}", 1); /* surrogate */
	check_refused("a byte that is not UTF-8 (0xed)", 1);
	repeat("taps: {a\x1b[31m: {}}", 1);
	check_refused("a control character (0x1b)", 1);
	repeat("\xff\xfet\0a", 1); /* UTF-16 */
	check_refused("a byte that is not UTF-8 (0xff)", 1);
	repeat("taps: {tap0: {alias: \xe2\x82", 1); /* cut off */
	check_refused("a byte that is not UTF-8 (0xe2)", 1);
}

static void long_things(void)
{
	repeat("taps: {t: {alias: \"", 1);
	repeat("x", (8 << 20) - 100);
	repeat("\"}}", 1);
	check_refused("one value is longer than 65536 bytes", 1);
	repeat("x", 8 << 20);
	check_refused("one value is longer than 65536 bytes", 1);
	repeat("x", (8 << 20) + 1);
	check_refused("the file is larger than 8 MiB", 1);
	repeat("taps: {t: {alias: |\n", 1);
	repeat("\n", (8 << 20) - 100);
	check_refused("", 1);
	repeat("# comment\n", 800000);
	check_refused("the file is empty", 1);
	repeat("taps: '", 1);
	repeat("x ", 4000000);
	check_refused("never closed", 1);
}

static void many_things(void)
{
	char part[64];

	repeat("taps:\n", 1);
	for (unsigned int i = 0; i < 100000; i++) {
		snprintf(part, sizeof(part), "  t%u: {}\n", i);
		repeat(part, 1);
	}
	check_refused("more than 20000 entries", 1);
	for (unsigned int i = 0; i < 100000; i++) {
		snprintf(part, sizeof(part), "key%u: 1\n", i);
		repeat(part, 1);
	}
	check_refused("more than 20000 entries", 1);
	repeat("a: 1\n", 19000); /* one key */
	check_refused("stands here twice", CONF_ERRORS_MAX);
	repeat("bridges: {b: {interfaces: [", 1);
	repeat("x,", 1000000);
	check_refused("more than 20000 entries", 1);
	for (unsigned int i = 0; i < 19000; i++) { /* every key unknown, many nearly known */
		snprintf(part, sizeof(part), "bridgs%u: 1\n", i);
		repeat(part, 1);
	}
	check_refused("unknown section", CONF_ERRORS_MAX);
	for (unsigned int i = 0; i < 100; i++) {
		snprintf(part, sizeof(part), "x%u: [", i);
		repeat(part, 1);
		repeat("[],", 10000);
		repeat("]\n", 1);
	}
	check_refused("more than 250000 keys and values", 1);
}

static void many_slips(void)
{
	char part[64];

	repeat("bridges: {b: {interfaces: [", 1);
	for (unsigned int i = 0; i < 15000; i++) {
		snprintf(part, sizeof(part), "port%ux,", i);
		repeat(part, 1);
	}
	repeat("]}}\ntaps:\n", 1);
	for (unsigned int i = 0; i < 5000; i++) {
		snprintf(part, sizeof(part), "  port%uy: {}\n", i);
		repeat(part, 1);
	}
	check_refused("did you mean", CONF_ERRORS_MAX);
}

static void many_hosts(void)
{
	char part[64];

	repeat("taps: {", 1);
	for (unsigned int i = 0; i < 10000; i++) {
		snprintf(part, sizeof(part), "t%u: {},", i);
		repeat(part, 1);
	}
	repeat("}\nhosts:\n", 1);
	for (unsigned int i = 0; i < 200; i++) {
		snprintf(part, sizeof(part), "  h%u: {}\n", i);
		repeat(part, 1);
	}
	check_refused("the root's share times 200 hosts", 1);
	repeat("hosts:\n", 1);
	for (unsigned int i = 0; i < 5000; i++) {
		snprintf(part, sizeof(part), "  h%u: {}\n", i);
		repeat(part, 1);
	}
	check_refused("there are 5000 hosts; expected at most 256", 1);
}

int main(void)
{
	TEST(two_million_brackets);
	TEST(alias_bomb);
	TEST(strange_bytes);
	TEST(long_things);
	TEST(many_things);
	TEST(many_slips);
	TEST(many_hosts);
	return test_done();
}
