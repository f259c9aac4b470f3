"""The notebook runs from top to bottom, and the physics in it is right."""

import re
from pathlib import Path

from ai4sim.tests.bench import execute
from weather_forecast.bias_correction import config


def test_get_started(tmp_path: Path) -> None:
    text = execute(config.USE_CASE.root / "notebooks" / "get-started.ipynb", tmp_path)

    # A high sun brightens the ground, a low one darkens it; no layer emits sunlight.
    surface = re.search(r"surface: (\S+) W/m2 with the sun overhead, lowest (\S+) W/m2", text)
    assert surface and float(surface[1]) > 0 > float(surface[2])
    least = [float(value) for value in re.findall(r"least of all (\S+)", text)]
    assert len(least) == 2 and min(least) > -1e-3

    # The network beats a line, and keeps the budget.
    rows = re.findall(r"^(zero|mean_profile|ridge|model) +([\d. ]+)$", text, re.MULTILINE)
    share = {name: sum(map(float, values.split())) / 6 for name, values in rows}
    assert share["zero"] == 100
    assert share["model"] < 80 and share["model"] < share["ridge"]
    residual = re.search(r"budget residual (\S+) W/m2", text)
    assert residual and float(residual[1]) < 1e-3
    assert "as trained: True" in text
