/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/sysctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"

/* Below these stands a device's name, then one word. */
static const char *const device_folders[] = {
	"net.ipv4.conf.", "net.ipv6.conf.", "net.ipv4.neigh.", "net.ipv6.neigh.", "net.mpls.conf.",
};

/* Exchanges '.' and '/'. */
static void swap(char *text)
{
	for (; *text; text++)
		if (*text == '.' || *text == '/')
			*text = *text == '.' ? '/' : '.';
}

static const char *folder_of(const char *name)
{
	for (size_t i = 0; i < sizeof(device_folders) / sizeof(device_folders[0]); i++)
		if (text_starts(name, device_folders[i]))
			return device_folders[i];
	return NULL;
}

static bool well_formed(const char *name)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < size; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
			return false;
	/* "//" is "..": in the dotted spelling a slash is a dot, so a way up would show as one */
	return text_starts(name, "net.") && name[size - 1] != '.' && !strstr(name, "..") &&
	       !strstr(name, "//") && !strstr(name, "./.");
}

int sysctl_name(const char *text, char name[SYSCTL_NAME_MAX], struct err *err)
{
	size_t separator = strcspn(text, "./"), folder;
	char *last;

	if (strlen(text) >= SYSCTL_NAME_MAX)
		return err_set(err, -EINVAL, "\"%.60s…\" is longer than a sysctl's name can be",
			       text);
	snprintf(name, SYSCTL_NAME_MAX, "%s", text);
	if (text[separator] == '/')
		swap(name);
	if (!well_formed(name))
		return err_set(
			err, -EINVAL,
			"\"%.60s\" is not a sysctl of the network; expected one below net, as "
			"net.ipv4.ip_forward",
			text);
	folder = folder_of(name) ? strlen(folder_of(name)) : 0;
	last = strrchr(name, '.');
	for (char *c = name + folder; folder && c < last; c++)
		if (*c == '.')
			*c = '/';
	return 0;
}

bool sysctl_device(const char *name, char device[16])
{
	const char *folder = folder_of(name), *start, *end;

	if (!folder)
		return false;
	start = name + strlen(folder);
	end = strchr(start, '.');
	if (!end || end - start > 15)
		return false;
	snprintf(device, 16, "%.*s", (int)(end - start), start);
	for (char *c = device; *c; c++)
		if (*c == '/')
			*c = '.';
	return strcmp(device, "all") != 0 && strcmp(device, "default") != 0;
}

bool sysctl_default(const char *name, char out[SYSCTL_NAME_MAX])
{
	const char *folder = folder_of(name), *rest;
	char device[16];

	if (!sysctl_device(name, device))
		return false;
	rest = strchr(name + strlen(folder), '.');
	snprintf(out, SYSCTL_NAME_MAX, "%sdefault%s", folder, rest);
	return true;
}

void sysctl_value(const char *text, struct text *value)
{
	static const char blanks[] = " \t\n\r";

	for (;;) {
		size_t size;

		text += strspn(text, blanks);
		size = strcspn(text, blanks);
		if (!size)
			return;
		if (value->size)
			text_add(value, " ");
		text_addn(value, text, size);
		text += size;
	}
}

static int variable_open(const char *name, int flags, int *fd, struct err *err)
{
	char path[SYSCTL_NAME_MAX + 16], *tail;
	int used = snprintf(path, sizeof(path), "/proc/sys/");

	tail = path + used;
	snprintf(tail, sizeof(path) - (size_t)used, "%s", name);
	swap(tail);
	*fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
	if (*fd >= 0)
		return 0;
	if (errno == ENOENT)
		return err_set(err, -ENOENT, "this kernel has no sysctl %s here", name);
	return err_errno(err, -errno, "open %s", path);
}

int sysctl_read(const char *name, struct text *value, struct err *err)
{
	int fd FD_CLEANUP = -1;
	char bytes[4097];
	ssize_t got;
	int r = variable_open(name, O_RDONLY, &fd, err);

	if (r)
		return r;
	got = read(fd, bytes, sizeof(bytes) - 1);
	if (got < 0)
		return err_errno(err, -errno, "read the sysctl %s", name);
	bytes[got] = '\0';
	text_clear(value);
	sysctl_value(bytes, value);
	return 0;
}

int sysctl_write(const char *name, const char *value, struct err *err)
{
	int fd FD_CLEANUP = -1;
	size_t size = strlen(value);
	int r = variable_open(name, O_WRONLY, &fd, err);

	if (r)
		return r;
	/* one write: the kernel takes each write as a whole value */
	if (write(fd, value, size) != (ssize_t)size)
		return err_errno(err, errno ? -errno : -EIO, "write \"%.60s\" to the sysctl %s",
				 value, name);
	return 0;
}

struct unlike {
	int (*each)(void *data, const char *name, const char *value);
	void *data;
	struct text own, fresh;
};

/* What a new device would have: outside the first namespace neighbours' are seen on lo only. */
static int fresh_read(const char *name, struct text *value)
{
	char fresh[SYSCTL_NAME_MAX];
	struct err ignored;

	if (!sysctl_default(name, fresh))
		return -EINVAL;
	if (sysctl_read(fresh, value, &ignored) == 0)
		return 0;
	snprintf(fresh, sizeof(fresh), "%slo%s", folder_of(name), strrchr(name, '.'));
	return sysctl_read(fresh, value, &ignored);
}

/* One variable of a device; one that cannot be read has no value to go. */
static int unlike_one(struct unlike *unlike, const char *name)
{
	struct err ignored;

	if (sysctl_read(name, &unlike->own, &ignored) || fresh_read(name, &unlike->fresh) ||
	    text_same(text_get(&unlike->own), text_get(&unlike->fresh)))
		return 0;
	return unlike->each(unlike->data, name, text_get(&unlike->own));
}

static int unlike_folder(struct unlike *unlike, const char *folder, const char *device)
{
	char path[SYSCTL_NAME_MAX], prefix[SYSCTL_NAME_MAX], name[SYSCTL_NAME_MAX];
	const struct dirent *entry;
	struct stat status;
	DIR *list;
	int r = 0;

	snprintf(prefix, sizeof(prefix), "%s%s", folder, device);
	for (char *c = prefix + strlen(folder); *c; c++)
		*c = *c == '.' ? '/' : *c;
	snprintf(path, sizeof(path), "%s", prefix);
	swap(path);
	snprintf(name, sizeof(name), "/proc/sys/%.150s", path);
	list = opendir(name);
	while (!r && list && (entry = readdir(list))) {
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "mtu") == 0 ||
		    fstatat(dirfd(list), entry->d_name, &status, 0) || !(status.st_mode & 0200))
			continue;
		snprintf(name, sizeof(name), "%.100s.%.80s", prefix, entry->d_name);
		r = unlike_one(unlike, name);
	}
	if (list)
		closedir(list);
	return r;
}

int sysctl_unlike_new(const char *device,
		      int (*each)(void *data, const char *name, const char *value), void *data)
{
	struct unlike unlike = {.each = each, .data = data};
	int r = unlike_folder(&unlike, "net.ipv6.conf.", device);

	if (!r)
		r = unlike_folder(&unlike, "net.ipv6.neigh.", device);
	text_fini(&unlike.own);
	text_fini(&unlike.fresh);
	return r;
}
