/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mending: what is committed is desired again. It is planned like any run, but only creates and
 * changes, needs no journal (whatever is left half done the next look finishes) and leaves no
 * history. A device made anew gets its old number where that is free, so that what is committed
 * stays true at every moment.
 *
 * A description with `keep: true` is mended as a whole; of others only rules, services, the devices
 * of those that run, and what stands on them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apply/apply.h"
#include "daemon/inside.h"
#include "lib/lib.h"
#include "model/cascade.h"

struct mend {
	struct keeper *keeper;
	const struct budget *budget;
	int report; /* -1: plan only */
	struct arena *arena;
	struct store *store;
	struct world *world;
	int steps; /* found */
};

/* One description, and the part of it that is looked after. */
struct part {
	const struct committed *whole;
	struct committed ours, rest;
	struct state desired, wanted, actual;
	struct plan_request request;
};

static bool of_service(const struct keeper *keeper, const struct object *object)
{
	for (size_t i = 0; i < keeper->len; i++) {
		const struct object *service = keeper->services[i]->setup->object;

		if (object->kind->door == DOOR_KEEPER || !text_same(object->ns, service->ns))
			continue;
		if (kind_is(object->kind, "link")) {
			if (text_same(object_name(object), object_name(service)))
				return true;
			continue;
		}
		/* its port, its addresses: what stands on the device and does not end with the
		 * service */
		if (text_same(object_owner(object), object_name(service)) ||
		    text_same(object_text(object, "device"), object_name(service)))
			return true;
	}
	return false;
}

static void part_split(struct mend *mend, const struct committed *whole, struct part *part)
{
	*part = (struct part){
		.whole = whole,
		.ours = {.name = whole->name, .file = whole->file, .arena = mend->arena},
		.rest = {.name = whole->name, .file = whole->file, .arena = mend->arena},
	};
	for (size_t i = 0; i < whole->len; i++) {
		const struct entry *entry = &whole->entries[i];
		/* one that does not run: the keeper before this one died */
		bool ours = whole->keep || entry->object->kind->flags & KIND_KEPT ||
			    entry->object->kind->door == DOOR_KEEPER ||
			    of_service(mend->keeper, entry->object);

		committed_add(ours ? &part->ours : &part->rest, entry->claim, entry->object,
			      entry->prior);
	}
	committed_sort(&part->ours);
	committed_sort(&part->rest);
}

/* What runs, for a look without asking ourselves over the socket. */
static void add_running(const struct mend *mend, struct state *actual)
{
	for (size_t i = 0; i < mend->keeper->len; i++) {
		const struct setup *setup = mend->keeper->services[i]->setup;

		state_add(actual, (struct object *)setup->object);
		for (size_t j = 0; j < setup->len; j++)
			state_add(actual, (struct object *)setup->peers[j].object);
	}
	state_sort(actual);
}

static int part_read(struct mend *mend, struct part *part, struct err *err)
{
	state_init(&part->actual, mend->arena);
	if (mend->world->ops->read(mend->world, &part->wanted, &part->actual, err))
		return err->code;
	if (mend->report < 0)
		add_running(mend, &part->actual);
	return 0;
}

static void part_request(struct mend *mend, struct part *part)
{
	const struct committed **others =
		arena_alloc(mend->arena, (mend->store->len + 1) * sizeof(*others));

	visit_desired(&part->ours, mend->arena, &part->desired);
	state_init(&part->wanted, mend->arena);
	for (size_t i = 0; i < part->ours.len; i++) {
		state_add(&part->wanted, part->ours.entries[i].object);
		if (part->ours.entries[i].prior)
			state_add(&part->wanted, part->ours.entries[i].prior);
	}
	state_sort(&part->wanted);
	part->request = (struct plan_request){
		.arena = mend->arena,
		.desired = &part->desired,
		.actual = &part->actual,
		.own = &part->ours,
		.others = others,
	};
	others[part->request.other_count++] = &part->rest;
	for (size_t i = 0; i < mend->store->len; i++)
		if (mend->store->committed[i] != part->whole)
			others[part->request.other_count++] = mend->store->committed[i];
}

static const char *what_of(const struct mend *mend, const struct object *object, int field)
{
	const char *label = object_label(object, mend->arena), *kind = object->kind->name;

	if (!text_starts(label, kind)) /* a device's label is its name alone */
		label = arena_print(mend->arena, "%s %s", kind, label);
	if (field < 0)
		return label;
	return arena_print(mend->arena, "%s, %s", label,
			   kind_field(object->kind, (unsigned int)field)->key);
}

static uint64_t mask_allowed(const struct mend *mend, const struct step *step)
{
	uint64_t mask = step->mask;

	for (unsigned int i = 0; step->mask >> i; i++)
		if (step->mask >> i & 1 &&
		    budget_spent(mend->budget, what_of(mend, step->after, (int)i)))
			mask &= ~(UINT64_C(1) << i);
	return mask;
}

/* Nothing is deleted by mending, nor replaced: whoever put something else there wants it so. */
static size_t steps_choose(const struct mend *mend, const struct plan *plan, struct step *chosen)
{
	size_t len = 0;

	for (size_t i = 0; i < plan->len; i++) {
		struct step step = plan->steps[i];

		if (!step.after || step.flags & (STEP_REPLACE | STEP_RESTORE))
			continue;
		if (step.before)
			step.mask = mask_allowed(mend, &step);
		if (step.before ? step.mask
				: !budget_spent(mend->budget, what_of(mend, step.after, -1)))
			chosen[len++] = step;
	}
	return len;
}

static void report_line(const struct mend *mend, const char *word, const char *what,
			const char *why)
{
	struct text line TEXT_CLEANUP = {0};

	text_add(&line, "%s\t%s%s%s\n", word, what, why ? "\t" : "", why ? why : "");
	/* the reader never stops reading; were it gone, there would be nobody to tell */
	if (write(mend->report, line.bytes, line.size) < 0)
		return;
}

static void report_step(const struct mend *mend, const struct step *step, const struct err *err)
{
	const char *word = err ? REPORT_REFUSED : REPORT_MENDED, *why = err ? err->message : NULL;

	if (!step->before) {
		report_line(mend, word, what_of(mend, step->after, -1), why);
		return;
	}
	for (unsigned int i = 0; step->mask >> i; i++)
		if (step->mask >> i & 1)
			report_line(mend, word, what_of(mend, step->after, (int)i), why);
}

static int ident_field(const struct object *object)
{
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++)
		if (kind_field(object->kind, i)->flags & FIELD_IDENT)
			return (int)i;
	return -1;
}

static bool number_free(const struct state *actual, const char *ns, uint32_t number)
{
	const struct object *link;

	for (size_t i = 0; (link = state_next(actual, "link", &i));)
		if (text_same(link->ns, ns) &&
		    (uint32_t)object_number(link, "ifindex", 0) == number)
			return false;
	return true;
}

/* The number that is committed, or else a new one. */
static void number(const struct mend *mend, struct part *part, struct step *step)
{
	const struct entry *entry = committed_find(&part->ours, step->after);
	int ident = ident_field(step->after);
	struct object *object;
	uint32_t *to;

	if (step->before || ident < 0 ||
	    (step->after->kind->door != DOOR_LINK && step->after->kind->door != DOOR_TUN))
		return;
	object = object_copy(mend->arena, step->after);
	to = object_at(object, (unsigned int)ident);
	*to = entry ? (uint32_t)object_number(entry->object, "ifindex", 0) : 0;
	if (!*to || !number_free(&part->actual, object->ns, *to))
		*to = mend->world->ops->identity(mend->world, object->ns);
	object->set |= UINT64_C(1) << ident;
	step->after = object;
}

static void idents_take(struct object *to, const struct object *from, struct arena *arena)
{
	for (unsigned int i = 0; i < kind_field_count(from->kind); i++)
		if (kind_field(from->kind, i)->flags & FIELD_IDENT && object_has(from, i))
			object_take(to, i, from, i, arena);
}

/* What was made anew and has another identity now: from here on it is the one promised. */
static void recommit(struct mend *mend, struct part *part, const struct plan *plan)
{
	struct committed committed = *part->whole;
	bool changed = false;
	struct err err;

	if (part_read(mend, part, &err)) {
		report_line(mend, REPORT_REFUSED, part->whole->name, err.message);
		return;
	}
	for (size_t i = 0; i < plan->len; i++) {
		const struct step *step = &plan->steps[i];
		struct entry *entry = committed_find(&committed, step->after);
		const struct object *there = state_find(&part->actual, step->after);

		if (step->before || !entry || !there || there->kind != entry->object->kind ||
		    !object_other(entry->object, there))
			continue;
		idents_take(entry->object, there, mend->arena);
		changed = true;
	}
	if (changed && store_commit(mend->store, &committed, &err))
		report_line(mend, REPORT_REFUSED, part->whole->name, err.message);
}

static void carry_out(struct mend *mend, struct part *part, struct plan *plan)
{
	for (size_t i = 0; i < plan->breath_count; i++) {
		struct breath *breath = &plan->breaths[i];
		struct err err;
		int r;

		for (size_t j = 0; j < breath->len; j++)
			number(mend, part, &breath->steps[j]);
		r = mend->world->ops->apply(mend->world, breath, &err);
		for (size_t j = 0; j < breath->len; j++)
			report_step(mend, &breath->steps[j], r ? &err : NULL);
		/* a namespace has a number of its own that nobody can ask for */
		if (step_object(&breath->steps[breath->leader])->kind->door == DOOR_NETNS)
			recommit(mend, part, plan);
	}
	recommit(mend, part, plan);
}

static int part_mend(struct mend *mend, struct part *part, struct err *err)
{
	struct plan plan, chosen = {.arena = mend->arena};
	struct step *steps;
	size_t len;

	part_request(mend, part);
	if (part_read(mend, part, err))
		return err->code;
	plan_make(&part->request, &plan);
	if (plan.diag.error_count)
		*err = plan.diag.errors[0];
	steps = arena_alloc(mend->arena, plan.len * sizeof(*steps) + 1);
	len = plan.diag.error_count ? 0 : steps_choose(mend, &plan, steps);
	mend->steps += (int)len;
	if (len && mend->report >= 0) {
		plan_order(&chosen, steps, len);
		carry_out(mend, part, &chosen);
	}
	len = plan.diag.error_count;
	plan_fini(&plan);
	return len ? err_context(err, "%s cannot be mended", part->whole->name) : 0;
}

static int descriptions_mend(struct mend *mend, struct err *err)
{
	size_t len = mend->store->len;
	/* committing changes the list */
	struct committed **list =
		arena_copy(mend->arena, mend->store->committed, len * sizeof(*list));
	struct err first = {0};

	for (size_t i = 0; i < len; i++) {
		struct part part;

		part_split(mend, list[i], &part);
		if (part.ours.len && part_mend(mend, &part, err) && !first.code)
			first = *err;
	}
	*err = first;
	return first.code;
}

static bool journal_left(const struct keeper *keeper)
{
	return faccessat(keeper->folder_fd, "journal", F_OK, 0) == 0;
}

int mend_plan(struct keeper *keeper, const struct budget *budget, struct err *err)
{
	struct mend mend = {.keeper = keeper, .budget = budget, .report = -1};
	struct arena arena;
	struct store store;
	int r = store_open(&store, false, err);

	if (r)
		return r;
	arena_init(&arena);
	mend.arena = &arena;
	mend.store = &store;
	r = world_live_new(NULL, &mend.world, err);
	if (!r) {
		r = descriptions_mend(&mend, err);
		mend.world->ops->free(mend.world);
	}
	arena_fini(&arena);
	store_close(&store);
	if (journal_left(keeper))
		return mend.steps + 1;
	return mend.steps ? mend.steps : r;
}

void mend_run(struct keeper *keeper, const struct budget *budget, int report)
{
	struct mend mend = {.keeper = keeper, .budget = budget, .report = report};
	struct arena arena;
	struct store store;
	struct err err;

	if (store_open(&store, true, &err)) {
		log_warning(&keeper->log, "%s", err.message);
		return;
	}
	arena_init(&arena);
	mend.arena = &arena;
	mend.store = &store;
	if (world_live_new(keeper->folder, &mend.world, &err)) {
		log_warning(&keeper->log, "%s", err.message);
		return;
	}
	if (apply_recover(&store, mend.world, &err) < 0 || store_reload(&store, &err) ||
	    descriptions_mend(&mend, &err))
		log_note(&keeper->log, "%s", err.message);
}
