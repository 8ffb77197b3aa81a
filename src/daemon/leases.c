/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who has which address, as dnsmasq writes it down: a line "TIME MAC ADDRESS NAME ID" for each
 * lease, behind a line "duid …" those of IPv6 as "TIME IAID ADDRESS NAME DUID"; TIME in seconds
 * since 1970, 0: for ever; NAME or ID "*": none. The file is dnsmasq's, so it is believed in
 * little.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/inside.h"
#include "world/keeper_files.h"

#define LEASES_MOST 65536

static void text_set(json_t *to, const char *key, const char *text)
{
	bool known = text && strcmp(text, "*") != 0;

	json_object_set_new(to, key, known ? json_string(text) : json_null());
}

struct lease {
	int64_t ends; /* 0: never */
	struct ip ip;
	const char *hardware, *name, *id; /* hardware: of IPv4 only */
};

/* false: it is none. The words stay in the line. */
static bool lease_parse(char *line, struct lease *lease)
{
	char *save = NULL, *words[5];

	for (int i = 0; i < 5; i++) {
		words[i] = strtok_r(i ? NULL : line, " \n", &save);
		if (!words[i])
			return false;
		text_tidy(words[i]);
	}
	if (text_number(words[0], 0, INT64_MAX, &lease->ends) || ip_parse(words[2], &lease->ip))
		return false;
	lease->hardware = ip_bits(&lease->ip) == 32 ? words[1] : "*";
	lease->name = words[3];
	lease->id = words[4];
	return true;
}

static json_t *lease_describe(const struct lease *lease, time_t now)
{
	struct text address TEXT_CLEANUP = {0};
	json_t *to = json_object();

	ip_print(&lease->ip, &address);
	text_set(to, "address", text_get(&address));
	text_set(to, "macaddress", lease->hardware);
	text_set(to, "name", lease->name);
	text_set(to, ip_bits(&lease->ip) == 32 ? "client-id" : "duid", lease->id);
	json_object_set_new(to, "expires",
			    lease->ends ? json_integer(lease->ends > now ? lease->ends - now : 0)
					: json_null());
	return to;
}

static FILE *leases_open(const struct service *service)
{
	char name[KEEPER_FILE_SIZE], path[KEEPER_FILE_SIZE + 8];
	struct stat status;
	int fd FD_CLEANUP = -1;

	keeper_file_name(service->setup->object, name);
	snprintf(path, sizeof(path), "%s/leases", name);
	fd = openat(service->keeper->folder_fd, path,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return NULL;
	return fdopen(fd_take(&fd), "r");
}

/* One guest may have several, of one MAC with several identifiers: the last that it asked for,
 * which dnsmasq writes first. */
static bool is_later(const struct lease *lease, int64_t ends, time_t now)
{
	if (lease->ends && lease->ends <= now)
		return false;
	return ends < 0 || (ends && (!lease->ends || lease->ends > ends));
}

bool leases_find(const struct service *service, const char *mac, const struct prefix *nets,
		 size_t len, struct ip *ip)
{
	FILE *file = leases_open(service);
	time_t now = time(NULL);
	int64_t ends = -1;
	char line[1024];
	struct lease lease;

	while (file && fgets(line, sizeof(line), file)) {
		bool covered = false;

		if (!lease_parse(line, &lease) ||
		    (ip_bits(&lease.ip) == 32 && !text_same(lease.hardware, mac)))
			continue;
		for (size_t i = 0; i < len && !covered; i++)
			covered = prefix_covers(&nets[i], &lease.ip) &&
				  (nets[i].len == ip_bits(&lease.ip) ||
				   ip_order(&nets[i].ip, &lease.ip) != 0);
		if (!covered || !is_later(&lease, ends, now))
			continue;
		ends = lease.ends;
		*ip = lease.ip;
	}
	if (file)
		fclose(file);
	return ends >= 0;
}

void leases_describe(struct service *service, json_t *to)
{
	json_t *list = json_array();
	FILE *file = leases_open(service);
	time_t now = time(NULL);
	struct lease lease;
	char line[1024];

	while (file && fgets(line, sizeof(line), file) && json_array_size(list) < LEASES_MOST)
		if (lease_parse(line, &lease))
			json_array_append_new(list, lease_describe(&lease, now));
	if (file)
		fclose(file);
	json_object_set_new(to, "leases", list);
	fills_describe(service, to);
	json_object_set_new(to, "restarts", json_integer(service->restarts));
}
