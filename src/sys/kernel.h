/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the running kernel was built with. Only looked at: no module is loaded to find out. */
#pragma once

enum kernel_answer {
	KERNEL_HAS,	 /* built in, or loaded */
	KERNEL_LOADABLE, /* a module that would be loaded when it is needed */
	KERNEL_LACKS,
	KERNEL_UNKNOWN, /* neither its configuration nor its modules are on this system */
	KERNEL_COUNT
};

extern const char *const kernel_words[KERNEL_COUNT + 1]; /* "has", "loadable", "lacks", "unknown" */

struct kernel_config; /* read once, for many questions */

struct kernel_config *kernel_config_read(void);
void kernel_config_free(struct kernel_config *config);

/* option: "CONFIG_BRIDGE"; module: "bridge", or NULL for what is never a module. */
enum kernel_answer kernel_ask(const struct kernel_config *config, const char *option,
			      const char *module);
