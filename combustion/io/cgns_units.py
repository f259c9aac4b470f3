"""Units of CGNS arrays by the SIDS: DataClass, DimensionalUnits and what belongs to them.

Class and units are inherited: those of the array, else those of the nearest node above it. An
array that states its units in an attribute ``units`` needs none of them.
"""

from __future__ import annotations

from ai4sim.io.units import Conversion, conversion
from combustion.io.cgns_nodes import Place, dataset_of, texts

LENGTHS = {"Meter": "m", "Centimeter": "cm", "Millimeter": "mm", "Foot": "ft", "Inch": "inch"}
EXPONENTS = {
    "1": (0, 0, 0, 0, 0),
    "m": (0, 1, 0, 0, 0),
    "1/m": (0, -1, 0, 0, 0),
    "m/s": (0, 1, -1, 0, 0),
}
"""Units of a quantity -> its exponents of mass, length, time, temperature and angle."""
SI = ("Kilogram", "Meter", "Second", "Kelvin", "Radian")


def to_si(array: Place, units: str, where: str) -> Conversion:
    """Return how the values of an array are brought to SI units.

    Parameters
    ----------
    array : Place
    units : str
        The SI units of the quantity, a key of `EXPONENTS`.
    where : str
        File and zone, for messages.

    Raises
    ------
    ValueError
        The units are not known, or those of another quantity.
    """
    exponents = EXPONENTS[units]
    _check_exponents(array, exponents, f"{where}: '{array.name}'")
    kind = _class_of(array)
    scale, offset = 1.0, 0.0
    if kind == "NormalizedByDimensional" and "DataConversion" in array.group:
        scale, offset = (
            float(n) for n in dataset_of((array / "DataConversion").group)[...].ravel()
        )
    elif units != "1" and kind not in (None, "Dimensional"):
        needed = " with DataConversion" if kind == "NormalizedByDimensional" else ""
        raise ValueError(
            f"{where}: '{array.name}' has the DataClass {kind}, which does not tell its units: "
            f"expected Dimensional, NormalizedByDimensional{needed}, or an attribute 'units'"
        )
    unit = _unit(array, exponents, f"{where}: '{array.name}'")
    return Conversion(scale * unit, offset * unit)


def _class_of(array: Place) -> str | None:
    """Return the class of data that an array has, or inherits; None where nobody says it."""
    node = array.nearest("DataClass")
    text = texts(node)[0] if node is not None else ""
    return None if text in ("", "Null") else text


def _check_exponents(array: Place, exponents: tuple[int, ...], where: str) -> None:
    if "DimensionalExponents" not in array.group:
        return
    found = [float(n) for n in dataset_of((array / "DimensionalExponents").group)[...].ravel()]
    if found != list(exponents):
        raise ValueError(
            f"{where} has the DimensionalExponents {found} of mass, length, time, temperature "
            f"and angle, expected {list(exponents)}"
        )


def _unit(array: Place, exponents: tuple[int, ...], where: str) -> float:
    """Return the unit of an array, in SI units, by the DimensionalUnits."""
    node = array.nearest("DimensionalUnits")
    if node is None or not any(exponents):
        return 1.0
    words = texts(node)
    if len(words) == 1:  # without rows
        words = words[0].split()
    length, time = (words + [""] * 3)[1:3]
    if exponents[2] and time not in ("", "Null", "Second"):
        raise ValueError(f"{where} has a time in {time} by its DimensionalUnits, expected Second")
    if length in ("", "Null"):
        return 1.0
    if length not in LENGTHS:
        raise ValueError(
            f"{where} has a length in {length} by its DimensionalUnits, expected "
            f"{', '.join(LENGTHS)}, or an attribute 'units'"
        )
    return conversion(LENGTHS[length], "m").scale ** exponents[1]
