/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of commands, in the order in which the help and the manual tell them. */
#include "cmd/cmd.h"

extern const struct cmd cmd_up, cmd_plan, cmd_down, cmd_check, cmd_show, cmd_exec, cmd_vm,
	cmd_libvirt, cmd_add, cmd_set, cmd_del, cmd_kinds, cmd_key, cmd_tunnel, cmd_import,
	cmd_confirm, cmd_undo, cmd_log, cmd_enable, cmd_disable, cmd_wait, cmd_bench, cmd_demo,
	cmd_help;

/* clang-format off */
const struct cmd *const commands[] = {
	&cmd_up, &cmd_plan, &cmd_down, &cmd_check,
	&cmd_show, &cmd_exec, &cmd_vm, &cmd_libvirt,
	&cmd_add, &cmd_set, &cmd_del, &cmd_kinds, &cmd_import,
	&cmd_key, &cmd_tunnel,
	&cmd_confirm, &cmd_undo, &cmd_log,
	&cmd_enable, &cmd_disable, &cmd_wait,
	&cmd_bench, &cmd_demo, &cmd_help,
	NULL,
};
/* clang-format on */
