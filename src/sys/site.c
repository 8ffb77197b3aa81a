/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/site.h"

#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "sys/netns.h"

struct sites {
	struct arena *arena;
	struct site **list;
	size_t len;
};

struct sites *sites_new(struct arena *arena)
{
	struct sites *sites = arena_make(arena, struct sites);

	sites->arena = arena;
	return sites;
}

static void site_release(struct site *site)
{
	nl_sock_close(site->nl);
	if (site->ns_fd >= 0)
		close(site->ns_fd);
	link_names_fini(&site->names);
}

void sites_free(struct sites *sites)
{
	for (size_t i = 0; i < sites->len; i++)
		site_release(sites->list[i]);
	sites->len = 0;
}

static bool still_named(const struct site *site)
{
	int fd FD_CLEANUP = -1;
	struct stat now, then;
	struct err unused;

	return !site->ns[0] || (netns_open(site->ns, &fd, &unused) == 0 && fstat(fd, &now) == 0 &&
				fstat(site->ns_fd, &then) == 0 && now.st_ino == then.st_ino &&
				now.st_dev == then.st_dev);
}

/* An open handle keeps its namespace, so its inode cannot have been given to another. */
void sites_refresh(struct sites *sites)
{
	for (size_t i = sites->len; i-- > 0;)
		if (!still_named(sites->list[i]))
			site_close(sites, sites->list[i]->ns);
}

bool sites_have(const struct sites *sites, const struct site *site)
{
	for (size_t i = 0; i < sites->len; i++)
		if (sites->list[i] == site)
			return true;
	return false;
}

static int sock_inside(void *data, struct err *err)
{
	struct site *site = data;

	return nl_sock_open(&site->nl, err);
}

int site_open(struct sites *sites, const char *ns, struct site **site, struct err *err)
{
	struct site opened = {.ns = ns, .ns_fd = -1, .arena = sites->arena, .sites = sites};
	int r;

	for (size_t i = 0; i < sites->len; i++)
		if (strcmp(sites->list[i]->ns, ns) == 0) {
			*site = sites->list[i];
			return 0;
		}
	r = netns_open(ns, &opened.ns_fd, err);
	if (!r)
		r = netns_inside(opened.ns_fd, sock_inside, &opened, err);
	if (r) {
		site_release(&opened);
		return r;
	}
	opened.ns = arena_text(sites->arena, ns);
	*site = arena_copy(sites->arena, &opened, sizeof(opened));
	sites->list = arena_room(sites->arena, sites->list, sites->len, sizeof(*sites->list));
	sites->list[sites->len++] = *site;
	return 0;
}

void site_close(struct sites *sites, const char *ns)
{
	for (size_t i = 0; i < sites->len; i++)
		if (strcmp(sites->list[i]->ns, ns) == 0) {
			site_release(sites->list[i]);
			sites->list[i] = sites->list[--sites->len];
			return;
		}
}

int site_inside(struct site *site, int (*act)(void *data, struct err *err), void *data,
		struct err *err)
{
	/* the caller's own was opened by this thread, which never stays elsewhere */
	if (!site->ns[0])
		return act(data, err);
	return netns_inside(site->ns_fd, act, data, err);
}
