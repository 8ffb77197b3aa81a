/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * add, set and del: the same kinds and the same transaction without a file. What they make is a
 * description like any other, called by-hand, whose text is what it last promised.
 */
#include <errno.h>
#include <string.h>

#include "lib/lib.h"

#define BY_HAND "by-hand"

struct hand {
	struct visit visit;
	struct state desired;
	struct answer answer;
};

static bool made_of_others(const struct object *object)
{
	return object->kind->flags & KIND_MADE && !(object->kind->flags & KIND_VALUE);
}

/* A variable may be written as well: then it has another value than others give it. */
static bool same_value(const struct object *object, const struct object *made)
{
	return object->kind->flags & KIND_MADE && made &&
	       text_same(object_text(object, "value"), object_text(made, "value"));
}

/*
 * What was last promised has in it what networks made of themselves. That goes out before anything
 * is changed, since it is made anew afterwards.
 */
static void unmake(struct hand *hand)
{
	struct state *desired = &hand->desired, made;
	struct diag unheard = {0};
	struct err err = {0};
	size_t kept = 0;
	bool any = false;

	for (size_t i = 0; i < desired->len; i++)
		any = any || made_of_others(desired->objects[i]);
	if (!any)
		return;
	state_init(&made, desired->arena);
	conf_remake(desired, &made);
	desired_settle(&hand->visit, &made, &unheard, &err);
	diag_fini(&unheard);
	for (size_t i = 0; i < desired->len; i++) {
		struct object *object = desired->objects[i];

		if (!made_of_others(object) && !same_value(object, state_find(&made, object)))
			desired->objects[kept++] = object;
	}
	desired->len = kept;
}

static bool hand_open(struct hand *hand, const struct loom *loom)
{
	struct err err = {0};

	answer_init(&hand->answer);
	if (visit_open(&hand->visit, loom, VISIT_CHANGE, &err)) {
		answer_fail(&hand->answer, &err);
		return false;
	}
	run_recovered(&hand->visit, &hand->answer);
	visit_desired(store_committed(&hand->visit.store, BY_HAND), &hand->visit.arena,
		      &hand->desired);
	unmake(hand);
	return true;
}

static void hand_run(struct hand *hand, const char *operation)
{
	struct wish wish = {
		.name = BY_HAND,
		.file = "",
		.operation = operation,
		.desired = &hand->desired,
	};
	struct diag diag = {0};
	struct err err = {0};
	size_t wrong;
	int r = fixed_macs(&hand->visit, &hand->desired, NULL, true, &err);

	if (!r)
		r = desired_settle(&hand->visit, &hand->desired, &diag, &err);
	if (r)
		answer_fail(&hand->answer, &err);
	wrong = diag.error_count;
	answer_take(&hand->answer, &diag);
	diag_fini(&diag);
	wish.gone = hand->desired.len == 0;
	if (!r && !wrong)
		run_wish(&hand->visit, &wish, &hand->answer);
}

static enum loom_status hand_close(struct hand *hand, struct diag *diag, struct loom_doc **doc)
{
	answer_take(&hand->answer, diag);
	diag_fini(diag);
	visit_end(&hand->visit, &hand->answer);
	return answer_end(&hand->answer, doc);
}

enum loom_status loom_add(struct loom *loom, const char *kind, const char *name,
			  const char *const *pairs, size_t count, struct loom_doc **doc)
{
	struct diag diag = {0};
	struct hand hand;

	if (hand_open(&hand, loom) && conf_add(kind, name, pairs, count, &hand.desired, &diag) == 0)
		hand_run(&hand, "add");
	return hand_close(&hand, &diag, doc);
}

/* "ns1/br0" taken apart; a namespace's own name has no slash. */
static const char *name_split(struct visit *visit, const char *text, const char **ns)
{
	const char *slash = strrchr(text, '/');

	*ns = slash ? arena_textn(&visit->arena, text, (size_t)(slash - text)) : "";
	return slash ? slash + 1 : text;
}

/* A device that is there, as something to desire: nothing of it but that it exists. */
static int device_found(struct hand *hand, const char *text, struct err *err)
{
	struct arena *arena = &hand->visit.arena;
	struct world *world = hand->visit.world;
	struct object *like, *there, *object;
	struct state wanted, actual;
	const char *ns, *name = name_split(&hand->visit, text, &ns);

	if (device_name_check(name, err))
		return err->code;
	like = object_make(arena, kind_find("link"), ns);
	object_set(like, "name", name, arena);
	state_init(&wanted, arena);
	state_add(&wanted, like);
	state_init(&actual, arena);
	if (world->ops->read(world, &wanted, &actual, err))
		return err->code;
	there = state_link(&actual, ns, name);
	if (!there)
		return err_set(err, -ENODEV, "there is no device %s", text);
	/* a device of no kind that is known is written under ethernets, as lo is */
	object = object_make(arena, there->kind->section ? there->kind : kind_find("ethernet"), ns);
	object_set(object, "name", name, arena);
	object_set(object, "existing", "true", arena);
	state_put(&hand->desired, object);
	return 0;
}

/* An object of `desired` by the name that the command line has. */
static struct object *desired_named(struct hand *hand, const char *text)
{
	const char *ns, *name = name_split(&hand->visit, text, &ns);

	return state_link(&hand->desired, ns, name);
}

static bool key_given(const char *const *pairs, size_t count, const char *key)
{
	size_t size = strlen(key);

	for (size_t i = 0; i < count; i++)
		if (strncmp(pairs[i], key, size) == 0 && pairs[i][size] == '=')
			return true;
	return false;
}

/*
 * A device in a description is meant to be up; one of others that merely gets an MTU is not
 * claimed that far.
 */
static void up_forget(struct hand *hand, const char *name)
{
	struct object *object = desired_named(hand, name);
	int up = object ? kind_field_find(object->kind, "up") : -1;

	if (up >= 0 && object_number(object, "existing", 0))
		object->set &= ~(UINT64_C(1) << up);
}

/* Why `del` has nothing to take, and `set` nothing to change: it is another description's, or it is
 * not lanloom's at all. */
static void not_by_hand(struct hand *hand, const char *text, struct err *err)
{
	const char *ns, *name = name_split(&hand->visit, text, &ns);

	for (size_t i = 0; i < hand->visit.store.len; i++) {
		const struct committed *up = hand->visit.store.committed[i];
		struct state state;

		visit_desired(up, &hand->visit.arena, &state);
		if (!state_link(&state, ns, name) && !state_named(&state, "namespace", "", name))
			continue;
		err_set(err, -EPERM, "it is not by hand: it belongs to the description %s",
			up->name);
		err_at(err, text, (struct place){0});
		err_hint(err, "change that text and lanloom up, or lanloom down --name %s",
			 up->name);
		return;
	}
	err_set(err, -ENOENT, "neither add nor set made it; expected the name of what they made");
	err_at(err, text, (struct place){0});
	if (desired_named(hand, text) || !ns[0])
		err_hint(err, "lanloom show says whose it is");
}

static bool has_key_given(const struct kind *kind, const char *const *pairs, size_t count)
{
	for (unsigned int i = 0; i < kind_field_count(kind); i++)
		if (key_given(pairs, count, kind_field(kind, i)->key))
			return true;
	return false;
}

/* Why `set` knows no such key: it is not the device's, but of what a description has on it. */
static bool of_what_is_on_it(struct hand *hand, const char *text, const char *const *pairs,
			     size_t count)
{
	const char *ns, *name = name_split(&hand->visit, text, &ns);

	for (size_t i = 0; i < hand->visit.store.len; i++) {
		struct state state;

		visit_desired(hand->visit.store.committed[i], &hand->visit.arena, &state);
		for (size_t j = 0; j < state.len; j++) {
			const struct object *object = state.objects[j];

			if (!kind_is(object->kind, "link") && text_same(object->ns, ns) &&
			    text_same(object_name(object), name) &&
			    has_key_given(object->kind, pairs, count))
				return true;
		}
	}
	return false;
}

enum loom_status loom_set(struct loom *loom, const char *name, const char *const *pairs,
			  size_t count, struct loom_doc **doc)
{
	struct diag diag = {0};
	struct err err = {0};
	struct hand hand;
	const struct object *object;
	bool up;

	if (!hand_open(&hand, loom))
		return hand_close(&hand, &diag, doc);
	object = desired_named(&hand, name);
	up = key_given(pairs, count, "up") || (object && object_has_key(object, "up"));
	if (!object && device_found(&hand, name, &err)) {
		answer_fail(&hand.answer, &err);
	} else if (conf_set(name, pairs, count, &hand.desired, &diag) == 0) {
		if (!up)
			up_forget(&hand, name);
		hand_run(&hand, "set");
	} else if (!object && of_what_is_on_it(&hand, name, pairs, count)) {
		diag_fini(&diag);
		diag = (struct diag){0};
		not_by_hand(&hand, name, &err);
		answer_fail(&hand.answer, &err);
	}
	return hand_close(&hand, &diag, doc);
}

enum loom_status loom_del(struct loom *loom, const char *name, struct loom_doc **doc)
{
	struct diag diag = {0};
	struct err err = {0};
	struct hand hand;
	int r;

	if (!hand_open(&hand, loom))
		return hand_close(&hand, &diag, doc);
	r = conf_del(name, &hand.desired, &diag);
	if (r == 0) {
		hand_run(&hand, "del");
	} else if (r == -ENOENT) {
		diag_fini(&diag);
		diag = (struct diag){0};
		not_by_hand(&hand, name, &err);
		answer_fail(&hand.answer, &err);
	}
	return hand_close(&hand, &diag, doc);
}
