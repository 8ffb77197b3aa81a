/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the demo shows, one scene after the other; each says in plain words what is to be seen. */
#include "cmd/demo.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECRET "meet-me-at-the-old-mill-at-nine"
#define FAR "10.77.0.2"

enum { FULL_FRAME = 1514, ETH_HEADER = 14, UDP_PORT = 51821, STREAM_SECONDS = 5 };

/* A command of ours on a host, shown as a user would type it, with what it says. */
static int host_does(struct demo *demo, int host, const char *const *words, int expected)
{
	const char *argv[10] = {demo->exe};
	char line[200] = "lanloom";
	struct said said;
	int result;

	for (int i = 0; i < 8 && words[i]; i++) {
		size_t size = strlen(line);

		argv[i + 1] = words[i];
		snprintf(line + size, sizeof(line) - size, " %s", words[i]);
	}
	tell_command(demo, stage_hosts[host], line);
	result = demo_run(demo, stage_spaces[host], argv, 60, &said);
	if (result == 0) {
		tell_text(demo, said.text);
		if (said.status != expected)
			result = demo_fail(demo, "%s: %s: exit %d: %s", stage_hosts[host], line,
					   said.status, said.text);
	}
	said_free(&said);
	return result;
}

static int host_up(struct demo *demo, int host)
{
	return host_does(demo, host,
			 (const char *[]){"up", "fabric.yaml", "--host", stage_hosts[host], NULL},
			 0);
}

/*
 * A command inside a guest. `shown` is what the user sees of it, with its answer; NULL: nothing. It
 * has to end with 0.
 */
static int guest_does(struct demo *demo, int guest, const char *shown, const char *command,
		      double seconds, struct said *said)
{
	struct demo_guest *who = &demo->guests[guest];

	if (shown)
		tell_command(demo, who->name, shown);
	if (guest_run(demo, who, command, seconds, said) < 0)
		return -1;
	if (shown)
		tell_text(demo, said->text);
	if (said->status != 0)
		return demo_fail(demo, "%s: %s: exit %d: %s", who->name, command, said->status,
				 said->text);
	return 0;
}

/*
 * A program that waits for a caller takes a moment until it does. (An nc whose own input ends hangs
 * up, so the commands have a sleep there.)
 */
static int guest_listens(struct demo *demo, int guest, const char *shown, const char *command)
{
	struct said said;
	int result = guest_does(demo, guest, shown, command, 10, &said);

	said_free(&said);
	usleep(300000);
	return result;
}

static int scene_stage(struct demo *demo)
{
	tell_title(demo, "The stage: two hosts and a wire");
	tell(demo,
	     "This machine now plays two hosts, alpha and beta. Each is a network namespace, with "
	     "nothing but a wire to the other. Each has a guest that is %s. The guests have no "
	     "network yet.",
	     demo->vms ? "a real VM" : "another namespace, in place of a VM (--no-vm)");
	tell_text(demo, "\n"
			"  guest-alpha                                      guest-beta\n"
			"   10.77.0.1                                        10.77.0.2\n"
			"       │ vm0                                    vm0 │\n"
			" ┌─────┴─────────────────┐      ┌───────────────────┴─────┐\n"
			" │    br0 ── lan0 ·······│······│······· lan0 ── br0      │\n"
			" │ alpha           wire0 ├──────┤ wire0            beta   │\n"
			" │             10.99.0.1 │      │ 10.99.0.2               │\n"
			" └───────────────────────┘      └─────────────────────────┘\n");
	return stage_build(demo);
}

static int scene_file(struct demo *demo)
{
	char *text = demo_read_file(DEMO_FOLDER "/fabric.yaml");

	tell_title(demo, "One file says how it shall be, for both hosts");
	tell(demo, "A bridge for the guest, and a tunnel lan0 that is a port of the same bridge. "
		   "Private keys stay in files; the description has only the public halves.");
	tell_command(demo, "alpha", "cat fabric.yaml");
	if (!text)
		return demo_fail(demo, "%s: %m", DEMO_FOLDER "/fabric.yaml");
	tell_text(demo, text);
	free(text);
	return 0;
}

static int scene_plan(struct demo *demo)
{
	tell_title(demo, "What would change? The plan, before anything does");
	return host_does(demo, HOST_ALPHA,
			 (const char *[]){"plan", "fabric.yaml", "--host", "alpha", NULL}, 3);
}

static int start_guests(struct demo *demo)
{
	double begun;

	if (!demo->vms)
		return 0;
	tell(demo, "\n");
	begun = tell_begin(demo,
			   "Two VMs boot, each in 128 MiB, on the TAP device vm0 of its host");
	for (int i = 0; i < HOST_COUNT; i++) {
		if (guest_start(demo, &demo->guests[i]) < 0)
			return -1;
	}
	for (int i = 0; i < HOST_COUNT; i++) {
		if (guest_ready(demo, &demo->guests[i]) < 0)
			return -1;
	}
	tell_end(demo, begun);
	return 0;
}

static int scene_up(struct demo *demo)
{
	tell_title(demo, "Up: on each host, the same file");
	if (host_up(demo, HOST_ALPHA) < 0 || host_up(demo, HOST_BETA) < 0)
		return -1;
	tell(demo, "\nA second time there is nothing to do:");
	if (host_up(demo, HOST_ALPHA) < 0)
		return -1;
	return start_guests(demo);
}

/* guest-alpha pings; every echo has to come. */
static int guest_pings(struct demo *demo, const char *command, struct said *said)
{
	if (guest_does(demo, HOST_ALPHA, command, command, 30, said) < 0)
		return -1;
	if (!strstr(said->text, " 0% packet loss"))
		return demo_fail(demo, "guest-alpha: %s: packets were lost", command);
	return 0;
}

static int scene_ping(struct demo *demo)
{
	struct said said = {0};
	const char *times;
	int result;

	tell_title(demo, "The guests are neighbours on one Ethernet");
	result = guest_pings(demo, "ping -c 5 -i 0.2 " FAR, &said);
	/* "round-trip min/avg/max = 0.5/0.7/1.1 ms" */
	times = result == 0 ? strstr(said.text, "min/avg/max") : NULL;
	times = times ? strchr(times, '=') : NULL;
	times = times ? strchr(times, '/') : NULL;
	demo->ping_ms = times ? strtod(times + 1, NULL) : 0;
	said_free(&said);
	if (result < 0)
		return -1;
	tell(demo, "\nAnd this is alpha as lanloom sees it:");
	return host_does(demo, HOST_ALPHA, (const char *[]){"show", NULL}, 0);
}

/* Counts the tunnel's packets among what the ear heard. */
static void count_packets(struct demo *demo, const struct ear *ear)
{
	const uint8_t *frame;
	size_t at = 0, size;

	demo->wire_packets = demo->wire_most = 0;
	while ((frame = ear_next(ear, &at, &size))) {
		/* IPv4, UDP, to or from the tunnel's port; fragments would have no port to see */
		if (size < ETH_HEADER + 28 || frame[12] != 8 || frame[13] != 0 || frame[23] != 17)
			continue;
		demo->wire_packets++;
		if (size - ETH_HEADER > demo->wire_most)
			demo->wire_most = (unsigned int)(size - ETH_HEADER);
	}
}

static int scene_full_frame(struct demo *demo)
{
	struct said said = {0};
	struct ear ear, far;
	int result;

	tell_title(demo, "A full frame through a path that has no room for it");
	tell(demo,
	     "1472 bytes of ping make a frame of %d bytes, the largest of an Ethernet. With the "
	     "tunnel's own headers it is longer than the 1500-byte packets that the wire takes. "
	     "Guests elsewhere get a smaller MTU for that, and trouble; here the tunnel splits "
	     "and joins.",
	     FULL_FRAME);
	/* The far ear is there because a device that is listened to sends packet by packet. */
	result = ear_open(demo, stage_spaces[HOST_ALPHA], "wire0", &ear);
	if (ear_open(demo, stage_spaces[HOST_BETA], "wire0", &far) < 0)
		result = -1;
	if (result == 0)
		result = guest_pings(demo, "ping -c 3 -i 0.2 -s 1472 " FAR, &said);
	said_free(&said);
	if (result == 0)
		result = ear_close(demo, &ear);
	if (result == 0)
		count_packets(demo, &ear);
	ear_free(&ear);
	ear_free(&far);
	if (result < 0)
		return -1;
	tell(demo, "\nOn the wire that was %u packets, the largest of %u bytes.",
	     demo->wire_packets, demo->wire_most);
	if (demo->wire_most > 1500 || demo->wire_packets < 12)
		return demo_fail(demo, "six full frames crossed as %u packets of at most %u bytes",
				 demo->wire_packets, demo->wire_most);
	return 0;
}

/* guest-alpha says the secret to guest-beta, which has to understand it. */
static int say_secret(struct demo *demo)
{
	struct said said = {0};
	int result;

	result = guest_listens(demo, HOST_BETA, "nc -l -p 7000 >heard &",
			       "(sleep 5 | nc -l -p 7000 >heard) >/dev/null 2>&1 &");
	if (result == 0)
		result = guest_does(demo, HOST_ALPHA, "echo " SECRET " | nc " FAR " 7000",
				    "echo " SECRET " | nc -w 2 " FAR " 7000", 20, &said);
	said_free(&said);
	usleep(300000);
	if (result == 0)
		result = guest_does(demo, HOST_BETA, "cat heard", "cat heard", 10, &said);
	if (result == 0 && !strstr(said.text, SECRET))
		result =
			demo_fail(demo, "guest-beta heard \"%s\" and not what was said", said.text);
	said_free(&said);
	return result;
}

/* Shows the longest packet that passed, as an eavesdropper has it. */
static void tell_longest(struct demo *demo, const struct ear *ear)
{
	const uint8_t *frame, *longest = NULL;
	size_t at = 0, size, most = 0, frames = 0;

	while ((frame = ear_next(ear, &at, &size))) {
		frames++;
		if (size > most) {
			most = size;
			longest = frame;
		}
	}
	tell(demo,
	     "\nOn the wire between the hosts that was %zu frames. The longest of them, %zu "
	     "bytes:",
	     frames, most);
	if (longest)
		tell_dump(demo, longest, most < 160 ? most : 160);
}

static int scene_eavesdropper(struct demo *demo)
{
	struct ear port, wire;
	int result;

	tell_title(demo, "What an eavesdropper gets");
	result = ear_open(demo, stage_spaces[HOST_ALPHA], "vm0", &port);
	if (ear_open(demo, stage_spaces[HOST_ALPHA], "wire0", &wire) < 0)
		result = -1;
	if (result == 0)
		result = say_secret(demo);
	if (result == 0 && (ear_close(demo, &port) < 0 || ear_close(demo, &wire) < 0))
		result = -1;
	if (result == 0) {
		tell_longest(demo, &wire);
		demo->secret_seen = ear_heard(&wire, SECRET);
		tell(demo, "\n\"" SECRET "\": %s on the guest's own port vm0, %s on the wire.",
		     ear_heard(&port, SECRET) ? "found" : "not found",
		     demo->secret_seen ? "FOUND" : "not found");
		if (demo->secret_seen || !ear_heard(&port, SECRET))
			result = demo_fail(demo, "the wire should not show it, the port should");
	}
	ear_free(&port);
	ear_free(&wire);
	return result;
}

/* The bytes that a guest's eth0 has received. */
static int received(struct demo *demo, int guest, double *bytes)
{
	struct said said = {0};
	const char *at;
	int result = guest_does(demo, guest, NULL, "cat /proc/net/dev", 10, &said);

	at = result == 0 ? strstr(said.text, "eth0:") : NULL;
	*bytes = at ? strtod(at + 5, NULL) : 0;
	said_free(&said);
	return result;
}

static int scene_throughput(struct demo *demo)
{
	struct said said = {0};
	double before, after, begun;
	char command[120];
	int result;

	tell_title(demo, "How much goes through");
	if (received(demo, HOST_BETA, &before) < 0)
		return -1;
	result = guest_listens(demo, HOST_BETA, "nc -l -p 7001 >/dev/null &",
			       "(sleep 30 | nc -l -p 7001) >/dev/null 2>&1 &");
	snprintf(command, sizeof(command),
		 "{ timeout %d dd if=/dev/zero bs=64k; } 2>/dev/null | nc " FAR " 7001",
		 STREAM_SECONDS);
	begun = demo_now();
	if (result == 0)
		result = guest_does(demo, HOST_ALPHA, "dd if=/dev/zero bs=64k | nc " FAR " 7001",
				    command, STREAM_SECONDS + 30, &said);
	said_free(&said);
	begun = demo_now() - begun;
	if (result < 0 || received(demo, HOST_BETA, &after) < 0)
		return -1;
	demo->bits_per_second = (after - before) * 8 / begun;
	tell(demo, "\n%.0f Mbit/s for %.1f s, one stream, from guest to guest%s.",
	     demo->bits_per_second / 1e6, begun,
	     demo->vms ? "; where KVM is missing, the VMs' emulated CPUs are the limit" : "");
	return host_does(demo, HOST_ALPHA, (const char *[]){"tunnel", NULL}, 0);
}

static int scene_down(struct demo *demo)
{
	tell_title(demo, "Down: everything goes again");
	for (int i = 0; i < HOST_COUNT; i++) {
		guest_stop(&demo->guests[i]);
		if (host_does(demo, i, (const char *[]){"down", "fabric.yaml", NULL}, 0) < 0)
			return -1;
	}
	return stage_strike(demo);
}

int scenes_play(struct demo *demo)
{
	int (*const scenes[])(struct demo *) = {
		scene_stage,	  scene_file,	      scene_plan,	scene_up,   scene_ping,
		scene_full_frame, scene_eavesdropper, scene_throughput, scene_down,
	};

	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		if (scenes[i](demo) < 0)
			return -1;
	}
	return 0;
}
