"""Figures in tests of use cases: written as they should be, and their lines."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ai4sim.evaluation.figures import save_figures


def lines(ax: Axes) -> dict[str, Line2D]:
    """Return the lines of a panel by their labels."""
    return {str(line.get_label()): line for line in ax.get_lines()}


def assert_written(
    figures: Iterable[tuple[str, Figure]], names: list[str], folder: Path
) -> list[Path]:
    """Write figures: these and nothing else, none all but white, the user's settings as before."""
    before = dict(matplotlib.rcParams)
    files = save_figures(figures, folder)
    assert [file.stem for file in files] == names
    assert sorted(folder.iterdir()) == sorted(files)
    for file in files:
        image = matplotlib.image.imread(file)[..., :3]
        assert np.mean(image.min(-1) < 0.9) > 0.01, f"{file.name} is all but white"
    assert dict(matplotlib.rcParams) == before
    return files
