/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside liblanloom: a `struct loom` holds the options; a visit is what one operation has open
 * (store, world, memory); an answer gathers what is wrong and becomes the document. The library is
 * thin: it loads (conf), opens (apply/store, world/live), runs (apply) and describes.
 */
#pragma once
#include <jansson.h>

#include <net/if.h>
#include <sys/socket.h>

#include "apply/apply.h"
#include "apply/guard.h"
#include "conf/conf.h"
#include "lanloom.h"

#define KEEPER_NAME "lanloomd" /* as the history calls whoever undoes by itself */

struct loom {
	char *host, *name, *command;
	bool adopt, force;
	const char *who;     /* for the history; NULL: the calling user */
	uint32_t confirm;    /* seconds; 0: nobody has to */
	bool confirm_uplink; /* … but where the caller's uplink is touched */
	char **keep;
	size_t keep_count;
	bool keep_none;	     /* not even the caller's own SSH client */
	uint32_t wait;	     /* seconds for devices that have to be there */
	char *root;	     /* of the system that is enabled; NULL: this one */
	bool dry;	     /* only say what would be written */
	bool interface;	     /* `libvirt`: of a domain, not the network */
	char *guest;	     /* whose TAP it is, of `vm`; NULL: nobody said */
	unsigned int queues; /* of it; 0: as it is declared, or one */
	void (*progress)(void *data, const struct loom_doc *step, size_t n, size_t of);
	void *data;
};

/* --- doc.c: a loom_doc is a json_t --- */
static inline struct loom_doc *doc_of(json_t *json)
{
	return (struct loom_doc *)json;
}

/* --- answer.c --- */
struct answer {
	json_t *json; /* the document, growing */
	struct diag diag;
	enum loom_status status;
};

void answer_init(struct answer *answer);
/* An error that ends the operation; keeps a worse status. Returns LOOM_FAILED. */
enum loom_status answer_fail(struct answer *answer, const struct err *err);
/* The same with LOOM_USAGE: what was asked for does not exist. */
enum loom_status answer_usage(struct answer *answer, const struct err *err);
/* All errors and warnings of a diag move in; errors make it LOOM_FAILED. */
void answer_take(struct answer *answer, struct diag *diag);
/* Closes: `errors` and `warnings` join the document, which is given away. */
enum loom_status answer_end(struct answer *answer, struct loom_doc **doc);
void answer_drop(struct answer *answer); /* nobody is to read it */
/* What a part of the operation came to joins the whole: lists grow, the worse status stays. */
void answer_merge(struct answer *answer, struct answer *part);

/* --- visit.c --- */
enum visit_aim {
	VISIT_LOOK,
	VISIT_CHANGE, /* with the lock; what a killed run left is finished or undone first */
	VISIT_DECIDE, /* the same, also while a change waits to be confirmed */
};

struct visit {
	const struct loom *loom;
	struct arena arena;
	struct store store;
	enum visit_aim aim;
	bool opened;
	struct world *world;
	int recovered; /* what apply_recover said */

	/* guard.c: over the change of this visit, or one found */
	struct guard guard;
	enum { GUARD_NONE, GUARD_OURS, GUARD_FOUND, GUARD_ENDED } guards;
	bool guarded;	  /* guards == GUARD_OURS, for the transaction */
	bool unguarded;	  /* what is done now needs no guard */
	uint64_t base;	  /* newest change when it was opened */
	char undone[200]; /* what was found too late and undone, or "" */
	struct diag diag; /* warnings; visit_close frees it */
};

int visit_open(struct visit *visit, const struct loom *loom, enum visit_aim aim, struct err *err);
void visit_close(struct visit *visit);
/* Of a visit that changed something: the guard goes or stays, and the kept targets are awaited. */
void visit_end(struct visit *visit, struct answer *answer);

/* To look only: where the store may not be read (a plain user), without it, which is a warning. */
int visit_look(struct visit *visit, const struct loom *loom, struct diag *diag, struct err *err);

/*
 * A description as committed, as something to desire again: entries that are owed or only known
 * by identity are left out. `out` is initialized and sorted; objects are copies in `arena`.
 */
void visit_desired(const struct committed *committed, struct arena *arena, struct state *out);

/* --- files.c --- */
struct files {
	struct arena arena;
	struct description *list;
	size_t len;
};

/* The files that are meant: those given, else the default ones. Never none: that is an error. */
int files_find(const char *const *given, size_t count, struct arena *arena, const char ***paths,
	       size_t *len, struct err *err);

/*
 * Loads all; `run`: for this host (else all hosts are checked, none chosen). Errors, also between
 * the files, stand in diag: then -EINVAL. files_fini either way.
 */
int files_load(struct files *files, const struct loom *loom, const char *const *given, size_t count,
	       bool run, struct diag *diag);
void files_fini(struct files *files);

/* --- fixed.c --- */
/*
 * Gives each object of a kind with KIND_OWN_MAC that lacks a MAC the one kept for it; `draw`: a
 * new one where none is kept yet. `host`: the description's, or NULL.
 */
int fixed_macs(struct visit *visit, struct state *desired, const char *host, bool draw,
	       struct err *err);

/* --- settle.c --- */
/* Adds to `desired` what depends on the system as it is; warnings join diag. */
int desired_settle(struct visit *visit, struct state *desired, struct diag *diag, struct err *err);
/* Warns of what others have that stops what stands there. */
void hindered_tell(const struct state *state, struct diag *diag);

/* --- key.c --- */
int key_public_of(void *data, const char *path, struct public_key *key, struct err *err);
int key_digest_of(void *data, const char *path, struct public_key *digest, struct err *err);
int key_digest_from(const uint8_t shared[32], struct public_key *digest, struct err *err);
/* For the keeper: the 32 secret bytes of a file, which the caller wipes, and their public half. */
int key_private_read(const char *path, uint8_t private[32], struct err *err);
int key_public_from(const uint8_t private[32], struct public_key *key, struct err *err);

/* --- boot.c --- */
/* This very program; for another one that uses the library, the lanloom that was installed. */
const char *program_own(struct arena *arena);

/* --- step_doc.c --- */
/* old: the half of a replacement that goes, or NULL. */
json_t *step_describe(const struct step *step, const struct object *old);
/* Adds steps, cuts and warnings of a plan to a document that may have some already. */
void plan_describe(const struct plan *plan, json_t *to);

/* --- ahead.c: planning several descriptions one after the other --- */
/* From here on the visit's world is one in memory that begins as the system is. */
int ahead_begin(struct visit *visit, const struct files *files, struct err *err);
/* Carries a plan out there, and promises in memory what it would. */
int ahead_go(struct visit *visit, const struct description *description, const struct plan *plan,
	     struct err *err);

/* --- run.c --- */
/* Says in the answer what was done about a killed run that visit_open found. */
void run_recovered(const struct visit *visit, struct answer *answer);

struct wish {
	const char *name, *file, *operation;
	bool keep;
	bool gone; /* nothing of it stays */
	const struct state *desired;
	bool plan_only;
	const struct description *ahead; /* with plan_only: ahead_go follows; or NULL */
};
/*
 * Plans or runs one description in an open visit; the plan, the result and what is wrong join
 * the answer. Returns the number of the change, 0: nothing was changed.
 */
uint64_t run_wish(struct visit *visit, const struct wish *wish, struct answer *answer);

/* --- undo.c --- */
/* Runs towards the state before a change; what is wrong joins the answer. */
void undo_change(struct visit *visit, uint64_t n, struct answer *answer);

/* --- uplink.c --- */
#define UPLINK_DEVICES_MOST 64
struct uplink {
	struct sockaddr_storage peer; /* the SSH client */
	char names[UPLINK_DEVICES_MOST][IFNAMSIZ];
	size_t len;
};
/* -ENOENT: the caller does not come over SSH, or not from this namespace. */
int uplink_find(struct uplink *uplink, const struct state *actual);
bool uplink_touched(const struct uplink *uplink, const struct plan *plan);

/* --- guard_arm.c --- */
/* As apply_request.planned: what is to be guarded is, from here on. */
int guard_arm(struct visit *visit, const struct plan *plan, const struct state *actual,
	      struct err *err);

/* --- networks.c --- */
/* Others' rules that stop guests of networks that are up: warnings. */
void networks_hindered(const struct store *store, struct arena *arena, struct diag *diag);
/* The networks of all descriptions, as `show --json` has them. `running`: the keeper's list. */
json_t *networks_describe(const struct store *store, const struct state *actual, json_t *running);

/* --- guard.c --- */
/* With the lock: what was found is undone if it is too late, else visit->guards says so. */
int guard_settle(struct visit *visit, struct err *err);
/* Undoes all that is guarded, as `loom`. Unless that fails (-EIO, see the answer) the guard goes.
 */
int guard_undo(struct visit *visit, const struct loom *loom, struct answer *answer);
void guard_describe(const struct guard *guard, json_t *to); /* as `confirm` */
/* Ends the guard, or hands it over to the keeper; then, without the lock, awaits the verdict. */
void guard_finish(struct visit *visit, struct answer *answer);
void guard_await(struct visit *visit, struct answer *answer);
/* For those who look: a change that waits, or should have been undone, is named and seen to. */
void guard_look(struct visit *visit, struct diag *diag);

/*
 * The keeper's part, in a process of its own: checks, undoes, whatever is due by now. What was
 * decided, if anything, is in `said`. -errno: it is to be tried again.
 */
int guard_act(const char *folder, char said[200], struct err *err);
