/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kind is a table. It lists the fields of one sort of object with name, type, place in a C
 * struct, netlink attribute, limits, flags and one line of English; parsing, printing, sending,
 * reading back, comparing, ordering, help, manual and tests walk the table. One file of src/kind/
 * defines one `const struct kind kind_NAME`; the build collects them in `kinds`. No other file
 * knows a kind's struct: whoever needs a value asks by key (object_text(object, "master")).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/value.h"

enum {
	FIELD_KEY = 1 << 0,   /* part of the identity within namespace and kind */
	FIELD_NEED = 1 << 1,  /* must be written */
	FIELD_FIXED = 1 << 2, /* cannot change after creation: another value replaces the object */
	FIELD_TOP = 1 << 3, /* attr stands at the top of the message, not in the kind's own nest */
	FIELD_HEADER = 1 << 4, /* attr is a bit of ifi_flags */
	FIELD_READ = 1 << 5,   /* the kernel says it, nobody sets it */
	FIELD_SECRET = 1 << 6, /* names something secret: shown, its content never */
	FIELD_OWNER = 1 << 7,  /* the key names the device (or tunnel) that this object dies with */
	FIELD_ASIDE = 1 << 8,  /* set at creation, never compared, never a reason to change */
	FIELD_COUNTS = 1 << 9, /* runs by itself: shown, never compared */
	FIELD_IDENT = 1 << 10, /* READ, and tells one incarnation from the next (ifindex) */
	FIELD_INNER = 1 << 11, /* set by expansion only: a user cannot write it */
	FIELD_SAY = 1 << 12,   /* sent at creation with its initial value when not written */
	/* of the description only: never in the kernel, never compared (existing) */
	FIELD_FACE = 1 << 13,
	/* within its rank, an object that has it comes after those without (a route's via); one
	 * that has two of them comes after those with one */
	FIELD_LATER = 1 << 14,
	/* of no table: parse whatever the kernel may have said (record_recall) */
	FIELD_ANY = 1 << 15,
	/* on an object of ours it cannot be taken away again: one that a text drops makes it anew
	 */
	FIELD_ANEW = 1 << 16,
};

struct field {
	const char *key; /* the description's word; "parameters.stp" stands in a map `parameters` */
	const struct vtype *type;
	uint16_t offset; /* in the kind's struct */
	uint16_t attr;	 /* netlink attribute, 0: none; fields that share one share its bits */
	uint16_t attr6;	 /* that of an IPv6 address, where it is another; 0: attr */
	uint32_t flags;
	int64_t min, max;	  /* numbers: both 0 = the whole type; seconds in seconds */
	const char *const *words; /* vtype_word: NULL-terminated */
	const uint32_t *numbers;  /* of the words in messages; NULL: their places */
	const char
		*initial;   /* what an object of ours has where the text is silent; NULL: unknown */
	const char *native; /* FIELD_SAY: what the kernel makes it by itself, where that differs */
	const char *spread; /* also written under the owner as `spread: {THIS: value}`; or NULL */
	const char *doc;    /* one line, unit included */
};

#define FIELD(strukt, member) .offset = offsetof(struct strukt, member)

/* Through what a step of this kind reaches the system. */
enum door {
	DOOR_NONE,   /* a fact of the description only (guest) */
	DOOR_NETNS,  /* a named network namespace */
	DOOR_LINK,   /* RTM_NEWLINK, RTM_DELLINK by the generic walker */
	DOOR_TUN,    /* /dev/net/tun, then as LINK */
	DOOR_NODE,   /* as LINK, and a device node of ours (macvtap) */
	DOOR_OWN,    /* the kind's own ops (address, route) */
	DOOR_SYSCTL, /* /proc/sys */
	DOOR_KEEPER, /* lanloomd runs it */
	DOOR_COUNT
};

/* Order of creation; deletion goes backwards. Within a rank, devices named by fields come first. */
enum rank {
	RANK_NAMESPACE,
	RANK_LINK,
	RANK_RULESET, /* before anything can pass */
	RANK_PORT,
	RANK_SYSCTL,
	RANK_ADDRESS,
	RANK_ROUTE,
	RANK_NEIGHBOUR, /* what hangs on a device besides: neighbours, forwarding entries, rules */
	RANK_TUNNEL,
	RANK_PEER,
	RANK_FACT,
	RANK_COUNT
};

enum {
	KIND_EXISTING = 1 << 0, /* never created or deleted, only configured (ethernet) */
	KIND_OWN_MAC = 1 << 1,	/* gets a random MAC that is kept (bridge) */
	KIND_HIDDEN = 1 << 2,	/* has no section: only read (any other link) */
	KIND_MOVES = 1 << 3,	/* in a namespace it is moved there and back (ethernet) */
	KIND_PAIR = 1 << 4,	/* comes and goes with the object its `peer` names (veth) */
	KIND_VALUE = 1 << 5,	/* always there, only its value changes (sysctl) */
	KIND_SLAVE = 1 << 6,	/* a device's place under its owner: made by setting the master, its
				 * other fields travel in IFLA_INFO_SLAVE_DATA (port) */
	KIND_PINS_MTU = 1 << 7, /* its MTU follows its ports' until it is changed (bridge) */
	/* without a MAC it gets one above all vendors' (fe:…), so that no bridge it joins takes it
	 * for its own and loses what stands on the old one (tap, veth) */
	KIND_HIGH_MAC = 1 << 8,
	/* the keeper mends it, whether or not the description says `keep: true` (ruleset) */
	KIND_KEPT = 1 << 15,
	/* others make it of themselves (a network its rules), again with each change of theirs */
	KIND_MADE = 1 << 12,
	/* with `master: true` it is held by the master of its device, and dies with the device's
	 * place there (an fdb entry) */
	KIND_IN_MASTER = 1 << 9,
	/* a change resets what its message does not have: it carries all fields (gretap) */
	KIND_WHOLE = 1 << 10,
	KIND_ENTERS_DOWN = 1 << 11, /* a device is taken in while it is down only (bond-port) */
};

struct object;
struct state;
struct site;
struct diag;
struct step;

/* How a kind stands under its owner in a description. */
enum listing {
	LISTING_NONE,
	LISTING_ITEMS, /* routes: [{to: default, via: …}] */
	LISTING_NAMES, /* addresses: [a, {b: {label: …}}]; interfaces: [tap0] */
	LISTING_MAP,   /* sysctls: {name: value}; ports: {tap0: {…}} */
};

struct kind_ops {
	/*
	 * Reads all objects of the kind in a namespace (DOOR_OWN, DOOR_SYSCTL: those that `wanted`
	 * names). Links need none.
	 */
	int (*read)(struct site *site, const struct state *wanted, struct state *out,
		    struct err *err);
	/*
	 * One netlink message, of a dump or an event, as an object; NULL: it is none of this kind.
	 * Only for kinds that `read` by dumping (address, route).
	 */
	struct object *(*get)(struct site *site, const struct nlmsghdr *message,
			      struct arena *arena);
	/* Carries out one step; NULL: the door's generic way. */
	int (*apply)(struct site *site, const struct step *step, struct err *err);
	/* Completes one object after loading; may add objects to the state (the veth's other end).
	 */
	void (*expand)(struct object *object, struct state *state, struct diag *diag);
	/* Fills in a key that is made of others, as soon as they are read: what differs in it only
	 * is another object. */
	void (*identify)(struct object *object, struct arena *arena);
	/* Before expansion: whether `other` is none of this host's, because `object` says so. */
	bool (*drops)(const struct object *object, const struct object *other,
		      const struct state *state);
	/* Fields of `want` that cannot become so on `have`, beyond those that are FIXED: a mask. */
	uint64_t (*fixed)(const struct object *have, const struct object *want);
	/* Rules between objects. `hosts`: the expanded states of all hosts of the file, `count`
	 * ≥ 1. */
	void (*check)(const struct object *object, const struct state *state, struct diag *diag);
	void (*check_hosts)(const struct state *const *hosts, const char *const *names,
			    size_t count, struct diag *diag);
	/* Completes an object by what the system is, when it is about to be planned: may add
	 * objects that depend on it (forwarding on whatever device leads out). `actual` sorted. */
	void (*settle)(const struct object *object, struct state *state, const struct state *actual,
		       struct diag *diag);
	/* Warns of what others have that stops what it is for: when it is planned, or shown. */
	void (*hindered)(const struct object *object, const struct state *state, struct diag *diag);
	/* When a value is about to be given back: why it stays, since others have come to rely on
	 * what we made it; NULL: they have not. `own`: all that the description has promised. */
	const char *(*relied_on)(const struct object *prior, const struct object *actual,
				 const struct state *own);
	/* What others made and the plan lets stand, beside the described objects that are new:
	 * refuses those that it cannot live with. */
	void (*check_beside)(const struct object *foreign, const struct state *fresh,
			     struct diag *diag);
};

struct kind {
	const char *name;    /* "bridge" */
	const char *section; /* "bridges"; NULL: only under an owner, or not in files at all */
	const char *mode; /* sections shared by kinds: the value of `mode` that selects this one */
	const char *word; /* IFLA_INFO_KIND */
	const char *config;  /* "CONFIG_BRIDGE": what a kernel without it lacks */
	const char *module;  /* "bridge" */
	const char *summary; /* one line */
	const struct kind *base;
	const char
		*device; /* keys that are not its own belong to a device of this kind, same name */
	const char *owner;  /* listed under objects of this kind or one based on it */
	const char *listed; /* "addresses" */
	const char
		*listed_map; /* "ports": the same kind also as a map with its other keys; or NULL */
	enum listing listing;
	const struct field *fields; /* its own; the base's come before them */
	uint8_t field_count;
	uint16_t flags;
	uint16_t
		variant_attr; /* kinds of one `word` differ in this attribute of IFLA_INFO_DATA … */
	uint8_t variant;      /* … by its value (tap, tun: IFLA_TUN_TYPE) */
	uint16_t size;	      /* of its struct, which begins with the base's */
	enum rank rank;
	enum door door;
	const struct kind_ops *ops;
};

#define KIND_FIELDS(array) .fields = (array), .field_count = sizeof(array) / sizeof((array)[0])

/* The registry, made by the build from src/kind/; NULL-terminated, sorted by name. */
extern const struct kind *const kinds[];

/* The field can be taken back to nothing: a change's mask may name it where `after` lacks it. */
bool field_drops(const struct kind *kind, unsigned int i);

/* Completes or checks an object by the rules of its kind's bases, the root's first, then its own.
 */
void kind_expand(struct object *object, struct state *state, struct diag *diag);
void kind_check(const struct object *object, const struct state *state, struct diag *diag);

const struct kind *kind_find(const char *name);	   /* NULL: none */
const struct kind *kind_of_word(const char *word); /* by IFLA_INFO_KIND */
const struct kind *kind_of_section(const char *section,
				   const char *mode);  /* mode NULL: the first */
const struct kind *kind_root(const struct kind *kind); /* the last base: what identity is told by */
bool kind_is(const struct kind *kind, const char *name); /* it, or one of its bases, is called so */

/* All fields of a kind, the base's first; at most 64. */
unsigned int kind_field_count(const struct kind *kind);
const struct field *kind_field(const struct kind *kind, unsigned int i);
int kind_field_find(const struct kind *kind,
		    const char *key); /* full key, or its last part when unique; -1 */
