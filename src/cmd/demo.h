/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of `lanloom demo` share. Functions give 0, or -1 when the demo cannot go on: then
 * demo->trouble says why, and whoever called them returns the same; the stage is cleared at the end
 * whatever happened.
 */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lanloom.h"
#include "cmd/cmd.h"

#define DEMO_FOLDER "/run/lanloom-demo"
#define DEMO_PREFIX "lanloom-demo-"

enum { HOST_ALPHA, HOST_BETA, HOST_COUNT };

struct demo_guest {
	const char *name;    /* "guest-alpha" */
	const char *space;   /* the namespace it is, or its QEMU lives in */
	const char *address; /* "10.77.0.1" */
	const char *mac;
	pid_t pid; /* QEMU; 0: a namespace */
	int to;	   /* its console, or -1 */
	int from;
};

struct demo {
	struct cmd_call *call;
	bool vms;	    /* guests are QEMU's, not namespaces */
	bool quiet;	    /* nothing is told on the way: --json, -q */
	int signals;	    /* signalfd of SIGINT and SIGTERM */
	int lock;	    /* of DEMO_FOLDER: one demo at a time */
	char mark[64];	    /* stands in the environment of all that the demo starts */
	int scene;	    /* number of the last title */
	char exe[PATH_MAX]; /* this program */
	struct demo_guest guests[HOST_COUNT];
	char trouble[500];
	char hint[200];

	/* What was found out, for --json and the last lines. */
	double ping_ms;		/* mean round trip between the guests */
	unsigned int wire_most; /* bytes of the largest packet seen on the wire */
	unsigned int wire_packets;
	bool secret_seen;	/* the guests' words stood on the wire */
	double bits_per_second; /* from guest to guest */
	bool restored;		/* everything is as before */
};

/* demo_run.c: running programs. */
struct said {
	char *text; /* stdout and stderr, NUL-terminated; never NULL after demo_run */
	size_t size;
	int status; /* exit code; 128 + signal */
};

double demo_now(void); /* s, monotonic */
int demo_fail(struct demo *demo, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Waits until fd can be read: 1, or 0 when `seconds` are over, or -1: a signal asks to stop. */
int demo_wait(struct demo *demo, int fd, double seconds);
/*
 * Starts a program in a namespace (NULL: the caller's), with DEMO_FOLDER as its folder; it dies
 * with the demo. in, out: its standard input and output (stderr too unless err is given); -1: none.
 */
pid_t demo_spawn(struct demo *demo, const char *space, const char *const *argv, int in, int out,
		 int err);
/* Ends it (SIGKILL) and waits for it. */
void demo_reap(pid_t pid);
/* Runs it to its end, `seconds` at most. Give said_free the answer, also after -1. */
int demo_run(struct demo *demo, const char *space, const char *const *argv, double seconds,
	     struct said *said);
void said_free(struct said *said);
/* Reads a whole file of /proc, /sys or ours; NULL: cannot. The caller frees it. */
char *demo_read_file(const char *path);

/* demo_tell.c: what the user sees. */
void tell_title(struct demo *demo, const char *text);
void tell(struct demo *demo, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tell_text(struct demo *demo, const char *text); /* verbatim, set in */
void tell_command(struct demo *demo, const char *where, const char *command);
/* "text … 1.2 s": begin prints the text, end the time since. */
double tell_begin(struct demo *demo, const char *text);
void tell_end(struct demo *demo, double begun);
void tell_dump(struct demo *demo, const uint8_t *bytes, size_t size);

/* demo_stage.c: two hosts on a wire, and the file. */
int stage_open(struct demo *demo);  /* the lock, leftovers of a killed demo, the folder */
int stage_build(struct demo *demo); /* namespaces, wire, keys, fabric.yaml */
int stage_strike(struct demo *demo);
void stage_clear(struct demo *demo); /* by force; also what an earlier demo left */
bool stage_is_bare(struct demo *demo, char *rest, size_t size);
extern const char *const stage_hosts[HOST_COUNT];  /* "alpha" */
extern const char *const stage_spaces[HOST_COUNT]; /* "lanloom-demo-alpha" */

/* demo_guest.c */
int guest_start(struct demo *demo, struct demo_guest *guest);
int guest_ready(struct demo *demo, struct demo_guest *guest);
int guest_run(struct demo *demo, struct demo_guest *guest, const char *command, double seconds,
	      struct said *said);
void guest_stop(struct demo_guest *guest);

/* demo_ear.c: a listener on a device. */
struct ear {
	pid_t pid;
	int to, from;
	uint8_t *bytes; /* after ear_close: for each frame its size (32 bits, host order), itself */
	size_t size;
};

int ear_open(struct demo *demo, const char *space, const char *device, struct ear *ear);
int ear_close(struct demo *demo, struct ear *ear);
void ear_free(struct ear *ear);
/* The next frame; *at begins with 0. NULL: there is none. */
const uint8_t *ear_next(const struct ear *ear, size_t *at, size_t *size);
bool ear_heard(const struct ear *ear, const char *word);
int ear_main(const char *device); /* the listening process itself */

/* demo_proof.c: the machine before and after. */
struct proof;

struct proof *proof_take(struct demo *demo); /* NULL: see demo->trouble */
/* How many kinds of state differ; tells each. */
int proof_compare(struct demo *demo, const struct proof *before, const struct proof *after);
void proof_free(struct proof *proof);

/* demo_scenes.c: what is shown, one after the other. */
int scenes_play(struct demo *demo);
