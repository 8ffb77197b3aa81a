/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "compat/brctl_kernel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLASS "/sys/class/net"
#define PORTS_MOST 1024 /* ports, or bridges, that are asked for by the old ioctls */
#define TABLE_STEP 128	/* entries of the forwarding table at a time */
#define PATH_SIZE (3 * NAME_MAX)

int brctl_open(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

/* The old ioctls: four words, of which the first is the command, to a device of this name. */
static int old_call(int fd, const char *device, const unsigned long words[4])
{
	struct ifreq request = {.ifr_data = (void *)words};
	int r;

	strncpy(request.ifr_name, device, sizeof(request.ifr_name) - 1);
	r = ioctl(fd, SIOCDEVPRIVATE, &request);
	return r < 0 ? -errno : r;
}

/* --- /sys --- */

static void path_print(char path[PATH_SIZE], const char *device, const char *below)
{
	snprintf(path, PATH_SIZE, CLASS "/%s/%s", device, below);
}

static bool is_folder(const char *device, const char *below)
{
	char path[PATH_SIZE];
	DIR *folder;

	path_print(path, device, below);
	folder = opendir(path);
	if (!folder)
		return false;
	closedir(folder);
	return true;
}

static bool text_read(const char *device, const char *folder, const char *key, char *text,
		      size_t size)
{
	char path[PATH_SIZE + NAME_MAX];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), CLASS "/%s/%s/%s", device, folder, key);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	got = read(fd, text, size - 1);
	close(fd);
	if (got < 0)
		return false;
	text[got] = '\0';
	return true;
}

/* 0 where it cannot be read; what is over 32 bits is cut off. */
static int number_read(const char *device, const char *folder, const char *key)
{
	char text[64];

	if (!text_read(device, folder, key, text, sizeof(text)))
		return 0;
	return (int)strtol(text, NULL, 0);
}

/* "8000.0200000000ab" */
static void identity_read(const char *device, const char *folder, const char *key, uint8_t id[8])
{
	char text[64];

	memset(id, 0, 8);
	if (text_read(device, folder, key, text, sizeof(text)))
		sscanf(text, "%2hhx%2hhx.%2hhx%2hhx%2hhx%2hhx%2hhx%2hhx", &id[0], &id[1], &id[2],
		       &id[3], &id[4], &id[5], &id[6], &id[7]);
}

static bool value_write(const char *device, const char *folder, const char *key,
			unsigned long value)
{
	char path[PATH_SIZE + NAME_MAX], text[32];
	int fd, len;
	bool written;

	snprintf(path, sizeof(path), CLASS "/%s/%s/%s", device, folder, key);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return false;
	len = snprintf(text, sizeof(text), "%lu\n", value);
	written = write(fd, text, (size_t)len) == len;
	close(fd);
	return written;
}

/* --- reading a bridge and a port --- */

static void bridge_read_sys(const char *name, struct brctl_bridge *read)
{
	identity_read(name, "bridge", "root_id", read->root);
	identity_read(name, "bridge", "bridge_id", read->id);
	read->root_path_cost = number_read(name, "bridge", "root_path_cost");
	read->max_age = number_read(name, "bridge", "max_age");
	read->hello_time = number_read(name, "bridge", "hello_time");
	read->forward_delay = number_read(name, "bridge", "forward_delay");
	/* /sys has the bridge's own values only; they are shown for the root's, too */
	read->bridge_max_age = read->max_age;
	read->bridge_hello_time = read->hello_time;
	read->bridge_forward_delay = read->forward_delay;
	read->ageing_time = number_read(name, "bridge", "ageing_time");
	read->hello_timer = number_read(name, "bridge", "hello_timer");
	read->tcn_timer = number_read(name, "bridge", "tcn_timer");
	read->topology_change_timer = number_read(name, "bridge", "topology_change_timer");
	read->gc_timer = number_read(name, "bridge", "gc_timer");
	read->root_port = number_read(name, "bridge", "root_port");
	read->stp = number_read(name, "bridge", "stp_state");
	read->topology_change = number_read(name, "bridge", "topology_change");
	read->topology_change_detected = number_read(name, "bridge", "topology_change_detected");
}

int brctl_bridge_read(int fd, const char *bridge, struct brctl_bridge *read)
{
	struct __bridge_info info = {0};
	const unsigned long words[4] = {BRCTL_GET_BRIDGE_INFO, (unsigned long)&info};
	int r;

	*read = (struct brctl_bridge){0};
	if (is_folder(bridge, "bridge")) {
		bridge_read_sys(bridge, read);
		return 0;
	}
	r = old_call(fd, bridge, words);
	if (r < 0)
		return -r;
	memcpy(read->root, &info.designated_root, sizeof(read->root));
	memcpy(read->id, &info.bridge_id, sizeof(read->id));
	read->root_path_cost = (int)info.root_path_cost;
	read->root_port = info.root_port;
	read->max_age = info.max_age;
	read->hello_time = info.hello_time;
	read->forward_delay = info.forward_delay;
	read->bridge_max_age = info.bridge_max_age;
	read->bridge_hello_time = info.bridge_hello_time;
	read->bridge_forward_delay = info.bridge_forward_delay;
	read->ageing_time = info.ageing_time;
	read->hello_timer = info.hello_timer_value;
	read->tcn_timer = info.tcn_timer_value;
	read->topology_change_timer = info.topology_change_timer_value;
	read->gc_timer = info.gc_timer_value;
	read->stp = info.stp_enabled;
	read->topology_change = info.topology_change;
	read->topology_change_detected = info.topology_change_detected;
	return 0;
}

static void port_read_sys(const char *name, struct brctl_port *read)
{
	identity_read(name, "brport", "designated_root", read->root);
	identity_read(name, "brport", "designated_bridge", read->bridge);
	read->number = number_read(name, "brport", "port_no");
	read->id = number_read(name, "brport", "port_id");
	read->designated_port = number_read(name, "brport", "designated_port");
	read->path_cost = number_read(name, "brport", "path_cost");
	read->designated_cost = number_read(name, "brport", "designated_cost");
	read->state = number_read(name, "brport", "state");
	read->change_ack = number_read(name, "brport", "change_ack");
	read->config_pending = number_read(name, "brport", "config_pending");
	read->message_age_timer = number_read(name, "brport", "message_age_timer");
	read->forward_delay_timer = number_read(name, "brport", "forward_delay_timer");
	read->hold_timer = number_read(name, "brport", "hold_timer");
	read->hairpin = number_read(name, "brport", "hairpin_mode");
}

/* Device numbers by port number, 0 where there is none. */
static int port_numbers(int fd, const char *bridge, int numbers[PORTS_MOST])
{
	const unsigned long words[4] = {BRCTL_GET_PORT_LIST, (unsigned long)numbers, PORTS_MOST};
	int r;

	memset(numbers, 0, PORTS_MOST * sizeof(*numbers));
	r = old_call(fd, bridge, words);
	return r < 0 ? -r : 0;
}

static int port_number(int fd, const char *bridge, const char *port, unsigned long *number)
{
	int numbers[PORTS_MOST];
	unsigned int ifindex = if_nametoindex(port);
	int r;

	if (!ifindex)
		return errno;
	r = port_numbers(fd, bridge, numbers);
	if (r)
		return r;
	for (*number = 0; *number < PORTS_MOST; (*number)++)
		if (numbers[*number] == (int)ifindex)
			return 0;
	return ENOENT;
}

int brctl_port_read(int fd, const char *bridge, const char *port, struct brctl_port *read)
{
	struct __port_info info = {0};
	unsigned long words[4] = {BRCTL_GET_PORT_INFO, (unsigned long)&info};
	int r;

	*read = (struct brctl_port){0};
	if (is_folder(port, "brport")) {
		port_read_sys(port, read);
		return 0;
	}
	r = port_number(fd, bridge, port, &words[2]);
	if (r)
		return r;
	r = old_call(fd, bridge, words);
	if (r < 0)
		return -r;
	memcpy(read->root, &info.designated_root, sizeof(read->root));
	memcpy(read->bridge, &info.designated_bridge, sizeof(read->bridge));
	read->number = (int)words[2];
	read->id = info.port_id;
	read->designated_port = info.designated_port;
	read->path_cost = (int)info.path_cost;
	read->designated_cost = (int)info.designated_cost;
	read->state = info.state;
	read->change_ack = info.top_change_ack;
	read->config_pending = info.config_pending;
	read->message_age_timer = info.message_age_timer_value;
	read->forward_delay_timer = info.forward_delay_timer_value;
	read->hold_timer = info.hold_timer_value;
	return 0;
}

/* --- names --- */

void brctl_names_free(char **names, size_t len)
{
	for (size_t i = 0; i < len; i++)
		free(names[i]);
	free(names);
}

static int names_add(char ***names, size_t *len, const char *name)
{
	char **grown = realloc(*names, (*len + 1) * sizeof(**names));

	if (!grown)
		return ENOMEM;
	*names = grown;
	grown[*len] = strdup(name);
	if (!grown[*len])
		return ENOMEM;
	(*len)++;
	return 0;
}

static int is_bridge(const struct dirent *entry)
{
	char path[PATH_SIZE];
	struct stat there;

	path_print(path, entry->d_name, "bridge");
	return entry->d_name[0] != '.' && stat(path, &there) == 0 && S_ISDIR(there.st_mode);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* What is in a folder, in the order of the alphabet; < 0: it cannot be read. */
static int folder_names(const char *path, int (*wanted)(const struct dirent *), char ***names,
			size_t *len)
{
	struct dirent **entries;
	int count = scandir(path, &entries, wanted, alphasort), r = 0;

	for (int i = 0; i < count; i++) {
		if (!r)
			r = names_add(names, len, entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return r ? -r : count;
}

static int names_of_numbers(const int *numbers, size_t count, char ***names, size_t *len)
{
	char name[IF_NAMESIZE];
	int r = 0;

	for (size_t i = 0; !r && i < count; i++)
		if (numbers[i] && if_indextoname((unsigned int)numbers[i], name))
			r = names_add(names, len, name);
	return r;
}

int brctl_bridges(int fd, char ***names, size_t *len)
{
	int numbers[PORTS_MOST] = {0};
	const unsigned long words[3] = {BRCTL_GET_BRIDGES, (unsigned long)numbers, PORTS_MOST};
	int r;

	*names = NULL;
	*len = 0;
	/* where /sys shows none it may be another namespace's */
	if (folder_names(CLASS, is_bridge, names, len) > 0)
		return 0;
	r = ioctl(fd, SIOCGIFBR, words);
	if (r < 0)
		return errno;
	return names_of_numbers(numbers, (size_t)r, names, len);
}

int brctl_ports(int fd, const char *bridge, char ***names, size_t *len)
{
	int numbers[PORTS_MOST];
	char path[PATH_SIZE];
	int r;

	*names = NULL;
	*len = 0;
	path_print(path, bridge, "brif");
	if (folder_names(path, is_visible, names, len) >= 0)
		return 0;
	r = port_numbers(fd, bridge, numbers);
	return r ? r : names_of_numbers(numbers, PORTS_MOST, names, len);
}

/* --- the forwarding table --- */

/* The number of entries from `offset` on, at most TABLE_STEP; -errno. */
static int table_part(int fd, const char *bridge, struct __fdb_entry *entries, size_t offset)
{
	const unsigned long words[4] = {BRCTL_GET_FDB_ENTRIES, (unsigned long)entries, TABLE_STEP,
					offset};
	char path[PATH_SIZE];
	ssize_t got;
	int file;

	path_print(path, bridge, "brforward");
	file = open(path, O_RDONLY);
	if (file < 0)
		return old_call(fd, bridge, words);
	got = pread(file, entries, TABLE_STEP * sizeof(*entries),
		    (off_t)(offset * sizeof(*entries)));
	close(file);
	return got < 0 ? -errno : (int)((size_t)got / sizeof(*entries));
}

int brctl_table(int fd, const char *bridge, struct __fdb_entry **entries, size_t *len)
{
	struct __fdb_entry *grown;
	int got;

	*entries = NULL;
	*len = 0;
	do {
		grown = realloc(*entries, (*len + TABLE_STEP) * sizeof(**entries));
		if (!grown) {
			free(*entries);
			return ENOMEM;
		}
		*entries = grown;
		got = table_part(fd, bridge, grown + *len, *len);
		if (got < 0) {
			free(grown);
			return -got;
		}
		*len += (size_t)got;
	} while (got);
	return 0;
}

/* --- changes --- */

static int bridge_call(int fd, unsigned long call, unsigned long old, const char *bridge)
{
	char name[IFNAMSIZ] = "";
	const unsigned long words[3] = {old, (unsigned long)name};

	strncpy(name, bridge, sizeof(name) - 1);
	if (ioctl(fd, call, name) >= 0 || ioctl(fd, SIOCSIFBR, words) >= 0)
		return 0;
	return errno;
}

int brctl_add_bridge(int fd, const char *bridge)
{
	return bridge_call(fd, SIOCBRADDBR, BRCTL_ADD_BRIDGE, bridge);
}

int brctl_del_bridge(int fd, const char *bridge)
{
	return bridge_call(fd, SIOCBRDELBR, BRCTL_DEL_BRIDGE, bridge);
}

static int port_call(int fd, unsigned long call, unsigned long old, const char *bridge,
		     const char *port)
{
	unsigned int ifindex = if_nametoindex(port);
	const unsigned long words[4] = {old, ifindex};
	struct ifreq request = {.ifr_ifindex = (int)ifindex};
	int r;

	if (!ifindex)
		return ENODEV;
	strncpy(request.ifr_name, bridge, sizeof(request.ifr_name) - 1);
	if (ioctl(fd, call, &request) >= 0)
		return 0;
	r = old_call(fd, bridge, words);
	return r < 0 ? -r : 0;
}

int brctl_add_port(int fd, const char *bridge, const char *port)
{
	return port_call(fd, SIOCBRADDIF, BRCTL_ADD_IF, bridge, port);
}

int brctl_del_port(int fd, const char *bridge, const char *port)
{
	return port_call(fd, SIOCBRDELIF, BRCTL_DEL_IF, bridge, port);
}

int brctl_set_bridge(int fd, const char *bridge, const char *key, unsigned long value,
		     unsigned long command)
{
	const unsigned long words[4] = {command, value};
	int r;

	if (value_write(bridge, "bridge", key, value))
		return 0;
	r = old_call(fd, bridge, words);
	return r < 0 ? -r : 0;
}

int brctl_set_port(int fd, const char *bridge, const char *port, const char *key,
		   unsigned long value, unsigned long command)
{
	unsigned long words[4] = {command, 0, value};
	int r;

	if (value_write(port, "brport", key, value))
		return 0;
	r = port_number(fd, bridge, port, &words[1]);
	if (r)
		return r;
	r = old_call(fd, bridge, words);
	return r < 0 ? -r : 0;
}
