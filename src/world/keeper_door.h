/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The door to what lanloomd, the keeper, runs: tunnels and their peers, networks' DHCP and DNS,
 *carriers. A keeper serves one state folder, that is one network namespace, and listens there on
 *the socket `control`.
 *
 * The protocol (world/keeper_wire.h codes it): AF_UNIX, SOCK_SEQPACKET. The peer has to be root
 * (SO_PEERCRED); where a group is configured (daemon/readers.c), its members may ask ping, list
 * and status, and get -EPERM for anything else. A connection carries one request and its answer.
 * Each is one message or several: a head of 12 bytes and up to 64 KiB of text, all but the last
 * marked "more follows"; at most 4 MiB in all. A request whose last message never comes has done
 * nothing. The text is lines, objects are records (model/record.h):
 *
 *	request   text                                  answer
 *	ping      -                                     "version V", "protocol N", "pid P"
 *	list      -                                     a record per running object
 *	apply     the steps of one breath (below)       -
 *	status    -                                     JSON: {"tunnels", "networks", "carriers"}
 *	notice    -                                     "stays" or "ends": what is committed
 *	                                                changed, or the guard; "guards": there is
 *one
 *
 *	step                      a step begins
 *	before RECORD             not in a creation
 *	after RECORD              not in a deletion
 *	fields KEY…               a change: those that differ; one that `after` lacks is taken back
 *	sockets N                 a tunnel: N UDP sockets are for it, in order, of those sent along
 *	resolved ADDRESS:PORT     a peer: its endpoint as an address
 *
 * An answer's head says 0 or -errno; then its text is "message TEXT", "object LABEL", "hint TEXT"
 * and "step N" lines, escaped as records are. A breath is taken as a whole or not at all.
 *
 * What a kernel would refuse is found by whoever applies, inside the transaction: UDP ports are
 * bound here, in the tunnel's namespace, and the sockets handed over. The keeper opens the TAP
 * (there already, a step before) and reads the key file itself, and refuses a key that is not the
 * private half of the record's `keys.public`; so no secret is ever in a message.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "model/state.h"
#include "model/step.h"

struct sites;

/*
 * Adds the objects that the keeper of `folder` runs to `out` (at the end: sort when done). No
 * folder (NULL), no keeper: no objects, and no error.
 */
int keeper_read(const char *folder, struct state *out, struct err *err);

/*
 * Carries out the steps of a breath that are the keeper's (DOOR_KEEPER); others are passed over, so
 * a device's deletion that takes its tunnel along comes here first, then to its own door. Starts
 * the keeper when something is to be created and there is none; a deletion without one is done.
 * The error names object and place.
 */
int keeper_apply(const char *folder, struct sites *sites, const struct breath *breath,
		 struct err *err);

/*
 * {"tunnels", "networks", "carriers"}: lists of what runs, in the form of `show --json`; empty
 * without a keeper.
 */
int keeper_status(const char *folder, json_t **status, struct err *err);

/*
 * After a commit, a forgetting or a refusal: the keeper looks at the store again. `promised`:
 * whether a description that is up needs a keeper (its services, or `keep: true`). With something
 * one is started if there is none; with nothing, which only who holds the store's lock can know,
 * one that has nothing else to do has ended when this returns.
 */
enum promised { PROMISED_NOTHING, PROMISED_UNKNOWN, PROMISED_SOMETHING };
int keeper_notify(const char *folder, enum promised promised, struct err *err);

/*
 * A guard over a change is written (apply/guard.h): starts the keeper if there is none, and returns
 * when it has taken note. -EPROTO: a keeper runs that knows nothing of guards.
 */
int keeper_guard(const char *folder, struct err *err);

/* Is there one, and it answers? 0, -ENOENT: there is none. */
int keeper_ping(const char *folder, pid_t *pid, struct err *err);
