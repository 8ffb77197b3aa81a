# SPDX-License-Identifier: LGPL-2.1-or-later
# soak: 100,000 probes from a guest of an isolated network, plain, with br_netfilter, after a flush

LANLOOM_PROBES=$(portion 100000)
export LANLOOM_PROBES
pytests isolated tests/system/test_isolated.py
