/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* brctl's commands that show; words[0] is the command, a NULL ends them. They give the exit code.
 */
#pragma once

int brctl_show(int fd, char **words);
int brctl_showmacs(int fd, char **words);
int brctl_showstp(int fd, char **words);
