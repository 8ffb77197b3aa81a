/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * netplan's YAML. Its words are ours, so what the kinds' tables know goes over as it stands; what
 * they do not know is named and left out. Where its defaults are not ours they are written out: a
 * bridge of netplan's has STP, and a forward delay of 15 s.
 */
#include <string.h>

#include "conf/load.h"
#include "import/import.h"

static const struct place nowhere;

static void lacks_at(struct import *import, const struct yaml_node *key, const char *name)
{
	import->line = key->place.line;
	import_lacks(import, name, "%s has no counterpart; left out", key->text);
}

/* A field, a list, or a map of some of its fields. */
static bool key_known(const struct kind *kind, const char *key)
{
	struct child child;

	if (strcmp(key, "mode") == 0)
		return true;
	for (; kind; kind = kind->device ? kind_find(kind->device) : NULL) {
		if (child_find(kind, key, &child))
			return true;
		for (unsigned int i = 0; i < kind_field_count(kind); i++)
			if (text_same(kind_field(kind, i)->key, key) &&
			    !(kind_field(kind, i)->flags & (FIELD_READ | FIELD_INNER)))
				return true;
	}
	return false;
}

static struct yaml_node *map_known(struct import *import, const struct kind *kind, const char *name,
				   const char *before, const struct yaml_node *map)
{
	struct yaml_node *known = yaml_make(import->arena, YAML_MAP, nowhere), *next;

	for (struct yaml_node *node = map->first; node; node = next) {
		const char *key = arena_print(import->arena, "%s%s", before, node->key->text);

		next = node->next;
		if (key_known(kind, key))
			yaml_append(known, node->key, node);
		else if (node->shape == YAML_MAP && !*before && strcmp(key, "parameters") == 0)
			yaml_append(known, node->key,
				    map_known(import, kind, name, "parameters.", node));
		else if (strcmp(key, "renderer") != 0)
			lacks_at(import, node->key, name);
	}
	return known;
}

/* gateway4 and gateway6 are netplan's old words for default routes. */
static void gateways_take(struct import *import, struct import_device *device,
			  struct yaml_node *map)
{
	static const char *const words[2][2] = {{"gateway4", "default"}, {"gateway6", "::/0"}};
	struct yaml_node *kept = yaml_make(import->arena, YAML_MAP, nowhere), *next;

	for (struct yaml_node *node = map->first; node; node = next) {
		bool taken = false;

		next = node->next;
		for (size_t i = 0; i < 2; i++)
			if (node->shape == YAML_SCALAR && text_same(node->key->text, words[i][0])) {
				import_item(import, device, "routes", "to", words[i][1], "via",
					    node->text, NULL);
				taken = true;
			}
		if (!taken)
			yaml_append(kept, node->key, node);
	}
	*map = *kept;
}

static void device_take(struct import *import, const char *section, struct yaml_node *node)
{
	const struct yaml_node *mode = yaml_get(node, "mode");
	const struct kind *kind = kind_of_section(section, mode ? mode->text : NULL);
	struct import_device *device = import_device(import, node->key->text);
	const char *name = device->name;

	if (!kind)
		kind = kind_of_section(section, NULL);
	import_is(import, device, section);
	if (node->shape != YAML_MAP)
		return;
	gateways_take(import, device, node);
	for (struct yaml_node *one = map_known(import, kind, name, "", node)->first, *next; one;
	     one = next) {
		next = one->next;
		if (yaml_get(device->map, one->key->text))
			for (struct yaml_node *item = one->first, *after; item; item = after) {
				after = item->next;
				yaml_append(yaml_get(device->map, one->key->text), item->key, item);
			}
		else
			yaml_append(device->map, one->key, one);
	}
}

static void netplan_read(struct import *import, const char *bytes, size_t size)
{
	struct yaml_node *root, *inner, *next;

	if (yaml_read(import->file, bytes, size, import->arena, &root, import->diag))
		return;
	inner = root->shape == YAML_MAP ? yaml_get(root, "network") : NULL;
	if (inner)
		root = inner;
	if (root->shape != YAML_MAP)
		return;
	for (struct yaml_node *section = root->first; section; section = section->next) {
		const char *word = section->key->text;

		if (strcmp(word, "version") == 0 || strcmp(word, "renderer") == 0)
			continue;
		if (section->shape != YAML_MAP || !kind_of_section(word, NULL)) {
			lacks_at(import, section->key, word);
			continue;
		}
		for (struct yaml_node *node = section->first; node; node = next) {
			next = node->next;
			device_take(import, word, node);
		}
	}
}

static void netplan_finish(struct import *import)
{
	for (size_t i = 0; i < import->len; i++) {
		struct import_device *device = &import->devices[i];
		const struct yaml_node *parameters = yaml_get(device->map, "parameters");
		bool silent = !parameters || parameters->shape != YAML_MAP;

		if (!device->section || strcmp(device->section, "bridges") != 0)
			continue;
		if (silent || !yaml_get(parameters, "forward-delay"))
			import_put(import, device, "parameters.forward-delay", "15");
		if (silent || !yaml_get(parameters, "stp"))
			import_put(import, device, "parameters.stp", "true");
	}
}

const struct import_format import_netplan = {
	.name = "netplan",
	.place = "/etc/netplan",
	.suffix = ".yaml",
	.read = netplan_read,
	.finish = netplan_finish,
};
