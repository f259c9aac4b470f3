"""Reference data made by independent codes, for the tests that compare with them."""

import os
from pathlib import Path

import pytest

REFERENCE = Path(os.environ.get("AI4SIM_REFERENCE_DATA", "absent")).resolve()
needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(),
    reason="AI4SIM_REFERENCE_DATA does not name the folder of the reference data",
)
