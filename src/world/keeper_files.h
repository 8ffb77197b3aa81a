/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a network's DHCP leaves in the keeper's folder: dhcp.NAME.conf, and the folder dhcp.NAME
 * with its leases. It outlives the keeper, and goes with the network, also where no keeper runs.
 */
#pragma once
#include "model/object.h"

#define KEEPER_FILE_SIZE 300

/* "dhcp.lab", "dhcp.ns1:lab". */
void keeper_file_name(const struct object *object, char name[KEEPER_FILE_SIZE]);
/*
 * No description has such a network any more: what a keeper that was killed could not remove goes.
 * Nothing while one lives.
 */
void keeper_files_clear(const char *folder);
/* Removes them; `leases`: also where there are some. */
void keeper_files_forget(int folder_fd, const struct object *object, bool leases);
