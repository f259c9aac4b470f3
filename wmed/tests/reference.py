"""Where the reference data of the use case lie, for the tests that compare with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REFERENCE = Path(os.environ.get("AI4SIM_REFERENCE_DATA", "absent")) / "wmed"
needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="AI4SIM_REFERENCE_DATA names no folder with wmed in it"
)
