/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Committed states, as read from /run/lanloom: what is taken prints as what is taken and prints
 * the same, and a plan made of it can be carried out on a world in memory: its `down`; an `up` that
 * wants half of it, all of it with other values, or it of a system where it is somebody else's.
 *
 * covers: src/model/committed.c src/plan/claim.c src/plan/release.c src/plan/diff.c
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "model/committed.h"
#include "model/record.h"
#include "plan/plan.h"
#include "world/world.h"

const char fuzz_name[] = "committed";
const unsigned int fuzz_sample = 5000;
const size_t fuzz_most = 8192;

static void check_text(const struct committed *committed, struct arena *arena)
{
	struct text printed TEXT_CLEANUP = {0}, again TEXT_CLEANUP = {0};
	struct committed second;
	struct err err;

	committed_put(committed, &printed);
	FUZZ_CHECK(committed_get(text_get(&printed), printed.size, arena, &second, &err) == 0);
	committed_put(&second, &again);
	FUZZ_CHECK(text_same(text_get(&printed), text_get(&again)));
	for (size_t i = 0; i < committed->len; i++)
		FUZZ_CHECK(committed_find(committed, committed->entries[i].object));
}

/* The system as the committed state has it, but for every third object. */
static void actual_make(const struct committed *committed, struct state *actual,
			struct arena *arena)
{
	state_init(actual, arena);
	for (size_t i = 0; i < committed->len; i++)
		if (i % 3 != 2)
			state_put(actual, object_copy(arena, committed->entries[i].object));
	state_sort(actual);
}

static void run(const struct plan_request *request)
{
	struct world *world = world_fake_new(request->actual);
	struct plan plan;
	struct err err;

	plan_make(request, &plan);
	for (size_t i = 0; i < plan.diag.error_count; i++)
		check_err(&plan.diag.errors[i]);
	for (size_t i = 0; !plan.diag.error_count && i < plan.breath_count; i++)
		if (world->ops->apply(world, &plan.breaths[i], &err))
			break;
	world->ops->free(world);
	plan_fini(&plan);
}

/* The same thing, every value of it another one that its field may have. */
static struct object *changed(const struct object *object, struct arena *arena)
{
	struct object *other = object_copy(arena, object);

	for (unsigned int i = 0; i < kind_field_count(object->kind); i++) {
		const struct field *field = kind_field(object->kind, i);
		const char *value = example_value(object->kind, i, 1, arena);
		struct err err;

		if (object_has(object, i) && value && !(field->flags & (FIELD_KEY | FIELD_READ)))
			object_parse(other, i, value, (struct place){0}, arena, &err);
	}
	return other;
}

/* The size of an input says what is asked of it. */
enum way { WAY_HALF, WAY_CHANGED, WAY_SAME, WAY_OTHERS, WAY_FOREIGN, WAY_COUNT };

static void up(const struct committed *committed, struct plan_request *request, enum way way)
{
	struct arena *arena = request->arena;
	struct state desired;

	state_init(&desired, arena);
	for (size_t i = 0; i < committed->len; i += way == WAY_HALF ? 2 : 1) {
		struct object *object = committed->entries[i].object;

		state_put(&desired, way == WAY_CHANGED || i % 4 == 3 ? changed(object, arena)
								     : object_copy(arena, object));
	}
	state_sort(&desired);
	request->desired = &desired;
	if (way == WAY_OTHERS || way == WAY_FOREIGN)
		request->own = NULL;
	if (way == WAY_OTHERS) {
		request->others = &committed;
		request->other_count = 1;
	}
	request->adopt = way == WAY_FOREIGN && committed->keep;
	request->force = committed->keep;
	run(request);
}

void fuzz_one(const uint8_t *bytes, size_t size)
{
	struct committed committed;
	struct state actual, nothing;
	struct arena arena;
	struct plan_request request = {
		.arena = &arena, .desired = &nothing, .actual = &actual, .own = &committed};
	struct err err = {0};

	arena_init(&arena);
	if (committed_get((const char *)bytes, size, &arena, &committed, &err)) {
		check_err(&err);
		arena_fini(&arena);
		return;
	}
	check_text(&committed, &arena);
	actual_make(&committed, &actual, &arena);
	state_init(&nothing, &arena);
	run(&request);
	up(&committed, &request, (enum way)(size % WAY_COUNT));
	arena_fini(&arena);
}

static void seed_make(struct seeds *seeds, unsigned int variant, struct arena *arena)
{
	struct committed committed = {.name = "lab %",
				      .file = "/etc/lanloom/lab.yaml",
				      .keep = variant % 2,
				      .arena = arena};
	struct text text TEXT_CLEANUP = {0};
	struct state state;

	example_state(&state, variant, arena);
	for (size_t i = 0; i < state.len; i++) {
		enum claim claim = (enum claim)((i + variant) % CLAIM_COUNT);

		committed_add(&committed, claim, state.objects[i],
			      claim == CLAIM_SET ? state.objects[i] : NULL);
	}
	committed_put(&committed, &text);
	seed_text(seeds, &text);
}

void fuzz_seeds(struct seeds *seeds)
{
	struct arena arena;

	arena_init(&arena);
	for (unsigned int variant = 0; variant < 16; variant++)
		seed_make(seeds, variant, &arena);
	for (size_t k = 0; kinds[k]; k++) {
		struct text text TEXT_CLEANUP = {0};

		text_add(&text, "description name=a file= keep=true\nset ");
		record_put(example_object(kinds[k], "", UINT64_MAX, 0, true, &arena), &text);
		text_add(&text, "\nprior ");
		record_put(example_object(kinds[k], "", UINT64_MAX, 1, true, &arena), &text);
		text_add(&text, "\n");
		seed_text(seeds, &text);
	}
	example_words(seeds);
	for (size_t i = 0; i < CLAIM_COUNT; i++)
		seed_word(seeds, claim_words[i]);
	seed_word(seeds, "\nprior ");
	arena_fini(&arena);
}
