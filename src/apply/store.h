/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where state lives, apart for each network namespace lanloom is called in (keyed by the
 * namespace's cookie and the boot id, never by an inode):
 *
 *	/run/lanloom/KEY/committed/NAME   one per description that is up (model/committed)
 *	/run/lanloom/KEY/journal          of the run in progress, or of one that died
 *	/run/lanloom/KEY/lock             held by whoever changes something
 *	/run/lanloom/KEY/control          the keeper's socket
 *	/run/lanloom/KEY/confirm          the guard over a change (apply/guard.h)
 *	history/N, fixed                  in /var/lib/lanloom in the machine's first namespace,
 *	                                  below /run/lanloom/KEY elsewhere
 *
 * LANLOOM_RUN and LANLOOM_LIB replace the two roots (tests). Everything is 0600 in folders 0700.
 */
#pragma once
#include "base/arena.h"
#include "base/diag.h"
#include "model/committed.h"

struct store {
	struct arena arena;
	char folder[256];  /* /run/lanloom/KEY */
	char lasting[256]; /* where history and fixed values are */
	int lock_fd;
	struct committed **committed; /* all descriptions that are up */
	size_t len;
};

/* Opens and reads; with `lock`, makes the folders and waits up to 30 s for the lock. */
int store_open(struct store *store, bool lock, struct err *err);
void store_close(struct store *store);
/* Reads the committed states again: a child process changed them. */
int store_reload(struct store *store, struct err *err);

struct committed *store_committed(const struct store *store, const char *name); /* NULL: not up */
int store_commit(struct store *store, const struct committed *committed, struct err *err);
int store_forget(struct store *store, const char *name, struct err *err);
/* Removes what holds nothing any more (after `down`): all but the history. */
void store_tidy(struct store *store);

/* Fixed values ("bridge br0 macaddress"), by host name where there is one. NULL: none yet. */
const char *store_fixed(struct store *store, const char *key);
int store_fix(struct store *store, const char *key, const char *value, struct err *err);

struct change { /* one entry of the history */
	uint64_t n;
	int64_t time; /* s since 1970 */
	uint32_t uid; /* who: the login or calling user */
	const char *user;
	const char *command;
	const char *name;		  /* description */
	struct committed *before, *after; /* NULL: was not, is not up */
};

/*
 * A change enters the history in two acts around its commit. begin writes it down under another
 * name and sets n and time, and uid and user where no user is set; end makes it part of the
 * history, or (stays false) drops it. Begun ones of a run that died: history_end with the number
 * that its journal has, then history_clear.
 */
int store_history_begin(struct store *store, struct change *change, struct err *err);
int store_history_end(struct store *store, uint64_t n, bool stays, struct err *err);
void store_history_clear(struct store *store);
uint64_t store_history_newest(struct store *store); /* 0: none yet */
int store_history_get(struct store *store, uint64_t n, struct change *change, struct err *err);
size_t store_history_list(struct store *store, struct change **changes); /* newest first */
