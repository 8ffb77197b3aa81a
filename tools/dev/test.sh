# SPDX-License-Identifier: LGPL-2.1-or-later
# dev: runs the tests: all, or --fast (no root), --system, --guest (root), --san (sanitizers), NAME... (only these)
#
# fast: lint, the unit programs under meson, the golden files, and pytest over every folder of tests/
# but system, fire, guest and those named slow. system: pytest over tests/system and tests/fire, in network namespaces, over
# tests/guest, in machines that boot, and over the slow ones, which take minutes. guest: the tests that
# need what this kernel lacks, in one machine that has it (tests/place.py, tests/guest/tier.py).
# --san runs all on a build with ASan and UBSan. A NAME picks the unit programs and pytest tests whose
# names contain it. The last line says how many passed and failed, the one before it where they ran;
# nothing that was asked for is skipped in silence.

fast=no system=no guest=no san=no names=
while [ $# -gt 0 ]; do
	case $1 in
	--fast) fast=yes ;;
	--system) system=yes ;;
	--guest) guest=yes ;;
	--san) san=yes ;;
	-*) die "test: no option $1; there are --fast, --system, --guest and --san" ;;
	*) names="$names $1" ;;
	esac
	shift
done
[ $fast$system$guest != nonono ] || { fast=yes && system=yes && guest=yes; }
if [ $system$guest != nono ] && [ "$(id -u)" != 0 ]; then
	die 'test: the system tests make network namespaces and need root; ./dev test --fast does not'
fi

need build test
[ $system$guest = nono ] || need demo
BUILD=${BUILD:-build}
set --
if [ $san = yes ]; then
	BUILD=build-san
	# The instrumented code makes gcc warn of what cannot happen; the plain build has warnings as errors.
	set -- -Db_sanitize=address,undefined -Db_lundef=false -Dwerror=false
	# Tests ask for more than there is, too.
	export ASAN_OPTIONS=detect_leaks=1:exitcode=99:allocator_may_return_null=1
	export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
fi
case $BUILD in /*) ;; *) BUILD=$root/$BUILD ;; esac
export BUILD
sh "$root/dev" build "$@"
export LANLOOM="$BUILD/lanloom"

results="$BUILD/results"
rm -rf "$results"
mkdir -p "$results"

# checked NAME SECONDS COMMAND...: a check that is one command; its output is shown when it fails.
checked() {
	name=$1
	limit=$2
	shift 2
	if timeout -k 10 "$limit" "$@" >"$results/$name.log" 2>&1; then
		# A check that cannot be made here says "SKIP: reason".
		echo "ok $name$(sed -n 's/^SKIP:/ # skip/p' "$results/$name.log")" >>"$results/checks"
	else
		echo "not ok $name" >>"$results/checks"
		say "--- $name"
		cat "$results/$name.log"
	fi
}

# pytests NAME SECONDS ARGUMENT...: one run of pytest; $names picks tests by their names.
pytests() {
	name=$1
	limit=$2
	shift 2
	# -p no:cacheprovider: a run as root must not leave files in the source tree.
	PYTHONDONTWRITEBYTECODE=1 timeout -k 10 "$limit" /usr/bin/python3 -m pytest -q -ra --tb=short \
		-p no:cacheprovider -o junit_family=xunit1 --junitxml="$results/$name.xml" ${pattern:+-k "$pattern"} "$@" ||
		case $? in
		5) [ -n "$names" ] || echo "not ok pytest-$name-found-no-test" >>"$results/checks" ;;
		1) ;;
		*) echo "not ok pytest-$name-ended" >>"$results/checks" ;;
		esac
}

# The tests of the guest; they need little of this machine while it does others'.
guest_tests() {
	PYTHONDONTWRITEBYTECODE=1 timeout -k 10 1500 /usr/bin/python3 tests/guest/tier.py "$results" \
		${pattern:+-k "$pattern"} >"$results/guest.log" 2>&1 ||
		grep -q '^not ok guest' "$results/checks" 2>/dev/null || echo "not ok guest" >>"$results/checks"
}

unit_tests() {
	picked=
	for name in $names; do
		picked="$picked $(meson test -C "$BUILD" --list 2>/dev/null | sed 's/.* \/ //' |
			grep -e "$name" || :)"
	done
	[ -z "$names" ] || [ -n "${picked# }" ] || return 0
	# shellcheck disable=SC2086 # a list of words
	meson test -C "$BUILD" --no-rebuild --num-processes 2 --suite fast --logbase results \
		--print-errorlogs $picked >"$results/meson.log" 2>&1 || cat "$results/meson.log"
	[ ! -f "$BUILD/meson-logs/results.json" ] ||
		mv "$BUILD/meson-logs/results.json" "$results/unit.json"
}

pattern=$(printf '%s' "$names" | sed 's/^ *//; s/  */ or /g')
if [ $fast = yes ]; then
	unit_tests
	if [ -z "$names" ]; then
		for check in $(sh "$root/dev" lint --list); do
			checked "$check" 300 sh "$root/dev" lint "$check"
		done
		checked golden 300 tools/golden
	fi
	files=$(find tests -name 'test_*.py' ! -path 'tests/system/*' ! -path 'tests/guest/*' \
		! -path 'tests/fire/*' ! -path 'tests/compat/*' ! -path '*/slow/*' | sort)
	# shellcheck disable=SC2086
	[ -z "$files" ] || pytests fast 300 -n 2 $files
fi
guest_pid=
if [ $guest = yes ]; then
	guest_tests &
	guest_pid=$!
fi
if [ $system = yes ]; then
	# The slow ones sleep most of the time, so they come first and have a worker more.
	# shellcheck disable=SC2046
	pytests system 2400 -n 3 --dist loadgroup $(find tests -path '*/slow/test_*.py' | sort) \
		tests/fire tests/guest tests/system tests/compat
fi
if [ -n "$guest_pid" ]; then
	wait $guest_pid
	[ ! -s "$results/guest.log" ] || { say 'in the guest:' && cat "$results/guest.log"; }
fi

/usr/bin/python3 tools/dev/summary "$results"
