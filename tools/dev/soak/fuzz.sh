# SPDX-License-Identifier: LGPL-2.1-or-later
# soak: each fuzz target 2 million times, by coverage

for target in $(sh "$root/dev" fuzz --list); do
	if sh "$root/dev" fuzz "$target" "$(portion 2000000)"; then
		point ok "fuzz $target"
	else
		point bad "fuzz $target"
	fi
done
