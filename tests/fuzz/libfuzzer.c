/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The target as libFuzzer wants it: coverage chooses what is mutated. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	fuzz_one(bytes, size < fuzz_most ? size : fuzz_most);
	return 0;
}
