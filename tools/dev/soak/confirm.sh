# SPDX-License-Identifier: LGPL-2.1-or-later
# soak: the SSH NIC moved wrongly 100 times, whatever is killed; 500 confirmations at the deadline

LANLOOM_LATE=1 LANLOOM_ROUNDS=$(portion 100) LANLOOM_RACES=$(portion 500) pytests deadline tests/system/test_confirm.py -k at_the_deadline
