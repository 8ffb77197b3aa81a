/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FNV-1a: against a write that was torn, not against an enemy. */
#pragma once
#include <stddef.h>
#include <stdint.h>

static inline uint64_t checksum(const char *bytes, size_t size)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}
