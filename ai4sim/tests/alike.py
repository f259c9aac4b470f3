"""Results of two evaluations, compared number by number."""

from __future__ import annotations

from typing import Any

import pytest


def alike(found: Any, expected: Any, tiny: float = 1e-12, rel: float = 1e-9) -> None:
    """Assert that nested results are the same, numbers to rounding or to a `tiny` difference."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            alike(found[key], expected[key], tiny, rel)
    elif isinstance(expected, list):
        alike(dict(enumerate(found)), dict(enumerate(expected)), tiny, rel)
    elif isinstance(expected, str) or expected is None:
        assert found == expected
    else:
        assert found == pytest.approx(expected, rel=rel, abs=tiny)
