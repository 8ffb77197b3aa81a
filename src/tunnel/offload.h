/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Work that network cards do for others: checksums. */
#pragma once
#include "tunnel/frame.h"

/* Do the frame's checksum fields lie inside it? */
bool offload_checksum_fits(const struct frame *frame);

/* Completes a partial checksum in place; nothing to do if there is none. */
void offload_complete_checksum(struct frame *frame);
