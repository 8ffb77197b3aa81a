/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names and indices of the links of one namespace, as last dumped. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct link_name {
	uint32_t ifindex;
	uint32_t next[2]; /* in the chains of its number and its name */
	char name[16];
};

struct link_names {
	struct link_name *list; /* malloc'ed, as heads; link_names_fini */
	size_t len;
	size_t room;	 /* 0 or a power of two */
	uint32_t *heads; /* of the chains: `room` by number, then `room` by name */
};

void link_names_fini(struct link_names *names);
void link_names_clear(struct link_names *names);
void link_names_set(struct link_names *names, uint32_t ifindex,
		    const char *name); /* adds or renames */
void link_names_drop(struct link_names *names, uint32_t ifindex);

uint32_t link_names_index(const struct link_names *names, const char *name);   /* 0: none */
const char *link_names_name(const struct link_names *names, uint32_t ifindex); /* NULL: none */
