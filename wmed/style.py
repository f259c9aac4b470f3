"""How figures name and draw each model and each flux: the same everywhere."""

from __future__ import annotations

from typing import Any

from ai4sim.evaluation.figures import OKABE_ITO
from wmed.excerpts import MODEL, TARGET

STRESS_UNITS, HEAT_UNITS = r"N m$^{-2}$", r"W m$^{-2}$"
UNITS = {"tau_x": STRESS_UNITS, "tau_y": STRESS_UNITS, "tau": STRESS_UNITS}
TITLES = {
    "tau_x": r"$\tau_x$",
    "tau_y": r"$\tau_y$",
    "tau": r"$|\tau|$",
    "heat": "Net heat flux",
    "non_solar": "Non-solar heat flux",
}
LABELS = {
    TARGET: "Target",
    "coare36": "COARE 3.6",
    "mean": "Mean",
    "ridge": "Ridge regression",
    "constant_bulk": "Constant bulk",
    "coare_nearest": "COARE, nearest cell",
    "ecmwf": "ECMWF bulk",
    "surrogate": "Network",
    MODEL: "Network",
}
"""Names in legends of the models of the test set and of the schemes of online runs."""
_TRUTH = {"color": OKABE_ITO["black"], "linewidth": 3.2, "alpha": 0.4}
_NETWORK = {"color": OKABE_ITO["vermilion"], "linewidth": 1.8}
LOOKS: dict[str, dict[str, Any]] = {
    TARGET: _TRUTH,
    "coare36": _TRUTH,
    "mean": {"color": OKABE_ITO["grey"], "linestyle": ":", "linewidth": 1.3},
    "ridge": {"color": OKABE_ITO["sky_blue"], "linewidth": 1.2},
    "constant_bulk": {"color": OKABE_ITO["blue"], "linewidth": 1.2},
    "coare_nearest": {"color": OKABE_ITO["green"], "linestyle": "--", "linewidth": 1.2},
    "ecmwf": {"color": OKABE_ITO["purple"], "linestyle": "-.", "linewidth": 1.2},
    "surrogate": _NETWORK,
    MODEL: _NETWORK,
}
OTHER_LOOK = {"color": OKABE_ITO["orange"], "linewidth": 1.2}


def label_of(name: str) -> str:
    """Return what a model is called in a figure."""
    return LABELS.get(name, name)


def look_of(name: str) -> dict[str, Any]:
    """Return the line of a model."""
    return LOOKS.get(name, OTHER_LOOK)


def units_of(quantity: str) -> str:
    """Return the units of a flux."""
    return UNITS.get(quantity, HEAT_UNITS)
