/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is in the named sets of rules of ours. Rules are committed, and change with the text alone;
 * what depends on leases stands in sets and maps of theirs, which only the keeper fills. A
 *ruleset's `fills` has a line for each (kind/ruleset.c):
 *
 *	leads SET NETWORK MAC PREFIX…	a map from any protocol to the address MAC has a lease of
 *	holds SET NETWORK MAC PREFIX…	a set of that address
 *	ports SET BRIDGE all|guests DEVICE…	a set of the bridge's ports but these
 *	behind SET BRIDGE GUEST DEVICE		a set of DEVICE and the ports with that alias
 *
 * It is level-triggered, too: a changed file of leases, or changed rules, mean "look"; then what
 * belongs there is compared with what is there, and all that differs of a table is one transaction.
 * A guest whose lease ended is in no map, so nothing is led to whoever gets its address next.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "apply/store.h"
#include "base/fd.h"
#include "daemon/inside.h"
#include "sys/netns.h"
#include "sys/nft.h"
#include "world/keeper_files.h"

#define SETTLE_MS 50 /* dnsmasq writes all leases anew for each */
#define NETS_MOST 16

struct fill {
	const char *ns, *table, *verb, *set, *network, *mac; /* mac: or which ports */
	const char **except;
	size_t except_count;
	struct prefix nets[NETS_MOST];
	size_t net_count;
	char *written; /* what is there as far as we know; NULL: unknown */
	char *wanted;  /* while it is looked at; NULL: not known now */
};

struct fills {
	struct arena arena;
	struct fill *list; /* those of a table together */
	size_t len;
	int leases_fd; /* inotify(7) */
	struct loop_source leases, timer;
};

static bool net_parse(char *word, struct prefix *net)
{
	char *slash = strchr(word, '/');
	int64_t len;

	if (!slash)
		return false;
	*slash = '\0';
	if (ip_parse(word, &net->ip) || text_number(slash + 1, 0, ip_bits(&net->ip), &len))
		return false;
	net->len = (uint8_t)len;
	return true;
}

static bool is_ports(const struct fill *fill)
{
	return strcmp(fill->verb, "ports") == 0 || strcmp(fill->verb, "behind") == 0;
}

static void line_take(struct fills *fills, const struct object *ruleset, char *line)
{
	struct fill fill = {.ns = arena_text(&fills->arena, ruleset->ns),
			    .table = arena_text(&fills->arena, object_name(ruleset))};
	const char **const words[] = {&fill.verb, &fill.set, &fill.network, &fill.mac};
	char *save = NULL, *word = strtok_r(line, " ", &save);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!word)
			return;
		*words[i] = word;
		word = strtok_r(NULL, " ", &save);
	}
	for (; word; word = strtok_r(NULL, " ", &save)) {
		if (is_ports(&fill)) {
			fill.except = arena_room(&fills->arena, fill.except, fill.except_count,
						 sizeof(word));
			fill.except[fill.except_count++] = word;
		} else if (fill.net_count < NETS_MOST) {
			fill.net_count += net_parse(word, &fill.nets[fill.net_count]);
		}
	}
	fills->list = arena_room(&fills->arena, fills->list, fills->len, sizeof(fill));
	fills->list[fills->len++] = fill;
}

static void forget(struct fills *fills)
{
	for (size_t i = 0; i < fills->len; i++)
		free(fills->list[i].written);
	arena_fini(&fills->arena);
	arena_init(&fills->arena);
	fills->list = NULL;
	fills->len = 0;
}

void fills_renew(struct keeper *keeper, const struct store *store)
{
	struct fills *fills = keeper->fills;

	forget(fills);
	for (size_t i = 0; i < store->len; i++)
		for (size_t j = 0; j < store->committed[i]->len; j++) {
			const struct object *object = store->committed[i]->entries[j].object;
			char *save = NULL, *line;

			if (!kind_is(object->kind, "ruleset") || !object_text(object, "fills"))
				continue;
			line = arena_text(&fills->arena, object_text(object, "fills"));
			for (line = strtok_r(line, "\n", &save); line;
			     line = strtok_r(NULL, "\n", &save))
				line_take(fills, object, line);
		}
}

static char *text_own(const char *text)
{
	char *own = strdup(text);

	if (!own)
		abort();
	return own;
}

static int words_order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Elements in an order of ours, since nft has another one for each type. */
static char *sorted_make(const char *elements)
{
	struct text text TEXT_CLEANUP = {0};
	char *copy = text_own(elements), *save = NULL;
	const char **words = NULL;
	struct arena arena;
	size_t len = 0;

	arena_init(&arena);
	for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		words = arena_room(&arena, words, len, sizeof(*words));
		words[len++] = word + (word[0] == ' ');
	}
	if (len)
		qsort(words, len, sizeof(*words), words_order);
	for (size_t i = 0; i < len; i++)
		text_add(&text, "%s%s", i ? ", " : "", words[i]);
	arena_fini(&arena);
	free(copy);
	return text_own(text_get(&text));
}

struct ports_wanted {
	const struct fill *fill;
	struct text text;
};

static bool is_wanted(const struct fill *fill, const struct port_seen *port)
{
	bool named = false;

	for (size_t i = 0; i < fill->except_count; i++)
		named = named || strcmp(fill->except[i], port->name) == 0;
	if (strcmp(fill->verb, "behind") == 0)
		return !named && strcmp(port->alias, fill->mac) == 0;
	return !named && (port->virtual || strcmp(fill->mac, "guests") != 0);
}

/* A name that rules cannot have is in none. */
static void name_add(struct text *text, const char *name)
{
	if (!strpbrk(name, "\"*\\,{}"))
		text_add(text, "%s\"%s\"", text->size ? ", " : "", name);
}

static void port_want(const struct port_seen *port, void *data)
{
	struct ports_wanted *wanted = data;

	if (is_wanted(wanted->fill, port))
		name_add(&wanted->text, port->name);
}

static char *ports_wanted_make(const struct keeper *keeper, const struct fill *fill)
{
	struct ports_wanted wanted = {.fill = fill};
	char *made = NULL;

	/* the guest's own port is it whether it is plugged in or not */
	if (strcmp(fill->verb, "behind") == 0 && fill->except_count)
		name_add(&wanted.text, fill->except[0]);
	if (ports_of(keeper, fill->ns, fill->network, port_want, &wanted))
		made = sorted_make(text_get(&wanted.text));
	text_fini(&wanted.text);
	return made;
}

/* What belongs there, as nft lists it; NULL: nobody knows now, and it stays as it is. */
static char *wanted_make(const struct keeper *keeper, const struct fill *fill)
{
	const struct service *service = service_find(keeper, &craft_dhcp, fill->ns, fill->network);
	struct text ip_text TEXT_CLEANUP = {0}, text TEXT_CLEANUP = {0};
	struct ip ip;

	if (is_ports(fill))
		return ports_wanted_make(keeper, fill);
	if (!service)
		return NULL;
	if (!leases_find(service, fill->mac, fill->nets, fill->net_count, &ip))
		return text_own("");
	ip_print(&ip, &ip_text);
	if (strcmp(fill->verb, "leads") == 0)
		text_add(&text, "tcp : %s, udp : %s", text_get(&ip_text), text_get(&ip_text));
	else
		text_add(&text, "%s", text_get(&ip_text));
	return text_own(text_get(&text));
}

/* The elements of a set in a listing, a blank between any two words. */
static void elements_get(const char *listing, const struct fill *fill, struct text *out)
{
	struct text head TEXT_CLEANUP = {0};
	const char *set, *at, *end;

	text_add(&head, "\t%s %s {\n", strcmp(fill->verb, "leads") == 0 ? "map" : "set", fill->set);
	set = strstr(listing, text_get(&head));
	end = set ? strstr(set, "\n\t}") : NULL;
	at = end ? strstr(set, "elements = {") : NULL;
	if (!at || at > end)
		return;
	for (at += strlen("elements = {"); *at != '}' && at < end; at++) {
		bool blank = *at == ' ' || *at == '\t' || *at == '\n';

		if (!blank)
			text_addn(out, at, 1);
		else if (out->size && out->bytes[out->size - 1] != ' ')
			text_add(out, " ");
	}
	while (out->size && out->bytes[out->size - 1] == ' ')
		out->bytes[--out->size] = '\0';
}

/* The sets of one table. */
struct work {
	struct keeper *keeper;
	struct fill *first;
	size_t len;
	bool there; /* it stands, and is as it should be */
};

static void difference_add(const struct fill *fill, const char *listing, struct text *commands)
{
	struct text have TEXT_CLEANUP = {0};
	bool map = strcmp(fill->verb, "leads") == 0, same;
	char *sorted;

	elements_get(listing, fill, &have);
	sorted = sorted_make(text_get(&have));
	same = !fill->wanted || strcmp(sorted, fill->wanted) == 0;
	free(sorted);
	if (same)
		return;
	text_add(commands, "flush %s %s %s\n", map ? "map" : "set", fill->table, fill->set);
	if (fill->wanted[0])
		text_add(commands, "add element %s %s { %s }\n", fill->table, fill->set,
			 fill->wanted);
}

/* In the table's namespace. */
static int work_inside(void *data, struct err *err)
{
	struct work *work = data;
	struct text listing TEXT_CLEANUP = {0}, commands TEXT_CLEANUP = {0};
	int r = nft_list(work->first->table, true, &listing, err);

	if (r == -ENOENT)
		return 0; /* the mender makes it, which is an occasion to look again */
	for (size_t i = 0; !r && i < work->len; i++)
		difference_add(&work->first[i], text_get(&listing), &commands);
	if (!r && commands.size)
		r = nft_run(text_get(&commands), err);
	work->there = !r;
	return r;
}

static void tell(struct keeper *keeper, const struct fill *fill)
{
	const char *address = strrchr(fill->wanted, ' ');

	if (strcmp(fill->verb, "leads") != 0 || text_same(fill->written, fill->wanted) ||
	    (!fill->written && !fill->wanted[0]))
		return;
	log_note(&keeper->log, "network %s: forwards to %s lead %s%s", fill->network, fill->mac,
		 address ? "to " : "nowhere, it has no lease", address ? address + 1 : "");
}

static void table_fill(struct work *work)
{
	int ns_fd FD_CLEANUP = -1;
	struct err err;
	int r = netns_open(work->first->ns, &ns_fd, &err);

	if (!r)
		r = netns_inside(ns_fd, work_inside, work, &err);
	if (r && r != -ENOENT)
		log_warning(&work->keeper->log, "%s is not filled: %s", work->first->table,
			    err.message);
	for (size_t i = 0; i < work->len && work->there; i++) {
		struct fill *fill = &work->first[i];

		if (!fill->wanted)
			continue;
		tell(work->keeper, fill);
		free(fill->written);
		fill->written = fill->wanted;
		fill->wanted = NULL;
	}
}

static void table_look(struct work *work, bool verify)
{
	bool differs = verify;

	for (size_t i = 0; i < work->len; i++) {
		struct fill *fill = &work->first[i];

		fill->wanted = wanted_make(work->keeper, fill);
		differs = differs || (fill->wanted && !text_same(fill->wanted, fill->written));
	}
	if (differs)
		table_fill(work);
	for (size_t i = 0; i < work->len; i++) {
		free(work->first[i].wanted);
		work->first[i].wanted = NULL;
	}
}

/* A folder that is watched already stays so; one that is gone is none of ours any more. */
static void leases_watch(struct keeper *keeper, const struct fill *fill)
{
	const struct service *service = service_find(keeper, &craft_dhcp, fill->ns, fill->network);
	char name[KEEPER_FILE_SIZE], path[sizeof(keeper->folder) + KEEPER_FILE_SIZE + 1];

	if (!service)
		return;
	keeper_file_name(service->setup->object, name);
	snprintf(path, sizeof(path), "%s/%s", keeper->folder, name);
	inotify_add_watch(keeper->fills->leases_fd, path,
			  IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_ONLYDIR);
}

void fills_look(struct keeper *keeper, bool verify)
{
	struct fills *fills = keeper->fills;
	size_t end;

	for (size_t i = 0; i < fills->len; i = end) {
		struct work work = {.keeper = keeper, .first = &fills->list[i]};

		for (end = i; end < fills->len; end++) {
			if (!text_same(fills->list[end].table, fills->list[i].table) ||
			    !text_same(fills->list[end].ns, fills->list[i].ns))
				break;
			leases_watch(keeper, &fills->list[end]);
		}
		work.len = end - i;
		table_look(&work, verify);
	}
}

void fills_describe(const struct service *service, json_t *to)
{
	const struct fills *fills = service->keeper->fills;
	json_t *all = json_object();

	for (size_t i = 0; i < fills->len; i++) {
		const struct fill *fill = &fills->list[i];
		const char *address = fill->written ? strrchr(fill->written, ' ') : NULL;
		json_t *list;

		if (strcmp(fill->verb, "leads") != 0 ||
		    !text_same(fill->ns, service->setup->object->ns) ||
		    !text_same(fill->network, service_name(service)))
			continue;
		list = json_object_get(all, fill->mac);
		if (!list) {
			list = json_array();
			json_object_set_new(all, fill->mac, list);
		}
		if (address)
			json_array_append_new(list, json_string(address + 1));
	}
	json_object_set_new(to, "followed", all);
}

static void timed(void *data, int what)
{
	fills_look(data, false);
}

static void leases_heard(void *data, int what)
{
	struct keeper *keeper = data;
	char events[4096] __attribute__((aligned(8)));

	while (read(keeper->fills->leases_fd, events, sizeof(events)) > 0)
		;
	loop_timer_start(&keeper->fills->timer, SETTLE_MS);
}

int fills_open(struct keeper *keeper, struct err *err)
{
	struct fills *fills = calloc(1, sizeof(*fills));

	if (!fills)
		abort();
	arena_init(&fills->arena);
	keeper->fills = fills;
	fills->leases_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fills->leases_fd < 0)
		return err_errno(err, -errno, "watch leases");
	if (loop_add(&keeper->loop, &fills->leases, fills->leases_fd, EPOLLIN, leases_heard, keeper,
		     err))
		return err->code;
	return loop_timer(&keeper->loop, &fills->timer, timed, keeper, err);
}

void fills_close(struct keeper *keeper)
{
	struct fills *fills = keeper->fills;

	if (!fills)
		return;
	loop_remove(&keeper->loop, &fills->leases);
	loop_remove(&keeper->loop, &fills->timer);
	if (fills->leases_fd >= 0)
		close(fills->leases_fd);
	forget(fills);
	arena_fini(&fills->arena);
	free(fills);
	keeper->fills = NULL;
}
