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

static json_t *lease_parse(char *line, time_t now)
{
	char *save = NULL, *words[5];
	struct ip ip;
	struct text address TEXT_CLEANUP = {0};
	int64_t ends;
	json_t *lease;

	for (int i = 0; i < 5; i++) {
		words[i] = strtok_r(i ? NULL : line, " \n", &save);
		if (!words[i])
			return NULL;
		text_tidy(words[i]);
	}
	if (text_number(words[0], 0, INT64_MAX, &ends) || ip_parse(words[2], &ip))
		return NULL;
	ip_print(&ip, &address);
	lease = json_object();
	text_set(lease, "address", text_get(&address));
	text_set(lease, "macaddress", ip_bits(&ip) == 32 ? words[1] : "*");
	text_set(lease, "name", words[3]);
	text_set(lease, ip_bits(&ip) == 32 ? "client-id" : "duid", words[4]);
	json_object_set_new(lease, "expires",
			    ends ? json_integer(ends > now ? ends - now : 0) : json_null());
	return lease;
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

void leases_describe(struct service *service, json_t *to)
{
	json_t *list = json_array();
	FILE *file = leases_open(service);
	time_t now = time(NULL);
	char line[1024];

	while (file && fgets(line, sizeof(line), file) && json_array_size(list) < LEASES_MOST) {
		json_t *lease = lease_parse(line, now);

		if (lease)
			json_array_append_new(list, lease);
	}
	if (file)
		fclose(file);
	json_object_set_new(to, "leases", list);
	json_object_set_new(to, "restarts", json_integer(service->restarts));
}
