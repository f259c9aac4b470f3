"""The notebooks run from top to bottom, and the network in them is worth its place."""

import re
from pathlib import Path

import pytest

from ai4sim.tests.bench import execute
from combustion.unets import config


@pytest.mark.parametrize(
    "notebook", sorted((config.USE_CASE.root / "notebooks").glob("*.ipynb")), ids=lambda p: p.name
)
def test_notebook_runs(notebook: Path, tmp_path: Path) -> None:
    text = execute(notebook, tmp_path)
    scores = dict(re.findall(r"^(\w+) +R2 +(-?[\d.]+) +error of", text, flags=re.MULTILINE))
    assert float(scores["model"]) > max(
        float(scores[name]) for name in ("constant", "gradient_fitted_xi")
    )
