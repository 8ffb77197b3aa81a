/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Theory of operation: a description goes through five stages, and each tells all it finds before
 * the next begins: bytes to a tree (yaml.c); the tree to objects, host by host (hosts.c, load.c,
 * children.c, join.c); hosts named as peers to peers (peers.c); short forms written out, then the
 * rules (check.c); key files against public keys (secrets.c). A fault in one stage does not stop
 * the next, so that one run shows everything; only what is no tree at all ends it.
 */
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"
#include "conf/load.h"

/* The keys at the root that are no sections; and what netplan's wrapper adds. */
static const char *const root_words[] = {"name",     "keep",	"hosts", "network",
					 "renderer", "version", NULL};

/* At most one byte more than may be, so that too large a file is told by its reader. */
static int read_input(const struct conf_request *request, struct text *text, struct err *err)
{
	char part[65536];
	ssize_t size;

	if (strcmp(request->path, "-") != 0)
		return file_read(request->path, CONF_FILE_MAX, text, err);
	while (text->size <= CONF_FILE_MAX) {
		size = read(STDIN_FILENO, part, sizeof(part));
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return err_errno(err, -errno, "reading standard input");
		if (!size)
			break;
		text_addn(text, part, (size_t)size);
	}
	return 0;
}

static struct yaml_node *read_tree(const struct conf_request *request, const char *file,
				   struct arena *arena, struct diag *diag)
{
	struct text text TEXT_CLEANUP = {0};
	struct yaml_node *root = NULL;
	struct err err;

	if (!request->text && read_input(request, &text, &err)) {
		diag_add(diag, &err);
		return NULL;
	}
	if (yaml_read(file, request->text ?: text_get(&text),
		      request->text ? request->size : text.size, arena, &root, diag))
		return NULL;
	if (root->shape == YAML_MAP)
		return root;
	err_hint(diag_error(diag, root->place, "", "the file is %s; expected a map of sections",
			    yaml_word(root)),
		 "bridges: {br0: {}}");
	return NULL;
}

/* netplan's `network:` around the sections is taken off. */
static struct yaml_node *unwrap(struct yaml_node *root, struct arena *arena, struct diag *diag)
{
	struct yaml_node *wrapper = yaml_get(root, "network"), *outside;

	if (!wrapper || yaml_null(wrapper))
		return root;
	if (wrapper->shape != YAML_MAP) {
		diag_error(diag, wrapper->place, "network",
			   "network has %s; expected a map of sections", yaml_word(wrapper));
		return root;
	}
	outside = yaml_make(arena, YAML_MAP, root->place);
	for (struct yaml_node *node = root->first; node; node = node->next)
		if (node != wrapper)
			yaml_append(outside, node->key, arena_copy(arena, node, sizeof(*node)));
	return yaml_merge(outside, wrapper, arena, diag);
}

static const char *scalar(const struct yaml_node *root, const char *key, struct diag *diag)
{
	const struct yaml_node *node = yaml_get(root, key);

	if (!node)
		return NULL;
	if (node->shape == YAML_SCALAR && !yaml_null(node))
		return node->text;
	diag_error(diag, node->place, "", "%s has %s; expected one value", key, yaml_word(node));
	return NULL;
}

static void read_keep(const struct yaml_node *root, struct description *out, struct diag *diag)
{
	const struct field field = {.key = "keep", .type = &vtype_bool};
	const char *text = scalar(root, "keep", diag);
	uint8_t keep = 0;
	struct err err;

	if (text && vtype_bool.parse(&field, text, NULL, &keep, &err)) {
		err_at(&err, "", yaml_get(root, "keep")->place);
		diag_add(diag, &err);
	}
	out->keep = keep;
}

static const char *wrong_name(const char *name)
{
	if (!name[0] || strlen(name) > 128)
		return "is empty or longer than 128 bytes; expected 1 to 128";
	if (strchr(name, '/'))
		return "has a '/'; expected none, since a path is the name of a file without one";
	for (; *name; name++)
		if ((unsigned char)*name < 0x20 || *name == 0x7f)
			return "has a control character; expected none";
	return NULL;
}

static void read_name(const struct yaml_node *root, const struct conf_request *request,
		      struct description *out, struct arena *arena, struct diag *diag)
{
	const char *name = scalar(root, "name", diag), *wrong;

	if (!name && yaml_get(root, "name"))
		return;
	out->name = arena_text(arena, name ?: request->name ?: out->file);
	wrong = name ? wrong_name(name) : NULL;
	if (wrong)
		diag_error(diag, yaml_get(root, "name")->place, "", "the name %s", wrong);
	else if (name && strcmp(name, "by-hand") == 0)
		diag_error(diag, yaml_get(root, "name")->place, "",
			   "by-hand is the name of what add and set make; expected another name");
	else if (name && strcmp(name, "by-libvirt") == 0)
		diag_error(diag, yaml_get(root, "name")->place, "",
			   "by-libvirt is the name of what libvirt's hook makes; expected another "
			   "name");
	else if (!name && !request->name && strcmp(out->file, "-") == 0)
		err_hint(diag_error(diag, root->place, "",
				    "a description from standard input has no name of its own; "
				    "expected name"),
			 "name: lab");
}

static void read_version(const struct yaml_node *root, struct diag *diag)
{
	const char *version = scalar(root, "version", diag);

	if (version && strcmp(version, "2") != 0)
		diag_error(diag, yaml_get(root, "version")->place, "",
			   "version %.60s is not known; expected 2, or none", version);
}

static const char *real_path(const struct conf_request *request, struct arena *arena)
{
	char path[PATH_MAX];

	if (strcmp(request->path, "-") == 0 || !realpath(request->path, path))
		return arena_text(arena, request->path);
	return arena_text(arena, path);
}

static void fill(const struct hosts *hosts, struct arena *arena, struct description *out)
{
	out->hosts = arena_alloc(arena, (hosts->len + 1) * sizeof(*out->hosts));
	out->states = arena_alloc(arena, (hosts->len + 1) * sizeof(*out->states));
	out->host_count = hosts->named ? hosts->len : 0;
	for (size_t i = 0; i < hosts->len; i++) {
		out->hosts[i] = hosts->hosts[i].name;
		out->states[i] = *hosts->hosts[i].load.state;
	}
	state_init(&out->desired, arena);
	if (hosts->chosen == LOAD_NONE)
		return;
	out->desired = out->states[hosts->chosen];
	out->host = hosts->named ? out->hosts[hosts->chosen] : NULL;
}

static void check_between(const struct hosts *hosts, const struct description *out,
			  struct arena *arena, struct diag *diag)
{
	const struct state **states = arena_alloc(arena, (hosts->len + 1) * sizeof(*states));
	size_t before = diag->error_count;

	for (size_t i = 0; i < hosts->len; i++)
		states[i] = &out->states[i];
	for (size_t k = 0; hosts->len && kinds[k]; k++)
		if (kinds[k]->ops && kinds[k]->ops->check_hosts)
			kinds[k]->ops->check_hosts(states, out->hosts, hosts->len, diag);
	drop_repeated(diag, before, (struct place){0});
}

static void load_tree(struct yaml_node *root, const struct conf_request *request,
		      struct arena *arena, struct description *out, struct diag *diag)
{
	struct hosts hosts;

	root = unwrap(root, arena, diag);
	read_keep(root, out, diag);
	read_name(root, request, out, arena, diag);
	read_version(root, diag);
	hosts_load(&hosts, root, root_words, arena, diag);
	hosts_choose(&hosts, request->host, root, diag);
	hosts_peers(&hosts);
	for (size_t i = 0; i < hosts.len; i++)
		load_expand(&hosts.hosts[i].load);
	hosts_secrets(&hosts, request);
	for (size_t i = 0; i < hosts.len; i++) {
		load_check(&hosts.hosts[i].load);
		diag_sort(diag);
	}
	fill(&hosts, arena, out);
	check_between(&hosts, out, arena, diag);
}

int conf_load(const struct conf_request *request, struct arena *arena, struct description *out,
	      struct diag *diag)
{
	size_t before = diag->error_count;
	struct yaml_node *root;
	int r = 0;

	*out = (struct description){.file = real_path(request, arena)};
	root = read_tree(request, arena_text(arena, request->path), arena, diag);
	if (root)
		load_tree(root, request, arena, out, diag);
	if (diag->error_count > before)
		r = diag->errors[before].code ?: -EINVAL;
	diag_sort(diag);
	return r;
}
