"""netCDF files read by name: shapes and units checked, values that were never written as NaN.

A file that is open for reading keeps the lock of :mod:`ai4sim.io.netcdf`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.io.files import missing_file_error
from ai4sim.io.netcdf import LOCK

if TYPE_CHECKING:
    import netCDF4


UNWRITTEN = 1e30
"""Beyond this no number is meant: models fill what they do not write with 1e33, 9.97e36 ..."""

_WORDS = {
    "meter": "m",
    "metre": "m",
    "second": "s",
    "sec": "s",
    "newton": "n",
    "watt": "w",
    "kilogram": "kg",
    "kelvin": "k",
    "degk": "k",
    "pascal": "pa",
    "celsius": "degc",
    "c": "degc",
    "°c": "degc",
    "radian": "rad",
}


class Source:
    """A netCDF file, open for reading.

    Parameters
    ----------
    path : path

    Raises
    ------
    FileNotFoundError
        There is none; the message has the nearest name.
    ValueError
        It is no netCDF file, or a truncated one.
    """

    dataset: netCDF4.Dataset

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def __enter__(self) -> Source:
        import netCDF4

        if not self.path.is_file():
            raise missing_file_error(self.path)
        LOCK.acquire()
        try:
            self.dataset = netCDF4.Dataset(self.path)
            self.dataset.set_always_mask(False)
        except OSError as error:
            LOCK.release()
            raise ValueError(f"{self.path}: not a netCDF file, or a truncated one") from error
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self.dataset.close()
        finally:
            LOCK.release()

    def __contains__(self, name: str) -> bool:
        return name in self.dataset.variables

    def variable(self, *names: str) -> netCDF4.Variable:
        """Return the variable with the first of some names that there is.

        Raises
        ------
        ValueError
            There is none.
        """
        for name in names:
            if name in self:
                return self.dataset.variables[name]
        raise ValueError(
            f"{self.path}: no variable {' or '.join(names)}; it has "
            f"{', '.join(self.dataset.variables) or 'none at all'}"
        )

    def attribute(self, name: str, variable: str | None = None) -> Any:
        """Return an attribute of the file or of a variable; None where there is none."""
        return getattr(self.dataset[variable] if variable else self.dataset, name, None)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a variable."""
        return tuple(self.variable(name).shape)

    def read(self, name: str, units: str = "", index: Any = ...) -> NDArray[Any]:
        """Read a variable, or a part of it.

        Parameters
        ----------
        name : str
        units : str
            Those that it must have, in any spelling, if it says what it has.
        index
            What part.

        Returns
        -------
        array
            Of the type in the file, real numbers with NaN where nothing was written.

        Raises
        ------
        ValueError
            There is none, or its units are others.
        """
        with LOCK:
            variable = self.variable(name)
            if units:
                self.check_units(name, units)
            found: Any = variable[index]
        if np.ma.isMaskedArray(found):
            found = np.ma.filled(found.astype(np.result_type(found, np.float32)), np.nan)
        values = np.asarray(found)
        if values.dtype.kind == "f":
            unwritten = np.abs(values) > UNWRITTEN
            if unwritten.any():
                values = np.where(unwritten, values.dtype.type(np.nan), values)
        return values

    def check_units(self, name: str, *accepted: str) -> str:
        """Return which of the accepted units a variable has; the first one if it has none.

        Raises
        ------
        ValueError
            It has others.
        """
        found = self.attribute("units", name)
        if found is None or not str(found).strip():
            return accepted[0]
        for units in accepted:
            if normal_units(str(found)) == normal_units(units):
                return units
        expected = " or ".join(f'"{units}"' for units in accepted)
        raise ValueError(f'{self.path}: {name} has the units "{found}", expected {expected}')


def normal_units(units: str) -> dict[str, int]:
    """Return the powers of the units of which a string is the product.

    Examples
    --------
    >>> normal_units("Newton meter-2") == normal_units("N/m2") == normal_units("N m^-2")
    True
    """
    text = units.lower().replace("**", "").replace("^", "").replace(" per ", "/")
    text = re.sub(r"\bdeg(ree)?s?[ _]*(c|celsius)\b", "degc", text)
    text = re.sub(r"\bdeg(ree)?s?[ _]*(k|kelvin)\b", "k", text)
    powers: dict[str, int] = {}
    for slash, name, power in re.findall(r"(/?)[ .*_()]*([a-z°]+)(-?\d+)?", text):
        symbol = _WORDS.get(name, _WORDS.get(name.removesuffix("s"), name))
        powers[symbol] = powers.get(symbol, 0) + int(power or 1) * (-1 if slash else 1)
    return {symbol: power for symbol, power in powers.items() if power}


def read_dates(source: Source, name: str) -> NDArray[np.datetime64] | None:
    """Read times that are counted from a date in the units, to the second; None if none is there.

    Raises
    ------
    ValueError
        The units or the calendar make no sense.
    """
    import netCDF4

    units = str(source.attribute("units", name) or "")
    if " since " not in units:
        return None
    calendar = source.attribute("calendar", name) or "standard"
    try:
        dates: Any = netCDF4.num2date(
            np.atleast_1d(source.read(name)),
            units,
            calendar,
            only_use_cftime_datetimes=False,
            only_use_python_datetimes=True,
        )
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f'{source.path}: {name} has the units "{units}" and the calendar {calendar}: {error}'
        ) from error
    return to_seconds(np.array([date.replace(tzinfo=None) for date in dates], "datetime64[us]"))


def to_seconds(times: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Round times to the nearest second."""
    rounded: NDArray[np.datetime64] = times + np.timedelta64(500_000, "us")
    return rounded.astype("datetime64[s]")
