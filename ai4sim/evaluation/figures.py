"""What the figures of all use cases share: one style, colours for everybody, files that are whole.

Figures are drawn on the Agg canvas without any global state, so that they can be made in a running
training, beside whatever the user draws. Matplotlib is imported on the first call only.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

from ai4sim.io.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

P = ParamSpec("P")

OKABE_ITO = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky_blue": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "grey": "#999999",
}
"""Colours that colour-blind readers tell apart (Okabe & Ito 2008), and a grey."""

STYLE = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the style above, whatever the user's own settings, and leave those alone."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        import matplotlib

        style: Any = {**matplotlib.rcParamsDefault, **STYLE}
        del style["backend"]  # which a context would not give back
        with matplotlib.rc_context(style):
            return draw(*args, **kwargs)

    return drawn


def empty_figure(width: float, height: float) -> Figure:
    """Empty figure [inch] with a canvas of its own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figures(figures: Iterable[tuple[str, Figure]], folder: Path | str) -> list[Path]:
    """Write figures as ``<name>.png`` into `folder`, each under a temporary name first.

    Parameters
    ----------
    figures : iterable of (name, figure)
        A generator keeps only one of them in memory.
    folder : path
        Made if absent.

    Returns
    -------
    The files, in the order given.
    """
    written = []
    for name, figure in figures:
        path = Path(folder) / f"{name}.png"
        with atomic_write(path) as partial:
            figure.savefig(partial, dpi=150, format="png")
        written.append(path)
    log.info("%d figures in %s", len(written), folder)
    return written
