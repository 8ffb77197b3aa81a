/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A user id that nobody else has. */
#pragma once
#include <stdint.h>

#define CONFINE_USER_NONE 0 /* this user namespace has root alone */

/*
 * One of 61184 to 65519, where systemd takes the ids of its dynamic users and packages never do:
 * no user or group of that number is known, and no process has it. `seed` decides which is tried
 * first. If all are taken: 65534, nobody; if none can be had here: CONFINE_USER_NONE.
 */
uint32_t confine_user_find(const char *seed);
