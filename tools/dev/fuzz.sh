# SPDX-License-Identifier: LGPL-2.1-or-later
# dev: runs the fuzz target NAME (or all) N times, 2 million unless said, and counts the lines it ran
#
# Built by clang into build-fuzz/ with the address and undefined-behaviour sanitizers and libFuzzer,
# which mutates what reaches new code. It begins with the target's seeds, which are made from the
# kinds' tables, and with what earlier runs found (build-fuzz/corpus/NAME). An input that breaks
# something is kept as build-fuzz/crashes/NAME-…; this ends with 1 then. Lines are counted in the files
# that the target's source names ("covers:"). doc/design/testing.md has more.
# $FUZZ_FLAGS go to libFuzzer behind ours: -max_total_time=60, -seed=2, -timeout=86400 (its second is
# one of the clock on the wall, also while somebody has stopped the process).

targets=$(sed -n 's/^const char fuzz_name\[\] = "\(.*\)";$/\1/p' tests/fuzz/*.c)
name=${1-}
runs=${2:-2000000}
case $name in
'' | -h | --help)
	say 'usage: ./dev fuzz NAME|all [N]'
	say "targets: $(echo $targets)"
	[ -n "$name" ] || exit 2
	return 0
	;;
--list)
	printf '%s\n' $targets
	return 0
	;;
all) picked=$targets ;;
*)
	picked=$(printf '%s\n' $targets | grep -x -e "$name") ||
		die "fuzz: no target \"$name\"; there are: $(echo $targets)"
	;;
esac
case $runs in
*[!0-9]* | '') die "fuzz: \"$runs\" is no number of executions" ;;
esac

need build fuzz
dir=build-fuzz
compile="-fsanitize=fuzzer-no-link -fsanitize-coverage-ignorelist=$root/tests/fuzz/unwatched.list"
compile="$compile -fno-sanitize-recover=all -fprofile-instr-generate -fcoverage-mapping"
# gcc's warnings are errors in the plain build; clang has others.
wanted=
for name in $picked; do
	wanted="$wanted tests/fuzz/fuzz-$name tests/fuzz/cover-$name"
done
export LLVM_PROFILE_FILE=/dev/null # of whatever is run besides
CC=clang BUILD=$dir TARGETS=$wanted sh "$root/dev" build -Dfuzzer=true -Dwerror=false -Db_lundef=false \
	-Db_sanitize=address,undefined "-Dc_args=$compile" -Dc_link_args=-fprofile-instr-generate
export ASAN_OPTIONS=quarantine_size_mb=4:malloc_context_size=8
mkdir -p "$dir/crashes"

# One line: what was run, and what of the target's files.
report() {
	"$profdata" merge -o "$dir/$1.profdata" "$dir/$1.profraw"
	# shellcheck disable=SC2046 # a list of files
	"$cov" report "$dir/tests/fuzz/cover-$1" -instr-profile="$dir/$1.profdata" \
		$(sed -n 's/^ \* covers: //p' "tests/fuzz/$1.c") >"$dir/$1.coverage"
	awk -v what="$1" -v stats="$dir/$1.log" '
		BEGIN {
			while ((getline line < stats) > 0)
				if (split(line, word, " ") == 2 && word[1] == "stat::number_of_executed_units:")
					runs = word[2]
		}
		$1 == "TOTAL" {
			printf "%s: %d executions, %.1f %% of %d lines (%s)\n", what, runs,
				100 * ($8 - $9) / $8, $8, files " files"
		}
		/\.c / { files++ }' "$dir/$1.coverage"
}

tool() { command -v "$1" || find /usr/bin -name "$1-*" | sort -V | tail -n 1; }
profdata=$(tool llvm-profdata)
cov=$(tool llvm-cov)

failed=
for name in $picked; do
	mkdir -p "$dir/corpus/$name"
	rm -rf "$dir/seeds/$name"
	mkdir -p "$dir/seeds"
	"$dir/tests/fuzz/fuzz-$name" --corpus "$dir/seeds/$name"
	set --
	[ ! -s "$dir/seeds/$name.dict" ] || set -- "-dict=$dir/seeds/$name.dict"
	# shellcheck disable=SC2086 # a list of flags
	if LLVM_PROFILE_FILE="$dir/$name.profraw" "$dir/tests/fuzz/cover-$name" "-runs=$runs" -seed=1 \
		-timeout=10 -max_len=$("$dir/tests/fuzz/fuzz-$name" --most) -len_control=10 -print_final_stats=1 \
		"-artifact_prefix=$dir/crashes/$name-" "$@" ${FUZZ_FLAGS-} \
		"$dir/corpus/$name" "$dir/seeds/$name" >"$dir/$name.log" 2>&1; then
		report "$name"
	else
		grep -a -m 1 -A 12 -e 'ERROR: ' -e 'runtime error' -e 'does not hold' "$dir/$name.log" || :
		sed -n 's/.*Test unit written to //p' "$dir/$name.log" |
			sed "s|^|fuzz $name: again: $dir/tests/fuzz/fuzz-$name |"
		failed="$failed $name"
	fi
done
[ -z "$failed" ] || die "fuzz: broken:$failed; the whole of it is in $dir/NAME.log"
