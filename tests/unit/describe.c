/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Objects and tables as documents. */
#include "test.h"

#include "model/describe.h"

static struct arena arena;

static struct object *bridge(void)
{
	struct object *object = object_make(&arena, kind_find("bridge"), "");

	object_set(object, "name", "br0", &arena);
	return object;
}

static void values_have_their_shape(void)
{
	struct object *object = bridge();
	json_t *json = json_object();

	object_set(object, "mtu", "1400", &arena);
	object_set(object, "up", "true", &arena);
	object_set(object, "parameters.stp", "false", &arena);
	object_set(object, "parameters.forward-delay", "1.5", &arena);
	describe_fields(object, 0, json);
	CHECK_TEXT(json_string_value(json_object_get(json, "name")), "br0");
	CHECK(json_integer_value(json_object_get(json, "mtu")) == 1400);
	CHECK(json_is_true(json_object_get(json, "up")));
	CHECK(!json_object_get(json, "macaddress"));
	json_t *parameters = json_object_get(json, "parameters");
	CHECK(json_is_false(json_object_get(parameters, "stp")));
	CHECK(json_real_value(json_object_get(parameters, "forward-delay")) == 1.5);
	json_decref(json);
}

static void fields_are_left_out_by_flag(void)
{
	struct object *object = bridge();
	json_t *json = json_object();

	object_set(object, "existing", "true", &arena);
	describe_fields(object, FIELD_KEY | FIELD_FACE, json);
	CHECK(json_object_size(json) == 0);
	json_decref(json);
}

static void any_bytes_become_a_text(void)
{
	json_t *plain = describe_text("br0"), *wild = describe_text("b\xffr\xc3\xa4");

	CHECK_TEXT(json_string_value(plain), "br0");
	CHECK_TEXT(json_string_value(wild), "b\\xffr\\xc3\\xa4");
	json_decref(plain);
	json_decref(wild);
}

static void places_are_told_or_null(void)
{
	json_t *none = describe_place((struct place){0});
	json_t *some = describe_place((struct place){"lab.yaml", 7, 10});

	CHECK(json_is_null(none));
	CHECK(json_integer_value(json_object_get(some, "line")) == 7);
	CHECK(json_integer_value(json_object_get(some, "column")) == 10);
	json_decref(none);
	json_decref(some);
}

static const json_t *key_of(const json_t *kind, const char *name)
{
	const json_t *keys = json_object_get(kind, "keys");

	for (size_t i = 0; i < json_array_size(keys); i++)
		if (strcmp(json_string_value(json_object_get(json_array_get(keys, i), "key")),
			   name) == 0)
			return json_array_get(keys, i);
	return NULL;
}

/* Every table can be told, and every key of it has a type and a line of help. */
static void every_kind_is_told(void)
{
	for (size_t i = 0; kinds[i]; i++) {
		json_t *kind = describe_kind(kinds[i]);
		const json_t *keys = json_object_get(kind, "keys");

		CHECK_TEXT(json_string_value(json_object_get(kind, "name")), kinds[i]->name);
		CHECK(json_string_value(json_object_get(kind, "summary")));
		for (size_t k = 0; k < json_array_size(keys); k++) {
			const json_t *key = json_array_get(keys, k);

			CHECK(json_string_value(json_object_get(key, "type")));
			CHECK(json_string_value(json_object_get(key, "help")));
		}
		json_decref(kind);
	}
}

static void limits_and_lists_are_told(void)
{
	json_t *kind = describe_kind(kind_find("bridge"));
	const json_t *mtu = key_of(kind, "mtu"), *stp = key_of(kind, "parameters.stp");
	const json_t *lists = json_object_get(kind, "lists");
	bool ports = false;

	CHECK(json_integer_value(json_object_get(mtu, "min")) == 68);
	CHECK(json_integer_value(json_object_get(mtu, "max")) == 65535);
	CHECK(json_is_false(json_object_get(stp, "default")) && !json_object_get(stp, "max"));
	for (size_t i = 0; i < json_array_size(lists); i++)
		ports = ports ||
			strcmp(json_string_value(json_object_get(json_array_get(lists, i), "key")),
			       "ports") == 0;
	CHECK(ports);
	json_decref(kind);
}

int main(void)
{
	arena_init(&arena);
	TEST(values_have_their_shape);
	TEST(fields_are_left_out_by_flag);
	TEST(any_bytes_become_a_text);
	TEST(places_are_told_or_null);
	TEST(every_kind_is_told);
	TEST(limits_and_lists_are_told);
	arena_fini(&arena);
	return test_done();
}
