/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat/brctl.h"
#include "compat/brctl_kernel.h"

static void identity_print(const uint8_t id[8])
{
	printf("%.2x%.2x.%.2x%.2x%.2x%.2x%.2x%.2x", id[0], id[1], id[2], id[3], id[4], id[5], id[6],
	       id[7]);
}

/* s/100 as seconds; what is below 0 wraps. */
static void time_print(long hundredths)
{
	unsigned long micro = (unsigned long)hundredths * 10000;

	printf("%4i.%.2i", (int)(micro / 1000000), (int)(micro % 1000000) / 10000);
}

/* One of a pair of times in a line of showstp. */
static void named_time(const char *name, long hundredths)
{
	fputs(name, stdout);
	time_print(hundredths);
}

static int bridge_read(int fd, const char *bridge, struct brctl_bridge *read)
{
	int error = brctl_bridge_read(fd, bridge, read);

	if (error == ENODEV)
		fprintf(stderr, "bridge %s does not exist!\n", bridge);
	else if (error)
		fprintf(stderr, "device %s is not a bridge!\n", bridge);
	return error;
}

static int ports_read(int fd, const char *bridge, char ***names, size_t *len)
{
	int error = brctl_ports(fd, bridge, names, len);

	if (error)
		fprintf(stderr, "can't get ports: %s\n", strerror(error));
	return error;
}

static int show_one(int fd, const char *bridge, bool *titled)
{
	struct brctl_bridge read;
	char **ports;
	size_t len;

	if (bridge_read(fd, bridge, &read))
		return 1;
	if (!*titled)
		printf("bridge name\tbridge id\t\tSTP enabled\tinterfaces\n");
	*titled = true;
	printf("%s\t\t", bridge);
	identity_print(read.id);
	printf("\t%s\t\t", read.stp ? "yes" : "no");
	if (ports_read(fd, bridge, &ports, &len))
		return 1;
	for (size_t i = 0; i < len; i++)
		printf("%s%s\n", i ? "\t\t\t\t\t\t\t" : "", ports[i]);
	if (!len)
		printf("\n");
	brctl_names_free(ports, len);
	return 0;
}

int brctl_show(int fd, char **words)
{
	bool titled = false;
	char **bridges;
	int status = 0;
	size_t len;

	if (words[1]) {
		while (*++words)
			status |= show_one(fd, *words, &titled);
		return status;
	}
	if (brctl_bridges(fd, &bridges, &len)) {
		fprintf(stderr, "can't get bridges: %s\n", strerror(errno));
		return 1;
	}
	for (size_t i = 0; i < len; i++)
		status |= show_one(fd, bridges[i], &titled);
	brctl_names_free(bridges, len);
	return status;
}

static int entry_order(const void *a, const void *b)
{
	return memcmp(((const struct __fdb_entry *)a)->mac_addr,
		      ((const struct __fdb_entry *)b)->mac_addr,
		      sizeof(((struct __fdb_entry *)0)->mac_addr));
}

int brctl_showmacs(int fd, char **words)
{
	struct __fdb_entry *entries;
	size_t len;
	int error = brctl_table(fd, words[1], &entries, &len);

	if (error) {
		fprintf(stderr, "read of forward table failed: %s\n", strerror(error));
		return 1;
	}
	qsort(entries, len, sizeof(*entries), entry_order);
	/* of a port number over 255 only the low byte is shown, as ever */
	printf("port no\tmac addr\t\tis local?\tageing timer\n");
	for (size_t i = 0; i < len; i++) {
		const struct __fdb_entry *entry = &entries[i];
		const uint8_t *mac = entry->mac_addr;

		printf("%3i\t%.2x:%.2x:%.2x:%.2x:%.2x:%.2x\t%s\t\t", entry->port_no, mac[0], mac[1],
		       mac[2], mac[3], mac[4], mac[5], entry->is_local ? "yes" : "no");
		time_print(entry->ageing_timer_value);
		printf("\n");
	}
	free(entries);
	return 0;
}

static void bridge_print(const char *name, const struct brctl_bridge *read)
{
	printf("%s\n bridge id\t\t", name);
	identity_print(read->id);
	printf("\n designated root\t");
	identity_print(read->root);
	printf("\n root port\t\t%4i\t\t\tpath cost\t\t%4i\n", read->root_port,
	       read->root_path_cost);
	named_time(" max age\t\t", read->max_age);
	named_time("\t\t\tbridge max age\t\t", read->bridge_max_age);
	named_time("\n hello time\t\t", read->hello_time);
	named_time("\t\t\tbridge hello time\t", read->bridge_hello_time);
	named_time("\n forward delay\t\t", read->forward_delay);
	named_time("\t\t\tbridge forward delay\t", read->bridge_forward_delay);
	named_time("\n ageing time\t\t", read->ageing_time);
	named_time("\n hello timer\t\t", read->hello_timer);
	named_time("\t\t\ttcn timer\t\t", read->tcn_timer);
	named_time("\n topology change timer\t", read->topology_change_timer);
	named_time("\t\t\tgc timer\t\t", read->gc_timer);
	printf("\n flags\t\t\t%s%s\n\n\n", read->topology_change ? "TOPOLOGY_CHANGE " : "",
	       read->topology_change_detected ? "TOPOLOGY_CHANGE_DETECTED " : "");
}

static const char *state_word(int state)
{
	static const char *const words[] = {"disabled", "listening", "learning", "forwarding",
					    "blocking"};

	return state >= 0 && state < 5 ? words[state] : "<INVALID STATE>";
}

static int port_print(int fd, const char *bridge, const char *port)
{
	struct brctl_port read;
	int error = brctl_port_read(fd, bridge, port, &read);

	if (error) {
		printf(" can't get port info: %s\n", strerror(error));
		return 1;
	}
	printf("%s (%d)\n port id\t\t%.4x\t\t\tstate\t\t%15s\n designated root\t", port,
	       read.number, (unsigned int)read.id, state_word(read.state));
	identity_print(read.root);
	printf("\tpath cost\t\t%4i\n designated bridge\t", read.path_cost);
	identity_print(read.bridge);
	named_time("\tmessage age timer\t", read.message_age_timer);
	printf("\n designated port\t%.4x", (unsigned int)read.designated_port);
	named_time("\t\t\tforward delay timer\t", read.forward_delay_timer);
	printf("\n designated cost\t%4i", read.designated_cost);
	named_time("\t\t\thold timer\t\t", read.hold_timer);
	printf("\n flags\t\t\t%s%s\n", read.config_pending ? "CONFIG_PENDING " : "",
	       read.change_ack ? "TOPOLOGY_CHANGE_ACK " : "");
	if (read.hairpin)
		printf(" hairpin mode\t\t%4i\n", read.hairpin);
	printf("\n");
	return 0;
}

int brctl_showstp(int fd, char **words)
{
	struct brctl_bridge read;
	char **ports;
	int status = 0;
	size_t len;

	if (bridge_read(fd, words[1], &read))
		return 1;
	bridge_print(words[1], &read);
	if (ports_read(fd, words[1], &ports, &len))
		return 1;
	for (size_t i = 0; !status && i < len; i++)
		status = port_print(fd, words[1], ports[i]);
	brctl_names_free(ports, len);
	return status;
}
