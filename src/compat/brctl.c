/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * brctl: bridges, as bridge-utils 1.7 have it. What is shown stands in brctl_show.c, how the kernel
 * is asked in brctl_kernel.c. Usage goes to stdout, as the original's does; so does the complaint
 * about too few words.
 */
#include "compat/brctl.h"

#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "compat/brctl_kernel.h"
#include "compat/compat.h"
#include "compat/ledger.h"

static int refused(const char *what, int error)
{
	if (error)
		fprintf(stderr, "%s failed: %s\n", what, strerror(error));
	return error != 0;
}

static int addbr(int fd, char **words)
{
	int error;

	if (ledger_is_on())
		return ledger_add_bridge(words[1]);
	error = brctl_add_bridge(fd, words[1]);
	if (error != EEXIST)
		return refused("add bridge", error);
	fprintf(stderr, "device %s already exists; can't create bridge with the same name\n",
		words[1]);
	return 1;
}

static int delbr(int fd, char **words)
{
	const char *bridge = words[1];
	int error;

	if (ledger_is_on())
		return ledger_del(bridge);
	error = brctl_del_bridge(fd, bridge);
	if (error == ENXIO)
		fprintf(stderr, "bridge %s doesn't exist; can't delete it\n", bridge);
	else if (error == EBUSY)
		fprintf(stderr, "bridge %s is still up; can't delete it\n", bridge);
	else if (error)
		fprintf(stderr, "can't delete bridge %s: %s\n", bridge, strerror(error));
	return error != 0;
}

/* Which of the two names is no device. */
static void missing_tell(const char *bridge, const char *port)
{
	if (!if_nametoindex(port))
		fprintf(stderr, "interface %s does not exist!\n", port);
	else
		fprintf(stderr, "bridge %s does not exist!\n", bridge);
}

static int addif(int fd, char **words)
{
	const char *bridge = *++words;
	int error = 0;

	if (ledger_is_on())
		return ledger_ports(bridge, '+', words + 1);
	while (!error && *++words) {
		error = brctl_add_port(fd, bridge, *words);
		if (error == ENODEV)
			missing_tell(bridge, *words);
		else if (error == EBUSY)
			fprintf(stderr,
				"device %s is already a member of a bridge; can't add it to bridge "
				"%s.\n",
				*words, bridge);
		else if (error == ELOOP)
			fprintf(stderr,
				"device %s is a bridge device itself; can't add a bridge device to "
				"a bridge device.\n",
				*words);
		else if (error)
			fprintf(stderr, "can't add %s to bridge %s: %s\n", *words, bridge,
				strerror(error));
	}
	return error != 0;
}

static int delif(int fd, char **words)
{
	const char *bridge = *++words;
	int error = 0;

	if (ledger_is_on())
		return ledger_ports(bridge, '-', words + 1);
	while (!error && *++words) {
		error = brctl_del_port(fd, bridge, *words);
		if (error == ENODEV)
			missing_tell(bridge, *words);
		else if (error == EINVAL)
			fprintf(stderr, "device %s is not a port of %s\n", *words, bridge);
		else if (error)
			fprintf(stderr, "can't delete %s from %s: %s\n", *words, bridge,
				strerror(error));
	}
	return error != 0;
}

/* -1, said on stderr: it is neither. */
static int truth_read(const char *word)
{
	static const char *const on[] = {"on", "yes", "1"}, *const off[] = {"off", "no", "0"};

	for (size_t i = 0; i < 3; i++) {
		if (strcmp(word, on[i]) == 0)
			return 1;
		if (strcmp(word, off[i]) == 0)
			return 0;
	}
	fprintf(stderr, "expect on/off for argument\n");
	return -1;
}

static int stp(int fd, char **words)
{
	int on = truth_read(words[2]);

	if (on < 0)
		return 1;
	if (ledger_is_on())
		return ledger_set_bridge(words[1], "parameters.stp", on ? "true" : "false");
	return refused("set stp status",
		       brctl_set_bridge(fd, words[1], "stp_state", (unsigned long)on,
					BRCTL_SET_BRIDGE_STP_STATE));
}

static int hairpin(int fd, char **words)
{
	const char *bridge = words[1], *port = words[2];
	int on = truth_read(words[3]), error;

	if (on < 0)
		return 1;
	if (!if_nametoindex(port) || !if_nametoindex(bridge)) {
		missing_tell(bridge, port);
		return 1;
	}
	if (ledger_is_on())
		return ledger_set_port(bridge, port, "hairpin", on ? "true" : "false");
	/* the old ioctls have no word for it: version, which no device answers, refuses */
	error = brctl_set_port(fd, bridge, port, "hairpin_mode", (unsigned long)on,
			       BRCTL_GET_VERSION);
	if (error)
		fprintf(stderr, "can't set %s to hairpin on bridge %s: %s\n", port, bridge,
			strerror(error));
	return error != 0;
}

/*
 * Seconds as s/100. Whole seconds and the rest are cut to integers apart, as the original does;
 * what no integer can hold (1e30, nan) becomes the least one, and sums wrap around.
 */
static bool time_read(const char *text, unsigned long *hundredths)
{
	double seconds, rest;
	unsigned long whole, micro;

	if (sscanf(text, "%lf", &seconds) != 1)
		return false;
	whole = seconds > -0x1p63 && seconds < 0x1p63 ? (unsigned long)(long)seconds : 1UL << 63;
	rest = 1000000 * (seconds - (double)(long)whole);
	micro = rest > -0x1p63 && rest < 0x1p63 ? (unsigned long)(long)rest : 1UL << 63;
	*hundredths = (whole * 1000000 + micro) / 10000;
	return true;
}

static const struct timer {
	const char *command, *wrong, *failed, *file, *key;
	unsigned long call;
} timers[] = {
	{"setageing", "bad ageing time value", "set ageing time", "ageing_time", "ageing-time",
	 BRCTL_SET_AGEING_TIME},
	{"setfd", "bad forward delay value", "set forward delay", "forward_delay", "forward-delay",
	 BRCTL_SET_BRIDGE_FORWARD_DELAY},
	{"sethello", "bad hello timer value", "set hello timer", "hello_time", "hello-time",
	 BRCTL_SET_BRIDGE_HELLO_TIME},
	{"setmaxage", "bad max age value", "set max age", "max_age", "max-age",
	 BRCTL_SET_BRIDGE_MAX_AGE},
};

static int set_timer(int fd, char **words)
{
	const struct timer *timer = timers;
	unsigned long hundredths;

	while (strcmp(timer->command, words[0]) != 0)
		timer++;
	if (!time_read(words[2], &hundredths)) {
		fprintf(stderr, "%s\n", timer->wrong);
		return 1;
	}
	if (ledger_is_on())
		return ledger_set_time(words[1], timer->key, hundredths);
	return refused(timer->failed,
		       brctl_set_bridge(fd, words[1], timer->file, hundredths, timer->call));
}

static int setbridgeprio(int fd, char **words)
{
	int priority;

	if (sscanf(words[2], "%i", &priority) != 1) {
		fprintf(stderr, "bad priority\n");
		return 1;
	}
	if (ledger_is_on())
		return ledger_set_number(words[1], "parameters.priority", (uint16_t)priority);
	return refused("set bridge priority",
		       brctl_set_bridge(fd, words[1], "priority", (unsigned long)priority,
					BRCTL_SET_BRIDGE_PRIORITY));
}

static int setpathcost(int fd, char **words)
{
	int cost;

	if (sscanf(words[3], "%i", &cost) != 1) {
		fprintf(stderr, "bad path cost value\n");
		return 1;
	}
	if (ledger_is_on())
		return ledger_set_port_number(words[1], words[2], "cost", cost);
	return refused("set path cost", brctl_set_port(fd, words[1], words[2], "path_cost",
						       (unsigned long)cost, BRCTL_SET_PATH_COST));
}

static int setportprio(int fd, char **words)
{
	int priority;

	if (sscanf(words[3], "%i", &priority) != 1) {
		fprintf(stderr, "bad path priority value\n");
		return 1;
	}
	if (ledger_is_on())
		return ledger_set_port_number(words[1], words[2], "priority", priority);
	return refused("set port priority",
		       brctl_set_port(fd, words[1], words[2], "priority", (unsigned long)priority,
				      BRCTL_SET_PORT_PRIORITY));
}

static const struct command {
	const char *name;
	int least; /* words behind the name */
	int (*run)(int fd, char **words);
	const char *help;
} commands[] = {
	{"addbr", 1, addbr, "<bridge>\t\tadd bridge"},
	{"delbr", 1, delbr, "<bridge>\t\tdelete bridge"},
	{"addif", 2, addif, "<bridge> <device>\tadd interface to bridge"},
	{"delif", 2, delif, "<bridge> <device>\tdelete interface from bridge"},
	{"hairpin", 3, hairpin, "<bridge> <port> {on|off}\tturn hairpin on/off"},
	{"setageing", 2, set_timer, "<bridge> <time>\t\tset ageing time"},
	{"setbridgeprio", 2, setbridgeprio, "<bridge> <prio>\t\tset bridge priority"},
	{"setfd", 2, set_timer, "<bridge> <time>\t\tset bridge forward delay"},
	{"sethello", 2, set_timer, "<bridge> <time>\t\tset hello time"},
	{"setmaxage", 2, set_timer, "<bridge> <time>\t\tset max message age"},
	{"setpathcost", 3, setpathcost, "<bridge> <port> <cost>\tset path cost"},
	{"setportprio", 3, setportprio, "<bridge> <port> <prio>\tset port priority"},
	{"show", 0, brctl_show, "[ <bridge> ]\t\tshow a list of bridges"},
	{"showmacs", 1, brctl_showmacs, "<bridge>\t\tshow a list of mac addrs"},
	{"showstp", 1, brctl_showstp, "<bridge>\t\tshow bridge stp info"},
	{"stp", 2, stp, "<bridge> {on|off}\tturn stp on/off"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int usage(int status)
{
	printf("Usage: brctl [commands]\ncommands:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("\t%-10s\t%s\n", commands[i].name, commands[i].help);
	return status;
}

static int run(int fd, char **words, int count)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *command = &commands[i];

		if (strcmp(command->name, words[0]) != 0)
			continue;
		if (count > command->least)
			return command->run(fd, words);
		printf("Incorrect number of arguments for command\nUsage: brctl %s %s\n",
		       command->name, command->help);
		return 1;
	}
	fprintf(stderr, "never heard of command [%s]\n", words[0]);
	return usage(1);
}

int brctl_main(int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int option, fd;

	while ((option = getopt_long(argc, argv, "Vh", options, NULL)) >= 0) {
		if (option == 'h')
			return usage(0);
		if (option == 'V') {
			printf("bridge-utils, 1.7\n");
			return 0;
		}
		fprintf(stderr, "Unknown option '%c'\n", option);
		return usage(1);
	}
	if (optind == argc)
		return usage(1);
	fd = brctl_open();
	if (fd < 0) {
		fprintf(stderr, "can't setup bridge control: %s\n", strerror(errno));
		return 1;
	}
	return run(fd, argv + optind, argc - optind);
}
