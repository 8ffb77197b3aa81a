/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One file for many hosts. What stands at the root belongs to every host, what stands under
 * hosts.NAME to that one; the two are merged as trees, so that all that follows sees one host's
 * description as if it had a file of its own, with the places of this one.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "conf/load.h"

/* The keys of a host that are no sections. */
static const char *const host_words[] = {"endpoint", "keys", NULL};

/* A place for tables of names, at a budget that a hostile file cannot make us overspend. */
#define NEAR_BUDGET 2000000

static void load_init(struct load *load, const char *host, bool hosts, struct arena *arena,
		      struct diag *diag)
{
	*load = (struct load){.arena = arena,
			      .diag = diag,
			      .state = arena_make(arena, struct state),
			      .host = host,
			      .hosts = hosts,
			      .near_budget = NEAR_BUDGET};
	state_init(load->state, arena);
	load->state->host = hosts ? host : NULL;
}

/* RFC 1123 names, at most as long as a Linux host name. */
static bool is_host_name(const char *name)
{
	size_t size = strlen(name);

	return size && size <= 64 && name[0] != '-' && name[0] != '.' &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789.-_")];
}

static const char *scalar_of(struct load *load, const struct yaml_node *node, const char *host,
			     const char *expected)
{
	if (node->shape == YAML_SCALAR && !yaml_null(node))
		return node->text;
	load_error(load, node->place, host, "%s has %s; expected %s", node->key->text,
		   yaml_word(node), expected);
	return NULL;
}

/* An endpoint is tried as that of a tunnel would be: with a port. */
static void read_endpoint(struct host *host, const struct yaml_node *node)
{
	const char *text =
		scalar_of(&host->load, node, host->name, "an address or a name, as 203.0.113.2");
	struct field field = {.key = "endpoint", .type = &vtype_endpoint};
	const char *value;
	struct err err;

	if (!text)
		return;
	if (vtype_endpoint.parse(
		    &field,
		    arena_print(host->load.arena, strchr(text, ':') ? "[%s]:1" : "%s:1", text),
		    host->load.arena, &value, &err) == 0) {
		host->endpoint = text;
		return;
	}
	err_hint(load_error(&host->load, node->place, host->name,
			    "endpoint \"%.60s\" is not an address or a name without a port; "
			    "expected one, as 203.0.113.2: each tunnel has a port of its own",
			    text),
		 "endpoint: 203.0.113.2");
}

static void read_public(struct host *host, const struct yaml_node *node)
{
	const char *text =
		scalar_of(&host->load, node, host->name, "a public key, as lanloom key new prints");
	struct field field = {.key = "keys.public", .type = &vtype_key};
	struct public_key key;
	struct err err;

	if (!text)
		return;
	if (vtype_key.parse(&field, text, host->load.arena, &key, &err)) {
		err_at(&err, host->name, node->place);
		load_err(&host->load, &err);
		return;
	}
	host->public_key = text;
	host->key_place = node->place;
}

static void read_keys(struct host *host, const struct yaml_node *node)
{
	if (node->shape != YAML_MAP) {
		load_error(&host->load, node->place, host->name,
			   "keys has %s; expected a map, as {public: KEY}", yaml_word(node));
		return;
	}
	for (const struct yaml_node *one = node->first; one; one = one->next)
		if (strcmp(one->key->text, "public") == 0)
			read_public(host, one);
		else
			err_hint(load_error(&host->load, one->key->place, host->name,
					    "unknown key \"keys.%.60s\" of a host; expected "
					    "keys.public: secrets stand in files of their own",
					    one->key->text),
				 "keys: {public: KEY}");
}

static bool is_word(const char *const *words, const char *word)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words;
}

/* A map without some of its keys. */
static struct yaml_node *part_without(const struct yaml_node *map, const char *const *words,
				      struct arena *arena)
{
	struct yaml_node *part = yaml_make(arena, YAML_MAP, map->place);

	for (const struct yaml_node *node = map->first; node; node = node->next)
		if (!is_word(words, node->key->text))
			yaml_append(part, node->key, arena_copy(arena, node, sizeof(*node)));
	return part;
}

static void read_host(struct host *host, const struct yaml_node *node, const struct yaml_node *root,
		      const char *const *words)
{
	struct load *load = &host->load;
	struct yaml_node *own;

	if (!yaml_null(node) && node->shape != YAML_MAP) {
		load_error(load, node->place, host->name, "a host has %s; expected a map of keys",
			   yaml_word(node));
		return;
	}
	for (const struct yaml_node *one = node->first; one; one = one->next)
		if (strcmp(one->key->text, "endpoint") == 0)
			read_endpoint(host, one);
		else if (strcmp(one->key->text, "keys") == 0)
			read_keys(host, one);
		else if (is_word(words, one->key->text))
			load_error(load, one->key->place, host->name,
				   "%s stands under a host; expected it at the root",
				   one->key->text);
	own = part_without(node, words, load->arena);
	load_root(load, yaml_merge(root, own, load->arena, load->diag), host_words);
}

static void refuse_shared(struct host *host, const struct yaml_node *device, const char *section)
{
	static const char *const own[] = {"macaddress", "addresses"};

	for (size_t i = 0; i < 2; i++) {
		const struct yaml_node *node = yaml_get(device, own[i]);

		if (node && !yaml_null(node))
			err_hint(load_error(&host->load, node->place, device->key->text,
					    "%s stands at the root, so all hosts would have the "
					    "same; expected it under each host",
					    own[i]),
				 "hosts: {NAME: {%.40s: {%.40s: {%s: …}}}}", section,
				 device->key->text, own[i]);
	}
}

/* A key of its says which host has what stands here (a network's gateway). */
static bool says_whose(const struct kind *kind, const struct yaml_node *device)
{
	return kind->ops && kind->ops->drops && yaml_get(device, "gateway");
}

/* One LAN, the same address twice: what belongs to one host cannot stand at the root. */
static void check_shared(struct host *host, const struct yaml_node *sections)
{
	if (sections->shape != YAML_MAP)
		return; /* which is refused where it is read */
	for (const struct yaml_node *node = sections->first; node; node = node->next) {
		const struct kind *kind = kind_of_section(node->key->text, NULL);

		if (!kind || node->shape != YAML_MAP)
			continue;
		for (const struct yaml_node *one = node->first; one; one = one->next)
			if (kind->door == DOOR_NETNS)
				check_shared(host, one);
			else if (kind_device(kind) && !says_whose(kind, one))
				refuse_shared(host, one, node->key->text);
	}
}

/* Room for all that was read once to be read for each host. */
static bool refuse_many(struct load *load, const struct yaml_node *map)
{
	if (map->shape != YAML_MAP || !map->len) {
		load_error(load, map->place, "hosts", "hosts has %s; expected a map of hosts",
			   map->shape == YAML_MAP ? "nothing" : yaml_word(map));
		return true;
	}
	if (map->len > CONF_HOSTS_MAX) {
		load_error(load, map->place, "hosts", "there are %u hosts; expected at most %d",
			   map->len, CONF_HOSTS_MAX);
		return true;
	}
	return false;
}

static size_t count_nodes(const struct yaml_node *node)
{
	size_t count = 1;

	for (const struct yaml_node *one = node->first; one; one = one->next)
		count += count_nodes(one);
	return count;
}

static void load_named_hosts(struct hosts *hosts, const struct yaml_node *root,
			     const struct yaml_node *map, const char *const *words,
			     struct load *any)
{
	struct yaml_node *shared = part_without(root, words, any->arena);

	if (refuse_many(any, map))
		return;
	if (count_nodes(shared) * map->len > 4 * CONF_NODES_MAX) {
		load_error(any, map->place, "hosts",
			   "the root's share times %u hosts is more than %d keys and values",
			   map->len, 4 * CONF_NODES_MAX);
		return;
	}
	hosts->hosts = arena_alloc(any->arena, map->len * sizeof(*hosts->hosts));
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		struct host *host = &hosts->hosts[hosts->len];

		*host = (struct host){.name = node->key->text, .place = node->key->place};
		load_init(&host->load, host->name, true, any->arena, any->diag);
		if (!is_host_name(host->name)) {
			load_error(any, host->place, "hosts",
				   "\"%.60s\" is not a host name; expected letters, digits, '-' "
				   "and '.'",
				   host->name);
			continue;
		}
		if (!hosts->len++)
			check_shared(host, shared);
		read_host(host, node, shared, words);
		diag_sort(any->diag); /* what is wrong at the root is told once, not per host */
	}
}

void hosts_load(struct hosts *hosts, const struct yaml_node *root, const char *const *words,
		struct arena *arena, struct diag *diag)
{
	const struct yaml_node *map = yaml_get(root, "hosts");
	struct load any;

	*hosts = (struct hosts){.chosen = LOAD_NONE, .named = map};
	if (map) {
		load_init(&any, "", true, arena, diag);
		load_named_hosts(hosts, root, map, words, &any);
	} else {
		hosts->hosts = arena_make(arena, struct host);
		hosts->hosts[0].name = "";
		hosts->len = 1;
		hosts->chosen = 0;
		load_init(&hosts->hosts[0].load, "", false, arena, diag);
		load_root(&hosts->hosts[0].load, root, words);
	}
	for (size_t i = 0; i < hosts->len; i++)
		load_join(&hosts->hosts[i].load);
}

/* alpha.example.com is alpha, where only that is written. */
static size_t find_host(const struct hosts *hosts, const char *name, size_t size)
{
	for (size_t i = 0; i < hosts->len; i++)
		if (strncmp(hosts->hosts[i].name, name, size) == 0 && !hosts->hosts[i].name[size])
			return i;
	return LOAD_NONE;
}

void hosts_choose(struct hosts *hosts, const char *name, const struct yaml_node *root,
		  struct diag *diag)
{
	struct words words;
	const char *near;
	struct err *err;

	if (!name || !hosts->named || !hosts->len)
		return;
	hosts->chosen = find_host(hosts, name, strlen(name));
	if (hosts->chosen == LOAD_NONE)
		hosts->chosen = find_host(hosts, name, strcspn(name, "."));
	if (hosts->chosen != LOAD_NONE)
		return;
	words = (struct words){.arena = hosts->hosts[0].load.arena};
	for (size_t i = 0; i < hosts->len; i++)
		words_add(&words, hosts->hosts[i].name);
	near = text_nearest(name, words.words);
	err = diag_error(diag, yaml_get(root, "hosts")->key->place, name,
			 "this host is not in the file; it has %s", words_join(&words, " and "));
	err_hint(err, "--host %s", near ? near : hosts->hosts[0].name);
}
