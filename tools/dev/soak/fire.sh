# SPDX-License-Identifier: LGPL-2.1-or-later
# soak: every change of every command refused and killed, 300 pairs of states, 300 rounds of a meddler

files=$(find tests -name test_fire.py -o -name test_random.py -o -name test_meddler.py)
if [ -n "$files" ]; then
	# shellcheck disable=SC2086 # a list of files
	FIRE_CASES=all RANDOM_PAIRS=$(portion 300) MEDDLER_ROUNDS=$(portion 300) pytests fire -n 2 $files
else
	point bad "there are no tests under fire"
fi
