"""The fluxes in histories: their names, their signs, and whether they can be fluxes at all.

Labels are checked as inputs are: a flux of the wrong sign or over a density would be learned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.io.raw_variables import RawFile, RawVariable
from ai4sim.io.units import convert_from
from ai4sim.variables import Float32Array
from wmed.io.axes import described, take
from wmed.io.bounds import BOUNDS
from wmed.io.croco_layout import FLUXES, FileVariable, points_shape
from wmed.io.grid import Mask
from wmed.io.layout import HEAT_PARTS, NEEDED, points_of

MEANS = {"longwave": 30.0, "latent": 60.0}
"""Means over the sea [W/m2] that are never reached: the sea radiates, and it evaporates."""
NONE = {"tau_x": 1e-4, "tau_y": 1e-4, "heat": 0.2}
"""What packing may make of 0, in N/m2 and W/m2: no sea has less than all of these everywhere."""
WEAKEST_STRESS = 2e-4
"""Root mean square [N/m2] that a wind of 0.3 m/s all over the domain would make."""
UNWRITTEN_SHARE = 0.01
"""Share of sea points where a flux may be exactly 0."""
CLOSED = 0.2
"""Share of the sum of their amounts by which the parts may differ from the net heat flux."""
UP = re.compile(r"\b(up|upward|upwards|out of the (ocean|sea)|>\s*0 out)\b", re.IGNORECASE)
DOWN = re.compile(r"\b(down|downward|downwards|into the (ocean|sea))\b", re.IGNORECASE)
GROSS = re.compile(r"\b(downwelling|incoming|incident|downward)\b", re.IGNORECASE)


def read_fluxes(
    file: RawFile, shape: tuple[int, int], record: int, needed: bool
) -> dict[str, Float32Array]:
    """Read what a file has of the fluxes at a record, positive into the sea.

    Parameters
    ----------
    file : RawFile
    shape : (eta, xi)
        Of the rho points.
    record : int
    needed : bool
        Whether stress and heat must be there.

    Returns
    -------
    dict of str to array
        See :func:`.croco.read_record`.

    Raises
    ------
    ValueError
        A flux is missing; or has another shape, other units or no sign that can be understood.
    """
    found: dict[str, Float32Array] = {}
    for name, field in FLUXES.items():
        known_as = field.names_in(file)
        if known_as:
            fields = {
                key: _read(file[key], field, shape, record) for key in net(file, name, known_as)
            }
            first, *others = fields
            for other in others:
                if not np.allclose(fields[first], fields[other], 1e-5, 1e-5, equal_nan=True):
                    raise ValueError(
                        f"{file.path}: {first} and {other} differ in record {record}, and both may "
                        f"be the {name}: leave one of them"
                    )
            found[name] = fields[first]
        elif needed and name in NEEDED:
            raise ValueError(
                f"{file.path}: no variable {field.name}, which is to be learned or compared with; "
                f"it has {', '.join(file.names)}"
            )
    parts = ("heat", "shortwave", "longwave", "latent")
    if "sensible" not in found and all(name in found for name in parts):
        total, *rest = (found[name] for name in parts)
        found["sensible"] = total - sum(rest)
    return found


def net(file: RawFile, name: str, known_as: list[str]) -> list[str]:
    """Return which variables are the net flux, of several that may be, by their descriptions.

    Raises
    ------
    ValueError
        All there are describe radiation that arrives, before what the sea sends back.
    """
    if name not in ("shortwave", "longwave"):
        return known_as
    described_as = {key: str(file[key].attributes.get("long_name", "")) for key in known_as}
    found = [
        key for key, text in described_as.items() if not GROSS.search(text) or "net" in text.lower()
    ]
    if not found:
        key, text = next(iter(described_as.items()))
        raise ValueError(
            f'{file.path}: {key} is "{text}", expected the net {name} radiation into the sea'
        )
    return found


def sign(variable: RawVariable, *, vector: bool = False) -> int:
    """Return 1 if a variable is positive into the sea, -1 if it is positive out of it.

    The first of its attributes ``positive``, ``positive_value`` (ROMS), ``standard_name`` and
    ``long_name`` that says so counts; by default it is 1, as CROCO and ROMS have it.

    Parameters
    ----------
    variable : RawVariable
    vector : bool
        Whether it is a stress, whose other descriptions mean the direction along its axis.

    Raises
    ------
    ValueError
        ``positive`` says neither.
    """
    for key in ("positive", "positive_value", "standard_name", "long_name")[: 1 if vector else 4]:
        text = str(variable.attributes.get(key) or "").replace("_", " ")
        up, down = UP.search(text), DOWN.search(text)
        if bool(up) != bool(down):
            return -1 if up else 1
        if key == "positive" and text:
            raise ValueError(
                f'{variable.path}: {variable.name} has the attribute positive = "{text}", expected '
                '"down" (into the sea) or "up"'
            )
    return 1


def is_empty(file: RawFile, shape: tuple[int, int], record: int) -> bool:
    """Whether a file has stress and heat, and none of either at a record."""
    return are_none(
        {
            name: _read(file[key], FLUXES[name], shape, record)
            for name in NEEDED
            for key in FLUXES[name].names_in(file)[:1]
        }
    )


def are_none(fluxes: Mapping[str, Float32Array]) -> bool:
    """Whether there are stress and heat, all of them 0, as packing makes it, or missing."""
    given = {name: np.nan_to_num(fluxes[name]) for name in NEEDED if name in fluxes}
    return bool(given) and all(np.abs(values).max() < NONE[name] for name, values in given.items())


def check_fluxes(
    path: object, fluxes: Mapping[str, Float32Array], masks: Mapping[str, Mask], record: int
) -> None:
    """Raise ValueError if fluxes are such as no sea has: in size, sign or sum."""
    at_sea = {name: fluxes[name][masks[points_of(name)]] for name in FLUXES if name in fluxes}
    for name, values in at_sea.items():
        _check_values(f"{path}: {FLUXES[name].name} ({name}) of record {record}", name, values)
    stress = [at_sea[name] for name in ("tau_x", "tau_y") if name in at_sea]
    amount = np.concatenate(stress) if len(stress) == 2 else np.array([])
    amount = amount[np.isfinite(amount)]
    if amount.size and amount.any():
        mean = float(np.sqrt(np.mean(np.square(amount, dtype=np.float64))))
        if mean < WEAKEST_STRESS:
            raise ValueError(
                f"{path}: sustr, svstr of record {record} have a root mean square of {mean:.2g} "
                f"N/m2, expected more than {WEAKEST_STRESS:g}: is it the stress over the density "
                "(m2/s2)? Give it in N/m2, or with its units"
            )
    _check_sum(f"{path}: shflux (heat) of record {record}", at_sea)


# --- Parts ---


def _read(
    variable: RawVariable, field: FileVariable, shape: tuple[int, int], record: int
) -> Float32Array:
    """Read a flux at a record, ``(y, x)``."""
    expected = points_shape(field.points, shape)
    values = take(variable, ("y", "x"), {"time": record}, zero_is_a_number=True)
    if values.shape != expected:
        raise ValueError(
            f"{variable.path}: {variable.name} has shape {variable.shape}, expected (time, "
            f"{expected[0]}, {expected[1]}): it lies on the {field.points} points of a grid of "
            f"{shape[0]} x {shape[1]} rho points; its dimensions are {described(variable)}"
        )
    values = convert_from(variable, field.units).apply(values)
    upward = sign(variable, vector=field.points != "rho") < 0
    return np.asarray(-values if upward else values, np.float32)


def _check_values(described_as: str, name: str, values: NDArray[np.float32]) -> None:
    """Raise ValueError if values at sea are none of such a flux."""
    known = np.isfinite(values)
    if not known.any():
        return
    if np.isinf(values).any():
        raise ValueError(f"{described_as} is infinite at {np.isinf(values).sum()} sea points")
    low, high = BOUNDS[name]
    finite = values[known]
    wrong = int(((finite < low) | (finite > high)).sum())
    units = "N/m2" if name.startswith("tau") else "W/m2"
    if wrong:
        raise ValueError(
            f"{described_as} lies within {finite.min():g} ... {finite.max():g} {units} at sea, "
            f"expected {low:g} ... {high:g}: wrong at {wrong} of {values.size} points"
            + (SIGN if name == "shortwave" and finite.min() < low else "")
        )
    if name in MEANS and finite.mean(dtype=np.float64) > MEANS[name]:
        raise ValueError(
            f"{described_as} has a mean of {finite.mean():g} {units} over the sea, expected at "
            f"most {MEANS[name]:g}{SIGN}"
        )
    if name in NEEDED and finite.any():
        lost, empty = int((~known).sum()), int((finite == 0).sum())
        if lost:
            raise ValueError(
                f"{described_as} is NaN, or was never written, at {lost} of {values.size} sea "
                "points, but not at all"
            )
        if empty > max(UNWRITTEN_SHARE * values.size, 4):
            raise ValueError(
                f"{described_as} is exactly 0 at {empty} of {values.size} sea points, but not at "
                "all: was it never written there?"
            )


SIGN = (
    ". All fluxes count positive into the sea: where a file has them positive upward, its variable "
    'needs the attribute positive = "up"'
)


def _check_sum(described_as: str, at_sea: Mapping[str, NDArray[np.float32]]) -> None:
    """Raise ValueError if the net heat flux is not the sum of its parts."""
    if not {"heat", *HEAT_PARTS} <= at_sea.keys():
        return
    parts = {name: at_sea[name].astype(np.float64) for name in HEAT_PARTS}
    amount = _rms(sum(np.abs(values) for values in parts.values()))
    error = at_sea["heat"] - sum(parts.values())
    if not np.isfinite(amount) or _rms(error) <= max(0.01 * amount, 1.0):
        return
    for name, values in parts.items():
        if _rms(error + 2 * values) < 0.1 * _rms(error):
            raise ValueError(
                f"{described_as} is the sum of its parts only if {name} counts the other way" + SIGN
            )
    if _rms(error) > CLOSED * amount:
        raise ValueError(
            f"{described_as} differs from the sum of its parts by {_rms(error):g} W/m2, root mean "
            f"square, where they amount to {amount:g}"
        )


def _rms(values: Any) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(np.square(values))))
