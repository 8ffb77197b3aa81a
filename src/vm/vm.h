/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of vm/: what is asked for, what came of it, and the words of a command. */
#pragma once
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

#define VM_QUEUES_MOST 64
#define VM_GUEST_MOST 63 /* bytes of a guest's name */

struct vm_ask {
	const char *network; /* of it or its bridge; "ns1/lab": in that namespace (root only) */
	const char *guest;   /* or NULL: nobody's name */
	unsigned int queues; /* 0: one, or as many as the guest is declared with */
	uid_t uid;	     /* who asks */
};

/* A TAP in a bridge, open; vm_port_close. */
struct vm_port {
	char device[IFNAMSIZ];
	char mac[18]; /* of the guest's card */
	int fds[VM_QUEUES_MOST];
	unsigned int count;
};

void vm_port_close(struct vm_port *port);

/* --- known.c: what is known of a guest before it runs --- */
struct vm_guest {
	bool declared;	       /* under `guests` of something that is up, with a network */
	const char *network;   /* then: its own */
	char device[IFNAMSIZ]; /* "": any name */
	char mac[18];
	unsigned int queues;	/* of a declared one */
	long long owner, group; /* -1: none */
};

/* Reads what is up, in this thread's namespace. `arena` holds what is found. */
int vm_guest_know(const struct vm_ask *ask, struct arena *arena, struct vm_guest *guest,
		  struct err *err);

/* --- attach.c --- */
/* Opens the queues and joins the bridge `name` of this thread's namespace. */
int vm_attach(const char *name, const struct vm_guest *guest, const char *alias,
	      unsigned int queues, struct vm_port *port, struct err *err);

/* --- vm.c --- */
/* How many queues to open, or -errno. */
int vm_queues(const struct vm_ask *ask, const struct vm_guest *guest, struct err *err);

/* That there is a bridge of that name in this thread's namespace; else what may be meant. */
int vm_bridge_check(const char *name, struct err *err);

/* --- words.c --- */
/*
 * The command with the port's words in place, NULL-terminated, in `arena`. vhost: as many
 * descriptors as the port has queues, or NULL. -EINVAL: nothing in it takes a TAP.
 */
int vm_words(char *const *argv, const struct vm_port *port, const int *vhost, struct arena *arena,
	     char ***words, struct err *err);
/* The name that a QEMU command line gives its guest (-name), or NULL. */
const char *vm_words_guest(char *const *argv, struct arena *arena);

/* --- ask.c: of a plain user --- */
int vm_helper_ask(const struct vm_ask *ask, struct vm_port *port, struct err *err);

/* --- acl.c --- */
#define VM_ACL_FILE "/etc/lanloom/acl"
struct vm_caller {
	uid_t uid;
	const gid_t *groups; /* its own and all others */
	size_t group_count;
};
bool vm_caller_in(const struct vm_caller *caller, gid_t group);
/* 0: it may; -EACCES: it may not, with the reason; else the file is not as it has to be. */
int vm_acl_check(const char *path, const struct vm_caller *caller, const char *network,
		 const char *guest, const struct vm_guest *known, struct err *err);
