# SPDX-License-Identifier: LGPL-2.1-or-later
# soak: tunnels on bad channels under a virtual clock, 10,000 seeds of an hour

program sim "$BUILD/tests/sim/sim" 1 "$(portion 10000)" 1
