# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the system tests stand on: hosts made of network namespaces, frames, snapshots and traces."""
