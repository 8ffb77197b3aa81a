# SPDX-License-Identifier: LGPL-2.1-or-later
# dev: shows lanloom at work: two hosts, a VM on each, one encrypted Ethernet; --no-vm without VMs

[ "$(id -u)" = 0 ] || die 'demo: it makes network namespaces and needs root'
need build demo
sh "$root/dev" build
case " $* " in
*' --no-vm '* | *' -h '* | *' --help '*) ;;
*) sh "$root/share/guest-image" || die 'demo: no guest to boot; ./dev demo --no-vm does without' ;;
esac
exec "$root/${BUILD:-build}/lanloom" demo "$@"
