/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Other names of the binary. People's scripts call tunctl and brctl; what they get here is the same
 * to the byte: options, both outputs, exit code and what the kernel holds afterwards, down to where
 * a long name is cut in silence. So these make the same calls in the same order as the programs
 * that Debian has under those names, and nothing of lanloom's own runs: no state is read or written
 * and nothing is planned. Only with LANLOOM_LEDGER=1 in the environment does what they change go
 * through the transaction of `lanloom add`, `set` and `del`, and so through history and undo
 * (ledger.c). What the originals do was learned from their manuals and by watching them run; the
 * tests run both side by side (tests/compat). qemu-bridge-helper is as QEMU's.
 */
#include "compat/compat.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
} programs[] = {
	{"tunctl", tunctl_main},
	{"brctl", brctl_main},
	{"qemu-bridge-helper", qemu_bridge_helper_main},
};

int (*compat_main(const char *name))(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (strcmp(programs[i].name, name) == 0)
			return programs[i].main;
	return NULL;
}
