"""The notebook runs from top to bottom, and what it says about transfer is so."""

import re

from ai4sim.tests.bench import execute
from combustion.gnns import config


def test_from_r2_to_r3(tmp_path):
    text = execute(config.USE_CASE.root / "notebooks" / "r2-to-r3.ipynb", tmp_path)
    scores = {
        name: float(r2)
        for name, r2 in re.findall(r"^(\w+) +R2 +(-?[\d.]+) +error of", text, flags=re.MULTILINE)
    }
    assert scores["zero_shot"] > scores["gradient_fitted_xi"]
    assert scores["fine_tuned"] > max(
        score for name, score in scores.items() if name not in ("fine_tuned", "model")
    )
