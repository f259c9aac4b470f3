"""The 3-D effect of the demo teacher next to that of ECMWF's ecRad on real columns."""

import logging
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor

from ai4sim.tests.reference import REFERENCE, needs_reference
from weather_forecast.bias_correction.io.layout import FLUXES, HEATING_RATES, RadiationLayout
from weather_forecast.bias_correction.physics.solver import three_dimensional_effect

pytestmark = needs_reference

_log = logging.getLogger(__name__)

INPUTS = ("sca_inputs", "col_inputs", "hl_inputs", "inter_inputs")
LEAST_CORRELATION = {
    ("flux_dn_sw", "surface"): 0.9,
    ("flux_up_sw", "top"): 0.9,
    ("flux_dn_lw", "surface"): 0.9,
    ("flux_up_lw", "top"): 0.9,
    ("flux_dn_sw", "all"): 0.9,
    ("flux_up_sw", "all"): 0.9,
    ("flux_dn_lw", "all"): 0.9,
    ("flux_up_lw", "all"): 0.9,
    ("hr_sw", "all"): 0.9,
    ("hr_lw", "all"): 0.7,
}


def read(every: int = 1) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """Return the unperturbed columns: inputs, effect and fluxes of Tripleclouds, by name."""
    path = Path(REFERENCE, "ecrad", "raw", "ecrad_3d_train.h5")
    with h5py.File(path) as file:
        chosen = np.flatnonzero(file["is_original"][:])[::every]
        parts = []
        for name in INPUTS:
            values = torch.from_numpy(file[name][:][chosen])
            parts.append(values.mT.flatten(1) if values.ndim == 3 else values)
        effect = {n: torch.from_numpy(file[n][:][chosen]) for n in (*FLUXES, *HEATING_RATES)}
        plain = {n: torch.from_numpy(file[f"tripleclouds_{n}"][:][chosen]) for n in FLUXES}
    inputs = torch.cat(parts, 1)
    return RadiationLayout().split_inputs(inputs), effect, plain


def correlation(first: Tensor, second: Tensor) -> float:
    """Return Pearson's correlation over all elements."""
    both = torch.stack([first.double().flatten(), second.double().flatten()])
    return float(torch.corrcoef(both)[0, 1])


def test_effect_and_fluxes_are_like_those_of_ecrad() -> None:
    """Correlations of the effect by variable and place; absolute fluxes within some 10 %.

    Gases, particles and aerosols are treated more simply than in ecRad, so sizes differ.
    """
    columns, effect, plain = read()
    targets, fluxes = three_dimensional_effect(columns)
    ours = RadiationLayout().split_outputs(targets)
    places = {"all": slice(None), "top": slice(0, 1), "surface": slice(-1, None)}
    found, lines = {}, []
    for name, place in LEAST_CORRELATION:
        a, b = ours[name][:, places[place]], effect[name][:, places[place]]
        found[name, place] = correlation(a, b)
        lines.append(
            f"{name} {place}: correlation {found[name, place]:.3f}, mean size "
            f"{float(a.abs().mean()):.4g} (ecRad {float(b.abs().mean()):.4g})"
        )
    absolute = dict(zip(FLUXES, fluxes.chunk(4, 1), strict=True))
    for name, flux in absolute.items():
        lines.append(
            f"Tripleclouds {name}: correlation {correlation(flux, plain[name]):.4f}, bias "
            f"{float((flux - plain[name]).mean()):.2f} of {float(plain[name].mean()):.1f} W/m2"
        )
    report = "\n".join(lines)
    _log.info("3-D effect next to ecRad's:\n%s", report)
    poor = [key for key, least in LEAST_CORRELATION.items() if not found[key] >= least]
    assert not poor, f"too little correlation of {poor}:\n{report}"
    for name, flux in absolute.items():
        assert correlation(flux, plain[name]) > 0.98, report
        bias = float((flux - plain[name]).mean() / plain[name].mean())
        assert abs(bias) < 0.1, report


def test_long_wave_is_that_of_ecrad_if_it_loses_what_ecrad_loses() -> None:
    """Reflection into other regions accounts for most of the difference in the long wave."""
    columns, effect, _ = read(every=4)
    errors = []
    for like_ecrad in (False, True):
        targets, _ = three_dimensional_effect(columns, like_ecrad=like_ecrad)
        ours = RadiationLayout().split_outputs(targets)
        errors.append((ours["flux_up_lw"] - effect["flux_up_lw"]).abs().mean())
    assert errors[1] < 0.4 * errors[0]
    assert correlation(ours["hr_lw"], effect["hr_lw"]) > 0.95
