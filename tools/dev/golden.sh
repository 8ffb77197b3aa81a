# SPDX-License-Identifier: LGPL-2.1-or-later
# dev: writes the expected outputs under tests/golden anew; read the difference before you commit it

need build test
sh "$root/dev" build
dir=${BUILD:-build}
LANLOOM=${LANLOOM:-$dir/lanloom} tools/golden --write "$@"
# A NAME_run makes its outputs in its own way, by the program NAME-print.
for runner in tests/golden/*_run; do
	name=${runner##*/}
	program=$(find "$dir" -name "${name%_run}-print" -type f -perm -100 | head -n 1)
	[ -z "$program" ] || "$runner" "$program" --write "$@"
done
