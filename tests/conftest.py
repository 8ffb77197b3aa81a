# SPDX-License-Identifier: LGPL-2.1-or-later
"""Picks the tests of this place; place.py says which those are."""
from place import PLACE, is_guests


def pytest_configure(config):
    config.addinivalue_line("markers", "guest: runs in the guest")
    config.addinivalue_line("markers", "needs(kind, ...): runs in the guest when this kernel lacks one")


def pytest_collection_modifyitems(config, items):
    chosen = [item for item in items if is_guests(item) == (PLACE != "here")]
    if len(chosen) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen
