# SPDX-License-Identifier: LGPL-2.1-or-later
# soak: 120 hostile files and their healthy twins before the program, in 64 MiB and a second each

HOSTILE=all program hostile "$BUILD/tests/unit/unit-conf_hostile"
