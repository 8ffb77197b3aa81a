/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of what people may write, and of what only a kernel says. */
#include <errno.h>
#include <stdlib.h>

#include "model/committed.h"
#include "model/record.h"
#include "unit/test.h"

/* lo has both; so has a device of others that is no Ethernet. */
static const char *const beyond[] = {
	"link / name=lo mtu=65536 macaddress=00:00:00:00:00:00",
	"ethernet / name=lo mtu=4294967295 macaddress=01:00:5e:00:00:01",
	"veth / name=v%01 peer=ns%01/v%7f",
	"bridge / name=br0 parameters.ageing-time=42949672.95 parameters.group-forward-mask=65535",
	"link / name=a%25b alias=%1b type=%07",
};
#define BEYOND (sizeof(beyond) / sizeof(beyond[0]))

/* What stood there before us is written down, and has to be understood after a crash. */
static void what_was_read_is_recalled(void)
{
	for (size_t i = 0; i < BEYOND; i++) {
		struct text text TEXT_CLEANUP = {0};
		struct object *object;
		struct arena arena;
		struct err err = {0};
		int r;

		arena_init(&arena);
		CHECK(record_get(beyond[i], strlen(beyond[i]), &arena, &object, &err) < 0);
		r = record_recall(beyond[i], strlen(beyond[i]), &arena, &object, &err);
		if (r)
			printf("# %s\n", err.message);
		else
			record_put(object, &text);
		CHECK_TEXT(text_get(&text), beyond[i]);
		arena_fini(&arena);
	}
}

static void what_no_type_holds_is_refused(void)
{
	static const char *const wrong[] = {
		"link / mtu=4294967296",
		"link / mtu=-1",
		"link / macaddress=00:00",
		"link / up=perhaps",
		"port / state=open",
		"address / address=10.0.0.1/33",
		/* each is read as a number by what reads numbers */
		"link / macaddress=02:0X:00:00:00:01",
		"link / macaddress=02:%092:00:00:00:01",
		"link / macaddress=02:+2:00:00:00:01",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct object *object;
		struct arena arena;
		struct err err = {0};

		arena_init(&arena);
		CHECK(record_recall(wrong[i], strlen(wrong[i]), &arena, &object, &err) < 0);
		arena_fini(&arena);
	}
}

static void a_prior_beyond_limits_is_committed(void)
{
	static const char text[] =
		"description name=lab file= keep=false\n"
		"set ethernet / name=eth0 mtu=1400\n"
		"prior ethernet / name=eth0 mtu=65536 macaddress=00:00:00:00:00:00\n";
	struct committed committed;
	struct text again TEXT_CLEANUP = {0};
	struct arena arena;
	struct err err = {0};

	arena_init(&arena);
	CHECK(committed_get(text, sizeof(text) - 1, &arena, &committed, &err) == 0);
	committed_put(&committed, &again);
	CHECK_TEXT(text_get(&again), text);
	arena_fini(&arena);
}

/* Fields are told by their numbers, so a prior of another kind would be read as what it is not. */
static void a_prior_is_of_the_same_kind(void)
{
	static const char text[] = "description name=lab file= keep=false\n"
				   "set sysctl / name=net.ipv4.ip_forward value=1\n"
				   "prior neighbour / device=br0 address=10.0.0.1 proxy=false\n";
	struct committed committed;
	struct arena arena;
	struct err err = {0};

	arena_init(&arena);
	CHECK(committed_get(text, sizeof(text) - 1, &arena, &committed, &err) == -EINVAL);
	CHECK_TEXT(err.message, "committed state: a neighbour is no prior of a sysctl");
	arena_fini(&arena);
}

/* Lines shorter than the words they are compared with, in memory that ends where they end. */
static void short_lines_are_no_claims(void)
{
	static const char *const lines[] = {"a b", "p ", "prio ", "mad ", " ", "prior", "priors x"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct text text TEXT_CLEANUP = {0};
		struct committed committed;
		struct arena arena;
		struct err err = {0};
		char *exact;

		text_add(&text, "description name=a\n%s", lines[i]);
		exact = malloc(text.size);
		memcpy(exact, text.bytes, text.size);
		arena_init(&arena);
		CHECK(committed_get(exact, text.size, &arena, &committed, &err) == -EINVAL);
		CHECK(strstr(err.message, "is not a claim") != NULL);
		arena_fini(&arena);
		free(exact);
	}
}

/* Rules are made by us, of lines and tabs; what people write has neither. */
static void rules_have_tabs(void)
{
	static const char rules[] =
		"ruleset / name=inet%20lanloom_a rules=%09chain%20a%20{%0a%09}%0a",
			  alias[] = "bridge / name=br0 alias=a%09b";
	struct text text TEXT_CLEANUP = {0};
	struct object *object;
	struct arena arena;
	struct err err;

	arena_init(&arena);
	CHECK(record_get(rules, strlen(rules), &arena, &object, &err) == 0);
	record_put(object, &text);
	CHECK_TEXT(text_get(&text), rules);
	CHECK(record_get(alias, strlen(alias), &arena, &object, &err) == -EINVAL);
	arena_fini(&arena);
}

/* A user may be renamed, and looking one up may ask a server. */
static void users_are_written_as_numbers(void)
{
	static const char *const lines[] = {"tap / name=t owner=root group=root",
					    "tap / name=t owner=0 group=0"};

	for (size_t i = 0; i < 2; i++) {
		struct text text TEXT_CLEANUP = {0};
		struct object *object;
		struct arena arena;
		struct err err;

		arena_init(&arena);
		CHECK(record_get(lines[i], strlen(lines[i]), &arena, &object, &err) == 0);
		record_put(object, &text);
		CHECK_TEXT(text_get(&text), lines[1]);
		text_clear(&text);
		object_print(object, (unsigned int)kind_field_find(object->kind, "owner"), &text);
		CHECK_TEXT(text_get(&text), "root");
		arena_fini(&arena);
	}
}

/* Digits and one dash: "1000--2000" is none, although a number may be written "-2000" elsewhere. */
static void a_range_has_no_signs(void)
{
	static const char *const wrong[] = {
		"1000--2000",	  "1000-+2000", "1000-%202000",
		"+1000",	  "%201000",	"-5",
		"1000-",	  "-",		"2000-1000",
		"1000-2000-3000", "4294967296", "0-4294967296",
		"1000,2000",	  "0x10",
	};
	static const char *const right[] = {"1000", "1000-2000", "0-4294967295", "4294967294"};
	struct text text TEXT_CLEANUP = {0}, again TEXT_CLEANUP = {0};
	struct object *object;
	struct arena arena;
	struct err err;

	arena_init(&arena);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		text_clear(&text);
		text_add(&text, "rule / priority=1 users=%s", wrong[i]);
		CHECK(record_get(text_get(&text), text.size, &arena, &object, &err) == -EINVAL);
	}
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		text_clear(&text);
		text_clear(&again);
		text_add(&text, "rule / priority=1 users=%s", right[i]);
		CHECK(record_get(text_get(&text), text.size, &arena, &object, &err) == 0);
		record_put(object, &again);
		CHECK_TEXT(text_get(&again), text_get(&text));
	}
	arena_fini(&arena);
}

int main(void)
{
	TEST(rules_have_tabs);
	TEST(users_are_written_as_numbers);
	TEST(a_range_has_no_signs);
	TEST(what_was_read_is_recalled);
	TEST(what_no_type_holds_is_refused);
	TEST(a_prior_beyond_limits_is_committed);
	TEST(a_prior_is_of_the_same_kind);
	TEST(short_lines_are_no_claims);
	return test_done();
}
