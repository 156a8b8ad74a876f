"""A plugin of pytest: at least a minute for each test.

Upstream's limits of time are for a machine that has nothing else to do, and for three to five tries.
"""

import pytest

PATIENCE_S = 60


def pytest_collection_modifyitems(items):
    for item in items:
        limit = item.get_closest_marker("timeout")
        if limit and max(limit.args[:1] or (limit.kwargs.get("timeout", 0),)) < PATIENCE_S:
            item.add_marker(pytest.mark.timeout(PATIENCE_S), append=False)
