/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The user's word on a change that waits for it. Whoever has the lock first, this or the keeper,
 * decides; the other one finds it decided, and says so.
 */
#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "lib/lib.h"
#include "world/keeper_door.h"

static void keep(struct visit *visit, struct answer *answer)
{
	json_object_set_new(answer->json, "result", json_string("confirmed"));
	json_object_set_new(answer->json, "change",
			    json_integer((json_int_t)visit->guard.base + 1));
	guard_remove(visit->store.folder);
	visit->guards = GUARD_ENDED;
}

/* It cannot be undone, and nobody tries again. */
static void give_up(struct visit *visit, const struct err *why, struct answer *answer)
{
	struct err err = *why;

	err_hint(&err, "all stays as it is now; lanloom show tells how");
	answer_fail(answer, &err);
	answer->status = LOOM_PARTIAL;
	guard_remove(visit->store.folder);
	visit->guards = GUARD_ENDED;
}

static void too_late(const char *what, struct answer *answer)
{
	struct err err;

	err_set(&err, -ETIMEDOUT, "it is too late: %s", what);
	answer_fail(answer, &err);
	json_object_set_new(answer->json, "result", json_string("undone"));
}

/* No guard stands: was the last change the keeper's own? */
static void nothing_waits(struct visit *visit, struct answer *answer)
{
	struct change last = {0};
	struct err err;
	uint64_t newest = store_history_newest(&visit->store);

	if (newest && store_history_get(&visit->store, newest, &last, &err) == 0 &&
	    text_same(last.user, KEEPER_NAME)) {
		char text[300], time[32] = "";
		time_t at = (time_t)last.time;
		struct tm parts;

		if (localtime_r(&at, &parts))
			strftime(time, sizeof(time), "%Y-%m-%d %H:%M:%S", &parts);
		snprintf(text, sizeof(text), "at %s the keeper did: %s", time, last.command);
		too_late(text, answer);
		return;
	}
	err_set(&err, -ENOENT, "no change waits to be confirmed");
	answer_fail(answer, &err);
}

enum loom_status loom_confirm(struct loom *loom, struct loom_doc **doc)
{
	struct visit visit;
	struct answer answer;
	struct err err = {0};

	answer_init(&answer);
	if (visit_open(&visit, loom, VISIT_DECIDE, &err)) {
		if (visit.guards == GUARD_FOUND)
			give_up(&visit, &err, &answer);
		else
			answer_fail(&answer, &err);
	} else if (visit.guards == GUARD_FOUND) {
		keep(&visit, &answer);
	} else if (visit.undone[0]) {
		too_late(visit.undone, &answer);
	} else {
		nothing_waits(&visit, &answer);
	}
	visit_end(&visit, &answer);
	return answer_end(&answer, doc);
}
