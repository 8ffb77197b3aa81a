/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What brctl asks the kernel: through /sys first, and through the old ioctls where that refuses for
 * whatever reason. Both ways are visible: /sys knows a name at full length, the ioctls cut it at 15
 * bytes; /sys may be another network namespace's, the ioctls are always the caller's own.
 *
 * Functions return 0 or an errno (positive, as the originals' messages want it).
 */
#pragma once
#include <linux/if_bridge.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Timers and times are in s/100; of the kernel's 64 bits /sys gives brctl 32 with a sign, the
 * ioctls 32 without. Identities are 8 bytes.
 */
struct brctl_bridge {
	uint8_t root[8], id[8];
	int root_path_cost, root_port;
	long max_age, hello_time, forward_delay;
	long bridge_max_age, bridge_hello_time, bridge_forward_delay;
	long ageing_time, hello_timer, tcn_timer, topology_change_timer, gc_timer;
	int stp, topology_change, topology_change_detected;
};

struct brctl_port {
	uint8_t root[8], bridge[8];
	int number, id, designated_port, designated_cost, path_cost, state;
	long message_age_timer, forward_delay_timer, hold_timer;
	int change_ack, config_pending, hairpin;
};

/* The socket for the ioctls; -1 and errno. */
int brctl_open(void);

int brctl_bridge_read(int fd, const char *bridge, struct brctl_bridge *read);
int brctl_port_read(int fd, const char *bridge, const char *port, struct brctl_port *read);

/* Names of all bridges, or of a bridge's ports: *names is made with malloc, as are its texts. */
int brctl_bridges(int fd, char ***names, size_t *len);
int brctl_ports(int fd, const char *bridge, char ***names, size_t *len);
void brctl_names_free(char **names, size_t len);

/* All of the forwarding table; *entries is made with malloc. */
int brctl_table(int fd, const char *bridge, struct __fdb_entry **entries, size_t *len);

int brctl_add_bridge(int fd, const char *bridge);
int brctl_del_bridge(int fd, const char *bridge);
int brctl_add_port(int fd, const char *bridge, const char *port);
int brctl_del_port(int fd, const char *bridge, const char *port);

/* `key`: the file in /sys; `command`: the ioctl's, BRCTL_SET_… */
int brctl_set_bridge(int fd, const char *bridge, const char *key, unsigned long value,
		     unsigned long command);
int brctl_set_port(int fd, const char *bridge, const char *port, const char *key,
		   unsigned long value, unsigned long command);
