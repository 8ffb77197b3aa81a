/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A state is a sorted set of objects: what is desired, what is there, what was promised. The
 * difference of two states is one merge walk over both.
 */
#pragma once
#include "model/object.h"

struct state {
	struct arena *arena; /* owns the objects */
	struct object **objects;
	size_t len;
	const char *host; /* whose it is, of a file with hosts; or NULL */
	bool sorted;	  /* lookups of links are then by halves */
};

void state_init(struct state *state, struct arena *arena);
void state_add(struct state *state, struct object *object); /* at the end: sort when done */
void state_sort(struct state *state);
void state_put(struct state *state, struct object *object); /* keeps order; replaces its equal */
void state_remove(struct state *state, const struct object *like);
void state_forget(struct state *state, const struct object *object); /* this one; of any state */
struct object *state_find(const struct state *state, const struct object *like); /* sorted states */

/* A link by namespace and name, of whatever kind; NULL: none. Works on unsorted states too. */
struct object *state_link(const struct state *state, const char *ns, const char *name);
/* Of a sorted state: the object of that root kind whose key `name` is that; NULL: none. */
struct object *state_at(const struct state *state, const char *ns, const struct kind *root,
			const char *name);
/* Any object of a kind (or based on it) by namespace and `name`. */
struct object *state_named(const struct state *state, const char *kind, const char *ns,
			   const char *name);

/* The device an object belongs to (its FIELD_OWNER), in the state; NULL: none, or not there. */
struct object *state_owner(const struct state *state, const struct object *object);

/*
 * The device of `like`'s kind, namespace and kernel number, which somebody may have given another
 * name; NULL: it is gone, or `like` has no number.
 */
struct object *state_numbered(const struct state *state, const struct object *like);
/* The text wants the sysctl `name` to have this value, unless it says another itself. */
void state_want_value(struct state *state, const char *ns, const char *name, const char *value,
		      struct place place);
/*
 * To be read: the device's variables of IPv6 that are other than a new device's. The kernel forgets
 * them when its MTU falls below 1280.
 */
#define STATE_OWN_VALUES "own"
void state_want_own_values(struct state *state, const struct object *device);
/* The VLAN that a bridge's port, or the bridge itself (`self`), names in its keys `pvid…`. */
void state_want_pvid(struct state *state, const struct object *from, const char *device, bool self);

/* Loops over the objects of a kind or based on it: for (i = 0; (o = state_next(s, "link", &i)); )
 */
struct object *state_next(const struct state *state, const char *kind, size_t *i);

void state_copy(struct state *to, const struct state *from);
/* The names of the namespaces in which it has objects, and of its namespace objects; "" first. */
size_t state_namespaces(const struct state *state, struct arena *arena, const char ***names);
