"""Raw files for the tests of processed data."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def raw(tmp_path: Path) -> list[Path]:
    """Write three raw files."""
    files = [tmp_path / "raw" / f"flame_{number}.h5" for number in range(3)]
    files[0].parent.mkdir()
    for number, file in enumerate(files):
        file.write_text(f"{number} 7 5")
    return files
