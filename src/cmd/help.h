/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of `help`: the table of commands in its other forms, on stdout. */
#pragma once
#include "cmd/cmd.h"

void help_roff(void);
void help_bash(const struct loom_doc *kinds);
void help_json(const struct cmd *cmd); /* NULL: all */
