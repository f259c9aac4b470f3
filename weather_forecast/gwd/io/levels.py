"""The direction of the levels, where a variable of the file tells it."""

from __future__ import annotations

import numpy as np

from ai4sim.io.raw_variables import RawFile, RawVariable
from ai4sim.io.units import conversion
from weather_forecast.gwd.io.rows import DragLayout

LEVELS = frozenset(
    "level lev levels model_level model_level_number hybrid level_number full_level nlev"
    " pressure pressure_level pressure_levels plev height altitude".split()
)
"""Names of variables that have a value for each level, or for each row."""


def surface_first(raw: RawFile, layout: DragLayout) -> bool:
    """Whether the first level of each profile is that of the surface.

    Parameters
    ----------
    raw : RawFile
        A variable of :data:`LEVELS` tells it: by the attribute ``positive``, by units of pressure
        or length, or else as levels are counted in the IFS, from the top. Without one the top is
        first.
    layout : DragLayout

    Raises
    ------
    ValueError
        Its values neither increase nor decrease, or two variables contradict each other.
    """
    told = {}
    for name in raw.names:
        if name.lower() in LEVELS:
            variable = raw[name]
            if variable.shape in ((layout.levels,), (layout.input_channels,)):
                told[name] = _surface_first(variable, layout.levels)
    if len(set(told.values())) > 1:
        raise ValueError(
            f"{raw.path}: {' and '.join(told)} contradict each other: is the first level that of "
            "the surface?"
        )
    return any(told.values())


def _surface_first(variable: RawVariable, levels: int) -> bool:
    if levels == 1:
        return False
    steps = np.diff(variable.read()[:levels].astype(float))
    if not ((steps > 0).all() or (steps < 0).all()):
        raise ValueError(
            f"{variable.path}: {variable.name} tells the direction of the levels: expected values "
            "that increase or decrease all the way"
        )
    return bool(steps[0] > 0) != _counts_downward(variable)


def _counts_downward(variable: RawVariable) -> bool:
    positive = str(variable.attributes.get("positive", "")).strip().lower()
    if positive in ("up", "down"):
        return positive == "down"
    if variable.name.lower() in ("height", "altitude"):
        return False
    try:
        conversion(variable.units or "1", "m")
    except ValueError:
        return True
    return False
