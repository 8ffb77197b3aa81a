/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steps on the live system, one line of standard input each, for tests of kinds and doors:
 *
 *	want RECORD      what the next reading is about
 *	read             answers "object RECORD" or "auto RECORD" for all there is
 *	create RECORD    a step; also change, delete: the other side is what was read last
 *	go               carries out the steps since the last one as one breath, the first leads
 *	undo             carries out the last breath with its sides swapped
 *	disturbed        answers "touched RECORD" for what others changed
 *	holders RECORD   answers "holders TEXT"
 *
 * Every answer ends with a line "ok", or "refused CODE|OBJECT|FIELD|MESSAGE|HINT".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/record.h"
#include "world/world.h"

struct driver {
	struct arena arena;
	struct world *world;
	struct state wanted, actual;
	struct step steps[64], last[64];
	size_t len, last_len;
};

static void die(const struct err *err)
{
	printf("broken %s\n", err->message);
	exit(1);
}

/* Each field stands on a line of its own number, so that a refusal tells which it means. */
static struct object *record(struct driver *driver, const char *line)
{
	struct object *object;
	struct err err;

	if (record_get(line, strlen(line), &driver->arena, &object, &err))
		die(&err);
	object->place = (struct place){.file = "record", .line = 100, .column = 1};
	object->places =
		arena_alloc(&driver->arena, kind_field_count(object->kind) * sizeof(struct place));
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++)
		object->places[i] = (struct place){.file = "record", .line = i + 1, .column = 1};
	return object;
}

static void show(const char *word, const struct object *object)
{
	struct text line TEXT_CLEANUP = {0};

	record_put(object, &line);
	printf("%s %s\n", word, text_get(&line));
}

static void answer(int r, const struct err *err, const struct object *object)
{
	const char *field = "";

	if (!r) {
		printf("ok\n");
		return;
	}
	if (object && err->place.line && err->place.line < 100)
		field = kind_field(object->kind, err->place.line - 1)->key;
	printf("refused %d|%s|%s|%s|%s\n", -r, err->object, field, err->message, err->hint);
}

static void act_read(struct driver *driver)
{
	struct err err = {0};
	int r;

	state_sort(&driver->wanted);
	state_init(&driver->actual, &driver->arena);
	r = driver->world->ops->read(driver->world, &driver->wanted, &driver->actual, &err);
	for (size_t i = 0; i < driver->actual.len; i++)
		show(driver->actual.objects[i]->automatic ? "auto" : "object",
		     driver->actual.objects[i]);
	answer(r, &err, NULL);
}

static void act_step(struct driver *driver, const char *word, struct object *object)
{
	struct step *step = &driver->steps[driver->len++];

	*step = (struct step){.place = object->place};
	if (driver->len > 1)
		step->flags = STEP_RIDES;
	if (strcmp(word, "create") != 0)
		step->before = state_find(&driver->actual, object);
	if (strcmp(word, "delete") != 0)
		step->after = object;
	if (step->before && step->after)
		step->mask = object_differs(step->after, step->before);
	if (strcmp(word, "create") != 0 && !step->before)
		printf("broken nothing of this kind was read\n");
}

static void act_go(struct driver *driver, bool undo)
{
	struct breath breath = {.steps = driver->steps};
	struct err err;
	int r;

	if (undo) {
		for (size_t i = 0; i < driver->last_len; i++)
			driver->steps[i] = step_swapped(&driver->last[i]);
		driver->len = driver->last_len;
	}
	breath.len = driver->len;
	r = driver->world->ops->apply(driver->world, &breath, &err);
	answer(r, &err, step_object(&driver->steps[0]));
	memcpy(driver->last, driver->steps, sizeof(driver->last));
	driver->last_len = driver->len;
	driver->len = 0;
}

static void act_disturbed(struct driver *driver)
{
	struct state touched;
	bool disturbed;

	state_init(&touched, &driver->arena);
	disturbed = driver->world->ops->disturbed(driver->world, &touched);
	for (size_t i = 0; i < touched.len; i++)
		show("touched", touched.objects[i]);
	printf("%s\nok\n", disturbed ? "yes" : "no");
}

static void act(struct driver *driver, const char *word, const char *rest)
{
	struct text holders TEXT_CLEANUP = {0};

	if (strcmp(word, "want") == 0) {
		state_add(&driver->wanted, record(driver, rest));
		printf("ok\n");
	} else if (strcmp(word, "read") == 0) {
		act_read(driver);
	} else if (strcmp(word, "go") == 0 || strcmp(word, "undo") == 0) {
		act_go(driver, word[0] == 'u');
	} else if (strcmp(word, "disturbed") == 0) {
		act_disturbed(driver);
	} else if (strcmp(word, "holders") == 0) {
		driver->world->ops->holders(driver->world, record(driver, rest), &holders);
		printf("holders %s\nok\n", text_get(&holders));
	} else if (strcmp(word, "identity") == 0) {
		printf("%u\nok\n", driver->world->ops->identity(driver->world, rest));
	} else {
		act_step(driver, word, record(driver, rest));
		printf("ok\n");
	}
}

int main(int argc, char **argv)
{
	struct driver driver = {0};
	char *line = NULL;
	size_t room = 0;
	struct err err;

	arena_init(&driver.arena);
	state_init(&driver.wanted, &driver.arena);
	state_init(&driver.actual, &driver.arena);
	if (world_live_new(argc > 1 ? argv[1] : NULL, &driver.world, &err))
		die(&err);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (getline(&line, &room, stdin) > 0) {
		char *rest;

		line[strcspn(line, "\n")] = '\0';
		rest = line + strcspn(line, " ");
		if (*rest)
			*rest++ = '\0';
		act(&driver, line, rest);
	}
	driver.world->ops->free(driver.world);
	arena_fini(&driver.arena);
	free(line);
	return 0;
}
