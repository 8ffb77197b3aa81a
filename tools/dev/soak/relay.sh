# SPDX-License-Identifier: LGPL-2.1-or-later
# soak: two hosts whose wire is bad, with real workers, 40 seeds

RELAY_SEEDS=$(portion 40)
export RELAY_SEEDS
pytests relay -n 3 tests/system/test_relay.py
