/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard over a change as a file, torn and altered at every byte; targets and how they are said.
 */
#include "apply/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/reach.h"
#include "test.h"

static struct err err;
static char folder[] = "/tmp/lanloom-guard-XXXXXX", path[64];

static const struct guard whole = {
	.phase = GUARD_CHECKS,
	.base = UINT64_C(12345678901),
	.seconds = 86400,
	.deadline_ns = UINT64_C(9000000000000000001),
	.keep = {"192.0.2.1", "[fe80::1%eth0]:22"},
	.keep_count = 2,
};

static bool same(const struct guard *a, const struct guard *b)
{
	return a->phase == b->phase && a->base == b->base && a->seconds == b->seconds &&
	       a->deadline_ns == b->deadline_ns && a->keep_count == b->keep_count &&
	       memcmp(a->keep, b->keep, sizeof(a->keep)) == 0;
}

static void none_is_none(void)
{
	struct guard guard;

	CHECK(guard_read(folder, &guard, &err) == 0);
	guard_remove(folder);
}

static void it_comes_back_as_it_was(void)
{
	struct guard guard;
	struct stat status;

	for (int phase = 0; phase < GUARD_PHASE_COUNT; phase++) {
		struct guard one = whole;

		one.phase = (enum guard_phase)phase;
		one.keep_count = (size_t)phase;
		memset(one.keep[phase], 0, sizeof(one.keep) - (size_t)phase * GUARD_KEEP_SIZE);
		CHECK(guard_write(folder, &one, &err) == 0);
		CHECK(guard_read(folder, &guard, &err) == 1);
		CHECK(same(&guard, &one));
	}
	CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
	guard_remove(folder);
	CHECK(guard_read(folder, &guard, &err) == 0);
}

static void bytes_put(const char *bytes, size_t size)
{
	FILE *file = fopen(path, "w");

	CHECK(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

/* Whoever believed half a guard would undo the wrong things, or nothing. */
static void what_was_torn_or_altered_is_damaged(void)
{
	struct text text TEXT_CLEANUP = {0};
	struct guard guard;

	CHECK(guard_write(folder, &whole, &err) == 0);
	CHECK(file_read(path, 8192, &text, &err) == 0);
	for (size_t size = 0; size < text.size; size++) {
		bytes_put(text.bytes, size);
		CHECK(guard_read(folder, &guard, &err) == -EINVAL);
	}
	for (size_t i = 0; i < text.size; i++)
		for (int bit = 0; bit < 8; bit++) {
			bool space =
				i == 16; /* the end of the checksum's line: any blank ends it */

			text.bytes[i] ^= (char)(1 << bit);
			bytes_put(text.bytes, text.size);
			if (!space)
				CHECK(guard_read(folder, &guard, &err) == -EINVAL ||
				      same(&guard, &whole));
			text.bytes[i] ^= (char)(1 << bit);
		}
	guard_remove(folder);
}

static void time_is_told_in_whole_seconds(void)
{
	struct guard guard = {.seconds = 3};

	guard_restart(&guard, 1000);
	CHECK(guard.deadline_ns == 3000001000);
	CHECK(guard_left_s(&guard, 1000) == 3);
	CHECK(guard_left_s(&guard, 1001) == 3);
	CHECK(guard_left_s(&guard, 3000000999) == 1);
	CHECK(guard_left_s(&guard, 3000001000) == 0);
	CHECK(guard_left_s(&guard, UINT64_MAX) == 0);
}

static void targets_are_addresses_or_ports(void)
{
	static const struct {
		const char *text, *name; /* NULL: it is none */
		bool tcp;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1", false},
		{"192.0.2.1:22", "192.0.2.1:22", true},
		{"2001:db8::1", "2001:db8::1", false},
		{"[2001:db8::1]", "2001:db8::1", false},
		{"[2001:db8::1]:65535", "[2001:db8::1]:65535", true},
		{"", NULL, false},
		{":22", NULL, false},
		{"192.0.2.1:", NULL, false},
		{"192.0.2.1:0", NULL, false},
		{"192.0.2.1:65536", NULL, false},
		{"192.0.2.1:ssh", NULL, false},
		{"[2001:db8::1", NULL, false},
		{"[2001:db8::1]22", NULL, false},
		{"[]:22", NULL, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reach_target target, again;
		int r = reach_parse(cases[i].text, &target, &err);

		if (!cases[i].name) {
			CHECK(r == -EINVAL);
			continue;
		}
		CHECK(r == 0);
		CHECK_TEXT(target.name, cases[i].name);
		CHECK(target.tcp == cases[i].tcp);
		CHECK(reach_parse(target.name, &again, &err) == 0);
		CHECK(memcmp(&again, &target, sizeof(again)) == 0);
	}
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/" GUARD_FILE, folder);
	TEST(none_is_none);
	TEST(it_comes_back_as_it_was);
	TEST(what_was_torn_or_altered_is_damaged);
	TEST(time_is_told_in_whole_seconds);
	TEST(targets_are_addresses_or_ports);
	rmdir(folder);
	return test_done();
}
