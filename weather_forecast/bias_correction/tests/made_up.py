"""Made-up columns of a few levels: plausible air and clouds, targets that keep the constraints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from weather_forecast.bias_correction.io.layout import (
    AEROSOLS,
    LW_BANDS,
    PROFILES,
    SW_BANDS,
    RadiationLayout,
)
from weather_forecast.bias_correction.io.raw_files import write_columns
from weather_forecast.bias_correction.physics.heating import heating_rate

GASES = {
    "co2": 4.1e-4,
    "n2o": 3.3e-7,
    "ch4": 1.9e-6,
    "o2": 0.2095,
    "cfc11": 2.3e-10,
    "cfc12": 5e-10,
}


def columns(count: int = 32, levels: int = 12, seed: int = 0) -> dict[str, Tensor]:
    """Draw columns, float32.

    A quarter are clear, about a fifth are in the night; albedo and emissivity are grey. The targets
    have what those of ecRad have: they vanish at the top (downward), at night (short-wave) and in
    clear columns; the surface reflects; heating rates follow from the fluxes.

    Returns
    -------
    dict of str to Tensor
        ``inputs : (count, input_channels)``, ``targets : (count, output_channels)``, ``latitude``
        and ``longitude : (count,)``, ``tripleclouds : (count, 4 x half_level)``.
    """
    rng = torch.Generator().manual_seed(seed)

    def number(low: float, high: float, width: int = 1) -> Tensor:
        return low + (high - low) * torch.rand(count, width, generator=rng, dtype=torch.float64)

    layout = RadiationLayout(levels)
    latitude, longitude = number(-90, 90), number(-180, 180)
    surface_pressure = number(9.5e4, 1.03e5)
    # Half levels crowd towards the top, the uppermost is at 0 Pa.
    pressure_hl = surface_pressure * torch.linspace(0, 1, levels + 1, dtype=torch.float64).square()
    pressure = (pressure_hl[:, 1:] + pressure_hl[:, :-1]) / 2
    skin = 300 - 0.5 * latitude.abs() + number(-3, 3)

    def temperature_at(p: Tensor) -> Tensor:
        troposphere = skin * (p.clamp(min=1.0) / surface_pressure) ** 0.19
        warming = 50 * torch.exp(-((p.clamp(min=1.0) / 100).log().square()) / 8)
        return troposphere.clamp(min=210.0) + warming

    temperature = temperature_at(pressure)
    top = number(0.2, 0.9)
    inside = (pressure > top * surface_pressure) & (
        pressure < (top + number(0.05, 0.3)) * surface_pressure
    )
    cloudy = number(0, 1) > 0.25
    cloud = (inside & cloudy) * number(0.05, 1) * number(0.6, 1, levels)
    liquid = ((temperature - 250) / 23).clamp(0, 1)
    condensate = cloud * number(2e-5, 3e-4)
    gases = {f"{gas}_vmr": torch.full_like(pressure, value) for gas, value in GASES.items()}
    profiles = {
        "q": 2e-6 + 0.012 * (pressure / surface_pressure) ** 3 * number(0.3, 1.0),
        "o3_mmr": 5e-8 + 1e-5 * torch.exp(-((pressure / 1000).log().square()) / 4),
        **gases,
        "cloud_fraction": cloud,
        **{
            f"aerosol_mmr_{kind + 1}": number(0, 2e-9) * (pressure / surface_pressure) ** 2
            for kind in range(AEROSOLS)
        },
        "q_liquid": condensate * liquid,
        "q_ice": condensate * (1 - liquid),
        "re_liquid": torch.full_like(pressure, 1e-5),
        "re_ice": torch.full_like(pressure, 4e-5),
    }
    profiles |= {name: torch.zeros_like(pressure) for name in PROFILES if name not in profiles}
    mu0, albedo, emissivity = number(-0.25, 1.0), number(0.05, 0.8), number(0.95, 1.0)
    solar = number(1320, 1408)
    thickness = temperature[:, :-1] * 29.3 * (pressure[:, 1:] / pressure[:, :-1]).log()
    inputs = torch.cat(
        [
            skin,
            mu0,
            albedo.expand(-1, 2 * SW_BANDS),
            emissivity.expand(-1, LW_BANDS),
            solar,
            *(profiles[name] for name in PROFILES),
            temperature_at(pressure_hl),
            pressure_hl,
            torch.exp(-thickness / 2000),
        ],
        dim=1,
    )

    # Fluxes: clouds take light out of the downward beam, or add to it; the net flux is integrated
    # from the surface upward.
    day = mu0.clamp(min=0) * solar
    extinction = cloud * pressure_hl.diff(dim=-1) / surface_pressure
    absorbed = {"sw": 0.02 * day * (mu0 - 0.3) * extinction, "lw": 3.0 * extinction}
    correction: dict[str, Tensor] = {}
    absolute: dict[str, Tensor] = {}
    for band, surface in (("sw", albedo), ("lw", 1 - emissivity)):
        change = absorbed[band] * (5 if band == "sw" else 1)
        down = pad(change.cumsum(dim=-1), (1, 0))
        net_surface = (1 - surface) * down[:, -1:]
        gained = absorbed[band].flip(-1).cumsum(dim=-1).flip(-1)
        net = net_surface + pad(gained, (0, 1))
        correction |= {f"flux_dn_{band}": down, f"flux_up_{band}": down - net}
    depth = pad(extinction.cumsum(dim=-1), (1, 0)) + 0.1 * pressure_hl / surface_pressure
    absolute["flux_dn_sw"] = day * torch.exp(-2 * depth)
    absolute["flux_up_sw"] = albedo * absolute["flux_dn_sw"][:, -1:] + 0.3 * (
        day - absolute["flux_dn_sw"]
    ).flip(-1)
    absolute["flux_dn_lw"] = 5.67e-8 * skin**4 * (1 - torch.exp(-8 * depth))
    absolute["flux_up_lw"] = 5.67e-8 * skin**4 * torch.exp(-0.5 * depth.flip(-1))
    heating = [
        heating_rate(correction[f"flux_dn_{b}"], correction[f"flux_up_{b}"], pressure_hl)
        for b in ("sw", "lw")
    ]
    result = {
        "inputs": inputs,
        "targets": torch.cat([*(correction[v.name] for v in layout.outputs[:4]), *heating], dim=1),
        "latitude": latitude[:, 0],
        "longitude": longitude[:, 0],
        "tripleclouds": torch.cat([absolute[v.name] for v in layout.outputs[:4]], dim=1),
    }
    return {name: values.float() for name, values in result.items()}


def write_file(
    path: Path,
    count: int = 32,
    levels: int = 12,
    seed: int = 0,
    *,
    targets: bool = True,
    tripleclouds: bool = True,
    places: bool = True,
    extras: dict[str, Any] | None = None,
) -> dict[str, Tensor]:
    """Write a raw file of such columns, and return what is in it."""
    data = columns(count, levels, seed)
    optional = {"targets": targets, "tripleclouds": tripleclouds}
    optional |= dict.fromkeys(("latitude", "longitude"), places)
    data = {name: values for name, values in data.items() if optional.get(name, True)}
    content: dict[str, Any] = dict(data)
    write_columns(path, RadiationLayout(levels), **content, extras=extras)
    return data
