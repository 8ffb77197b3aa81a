# SPDX-License-Identifier: LGPL-2.1-or-later
# soak: all of ./dev test with the address and undefined-behaviour sanitizers

if BUILD='' sh "$root/dev" test --san >"$results/$part/test.log" 2>&1; then
	point ok "./dev test --san: $(tail -n 1 "$results/$part/test.log")"
else
	grep -e '^FAILED' -e '^ERROR' -e '^---' "$results/$part/test.log" || :
	point bad "./dev test --san: $(tail -n 1 "$results/$part/test.log")"
fi
