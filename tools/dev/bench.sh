# SPDX-License-Identifier: LGPL-2.1-or-later
# dev: measures PART... (or all) beside what others do it with, and writes the figures to bench/results
#
# A part is a file in tools/bench/parts; without one its list is printed. -n ROUNDS measures so often,
# --print writes no file. Ways are measured in turns, so that a machine that grows busy is so for all of them.

case ${1-} in
'' | -h | --help) exec /usr/bin/python3 -B tools/bench/bench.py "$@" ;;
esac
[ "$(id -u)" = 0 ] || die 'bench: it makes network namespaces and needs root'
need build test bench
sh "$root/dev" build
export LANLOOM="$root/${BUILD:-build}/lanloom"
exec /usr/bin/python3 -B tools/bench/bench.py "$@"
