# SPDX-License-Identifier: LGPL-2.1-or-later
# dev: runs the long forms of the tests, for hours: all, or those named; --list names them
#
# ./dev soak [--list] [PART...]. A part is a file tools/dev/soak/PART.sh, whose line "# soak: ..." says
# what it does; it is sourced with the functions below and runs to its end whatever fails. What each
# counted is printed, the last line adds it all up. SOAK_SHARE=10 does a tenth of all.

parts=$(cd tools/dev/soak && ls ./*.sh | sed 's|^\./||; s/\.sh$//')
share=${SOAK_SHARE:-1}
case $share in
'' | *[!0-9]* | 0*) die "soak: SOAK_SHARE=$share is no number from 1 on" ;;
esac
case ${1-} in
--list | -h | --help)
	for part in $parts; do
		printf '%-8s %s\n' "$part" "$(sed -n 's/^# soak: //p' "tools/dev/soak/$part.sh")"
	done
	return 0
	;;
esac
for part; do
	printf '%s\n' $parts | grep -qx -e "$part" ||
		die "soak: no part \"$part\"; there are:" $parts
done
[ "$(id -u)" = 0 ] || die 'soak: the tests make network namespaces and need root'

need build test demo
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$root/$BUILD ;; esac
export BUILD
sh "$root/dev" build
export LANLOOM="$BUILD/lanloom"
results=$BUILD/soak
mkdir -p "$results"

# portion N: what SOAK_SHARE leaves of N.
portion() { echo $((($1 + share - 1) / share)); }

# point ok|bad WHAT...: one result more of this part.
point() {
	verdict=$1
	shift
	if [ "$verdict" = ok ]; then
		say "ok $*"
		echo "ok $*" >>"$results/$part/checks"
	else
		say "not ok $*"
		echo "not ok $*" >>"$results/$part/checks"
	fi
}

# program NAME COMMAND...: a program that prints TAP. Its comments are shown; all of it when it fails.
program() {
	name=$1
	shift
	log=$results/$part/$name.log
	if "$@" >"$log" 2>&1; then
		grep '^#' "$log" || :
		grep -e '^ok' -e '^not ok' "$log" | tee -a "$results/$part/checks"
	else
		cat "$log"
		point bad "$name"
	fi
}

# pytests NAME ARGUMENT...: pytest with these arguments, of which the counts are shown.
pytests() {
	name=$1
	shift
	# -rP shows what passing tests printed.
	PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -q -rP --tb=short --color=no \
		-p no:cacheprovider --junitxml="$results/$part/$name.xml" "$@" >"$results/$part/$name.log" 2>&1 ||
		case $? in
		1) ;;
		*) point bad "pytest $name ended without a result" ;;
		esac
	# What tests printed, and what failed; not the frames around it.
	grep -v -e '^ *$' -e '^[=-][=-]' -e '^[.FEsx]* *\[ *[0-9]*%\]$' "$results/$part/$name.log" || :
}

# A part's own figures come from its results; it may also fail as a whole.
run_part() {
	part=$1
	say "--- $part: $(sed -n 's/^# soak: //p' "tools/dev/soak/$part.sh")"
	rm -rf "${results:?}/$part"
	mkdir -p "$results/$part"
	began=$(date +%s)
	(. "$root/tools/dev/soak/$part.sh") || point bad "$part ended with $?"
	line=$(/usr/bin/python3 tools/dev/summary "$results/$part" | tail -n 1)
	say "$part: $line, $((($(date +%s) - began))) s"
	printf '%s\n' "$line" >>"$results/lines"
}

: >"$results/lines"
for part in ${*:-$parts}; do
	run_part "$part"
done
awk '{ passed += $1; failed += $3 }
	END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 || passed == 0 }' "$results/lines"
