/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The door to nftables: the program nft(8), since its library may be used under GPL-2 alone and
 * ends the process when it runs out of memory. It works in the namespace the calling thread is in.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

/* Carries out a file of commands as one transaction. -EINVAL: refused, with nft's own words. */
int nft_run(const char *commands, struct err *err);

/* A chain as nft lists it; without a family, the heads of all chains. */
int nft_list_chain(const char *family, const char *table, const char *chain, struct text *listing,
		   struct err *err);

/*
 * A table ("inet lanloom_lab") as nft lists it, without counters; `elements`: with what is in its
 * named sets. -ENOENT: there is none.
 */
int nft_list(const char *table, bool elements, struct text *listing, struct err *err);
