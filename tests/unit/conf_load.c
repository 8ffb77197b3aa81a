/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a description is called, where it may come from, and whose part of it is meant. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/conf.h"
#include "unit/test.h"

static struct arena arena;
static struct description description;
static struct diag diag;

static int load(const char *path, const char *text, const char *name, const char *host)
{
	struct conf_request request = {.path = path, .text = text, .name = name, .host = host};

	request.size = text ? strlen(text) : 0;
	diag_fini(&diag);
	return conf_load(&request, &arena, &description, &diag);
}

static void names(void)
{
	CHECK(load("lab.yaml", "name: lab\ntaps: {}\n", NULL, NULL) == 0);
	CHECK_TEXT(description.name, "lab");
	CHECK(!description.keep);
	CHECK(load("lab.yaml", "name: lab\nkeep: on\n", "other", NULL) == 0);
	CHECK_TEXT(description.name, "lab");
	CHECK(description.keep);
	CHECK(load("-", "taps: {}\n", "given", NULL) == 0);
	CHECK_TEXT(description.name, "given");
	CHECK_TEXT(description.file, "-");
	CHECK(load("-", "taps: {}\n", NULL, NULL) == -EINVAL);
	CHECK(strstr(diag.errors[0].message, "expected name"));
	CHECK(load(SOURCE_ROOT "/tests/unit/../unit/../../examples/netplan.yaml", NULL, NULL,
		   NULL) == 0);
	CHECK_TEXT(description.name, SOURCE_ROOT "/examples/netplan.yaml");
	CHECK_TEXT(description.file, SOURCE_ROOT "/examples/netplan.yaml");
}

static void no_file(void)
{
	CHECK(load(SOURCE_ROOT "/no-such-file.yaml", NULL, NULL, NULL) == -ENOENT);
	CHECK(diag.error_count == 1 && strstr(diag.errors[0].message, "no-such-file.yaml"));
	CHECK(load(SOURCE_ROOT, NULL, NULL, NULL) < 0);
	CHECK(diag.error_count == 1);
}

static void standard_input(void)
{
	static const char text[] = "name: piped\ntaps: {tap0: {}}\n";
	int pipes[2], saved = dup(STDIN_FILENO);

	CHECK(pipe(pipes) == 0);
	CHECK(write(pipes[1], text, strlen(text)) == (ssize_t)strlen(text));
	close(pipes[1]);
	dup2(pipes[0], STDIN_FILENO);
	CHECK(load("-", NULL, NULL, NULL) == 0);
	CHECK_TEXT(description.name, "piped");
	CHECK(description.desired.len == 1);
	CHECK_TEXT(description.desired.objects[0]->place.file, "-");
	CHECK(description.desired.objects[0]->place.line == 2);
	CHECK(description.desired.objects[0]->place.column == 8);
	dup2(saved, STDIN_FILENO);
	close(pipes[0]);
	close(saved);
}

static void hosts(void)
{
	static const char text[] = "taps: {t: {}}\nhosts: {alpha: {taps: {a: {}}}, beta: }\n";

	CHECK(load("h", text, NULL, NULL) == 0);
	CHECK(description.host_count == 2 && !description.host && description.desired.len == 0);
	CHECK(description.states[0].len == 2 && description.states[1].len == 1);
	CHECK(load("h", text, NULL, "alpha") == 0);
	CHECK_TEXT(description.host, "alpha");
	CHECK(description.desired.len == 2);
	CHECK(load("h", text, NULL, "beta.example.com") == 0);
	CHECK_TEXT(description.host, "beta");
	CHECK(load("h", text, NULL, "alpha2") == -EINVAL);
	CHECK_TEXT(diag.errors[0].hint, "--host alpha");
	/* without hosts it does not matter which is meant */
	CHECK(load("h", "taps: {t: {}}\n", NULL, "gamma") == 0);
	CHECK(description.desired.len == 1 && !description.host);
}

/* Columns count characters, as editors do. */
static void places(void)
{
	CHECK(load("p", "taps: {t: {alias: \"\xc3\xa4\xe2\x82\xac\", mtu: x}}\n", NULL, NULL) ==
	      -EINVAL);
	CHECK(diag.errors[0].place.line == 1 && diag.errors[0].place.column == 30);
	CHECK(load("p", "\xef\xbb\xbftaps: {t: {mtu: x}}\n", NULL, NULL) == -EINVAL);
	CHECK(diag.error_count == 1 && diag.errors[0].place.line == 1);
	CHECK(load("p", "taps:\r\n  t:\r\n    mtu: x\r\n", NULL, NULL) == -EINVAL);
	CHECK(diag.errors[0].place.line == 3 && diag.errors[0].place.column == 10);
}

/* A carriage return of the file, repeated to a terminal, would hide what stands before it. */
static void errors_steer_no_terminal(void)
{
	CHECK(load("p", "taps:\n  t:\n    alias: @a\r\r\rb: c\n", NULL, NULL) == -EINVAL);
	CHECK(diag.error_count && !strchr(diag.errors[0].message, '\r'));
	CHECK(!strchr(diag.errors[0].hint, '\r'));
}

int main(void)
{
	arena_init(&arena);
	TEST(names);
	TEST(no_file);
	TEST(standard_input);
	TEST(hosts);
	TEST(places);
	TEST(errors_steer_no_terminal);
	diag_fini(&diag);
	arena_fini(&arena);
	return test_done();
}
