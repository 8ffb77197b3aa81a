# SPDX-License-Identifier: LGPL-2.1-or-later
# soak: 50 leases in a row beside a rogue server; dnsmasq killed 20 times

LANLOOM_LEASES=$(portion 50)
LANLOOM_KILLS=$(portion 20)
export LANLOOM_LEASES LANLOOM_KILLS
pytests leases tests/system/test_guard.py tests/system/test_leases.py -k 'rogue or killed'
