# SPDX-License-Identifier: LGPL-2.1-or-later
# dev: compiles into build/ (or $BUILD) and leaves build/lanloom; arguments go to meson setup
#
# Meson learns the list of source files when it configures. The list is kept beside the build, so
# that a file which came or went since makes it look again; this is how a new kind is noticed.

need build
# $TARGETS: what of it is to be built; all, unless said.
dir=${BUILD:-build}
sources=$(find include src tests/unit tests/fuzz \( -name '*.[ch]' -o -name meson.build \) | LC_ALL=C sort)
if [ ! -f "$dir/build.ninja" ]; then
	say "configuring $dir"
	mkdir -p "$dir"
	# Without dpkg-dev meson takes lib64, where Debian's linker does not look.
	[ ! -f /etc/debian_version ] || set -- --libdir lib "$@"
	meson setup "$dir" "$@" >"$dir/setup.log" 2>&1 || {
		tail -n 30 "$dir/setup.log" >&2
		die "meson setup failed; the whole of it is in $dir/setup.log"
	}
elif [ "$sources" != "$(cat "$dir/sources" 2>/dev/null)" ]; then
	say "the list of source files changed: configuring $dir again"
	meson setup --reconfigure "$dir" >"$dir/setup.log" 2>&1 || {
		tail -n 30 "$dir/setup.log" >&2
		die "meson setup failed; the whole of it is in $dir/setup.log"
	}
fi
printf '%s\n' "$sources" >"$dir/sources"
if [ -t 1 ]; then
	# shellcheck disable=SC2086 # a list of words
	ninja -C "$dir" ${TARGETS-}
else
	# shellcheck disable=SC2086
	ninja -C "$dir" ${TARGETS-} >"$dir/ninja.log" 2>&1 || {
		grep -v '^\[' "$dir/ninja.log" >&2
		die "the build failed; the whole of it is in $dir/ninja.log"
	}
fi
