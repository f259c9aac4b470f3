"""The notebook runs from top to bottom, and the physics in it is right."""

import re
from pathlib import Path

from ai4sim.tests.bench import execute
from weather_forecast.gwd import config


def test_get_started(tmp_path: Path) -> None:
    text = execute(config.USE_CASE.root / "notebooks" / "get-started.ipynb", tmp_path)

    # The scheme gives the column no momentum.
    budgets = re.findall(r"^momentum of \w: (\S+) Pa in sum, of (\S+) Pa", text, re.MULTILINE)
    assert len(budgets) == 2
    assert all(abs(float(net)) < 1e-12 * float(gross) for net, gross in budgets)

    # Nor does the network, and it beats a line and what it begins with.
    rows = re.findall(
        r"^(\w+) +r2_mean +(-?[\d.]+) +budget_residual (\S+)$", text, flags=re.MULTILINE
    )
    r2 = {name: float(value) for name, value, _ in rows}
    residual = {name: float(value) for name, _, value in rows}
    assert r2["model"] > r2["ridge"] + 0.2
    assert r2["model"] > r2["scheme_16x8"]
    assert residual["model"] < 1e-5 < residual["mlp"]

    # What was saved predicts the same, as arrays and as a function.
    assert re.findall(r"the same: (\w+)", text) == ["True"] * 3
