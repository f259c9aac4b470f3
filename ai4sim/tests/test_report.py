"""The tables at the end of a run."""

import re

from ai4sim.experiment import Experiment
from ai4sim.io.files import write_json
from ai4sim.report import print_results


def printed(tmp_path, capsys, **results):
    experiment = Experiment(tmp_path / "run")
    write_json(
        experiment.artifacts / "results.json",
        {
            "model": {"r2": 0.9, "rmse": 2e-6},
            "baselines": {"mean": {"r2": None, "rmse": 5e-6}},
            "headline": ["r2", "rmse"],
            **results,
        },
    )
    print_results(experiment)
    return capsys.readouterr().out


def cells(text, name):
    """Numbers of the row of this name."""
    (line,) = (line for line in text.splitlines() if re.match(rf"\W*{re.escape(name)}\b", line))
    return [cell.strip() for cell in line.strip("│ ").split("│")][1:]


def profile(levels):
    """Three baselines; the middle one explains most where any does."""
    values = [float(i + 1) for i in range(levels)]
    curves = {
        "model": [0.8] * levels,
        "zero": [-0.001] * levels,
        "line": [0.4, -9.0] + [0.1] * (levels - 2),
        "scheme": [0.2] * levels,
    }
    none = {name: [None] * levels for name in curves}
    return {
        "coordinate": {"name": "pressure", "units": "hPa", "values": values},
        "r2": {"u_tendency": curves, "v_tendency": none},
    }


def test_small_numbers_keep_their_digits(tmp_path, capsys):
    text = printed(tmp_path, capsys)
    assert cells(text, "model") == ["0.900", "2.00e-06"]
    assert cells(text, "mean") == ["-", "5.00e-06"]
    assert "pressure" not in text


def test_a_profile_is_printed_level_by_level_beside_the_best_baselines(tmp_path, capsys):
    text = printed(tmp_path, capsys, profile=profile(4))
    assert "R2 by pressure in hPa" in text
    assert cells(text, "2") == ["0.800", "0.200", "-9.000", "-", "-", "-"]
    header = text[text.index("R2 by") : text.index("0.800")]
    assert "zero" not in header  # the worst of three


def test_a_long_profile_is_thinned_and_says_so(tmp_path, capsys):
    text = printed(tmp_path, capsys, profile=profile(63))
    assert "one level in 3" in text
    levels = [m.group(1) for m in re.finditer(r"^\W*(\d+)\s+│", text, flags=re.MULTILINE)]
    assert levels == [str(i) for i in range(1, 64, 3)]
