# SPDX-License-Identifier: LGPL-2.1-or-later
# dev: checks format, layers, sizes, scripts...; CHECK runs that one, --list names them, --fix formats

# The versions of clang-format differ in small things; one of them has to decide.
formatter() {
	if command -v clang-format-14 >/dev/null; then
		echo clang-format-14
	elif clang-format --version | grep -q 'version 14\.'; then
		echo clang-format
	fi
}

lint_format() {
	format=$(formatter)
	[ -n "$format" ] || {
		echo 'SKIP: clang-format 14 decides on the format, and this is another'
		return 0
	}
	misfits=$(find src include tests -name '*.[ch]' -print0 |
		xargs -0 -r "$format" --dry-run 2>&1 | sed -n 's/: warning:.*//p')
	[ -z "$misfits" ] || {
		printf '%s: not in the format\n' $misfits | head -n 20 >&2
		echo 'try: ./dev lint --fix' >&2
		return 1
	}
}

lint_layers() { tools/layers; }
lint_sizes() { tools/sizes; }

lint_shell() {
	for file in dev .ci/run tools/dev/*.sh tools/dev/*/*.sh share/*; do
		if [ -f "$file" ] && head -n 1 "$file" | grep -q -e '/sh$' -e SPDX; then
			sh -n "$file" || return 1
		fi
	done
}

# A file without its licence line is a file nobody may use.
lint_licence() {
	bare=$(find src include tests tools dev .ci share -type f \
		\( -name '*.[ch]' -o -name '*.py' -o -name '*.sh' -o -name meson.build -o -perm -100 \) \
		-exec sh -c 'for f; do head -n 3 "$f" | grep -q SPDX-License-Identifier: || echo "$f"; done' \
		sh {} + 2>/dev/null)
	[ -z "$bare" ] || {
		printf '%s: no SPDX line among the first three\n' $bare >&2
		return 1
	}
}

# What is unfinished belongs into an issue, not into the source.
lint_leftovers() {
	! grep -rnE '\b(TODO|FIXME|XXX)\b' --include='*.[ch]' --include='*.py' --include='*.sh' \
		src include tests
}

checks='format layers sizes shell licence leftovers'
if [ "${1-}" = --list ]; then
	echo $checks
	return 0
fi
need test
if [ "${1-}" = --fix ]; then
	format=$(formatter)
	[ -n "$format" ] || die 'lint: clang-format 14 decides on the format; install clang-format-14'
	find src include tests -name '*.[ch]' -print0 | xargs -0 -r "$format" -i
	return 0
fi
failed=
for check in ${*:-$checks}; do
	case " $checks " in
	*" $check "*) ;;
	*) die "lint: no check \"$check\"; there are: $checks" ;;
	esac
	"lint_$check" || failed="$failed $check"
done
[ -z "$failed" ] || die "lint failed:$failed"
