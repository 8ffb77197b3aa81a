/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the door finds out before it asks the keeper: sockets are bound, names resolved. */
#pragma once
#include "model/step.h"
#include "sys/site.h"
#include "world/keeper_wire.h"

struct keeper_prepared {
	struct keeper_step *steps; /* the keeper's of the breath, in its order */
	size_t len;
	int fds[KEEPER_FDS_MOST]; /* owned */
	size_t fd_count;
	bool creates; /* some step makes something: a keeper is needed */
	bool deletes_only;
};

/* Errors name object and place. _fini also after an error. */
int keeper_prepare(struct sites *sites, const struct breath *breath, struct arena *arena,
		   struct keeper_prepared *prepared, struct err *err);
void keeper_prepared_fini(struct keeper_prepared *prepared);
