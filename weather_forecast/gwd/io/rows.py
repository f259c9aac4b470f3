"""The rows of raw files: which variables they are, in which units, and between which bounds.

========================  =======  ====================  ===========================================
variable                  units    bounds                reason
========================  =======  ====================  ===========================================
``u``, ``v``              m/s      -400 ... 400          jets of the mesosphere reach 250
``temperature``           K        80 ... 400            the mesopause has 110, the desert 340
``surface_pressure``      Pa       2e4 ... 1.2e5         31,500 on the highest summit
``geopotential``          m2/s2    20 ... 2000           2 to 200 m above the surface
``orography_std``         m        0 ... 5000
``orography_slope``       1        0 ... 2
``orography_anisotropy``  1        0 ... 1               minor over major axis
``orography_angle``       rad      -2 pi ... 2 pi        its period is pi
``..._tendency``          m/s2     -0.5 ... 0.5          a strong wind stopped within minutes
``latitude``              degrees  -90 ... 90
========================  =======  ====================  ===========================================

Bounds of what is never negative leave room for the rounding of packed numbers. Other units, degrees
Celsius or hPa or tendencies per day, say, lie beyond them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ai4sim.io.ranges import Bounds
from ai4sim.variables import ChannelLayout, Variable

Scheme = Literal["nogwd", "ogwd"]

LATITUDE = Variable("latitude", "degrees_north")
BOUNDS = {
    "u": Bounds(-400, 400),
    "v": Bounds(-400, 400),
    "temperature": Bounds(80, 400),
    "surface_pressure": Bounds(2e4, 1.2e5),
    "geopotential": Bounds(20, 2000),
    "orography_std": Bounds(-1, 5000),
    "orography_slope": Bounds(-0.01, 2),
    "orography_anisotropy": Bounds(-0.01, 1.01),
    "orography_angle": Bounds(-2 * math.pi - 0.01, 2 * math.pi + 0.01),
    "tendency": Bounds(-0.5, 0.5),
    "latitude": Bounds(-90.01, 90.01),
}
"""Bounds of the variables by name, or by the last part of it."""


def bounds_of(variable: Variable) -> Bounds:
    """Return the bounds of a variable, in its units."""
    return BOUNDS.get(variable.name) or BOUNDS[variable.name.rpartition("_")[2]]


@dataclass(frozen=True)
class DragLayout(ChannelLayout):
    """What the rows of a file mean.

    Attributes
    ----------
    scheme : {"nogwd", "ogwd"}
        Non-orographic or orographic gravity wave drag.
    levels : int
        Full levels of a column, the first at the top.
    """

    scheme: Scheme
    levels: int

    @classmethod
    def of_rows(cls, rows: int) -> DragLayout:
        """Return the layout of files whose /x has this many rows.

        Raises
        ------
        ValueError
            No layout has.
        """
        surface, scheme = (6, "ogwd") if rows % 3 == 0 else (2, "nogwd")
        levels = (rows - surface) // 3
        if levels < 1 or rows != 3 * levels + surface:
            raise ValueError(
                f"{rows} rows of inputs, expected 3 n + 2 (nogwd) or 3 n + 6 (ogwd), "
                "n being the number of levels"
            )
        return cls("ogwd" if scheme == "ogwd" else "nogwd", levels)

    @property
    def inputs(self) -> tuple[Variable, ...]:
        """What the rows of /x are."""
        orography = (
            Variable("orography_std", "m"),
            Variable("orography_slope", "1"),
            Variable("orography_anisotropy", "1"),
            Variable("orography_angle", "rad"),
        )
        return (
            Variable("u", "m/s", self.levels),
            Variable("v", "m/s", self.levels),
            Variable("temperature", "K", self.levels),
            Variable("surface_pressure", "Pa"),
            Variable("geopotential", "m2/s2"),
            *(orography if self.scheme == "ogwd" else ()),
        )

    @property
    def outputs(self) -> tuple[Variable, ...]:
        """What the rows of /y are."""
        parts = ("wave_", "blocking_") if self.scheme == "ogwd" else ("",)
        return tuple(
            Variable(f"{part}{wind}_tendency", "m/s2", self.levels)
            for part in parts
            for wind in ("u", "v")
        )
