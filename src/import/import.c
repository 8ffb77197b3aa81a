/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Theory of operation. A format's file knows the words of one program and says them by import_put
 * and its like: devices by name, each with a map in our words. At the end the devices become
 * sections of one tree, which is printed. What is not sure to be understood is not guessed but
 * named, so that whoever reads the result knows what to look after; the result is loaded once more,
 * and what is wrong with it then is named, too.
 */
#include "import/import.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "conf/conf.h"

static const struct place nowhere;

void import_lacks(struct import *import, const char *what, const char *format, ...)
{
	struct place place = {.file = import->file, .line = import->line};
	char message[400];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	diag_warning(import->diag, place, what, "%s", message);
}

struct import_device *import_device(struct import *import, const char *name)
{
	struct import_device *device;

	for (size_t i = 0; i < import->len; i++)
		if (text_same(import->devices[i].name, name))
			return &import->devices[i];
	import->devices =
		arena_room(import->arena, import->devices, import->len, sizeof(*import->devices));
	device = &import->devices[import->len++];
	*device = (struct import_device){
		.name = arena_text(import->arena, name),
		.map = yaml_make(import->arena, YAML_MAP, nowhere),
	};
	return device;
}

void import_is(struct import *import, struct import_device *device, const char *section)
{
	if (device->section && !text_same(device->section, section))
		import_lacks(import, device->name, "is said to be one of %s and of %s; left as %s",
			     device->section, section, device->section);
	else
		device->section = arena_text(import->arena, section);
}

/* Numbers, truths, addresses and names stand without quotes; what could steer YAML does not. */
static bool stands_plain(const char *value)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/_+-";
	size_t size = strlen(value);

	return size && !strchr(".:/_+-", value[0]) && value[size - 1] != ':' &&
	       strspn(value, letters) == size;
}

void import_put(struct import *import, struct import_device *device, const char *key,
		const char *value)
{
	struct yaml_node *map = device->map, *there;
	const char *dot;

	while ((dot = strchr(key, '.'))) {
		const char *first = arena_textn(import->arena, key, (size_t)(dot - key));

		there = yaml_get(map, first);
		if (!there) {
			there = yaml_make(import->arena, YAML_MAP, nowhere);
			yaml_append(map, yaml_scalar(import->arena, first, nowhere), there);
		}
		map = there;
		key = dot + 1;
	}
	there = yaml_get(map, key);
	if (there) {
		there->text = arena_text(import->arena, value);
		there->plain = stands_plain(value);
		return;
	}
	there = yaml_scalar(import->arena, value, nowhere);
	there->plain = stands_plain(value);
	yaml_append(map, yaml_scalar(import->arena, key, nowhere), there);
}

static struct yaml_node *list_of(struct import *import, struct import_device *device,
				 const char *key)
{
	struct yaml_node *list = yaml_get(device->map, key);

	if (!list) {
		list = yaml_make(import->arena, YAML_LIST, nowhere);
		yaml_append(device->map, yaml_scalar(import->arena, key, nowhere), list);
	}
	return list;
}

void import_add(struct import *import, struct import_device *device, const char *key,
		const char *value)
{
	struct yaml_node *list = list_of(import, device, key);

	for (const struct yaml_node *node = list->first; node; node = node->next)
		if (node->shape == YAML_SCALAR && text_same(node->text, value))
			return;
	yaml_append(list, NULL, yaml_scalar(import->arena, value, nowhere));
}

void import_item(struct import *import, struct import_device *device, const char *key, ...)
{
	struct yaml_node *item = yaml_make(import->arena, YAML_MAP, nowhere);
	const char *word, *value;
	va_list args;

	va_start(args, key);
	while ((word = va_arg(args, const char *))) {
		struct yaml_node *node;

		value = va_arg(args, const char *);
		if (!value)
			continue;
		node = yaml_scalar(import->arena, value, nowhere);
		node->plain = strspn(value, "0123456789") == strlen(value);
		yaml_append(item, yaml_scalar(import->arena, word, nowhere), node);
	}
	va_end(args);
	yaml_append(list_of(import, device, key), NULL, item);
}

/* The length of a mask: "24" or "255.255.255.0". -1: it is none. */
static int mask_length(const char *mask, int most)
{
	struct in_addr bits;
	uint32_t host;
	char *end;
	long length;

	if (inet_pton(AF_INET, mask, &bits) == 1 && most == 32) {
		host = ~ntohl(bits.s_addr);
		return host & (host + 1) ? -1 : 32 - __builtin_popcount(host);
	}
	length = strtol(mask, &end, 10);
	return end == mask || *end || length < 0 || length > most ? -1 : (int)length;
}

const char *import_prefix(struct import *import, const char *address, const char *mask)
{
	const char *slash = strchr(address, '/');
	const char *bare =
		slash ? arena_textn(import->arena, address, (size_t)(slash - address)) : address;
	unsigned char bytes[16];
	int most, length;

	if (inet_pton(AF_INET, bare, bytes) == 1)
		most = 32;
	else if (inet_pton(AF_INET6, bare, bytes) == 1)
		most = 128;
	else
		return NULL;
	if (slash)
		mask = slash + 1;
	length = mask ? mask_length(mask, most) : most;
	return length < 0 ? NULL : arena_print(import->arena, "%s/%d", bare, length);
}

bool import_truth(const char *word)
{
	static const char *const words[] = {"yes", "on", "true", "1", NULL};

	for (size_t i = 0; words[i]; i++)
		if (strcasecmp(word, words[i]) == 0)
			return true;
	return false;
}

static char *trimmed(char *line)
{
	char *end;

	line += strspn(line, " \t\r");
	end = line + strlen(line);
	while (end > line && strchr(" \t\r", end[-1]))
		*--end = '\0';
	return line;
}

char *import_line(struct import *import, char **text)
{
	char *line = *text, *end = line;

	if (!line || !*line)
		return NULL;
	import->line++;
	while ((end = strchr(end, '\n')) && end > line && end[-1] == '\\') {
		end[-1] = end[0] = ' ';
		import->line++;
	}
	*text = end ? end + 1 : NULL;
	if (end)
		*end = '\0';
	return trimmed(line);
}

/* --- files --- */

static int file_import(const struct import_format *format, struct import *import, const char *path)
{
	struct text bytes TEXT_CLEANUP = {0};
	struct err err = {0};
	int r = file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, CONF_FILE_MAX, &bytes,
			  &err);

	if (r) {
		diag_add(import->diag, &err);
		return r;
	}
	import->file = arena_text(import->arena, path);
	import->line = 0;
	format->read(import, text_get(&bytes), strlen(text_get(&bytes)));
	return 0;
}

static bool file_meant(const struct import_format *format, const char *name)
{
	size_t size = strlen(name), suffix = format->suffix ? strlen(format->suffix) : 0;

	if (name[0] == '.' || size < suffix ||
	    (format->prefix && strncmp(name, format->prefix, strlen(format->prefix)) != 0))
		return false;
	return !suffix || strcmp(name + size - suffix, format->suffix) == 0;
}

static int folder_import(const struct import_format *format, struct import *import,
			 const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort), r = 0;

	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		if (!r && file_meant(format, entries[i]->d_name))
			r = file_import(
				format, import,
				arena_print(import->arena, "%s/%s", path, entries[i]->d_name));
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* A device that is only spoken of has to be there; of others, NICs are what nothing else is. */
static struct yaml_node *tree_make(struct import *import, const char *name)
{
	struct yaml_node *root = yaml_make(import->arena, YAML_MAP, nowhere), *section;

	yaml_append(root, yaml_scalar(import->arena, "name", nowhere),
		    yaml_scalar(import->arena, name, nowhere));
	for (size_t i = 0; i < import->len; i++) {
		struct import_device *device = &import->devices[i];
		const char *word = device->section ? device->section : "ethernets";

		section = yaml_get(root, word);
		if (!section) {
			section = yaml_make(import->arena, YAML_MAP, nowhere);
			yaml_append(root, yaml_scalar(import->arena, word, nowhere), section);
		}
		yaml_append(section, yaml_scalar(import->arena, device->name, nowhere),
			    device->map);
	}
	return root;
}

/* What the loader says of the result is told of it, not as the failure of reading. */
static void result_check(struct import *import, const struct text *out)
{
	struct conf_request request = {
		.path = "the description", .text = text_get(out), .size = strlen(text_get(out))};
	struct description description;
	struct diag diag = {0};

	conf_load(&request, import->arena, &description, &diag);
	for (size_t i = 0; i < diag.error_count; i++) {
		diag.errors[i].place.file = arena_text(import->arena, "the description");
		diag_warn(import->diag, &diag.errors[i]);
	}
	diag_fini(&diag);
}

int import_text(const struct import_format *format, const char *path, const char *name,
		struct arena *arena, struct text *out, struct diag *diag)
{
	struct import import = {.arena = arena, .diag = diag};
	const char *from = path ? path : format->place;
	struct stat there;
	struct err err = {0};
	int r;

	if (strcmp(from, "-") != 0 && stat(from, &there) < 0)
		r = -errno;
	else if (strcmp(from, "-") != 0 && S_ISDIR(there.st_mode))
		r = folder_import(format, &import, from);
	else
		r = file_import(format, &import, from);
	if (r && !diag->error_count) {
		err_errno(&err, r, "read %s", from);
		diag_add(diag, &err);
	}
	if (r || diag->error_count)
		return r ? r : -EINVAL;
	if (format->finish)
		format->finish(&import);
	yaml_write(tree_make(&import, name), out);
	result_check(&import, out);
	return 0;
}
