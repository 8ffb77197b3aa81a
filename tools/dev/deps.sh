# SPDX-License-Identifier: LGPL-2.1-or-later
# dev: installs the packages that are missing: build, test, demo (these without an argument), fuzz, bench
#
# The groups below are names of Debian and Ubuntu packages. What is there is left alone, so this
# takes a few milliseconds when nothing is missing; the package lists are fetched only when a name
# cannot be had from those that are there.

packages() {
	case $1 in
	build) echo gcc libc6-dev meson ninja-build pkg-config libmnl-dev libyaml-dev \
		libjansson-dev libssl-dev libseccomp-dev ;;
	test) echo python3 python3-pytest python3-pytest-xdist python3-cryptography python3-yaml \
		clang-format iproute2 iputils-ping nftables strace iperf3 procps \
		util-linux systemd dnsmasq-base e2fsprogs kmod bridge-utils uml-utilities ifupdown mininet \
		libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients iptables ;;
	demo)
		echo iproute2 nftables busybox-static
		case $(uname -m) in
		x86_64) echo qemu-system-x86 ;;
		aarch64) echo qemu-system-arm ;;
		esac
		;;
	fuzz) echo clang libclang-rt-dev llvm ;;
	bench) echo iproute2 iperf3 gcc vtun wireguard-tools debian-archive-keyring ;;
	*) die "deps: no group \"$1\"; there are build, test, demo, fuzz and bench" ;;
	esac
}

# Prints those of its arguments that are not installed.
missing() {
	# Unknown names make dpkg-query fail and complain; they are simply not in its answer.
	present=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
		sed -n 's/ installed$//p' | tr '\n' ' ') || :
	for package; do
		case " $present " in
		*" $package "*) ;;
		*) printf '%s ' "$package" ;;
		esac
	done
}

install_packages() {
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
		-o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 </dev/null
}

[ $# -gt 0 ] || set -- build test demo
wanted=
for group; do
	wanted="$wanted $(packages "$group")" || exit 1
done
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	for tool in gcc meson ninja pkg-config; do
		command -v $tool >/dev/null ||
			die "this needs $tool, and there is no apt-get to install it;" \
				"install what these Debian packages hold:$wanted"
	done
	return 0
fi
# shellcheck disable=SC2086 # a list of words
lacking=$(missing $wanted)
[ -n "$lacking" ] || return 0
[ "$(id -u)" = 0 ] || die "packages are missing; run as root: apt-get install $lacking"
say "installing: $lacking"
log=$(mktemp)
# shellcheck disable=SC2086
if ! install_packages $lacking; then
	apt-get update -q >"$log" 2>&1 </dev/null || :
	install_packages $lacking || {
		tail -n 20 "$log" >&2
		die "apt-get could not install: $lacking"
	}
fi
rm -f "$log"
