"""Units of measurement: compared and converted by UDUNITS-2, through cf-units.

Spellings that UDUNITS does not know but that files of this field have are brought to its own first:
``N m^{-2}``, ``deg C``, ``mb``, ``(0 - 1)``, ``hpa``.
"""

from __future__ import annotations

import functools
import itertools
import re
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ai4sim.io.raw_variables import RawVariable

_LOCK = threading.Lock()  # UDUNITS keeps global state
_SPELLINGS = (
    (r"[{}]", ""),  # LaTeX: m^{-2}
    (r"\bper\b", "/"),
    (r"\bdeg(ree)?s?[ _.]*(c|celsius)\b", "degC"),
    (r"\bdeg(ree)?s?[ _.]*(k|kelvin)\b", "K"),
    (r"^\(?0 *(-|to) *1\)?$|^-$|^~$|^(dimension|unit)less$|^non-?dim(ensional)?$|^none$", "1"),
    (r"^(psu|pss-?78|practical[ _]salinity([ _]units?)?)$", "1e-3"),
    (r"\b(frac(tion)?|ratio|mol(ecules)?/mol(ecules)?)\b", "1"),
)
_SYMBOLS = {
    "c": "degC",
    "pa": "Pa",
    "hpa": "hPa",
    "mb": "mbar",
    "mbs": "mbar",
    "k": "K",
    "n": "N",
    "w": "W",
    "j": "J",
    "m": "m",
    "s": "s",
    "sec": "s",
    "kg": "kg",
    "mol": "mol",
    "rad": "rad",
}
"""Symbols that are written in the wrong case, or that mean something else to UDUNITS."""


NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
POWER_OF_TEN = re.compile(r"(10*\.?0*|0?\.0*1)(e[-+]?\d+)?", re.IGNORECASE)
"""Factors before units, ``100 Pa`` or ``1e-3``: others, ``3/m``, are errors of who wrote them."""


class Conversion(NamedTuple):
    """The value in the units expected is ``scale`` times the value found plus ``offset``."""

    scale: float = 1.0
    offset: float = 0.0

    @property
    def identity(self) -> bool:
        """Whether values stay as they are."""
        return self == (1.0, 0.0)

    def apply(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values in the units expected, floating-point ones in their own precision."""
        if self.identity:
            return values
        kind = values.dtype if values.dtype.kind == "f" else np.dtype(np.float64)
        converted: NDArray[Any] = values.astype(np.float64) * self.scale + self.offset
        return converted.astype(kind)


def conversion(found: str, expected: str) -> Conversion:
    """Return how values in some units are brought to others.

    Parameters
    ----------
    found, expected : str
        Units in any usual spelling: ``W m-2``, ``W/m2``, ``W/m²``, ``Watts meter-2``, ``100 Pa``.

    Raises
    ------
    ValueError
        One of them is no unit, or they measure different quantities.

    Examples
    --------
    >>> conversion("hPa", "Pa")
    Conversion(scale=100.0, offset=0.0)
    """
    with _LOCK:
        return _conversion(found.strip(), expected.strip())


def same(found: str, expected: str) -> bool:
    """Whether two spellings mean the same unit."""
    try:
        return conversion(found, expected).identity
    except ValueError:
        return False


def convert_from(variable: RawVariable, expected: str) -> Conversion:
    """Return how the values of a variable are brought to some units.

    By its attribute ``units``; one that has none is taken to be in the units expected.

    Raises
    ------
    ValueError
        Its units are none, or measure another quantity.
    """
    found = variable.units
    if found is None:
        return Conversion()
    try:
        return conversion(found, expected)
    except ValueError:
        raise ValueError(
            f'{variable.path}: {variable.name} has the units "{found}", expected "{expected}" or '
            "units that can be converted to it"
        ) from None


@functools.lru_cache(maxsize=None)
def _conversion(found: str, expected: str) -> Conversion:
    for unit, target in itertools.product(_parsed(found), _parsed(expected)):
        # UDUNITS counts an angle as a number, but a zenith angle is not its cosine.
        angle_for_number = target.is_dimensionless() and _is_angle(unit) != _is_angle(target)
        if unit.is_convertible(target) and not angle_for_number:
            at_0, at_1 = (float(unit.convert(value, target)) for value in (0.0, 1.0))
            return Conversion(_rounded(at_1 - at_0), _rounded(at_0))
    raise ValueError(f'the units "{found}" cannot be converted to "{expected}"')


def _is_angle(unit: Any) -> bool:
    return "rad" in str(unit.definition)


def _rounded(value: float) -> float:
    """Drop the rounding of a conversion: 1.0000000000000002 is 1."""
    return float(f"{value:.12g}")


def _parsed(text: str) -> list[Any]:
    """Return the units that a text may mean, the most literal reading first."""
    import cf_units

    plain = text
    for pattern, replacement in _SPELLINGS:
        plain = re.sub(pattern, replacement, plain, flags=re.IGNORECASE)
    factor = NUMBER.match(plain)
    if factor and not POWER_OF_TEN.fullmatch(factor[0].strip()):
        raise ValueError(f'"{text}" is no unit: {factor[0].strip()} is no power of ten')
    symbols = re.sub(r"[A-Za-z]+", lambda word: _SYMBOLS.get(word[0].lower(), word[0]), plain)
    found = []
    for spelling in dict.fromkeys((text, plain, symbols)):
        try:
            with cf_units.suppress_errors():  # they go to the standard error of the process
                unit = cf_units.Unit(spelling)
        except ValueError:
            continue
        if not unit.is_unknown() and not unit.is_no_unit():
            found.append(unit)
    if not found:
        raise ValueError(f'"{text}" is no unit')
    return found
