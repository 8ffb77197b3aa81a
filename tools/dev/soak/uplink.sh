# SPDX-License-Identifier: LGPL-2.1-or-later
# soak: a NIC moved into a bridge and back 50 times each under TCP and UDP of both families

LANLOOM_UPLINK_ROUNDS=$(portion 50)
export LANLOOM_UPLINK_ROUNDS
pytests uplink tests/system/test_uplink.py -k under_traffic
