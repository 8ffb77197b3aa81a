/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "compat/bridge_acl.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST 16 /* files that include files; QEMU's helper goes on until its stack ends */

/* As glib has it: not the vertical tab. */
static bool is_blank(char c)
{
	return c && strchr(" \t\n\r\f", c);
}

static bool file_read(struct bridge_acl *acl, const char *path, unsigned int depth);

/* A name that no device can have is an error, so that none is compared in part. */
static bool rule_read(struct bridge_acl *acl, const char *name, bool *hit)
{
	if (strlen(name) >= IFNAMSIZ) {
		fprintf(stderr, "name `%s' too long: %zu\n", name, strlen(name));
		return false;
	}
	*hit = *hit || strcmp(name, "all") == 0 || strcmp(name, acl->bridge) == 0;
	return true;
}

static bool command_read(struct bridge_acl *acl, const char *command, const char *argument,
			 unsigned int depth)
{
	if (strcmp(command, "allow") == 0)
		return rule_read(acl, argument, &acl->allowed);
	if (strcmp(command, "deny") == 0)
		return rule_read(acl, argument, &acl->denied);
	if (strcmp(command, "include") == 0) {
		if (depth < DEPTH_MOST)
			file_read(acl, argument, depth + 1);
		return true;
	}
	fprintf(stderr, "Unknown command `%s'\n", command);
	return false;
}

static bool line_read(struct bridge_acl *acl, char *line, unsigned int depth)
{
	char *command = line, *argument, *end;

	while (is_blank(*command))
		command++;
	if (!*command || *command == '#')
		return true;
	argument = strchr(command, ' ');
	if (!argument)
		argument = strchr(command, '\t');
	if (!argument) {
		fprintf(stderr, "Invalid config line:\n  %s\n", line);
		return false;
	}
	*argument++ = '\0';
	while (is_blank(*argument))
		argument++;
	end = argument + strlen(argument);
	while (end > argument && is_blank(end[-1]))
		*--end = '\0';
	return command_read(acl, command, argument, depth);
}

static bool file_read(struct bridge_acl *acl, const char *path, unsigned int depth)
{
	FILE *file = fopen(path, "re");
	bool right = true;
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return false;
	while (right && getline(&line, &size, file) >= 0)
		right = line_read(acl, line, depth);
	free(line);
	fclose(file);
	return right;
}

bool bridge_acl_read(struct bridge_acl *acl, const char *path)
{
	return file_read(acl, path, 0);
}
