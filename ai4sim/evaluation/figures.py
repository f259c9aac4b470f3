"""Common parts of the figures of all use cases: one style, one look per model, whole files.

Figures are drawn on the Agg canvas without any global state, so that they can be made in a running
training, beside whatever the user draws. Matplotlib is imported on the first call only.
"""

from __future__ import annotations

import functools
import itertools
import logging
from collections.abc import Callable, Iterable, Mapping
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

# ---- models -------------------------------------------------------------------------------------

Look = dict[str, Any]
"""Arguments of ``Axes.plot``: the label and the line of a model, the same in every figure."""


def look(label: str, colour: str, style: str = "-", width: float = 1.2, alpha: float = 1.0) -> Look:
    """Return the look of a model; the colour is a name of :data:`OKABE_ITO` or any other one."""
    return {
        "label": label,
        "color": OKABE_ITO.get(colour, colour),
        "linestyle": style,
        "linewidth": width,
        "alpha": alpha,
    }


TARGET: Look = look("Target", "black", width=3.0, alpha=0.5)
"""Wide, to be seen below the others."""
NETWORK: Look = {**look("Network", "vermilion", width=1.8), "zorder": 2.5}
"""On top of the others."""
RIDGE: Look = look("Ridge regression", "blue")
OTHER_COLOURS = ("#80BA5A", "#8C510A", "#4B4B8F", "#E73F74")


def looks_of(names: Iterable[str], known: Mapping[str, Look]) -> dict[str, Look]:
    """Return the looks of some models: the known ones in their order, then all others."""
    names = list(names)
    colours = itertools.cycle(OTHER_COLOURS)
    others = (name for name in names if name not in known)
    return {
        **{name: known[name] for name in known if name in names},
        **{name: look(name.replace("_", " "), next(colours)) for name in others},
    }


# ---- figures and files --------------------------------------------------------------------------


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
