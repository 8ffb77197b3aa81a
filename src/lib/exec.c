/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>

#include "lib/lib.h"
#include "sys/netns.h"

enum loom_status loom_exec(struct loom *loom, const char *name_space, char *const *argv,
			   struct loom_doc **doc)
{
	struct answer answer;
	struct err err = {0};

	(void)loom;
	answer_init(&answer);
	if (netns_become(name_space, &err) == 0) {
		execvp(argv[0], argv);
		err_errno(&err, -errno, "run %s", argv[0]);
	}
	answer_fail(&answer, &err);
	return answer_end(&answer, doc);
}
