# SPDX-License-Identifier: LGPL-2.1-or-later
# soak: every change of every command refused and killed, 300 pairs of states, 300 rounds of a meddler

cases=all
[ "$share" = 1 ] || cases=$(portion 1000) # of each way
FIRE_CASES=$cases RANDOM_PAIRS=$(portion 300) MEDDLER_ROUNDS=$(portion 300) pytests fire -n 3 tests/fire
