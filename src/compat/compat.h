/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The other names of the binary. Each is a program with a main of its own, which prints and ends
 * as the program of that name does.
 */
#pragma once
#include <stdbool.h>

int tunctl_main(int argc, char **argv);
int brctl_main(int argc, char **argv);
int qemu_bridge_helper_main(int argc, char **argv);

/* The program that argv[0], its folder taken off, names; NULL: none of these. */
int (*compat_main(const char *name))(int argc, char **argv);
