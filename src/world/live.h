/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside of the live world. live.c holds it together and opens the doors; live_object.c makes
 * objects of netlink messages; live_read.c reads everything; live_watch.c tells our changes from
 * those of others; live_link.c and live_tun.c carry out steps on devices, live_move.c takes them
 * from one namespace to another.
 *
 * A site is a namespace with its handle and its netlink socket; it is opened when something there
 * is read or changed for the first time, and stays open until the name means another namespace or
 * the world is freed.
 */
#pragma once
#include "model/refusal.h"
#include "sys/nl_msg.h"
#include "sys/process.h"
#include "sys/site.h"
#include "world/world.h"

/* Who holds the TAPs of one namespace; kept from one reading to the next. */
struct holds {
	const char *ns;
	struct process_hold *list;
	size_t len;
};

struct live {
	struct world world;   /* first: a world is one of these */
	struct arena arena;   /* lives as long as the world */
	struct arena scratch; /* of one apply */
	const char *folder;   /* state of this namespace, with the keeper's socket; NULL: none */
	struct sites *sites;
	struct watch **watches;
	size_t watch_count;
	struct arena holds_arena;
	struct holds *holds;
	size_t holds_count;
	uint32_t
		*kept_macs; /* masters whose MAC was seen to since the last reading; live_slave.c */
	size_t kept_count;
	struct kernel_config *kernel; /* read when first asked for */
};

/* The site of a namespace, its arena set to the scratch. -ENOENT: there is none of that name. */
int live_site(struct live *live, const char *ns, struct site **site, struct err *err);

/* Lets go of namespaces whose name has come to mean another, or none. */
void live_refresh(struct live *live);

/* live_object.c */
/* A device, of the kind its message tells, or of `as` (a declared NIC may be of any sort); READ
 * fields too. */
struct object *live_link(struct site *site, const struct nlmsghdr *message, const struct kind *as,
			 struct arena *arena);
/* Its place under a master that a kind describes (a bridge's port). NULL: none. */
struct object *live_slave(struct site *site, const struct nlmsghdr *message, struct arena *arena);

/* live_read.c */
int live_read(struct world *world, const struct state *wanted, struct state *out, struct err *err);

/* live_watch.c */
int live_watch_start(struct live *live, struct site *site, struct err *err); /* once per reading */
/* A link as read, as the kernel calls its kind, and its place under a master or NULL. */
void live_watch_know(struct live *live, uint32_t ifindex, const struct object *link,
		     const struct object *slave);
void live_watch_know_others(struct live *live, const struct state *read);
void live_watch_own(struct live *live, const struct breath *breath);
void live_watch_stop(struct live *live, const char *ns); /* NULL: all */
void live_watch_tidy(struct live *live);		 /* those of sites that were closed */
bool live_disturbed(struct world *world, struct state *touched);

/* live_link.c: one device. `found` tells what stands there now. */
struct found {
	uint32_t ifindex, master;
	char name[16];
	bool up;
};
/* By number, or with ifindex 0 by name. -ENODEV. */
int live_find(struct site *site, uint32_t ifindex, const char *name, struct found *found);
/* The device an object was read or made as: by its number, without one by name. */
int live_find_object(struct site *site, const struct object *object, struct found *found);
int live_link_apply(struct live *live, struct site *site, const struct breath *breath,
		    struct err *err);
/* Sends the fields of `mask` of step->after to a device; restores those of step->before on failure.
 */
int live_link_change(struct site *site, uint32_t ifindex, const struct step *step, struct err *err);
int live_link_remove(struct site *site, uint32_t ifindex);
/*
 * What is said when an object is made: of a written one all its fields and those that are said
 * even where the text is silent (FIELD_SAY); of one that was read (undoing its deletion) those that
 * are not as the kernel makes them anyway, as it may not even know how to set them.
 */
struct object *live_said(const struct object *object, struct arena *arena);
/* The fields of an object that can be sent to a device that is there. */
uint64_t live_settable(const struct object *object);

/* live_put.c: objects into messages. */
/* Fields of `mask` that stand at the top (attributes, and bits of the header). */
int live_put_top(struct nlmsghdr *message, struct ifinfomsg *header, const struct object *object,
		 uint64_t mask, const struct site *site, struct sent *sent);
/* The others in a nest of `attr` within an open IFLA_LINKINFO. -ENODEV: a named device is not
 * there. */
int live_put_nest(struct nlmsghdr *message, uint16_t attr, const struct object *object,
		  uint64_t mask, const struct site *site, struct sent *sent);
bool live_has_nest(const struct object *object, uint64_t mask);

/* live_slave.c, live_tun.c, live_move.c, live_netns.c: the other ways of a step. */
/* By the door of the leader's kind. */
int live_step_apply(struct live *live, const struct breath *breath, struct err *err);
int live_uplink_apply(struct live *live, struct site *site, const struct breath *breath,
		      struct err *err);
int live_slave_apply(struct live *live, struct site *site, const struct step *step,
		     struct err *err);
int live_tun_apply(struct live *live, struct site *site, const struct breath *breath,
		   struct err *err);
/* live_node.c: device nodes of our own. */
int live_node_apply(struct live *live, struct site *site, const struct breath *breath,
		    struct err *err);
void live_node_tidy(struct live *live, const struct breath *breath); /* of devices that went */
void live_node_get(struct live *live, struct object *object, struct arena *arena);
bool live_moves(const struct step *step);
int live_move_apply(struct live *live, const struct step *step, struct err *err);
int live_netns_apply(struct live *live, const struct step *step, struct err *err);

/* live_group.c: several devices of one namespace, deleted by one message. */
bool live_is_group(const struct breath *breath);
int live_group_remove(struct live *live, struct site *site, const struct breath *breath,
		      struct err *err);
