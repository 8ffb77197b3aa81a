/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Distributions put the kernel's configuration into /boot or beside its modules; others build it
 * in (/proc/config.gz). Where there is none the lists of modules tell most of it.
 */
#include "sys/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

#define CONFIG_MOST (4u << 20)

const char *const kernel_words[KERNEL_COUNT + 1] = {"has", "loadable", "lacks", "unknown", NULL};

struct kernel_config {
	struct text options; /* lines CONFIG_X=y; "" where none was found */
	struct text builtin; /* modules.builtin: paths */
	struct text modules; /* modules.dep: paths, then ':' and what they need */
};

static void unpack(const char *path, struct text *out)
{
	char command[128], chunk[4096];
	size_t size;
	FILE *pipe;

	if (access(path, R_OK))
		return;
	snprintf(command, sizeof(command), "exec gzip -dc %s", path);
	pipe = popen(command, "re");
	if (!pipe)
		return;
	while ((size = fread(chunk, 1, sizeof(chunk), pipe)) > 0 && out->size < CONFIG_MOST)
		text_addn(out, chunk, size);
	pclose(pipe);
}

static void read_if_there(const char *format, const char *release, struct text *out)
{
	char path[256];
	struct err err;

	snprintf(path, sizeof(path), format, release);
	if (!out->size && access(path, R_OK) == 0)
		file_read(path, CONFIG_MOST, out, &err);
}

struct kernel_config *kernel_config_read(void)
{
	struct kernel_config *config = calloc(1, sizeof(*config));
	struct utsname name;

	if (!config || uname(&name))
		return config;
	read_if_there("/boot/config-%s", name.release, &config->options);
	read_if_there("/lib/modules/%s/config", name.release, &config->options);
	read_if_there("/lib/modules/%s/build/.config", name.release, &config->options);
	if (!config->options.size)
		unpack("/proc/config.gz", &config->options);
	read_if_there("/lib/modules/%s/modules.builtin", name.release, &config->builtin);
	read_if_there("/lib/modules/%s/modules.dep", name.release, &config->modules);
	return config;
}

void kernel_config_free(struct kernel_config *config)
{
	if (!config)
		return;
	text_fini(&config->options);
	text_fini(&config->builtin);
	text_fini(&config->modules);
	free(config);
}

/* 'y', 'm', 'n', or '?' where there is no configuration. */
static char option_value(const struct kernel_config *config, const char *option)
{
	const char *at = text_get(&config->options);
	size_t size = strlen(option);

	if (!config->options.size)
		return '?';
	while ((at = strstr(at, option))) {
		bool begins = at == config->options.bytes || at[-1] == '\n';

		at += size;
		if (begins && at[0] == '=')
			return at[1];
	}
	return 'n';
}

/* Is there "/NAME.ko" in a list of modules? '-' and '_' are the same to the kernel. */
static bool module_listed(const struct text *list, const char *module)
{
	size_t size = strlen(module);

	for (const char *at = text_get(list); (at = strstr(at, ".ko")); at += 3) {
		const char *start = at - size;
		bool same = start > list->bytes && start[-1] == '/';

		for (size_t i = 0; same && i < size; i++)
			same = start[i] == module[i] || (start[i] == '-' && module[i] == '_') ||
			       (start[i] == '_' && module[i] == '-');
		if (same)
			return true;
	}
	return false;
}

/* Loaded, or built in where that shows: a built-in driver (tun) by the device that one opens. */
static bool module_is_there(const char *module)
{
	static const char *const places[] = {"/sys/module/%s", "/sys/class/misc/%s"};
	char path[128];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), places[i], module);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

enum kernel_answer kernel_ask(const struct kernel_config *config, const char *option,
			      const char *module)
{
	char value;

	if (module && module_is_there(module))
		return KERNEL_HAS;
	if (!config)
		return KERNEL_UNKNOWN;
	value = option_value(config, option);
	if (value == 'y' || (module && module_listed(&config->builtin, module)))
		return KERNEL_HAS;
	if (module && module_listed(&config->modules, module))
		return KERNEL_LOADABLE;
	/* configured as a module that is not installed here: it cannot be loaded */
	if (value == 'n' || value == 'm' || (module && config->modules.size))
		return KERNEL_LACKS;
	return KERNEL_UNKNOWN;
}
