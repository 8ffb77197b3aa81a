/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One binary, several names: what it was called as decides what it is. */
#include <string.h>

#include "cmd/cmd.h"
#include "daemon/keeper.h"

int main(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc ? argv[0] : "lanloom";

	/* its workers' names go on: "lanloomd: tunnel lan0" */
	if (strncmp(name, "lanloomd", strlen("lanloomd")) == 0)
		return keeper_main(argc, argv);
	return cmd_main(argc, argv);
}
