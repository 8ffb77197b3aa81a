/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * liblanloom: the whole of `lanloom` without its command line.
 *
 * Every operation answers with a document: a tree of objects, lists, texts, numbers and truths,
 * the same one that `lanloom COMMAND --json` prints; lanloom(1) describes each. What is named is
 * named by text (kinds, keys, options), so this interface does not grow when a kind is added.
 *
 *	struct loom *loom = loom_new();
 *	struct loom_doc *doc;
 *	const char *files[] = {"lab.yaml"};
 *
 *	loom_option(loom, "host", "alpha");
 *	if (loom_up(loom, files, 1, &doc) == LOOM_DONE)
 *		puts(loom_text(doc, "result"));
 *	loom_doc_free(doc);
 *	loom_free(loom);
 *
 * Not thread-safe: a `struct loom` belongs to one thread at a time. Operations that change the
 * system fork and enter namespaces; they expect to be root in the caller's network namespace.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct loom;
struct loom_doc;

/* What an operation came to; the values are the command's exit codes. */
enum loom_status {
	LOOM_DONE = 0,	  /* done, or there was nothing to do */
	LOOM_FAILED = 1,  /* the document's `errors` say why; the system is as before */
	LOOM_USAGE = 2,	  /* asked wrongly: no such option, kind, key … */
	LOOM_NO = 3,	  /* a question's answer is no: the plan has steps */
	LOOM_PARTIAL = 4, /* rolled back, or deleted, only in part: `left` lists the rest */
};

const char *loom_version(void);

/* NULL only when memory is out. */
struct loom *loom_new(void);
void loom_free(struct loom *loom);

/*
 * Sets one option for all later operations; value NULL takes it back. -1: there is none so called,
 * or the value is none of its.
 *	host NAME	whose part of a description with `hosts` is meant; else the host's own name
 *	name NAME	the description's name, where the text says none (standard input)
 *	adopt yes	take over foreign objects that the description names
 *	force yes	also where somebody else's object dies or a held TAP goes
 *	confirm SECONDS	what is changed is undone unless loom_confirm comes in time; 0: never;
 *			"uplink": 60, where the caller comes over SSH and its way is touched
 *	keep TARGET	an address, or host:port: what is changed is undone when it takes TARGET
 *			out of reach; adds to the targets before. The SSH client that the caller
 *			comes from is kept where its way is touched, unless TARGET is "none"
 *	wait SECONDS	loom_up waits so long for devices that have to exist (at boot)
 *	root FOLDER	loom_enable, loom_disable: the root of another system
 *	dry yes		loom_enable: only answers what it would write
 *	guest NAME	loom_vm: the guest that the command is; loom_libvirt: whose <interface>
 *	interface yes	loom_libvirt: the <interface> of a domain, not the <network>
 *	queues N	loom_vm: of its TAP, 1 to 64
 *	command TEXT	what the history says was done; else the operation's name
 */
int loom_option(struct loom *loom, const char *option, const char *value);

/*
 * Called before each step of a running change, with the step's document; `of` steps in all. A
 * change that is undone unless confirmed begins with a call that has `confirm` and of 0.
 */
void loom_progress(struct loom *loom,
		   void (*progress)(void *data, const struct loom_doc *step, size_t n, size_t of),
		   void *data);

/*
 * Descriptions. `files`: paths, "-" for standard input; count 0: the default files, which are
 * /etc/lanloom/lanloom.yaml and all .yaml of /etc/lanloom/lanloom.d, each a description of its own.
 * *doc is set whatever is returned; the caller frees it.
 */
enum loom_status loom_check(struct loom *loom, const char *const *files, size_t count,
			    struct loom_doc **doc);
enum loom_status loom_plan(struct loom *loom, const char *const *files, size_t count,
			   struct loom_doc **doc);
enum loom_status loom_up(struct loom *loom, const char *const *files, size_t count,
			 struct loom_doc **doc);
enum loom_status loom_down(struct loom *loom, const char *const *files, size_t count,
			   struct loom_doc **doc);
enum loom_status loom_down_all(struct loom *loom, struct loom_doc **doc);

/* One object at a time, in the description `by-hand`. pairs: "key=value". name: "br0", "ns1/br0".
 */
enum loom_status loom_add(struct loom *loom, const char *kind, const char *name,
			  const char *const *pairs, size_t count, struct loom_doc **doc);
enum loom_status loom_set(struct loom *loom, const char *name, const char *const *pairs,
			  size_t count, struct loom_doc **doc);
enum loom_status loom_del(struct loom *loom, const char *name, struct loom_doc **doc);

/* Ends the waiting of a change made with `confirm`: it stays. Too late: LOOM_FAILED says so. */
enum loom_status loom_confirm(struct loom *loom, struct loom_doc **doc);

/* History. n 0: the last change, or all that waits to be confirmed. */
enum loom_status loom_undo(struct loom *loom, unsigned long long n, struct loom_doc **doc);
enum loom_status loom_log(struct loom *loom, struct loom_doc **doc);

/* The network as it is. name NULL: all of it; else a device, namespace or tunnel. */
enum loom_status loom_show(struct loom *loom, const char *name, struct loom_doc **doc);
enum loom_status loom_tunnel(struct loom *loom, const char *name, struct loom_doc **doc);

/* Waits until what is up is online; LOOM_FAILED: the time is over, `errors` say what is missing. */
enum loom_status loom_wait(struct loom *loom, unsigned int seconds, struct loom_doc **doc);

/* Units of systemd that bring the files up at boot, files as for loom_up but no "-". */
enum loom_status loom_enable(struct loom *loom, const char *const *files, size_t count,
			     struct loom_doc **doc);
enum loom_status loom_disable(struct loom *loom, struct loom_doc **doc);

/* What there is to write: all kinds, or one, by its name or section. */
enum loom_status loom_kinds(struct loom *loom, const char *kind, struct loom_doc **doc);

/*
 * A description made from something else, as `text`; what has no counterpart is in `warnings`.
 * format: "live" (file NULL), "ifcfg", "interfaces", "libvirt", "netplan", "networkd". file: a
 * file, a folder,
 * "-"; NULL: where that program has its own. The option `name` is the description's.
 */
enum loom_status loom_import(struct loom *loom, const char *format, const char *file,
			     struct loom_doc **doc);

/* Tunnel keys. new: creates `path` with mode 0600 and never overwrites; both answer the public
 * half. */
enum loom_status loom_key_new(struct loom *loom, const char *path, struct loom_doc **doc);
enum loom_status loom_key_public(struct loom *loom, const char *path, struct loom_doc **doc);

/* Becomes argv inside a named namespace, /etc/netns/NAME in place; returns only on failure. */
enum loom_status loom_exec(struct loom *loom, const char *name_space, char *const *argv,
			   struct loom_doc **doc);

/*
 * Becomes argv with a TAP in the network, or bridge, in its hands: the word "{netdev}" of argv and
 * "{fds}", "{vhostfds}", "{mac}", "{device}" in its words stand for it, see lanloom(1). A plain
 * user needs lanloom-vm-helper and a rule in /etc/lanloom/acl. Returns only on failure.
 */
enum loom_status loom_vm(struct loom *loom, const char *network, char *const *argv,
			 struct loom_doc **doc);

/* A network, or bridge, in libvirt's words, as `xml`: a <network>, or an <interface>. */
enum loom_status loom_libvirt(struct loom *loom, const char *network, struct loom_doc **doc);
/* libvirt's hooks: what is "print", "install" or "remove"; `hooks` have path and text. */
enum loom_status loom_libvirt_hook(struct loom *loom, const char *what, struct loom_doc **doc);
/* What one of them is told: driver "qemu" or "network", libvirt's XML on standard input. */
enum loom_status loom_libvirt_event(struct loom *loom, const char *driver, const char *operation,
				    struct loom_doc **doc);

/*
 * The other end of a TAP or TUN: for programs that read and write packets themselves.
 *
 *	struct loom_tap *tap;
 *	struct loom_packet packet;
 *	unsigned char room[LOOM_PACKET_MOST];
 *
 *	if (loom_tap_open(loom, "tap0", LOOM_TAP_PLAIN, &tap, &doc) == LOOM_DONE)
 *		while (loom_tap_read(tap, room, sizeof(room), &packet) > 0)
 *			…;
 *
 * The device has to be there (lanloom add tap tap0 owner=ME) and the caller its owner, or root. A
 * queue does not block; loom_tap_fd is for poll. One queue belongs to one thread at a time; a
 * device with multi-queue may be opened several times.
 */
struct loom_tap;

enum {
	LOOM_TAP_PLAIN = 0, /* packets are whole: checksums complete, none above the MTU */
	/* checksums may be open, either way */
	LOOM_TAP_CHECKSUM = 1,
	/* TCP and UDP come, and may be written, as super-packets of up to 64 KiB; has CHECKSUM */
	LOOM_TAP_SUPER = 2,
};

/* The largest read: a super-packet with its headers. */
#define LOOM_PACKET_MOST (65536 + 64)

enum loom_super { LOOM_WHOLE, LOOM_TCP4, LOOM_TCP6, LOOM_UDP };

struct loom_packet {
	unsigned char *bytes; /* TAP: from the Ethernet header on; TUN: from the IP header on */
	size_t size;
	/*
	 * checksum_start not 0: the checksum at start + offset has the sum of the pseudo header
	 * only; what is from start to the end is still to be added. Counted from `bytes`.
	 */
	size_t checksum_start, checksum_offset;
	/* not LOOM_WHOLE: to be cut into packets with `segment` bytes behind `headers` bytes each
	 */
	enum loom_super super;
	size_t segment, headers;
};

/* device: "tap0", "ns1/tap0". offloads: LOOM_TAP_…; of what the kernel lacks the rest is done. */
enum loom_status loom_tap_open(struct loom *loom, const char *device, unsigned int offloads,
			       struct loom_tap **tap, struct loom_doc **doc);
int loom_tap_fd(const struct loom_tap *tap);
/* 1: packet->bytes is in `room`; 0: there is none now; -errno: the device went (-EBADFD), or
 * -EMSGSIZE: room was too small, and the packet is lost. */
int loom_tap_read(struct loom_tap *tap, void *room, size_t size, struct loom_packet *packet);
/* 0 or -errno; -EINVAL: an open checksum or super-packet for a queue that was opened without. */
int loom_tap_write(struct loom_tap *tap, const struct loom_packet *packet);
void loom_tap_close(struct loom_tap *tap); /* NULL may be */

/*
 * Reading documents. All questions may be asked of NULL and of the wrong type: the answer is then
 * NULL, 0 or false. What they return belongs to the document.
 */
enum loom_type { LOOM_NULL, LOOM_OBJECT, LOOM_LIST, LOOM_TEXT, LOOM_NUMBER, LOOM_TRUTH };

enum loom_type loom_type(const struct loom_doc *doc);
size_t loom_count(const struct loom_doc *doc); /* members, elements */
const struct loom_doc *loom_get(const struct loom_doc *doc, const char *key);
const struct loom_doc *loom_at(const struct loom_doc *doc, size_t i); /* of a list */
const char *loom_key_at(const struct loom_doc *doc, size_t i);	      /* of an object, as written */
const char *loom_text(const struct loom_doc *doc, const char *key);   /* key NULL: doc itself */
double loom_number(const struct loom_doc *doc, const char *key);
bool loom_truth(const struct loom_doc *doc, const char *key);
int loom_doc_print(const struct loom_doc *doc, FILE *stream); /* as JSON; -1: write error */
void loom_doc_free(struct loom_doc *doc);

/* {"errors":[{"message":…,"try":…}]}: for programs that answer in the same form. */
struct loom_doc *loom_doc_error(const char *message, const char *try_this);

/* The word of a NULL-terminated list that `word` was probably meant to be; NULL: none is near. */
const char *loom_nearest(const char *word, const char *const *words);

#ifdef __cplusplus
}
#endif
