/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One binary, several names: what it was called as decides what it is. */
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "compat/compat.h"
#include "daemon/keeper.h"
#include "vm/helper.h"

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * The file has more power than its caller (set-user-ID, capabilities). What it was called as is the
 * caller's to choose, so the file's own name counts, and two programs only are made for this.
 */
static int main_trusted(int argc, char **argv)
{
	char path[4096];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[size < 0 ? 0 : size] = '\0';
	if (strcmp(last_part(path), "qemu-bridge-helper") == 0)
		return qemu_bridge_helper_main(argc, argv);
	if (strcmp(last_part(path), VM_HELPER) == 0)
		return vm_helper_main(argc, argv);
	fputs("lanloom: this file must not be set-user-ID nor have capabilities; only a copy "
	      "called qemu-bridge-helper or " VM_HELPER " may\n",
	      stderr);
	return 1;
}

int main(int argc, char **argv)
{
	const char *name = argc ? last_part(argv[0]) : "lanloom";
	int (*compat)(int argc, char **argv) = compat_main(name);

	if (getauxval(AT_SECURE))
		return main_trusted(argc, argv);
	if (strcmp(name, VM_HELPER) == 0)
		return vm_helper_main(argc, argv);
	if (compat)
		return compat(argc, argv);
	/* its workers' names go on: "lanloomd: tunnel lan0" */
	if (strncmp(name, "lanloomd", strlen("lanloomd")) == 0)
		return keeper_main(argc, argv);
	return cmd_main(argc, argv);
}
