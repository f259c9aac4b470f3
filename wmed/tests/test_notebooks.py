"""The notebook runs from top to bottom, and what it shows is right."""

import re
from pathlib import Path

from ai4sim.tests.bench import execute
from wmed import config


def test_get_started(tmp_path: Path) -> None:
    text = execute(config.USE_CASE.root / "notebooks" / "get-started.ipynb", tmp_path)

    # The labels are COARE's of interpolated states: the nearest cell is not good enough.
    bilinear = re.search(r"bilinear: R2 of tau_x (\S+)", text)
    nearest = re.search(r"nearest cell: R2 of tau_x (\S+)", text)
    assert bilinear and nearest and float(nearest[1]) < 0.99 < 0.9999 < float(bilinear[1])

    # On a storm beyond its training the network is better than every baseline.
    rows = re.findall(
        r"^(\w+) +R2: tau_x +(\S+) tau_y +(\S+) heat +(\S+) non_solar +(\S+)", text, re.M
    )
    r2 = {name: [float(value) for value in values] for name, *values in rows}
    model = r2.pop("model")
    assert len(r2) == 5 and min(model) > 0.98
    for name, values in r2.items():
        assert all(a > b for a, b in zip(model, values, strict=True)), name
    assert "as trained: True" in text

    # So it is in the ocean that it drives.
    drift = dict(re.findall(r"^(\w+) +SST rmse (\S+) K", text, re.M))
    assert float(drift["coare36"]) == 0
    assert float(drift["surrogate"]) < float(drift["ecmwf"]) < float(drift["constant_bulk"])
