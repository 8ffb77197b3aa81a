# SPDX-License-Identifier: LGPL-2.1-or-later
# soak: 10,000 random pairs of states on the world in memory: A, B, A ends in A

RANDOM_PAIRS=$(portion 10000) program pairs "$BUILD/tests/unit/unit-apply_random"
