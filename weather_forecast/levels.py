"""Hybrid levels of the IFS: pressure and geopotential of the columns that stand on them.

Half levels ``k = 1 .. n + 1`` count from the top of the atmosphere down to the surface and have the
pressure ``p = A + B p_s``; the full level ``k`` lies between the half levels ``k`` and ``k + 1``
(Simmons & Burridge 1981). A column that holds only the upper full levels, as those of the
non-orographic drag do, stands on the upper half levels.

Columns stand along the leading axes, levels are the last one, top first.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from ai4sim.physics.constants import GAS_CONSTANT

# The 91 levels of ECMWF, as published on its page "L91 model level definitions": A [Pa] and B [1]
# of the 92 half levels, top first.
# fmt: off
_L91_A = (
    0.0, 2.00004, 3.980832, 7.387186, 12.908319, 21.413612, 33.952858, 51.746601, 76.167656,
    108.715561, 150.986023, 204.637451, 271.356506, 352.824493, 450.685791, 566.519226,
    701.813354, 857.945801, 1036.166504, 1237.585449, 1463.16394, 1713.709595, 1989.87439,
    2292.155518, 2620.898438, 2976.302246, 3358.425781, 3767.196045, 4202.416504, 4663.776367,
    5150.859863, 5663.15625, 6199.839355, 6759.727051, 7341.469727, 7942.92627, 8564.624023,
    9208.305664, 9873.560547, 10558.88184, 11262.48438, 11982.66211, 12713.89746, 13453.22559,
    14192.00977, 14922.68555, 15638.05371, 16329.56055, 16990.62305, 17613.28125, 18191.0293,
    18716.96875, 19184.54492, 19587.51367, 19919.79688, 20175.39453, 20348.91602, 20434.1582,
    20426.21875, 20319.01172, 20107.03125, 19785.35742, 19348.77539, 18798.82227, 18141.29688,
    17385.5957, 16544.58594, 15633.56641, 14665.64551, 13653.21973, 12608.38379, 11543.16699,
    10471.31055, 9405.222656, 8356.25293, 7335.164551, 6353.920898, 5422.802734, 4550.21582,
    3743.464355, 3010.146973, 2356.202637, 1784.854614, 1297.656128, 895.193542, 576.314148,
    336.772369, 162.043427, 54.208336, 6.575628, 0.00316, 0.0,
)
_L91_B = (
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    1.4e-05, 5.5e-05, 0.000131, 0.000279, 0.000548, 0.001, 0.001701, 0.002765, 0.004267,
    0.006322, 0.009035, 0.012508, 0.01686, 0.022189, 0.02861, 0.036227, 0.045146, 0.055474,
    0.067316, 0.080777, 0.095964, 0.112979, 0.131935, 0.152934, 0.176091, 0.20152, 0.229315,
    0.259554, 0.291993, 0.326329, 0.362203, 0.399205, 0.436906, 0.475016, 0.51328, 0.551458,
    0.589317, 0.626559, 0.662934, 0.698224, 0.732224, 0.764679, 0.795385, 0.824185, 0.85095,
    0.875518, 0.897767, 0.917651, 0.935157, 0.950274, 0.963007, 0.973466, 0.982238, 0.989153,
    0.994204, 0.99763, 1.0,
)
# Likewise the 137 levels, of its page "L137 model level definitions"; the upper 55 half levels are
# surfaces of constant pressure.
_L137_A = (
    0.0, 2.000365, 3.102241, 4.666084, 6.827977, 9.746966, 13.605424, 18.608931, 24.985718,
    32.98571, 42.879242, 54.955463, 69.520576, 86.895882, 107.415741, 131.425507, 159.279404,
    191.338562, 227.968948, 269.539581, 316.420746, 368.982361, 427.592499, 492.616028, 564.413452,
    643.339905, 729.744141, 823.967834, 926.34491, 1037.201172, 1156.853638, 1285.610352,
    1423.770142, 1571.622925, 1729.448975, 1897.519287, 2076.095947, 2265.431641, 2465.770508,
    2677.348145, 2900.391357, 3135.119385, 3381.743652, 3640.468262, 3911.490479, 4194.930664,
    4490.817383, 4799.149414, 5119.89502, 5452.990723, 5798.344727, 6156.074219, 6526.946777,
    6911.870605, 7311.869141, 7727.412109, 8159.354004, 8608.525391, 9076.400391, 9562.682617,
    10065.978516, 10584.631836, 11116.662109, 11660.067383, 12211.547852, 12766.873047,
    13324.668945, 13881.331055, 14432.139648, 14975.615234, 15508.256836, 16026.115234,
    16527.322266, 17008.789063, 17467.613281, 17901.621094, 18308.433594, 18685.71875, 19031.289063,
    19343.511719, 19620.042969, 19859.390625, 20059.931641, 20219.664063, 20337.863281,
    20412.308594, 20442.078125, 20425.71875, 20361.816406, 20249.511719, 20087.085938, 19874.025391,
    19608.572266, 19290.226563, 18917.460938, 18489.707031, 18006.925781, 17471.839844, 16888.6875,
    16262.046875, 15596.695313, 14898.453125, 14173.324219, 13427.769531, 12668.257813,
    11901.339844, 11133.304688, 10370.175781, 9617.515625, 8880.453125, 8163.375, 7470.34375,
    6804.421875, 6168.53125, 5564.382813, 4993.796875, 4457.375, 3955.960938, 3489.234375,
    3057.265625, 2659.140625, 2294.242188, 1961.5, 1659.476563, 1387.546875, 1143.25, 926.507813,
    734.992188, 568.0625, 424.414063, 302.476563, 202.484375, 122.101563, 62.78125, 22.835938,
    3.757813, 0.0, 0.0,
)
_L137_B = (0.0,) * 55 + (
    0.000007, 0.000024, 0.000059, 0.000112, 0.000199, 0.00034, 0.000562, 0.00089, 0.001353,
    0.001992, 0.002857, 0.003971, 0.005378, 0.007133, 0.009261, 0.011806, 0.014816, 0.018318,
    0.022355, 0.026964, 0.032176, 0.038026, 0.044548, 0.051773, 0.059728, 0.068448, 0.077958,
    0.088286, 0.099462, 0.111505, 0.124448, 0.138313, 0.153125, 0.16891, 0.185689, 0.203491,
    0.222333, 0.242244, 0.263242, 0.285354, 0.308598, 0.332939, 0.358254, 0.384363, 0.411125,
    0.438391, 0.466003, 0.4938, 0.521619, 0.549301, 0.576692, 0.603648, 0.630036, 0.655736,
    0.680643, 0.704669, 0.727739, 0.749797, 0.770798, 0.790717, 0.809536, 0.827256, 0.843881,
    0.859432, 0.873929, 0.887408, 0.8999, 0.911448, 0.922096, 0.931881, 0.94086, 0.949064, 0.95655,
    0.963352, 0.969513, 0.975078, 0.980072, 0.984542, 0.9885, 0.991984, 0.995003, 0.99763, 1.0,
)
# fmt: on

THIN = 0.2
"""A thin layer has a thickness below this share of the pressure at its top."""
_TABLES = {"L91": (_L91_A, _L91_B), "L137": (_L137_A, _L137_B)}


def count_levels(table: str = "L91") -> int:
    """Return the number of full levels of a table, from the top down to the surface.

    Raises
    ------
    ValueError
        An unknown table.
    """
    if table not in _TABLES:
        raise ValueError(f"vertical levels: expected one of {sorted(_TABLES)}, found {table!r}")
    return len(_TABLES[table][0]) - 1


def hybrid_coefficients(levels: int, table: str = "L91") -> tuple[Tensor, Tensor]:
    """Return A [Pa] and B [1] of the half levels around the upper full levels of a table.

    Parameters
    ----------
    levels : int
        Full levels of the column, counted from the top.
    table : str
        Name of the vertical resolution: ``L91`` or ``L137``.

    Returns
    -------
    a, b : Tensor of shape (half_level,), float64, with half_level = levels + 1

    Raises
    ------
    ValueError
        An unknown table, or more levels than it has.
    """
    a, b = _upper(levels, table)
    return torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)


def _upper(levels: int, table: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if not 1 <= levels <= count_levels(table):
        raise ValueError(f"{table} has {count_levels(table)} levels, the columns have {levels}")
    a, b = _TABLES[table]
    return a[: levels + 1], b[: levels + 1]


def spread_coefficients(levels: int, table: str = "L137") -> tuple[Tensor, Tensor]:
    """Return A [Pa] and B [1] of fewer half levels that still reach from the top to the ground.

    The half levels of the table that are evenly spread among them: a coarser atmosphere, for tests.

    Parameters
    ----------
    levels : int
        Full levels of the column.
    table : str
        Name of the vertical resolution.

    Returns
    -------
    a, b : (half_level,), float64

    Raises
    ------
    ValueError
        An unknown table, or more levels than it has.
    """
    whole = count_levels(table)
    if not 1 <= levels <= whole:
        raise ValueError(f"{table} has {whole} levels, the columns have {levels}")
    a, b = hybrid_coefficients(whole, table)
    chosen = torch.linspace(0, whole, levels + 1, dtype=torch.float64).round().long()
    return a[chosen], b[chosen]


def half_level_pressure(surface_pressure: Tensor, levels: int, table: str = "L91") -> Tensor:
    """Return ``p = A + B p_s`` on the half levels around the upper full levels of a table.

    Parameters
    ----------
    surface_pressure : (...)  [Pa]
    levels, table
        See :func:`hybrid_coefficients`.

    Returns
    -------
    (..., half_level)  [Pa]
    """
    a, b = (column.to(surface_pressure) for column in hybrid_coefficients(levels, table))
    return a + b * surface_pressure[..., None]


def full_level_pressure(p_half: Tensor) -> Tensor:
    """Return the mean of the two half levels around each full level.

    Parameters
    ----------
    p_half : (..., half_level)  [Pa]

    Returns
    -------
    (..., level)  [Pa]
    """
    return 0.5 * (p_half[..., 1:] + p_half[..., :-1])


def level_pressures(surface_pressure: float, levels: int, table: str = "L91") -> list[float]:
    """Return the pressure of the full levels over one surface [Pa], as plain numbers.

    What a table decides before any column is seen: also while a network is traced, when tensors
    have no values.
    """
    p_half = [a + b * surface_pressure for a, b in zip(*_upper(levels, table), strict=True)]
    return [0.5 * (top + bottom) for top, bottom in pairwise(p_half)]


def _hydrostatic(temperature: Tensor, p_half: Tensor) -> tuple[Tensor, Tensor]:
    """Return the geopotential of each layer's middle and of its top above its bottom [m2/s2].

    Simmons & Burridge (1981): ``alpha R T`` and ``R T ln(p_bottom / p_top)``, with ``alpha = 1 -
    p_top / dp ln(p_bottom / p_top)``, which is ln 2 in a top layer that reaches up to zero
    pressure. The thickness of that one is infinite; it is never needed, and any number is given.
    """
    top, bottom = p_half[..., :-1], p_half[..., 1:]
    bounded = top > 0
    ratio = ((bottom - top) / top.where(bounded, bottom)).where(bounded, 1.0)
    logarithm = ratio.log1p()  # of thin layers too, where p_bottom / p_top is nearly 1
    # With s = ratio / (2 + ratio), ln(1 + ratio) / ratio = (1 - s) (1 + s2 / 3 + s4 / 5 + ...): in
    # thin layers the difference from 1 would lose half the digits of single precision.
    s = ratio / (2.0 + ratio)
    s2, series = s.square(), torch.zeros_like(s)
    for power in (13, 11, 9, 7, 5, 3):
        series = (series + 1.0 / power) * s2
    alpha = torch.where(ratio < THIN, s - (1.0 - s) * series, 1.0 - logarithm / ratio)
    alpha = alpha.where(bounded, math.log(2.0))
    rt = GAS_CONSTANT * temperature
    return alpha * rt, logarithm * rt


def geopotential(temperature: Tensor, p_half: Tensor, below: Tensor | float = 0.0) -> Tensor:
    """Integrate the hydrostatic equation of dry air upwards (Simmons & Burridge 1981).

    Parameters
    ----------
    temperature : (..., level)  [K]
    p_half : (..., half_level)  [Pa]
    below : (...) or float  [m2/s2]
        Geopotential of the lowest half level.

    Returns
    -------
    (..., level)  [m2/s2]
        Geopotential of the full levels.
    """
    to_middle, to_top = _hydrostatic(temperature, p_half)
    # What lies between the lowest half level and the bottom of each layer.
    depth = to_top.flip(-1).cumsum(-1).flip(-1) - to_top
    base = torch.as_tensor(below, dtype=depth.dtype, device=depth.device)
    return base[..., None] + depth + to_middle


def half_level_geopotential(temperature: Tensor, p_half: Tensor) -> Tensor:
    """Return the geopotential of the half levels above the lowest one.

    Parameters
    ----------
    temperature : (..., level)  [K]
    p_half : (..., half_level)  [Pa]

    Returns
    -------
    (..., half_level)  [m2/s2]
        The top of a layer that reaches up to zero pressure counts as being at its middle.
    """
    _, to_top = _hydrostatic(temperature, p_half)
    height = to_top.flip(-1).cumsum(-1).flip(-1)
    return torch.cat([height, torch.zeros_like(height[..., :1])], dim=-1)


def geopotential_steps(temperature: Tensor, p_half: Tensor) -> Tensor:
    """Return ``phi_k - phi_(k+1)`` between neighbouring full levels, k = 1 .. n - 1.

    The same as differences of :func:`geopotential`, without their loss of digits in single
    precision.

    Parameters
    ----------
    temperature : (..., level)  [K]
    p_half : (..., half_level)  [Pa]

    Returns
    -------
    (..., level - 1)  [m2/s2]
    """
    to_middle, to_top = _hydrostatic(temperature, p_half)
    return to_middle[..., :-1] + to_top[..., 1:] - to_middle[..., 1:]


def pressure_coordinate(pressure: Tensor) -> dict[str, Any]:
    """Return pressures ``(level,)`` [Pa] as the coordinate of results, in hPa."""
    values = [float(f"{p / 100:.4g}") for p in pressure.tolist()]
    return {"name": "pressure", "units": "hPa", "values": values}
