/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Namespaces come and go. */
#include <errno.h>

#include "sys/netns.h"
#include "world/live.h"

/* Only the one that was meant: by the kernel's number, as the name may stand for another by now. */
static int unmake(struct live *live, const struct object *object, struct err *err)
{
	const char *name = object_name(object);
	struct site *site;
	uint64_t cookie;
	int r = live_site(live, name, &site, err);

	if (r == -ENOENT) /* a name without a namespace: who made or removed it died half way */
		return netns_remove(name, err);
	if (!r)
		r = netns_cookie(site->ns_fd, &cookie, err);
	if (r)
		return r;
	if (object_has_key(object, "cookie") &&
	    (uint64_t)object_number(object, "cookie", 0) != cookie)
		return 0;
	live_watch_stop(live, name);
	site_close(live->sites, name);
	return netns_remove(name, err);
}

int live_netns_apply(struct live *live, const struct step *step, struct err *err)
{
	struct site *site;
	int r;

	if (step->before && step->after)
		return 0;   /* nothing of it can change */
	live_refresh(live); /* the name may have stood for one that is gone */
	if (!step->after)
		return unmake(live, step->before, err);
	r = netns_make(object_name(step->after), err);
	if (r)
		return r;
	r = live_site(live, object_name(step->after), &site, err);
	if (!r)
		r = live_watch_start(live, site, err);
	if (r) { /* refused whole: a code like EEXIST must not read as if somebody else made it */
		struct err unused;

		live_watch_stop(live, object_name(step->after));
		site_close(live->sites, object_name(step->after));
		netns_remove(object_name(step->after), &unused);
	}
	return r;
}
