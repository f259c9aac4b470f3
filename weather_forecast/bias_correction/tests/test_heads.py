"""What the structured head guarantees whatever the network says, and what it can represent."""

import pytest
import torch

from weather_forecast.bias_correction.io.layout import RadiationLayout
from weather_forecast.bias_correction.nets.heads import FreeHead, StructuredHead, incoming
from weather_forecast.bias_correction.physics.heating import HEATING, heating_rate
from weather_forecast.bias_correction.tests import made_up

LEVELS = 20
LAYOUT = RadiationLayout(LEVELS)


@pytest.fixture
def data():
    made = made_up.columns(64, LEVELS, seed=3)
    return {**made, "columns": LAYOUT.split_inputs(made["inputs"])}


@pytest.fixture
def corrections(data):
    """What the head makes of noise."""
    torch.manual_seed(0)
    head = StructuredHead(LAYOUT)
    head.calibrate(data["columns"], data["targets"])
    with torch.no_grad():
        head.albedo_weights.normal_()
        head.emissivity_weights.normal_()
    found = head(torch.randn(64, head.channels, LEVELS + 1), data["columns"])
    return LAYOUT.split_outputs(found.detach())


@pytest.mark.parametrize("band", ["sw", "lw"])
def test_heating_rates_are_those_of_the_fluxes(corrections, data, band):
    dn, up = (corrections[f"flux_{way}_{band}"].double() for way in ("dn", "up"))
    pressure = data["columns"]["pressure_hl"].double()
    found = corrections[f"hr_{band}"]
    assert found.abs().max() > 0
    # In W/m2 per layer: the rounding of the fluxes, single precision.
    rounding = 1e-6 * max(float(dn.abs().max()), float(up.abs().max()))
    absorbed = (found - heating_rate(dn, up, pressure)) * pressure.diff(dim=-1) / HEATING
    assert absorbed.abs().max() < 4 * rounding
    net = dn - up
    total = (found * pressure.diff(dim=-1) / HEATING).sum(-1)
    assert (total - (net[:, 0] - net[:, -1])).abs().max() < 40 * rounding


def test_nothing_comes_in_at_the_top(corrections):
    for name in ("flux_dn_sw", "flux_dn_lw"):
        assert (corrections[name][:, 0] == 0).all()
        assert (corrections[name][:, 1:] != 0).any()


def test_there_is_no_sunlight_at_night_and_no_effect_without_clouds(corrections, data):
    night = data["columns"]["cos_solar_zenith_angle"] <= 0
    clear = (data["columns"]["cloud_fraction"] == 0).all(-1)
    assert night.any() and clear.any()
    for name, values in corrections.items():
        assert (values[clear] == 0).all(), name
        if name.endswith("sw"):
            assert (values[night] == 0).all(), name
        assert (values[~night & ~clear].abs().amax(-1) > 0).all(), name


def test_the_surface_reflects_with_its_albedo_and_emissivity(corrections, data):
    """The made-up surfaces are grey: whatever the weights, the mean over bands is their albedo."""
    columns = data["columns"]
    for band, reflected in (
        ("sw", columns["sw_albedo_1"]),
        ("lw", 1 - columns["lw_emissivity_1"]),
    ):
        dn, up = (corrections[f"flux_{way}_{band}"][:, -1] for way in ("dn", "up"))
        torch.testing.assert_close(up, reflected * dn, rtol=1e-4, atol=1e-5)


def test_a_spectral_surface_reflects_within_the_range_of_its_albedos(data):
    columns = {k: v.clone() for k, v in data["columns"].items()}
    columns["sw_albedo_3"] += 0.1
    columns["sw_albedo_direct_6"] -= 0.03
    head = StructuredHead(LAYOUT)
    with torch.no_grad():
        head.albedo_weights.normal_()
    albedo, _ = head.surface(columns)
    assert (albedo < columns["sw_albedo_3"]).all()
    assert (albedo > columns["sw_albedo_direct_6"]).all()


def test_short_wave_corrections_are_proportional_to_the_irradiance_of_the_sun(data):
    torch.manual_seed(0)
    head = StructuredHead(LAYOUT)
    x = torch.randn(64, head.channels, LEVELS + 1)
    brighter = {**data["columns"], "solar_irradiance": 1.1 * data["columns"]["solar_irradiance"]}
    before = LAYOUT.split_outputs(head(x, data["columns"]))
    after = LAYOUT.split_outputs(head(x, brighter))
    for name in before:
        factor = 1.1 if name.endswith("sw") else 1.0
        torch.testing.assert_close(after[name], factor * before[name])


@pytest.mark.parametrize("head_class", [StructuredHead, FreeHead])
def test_the_head_can_give_any_corrections_that_keep_the_laws(data, head_class):
    """The made-up targets keep them: inverting the head by hand gives them back."""
    head = head_class(LAYOUT)
    head.calibrate(data["columns"], data["targets"])
    columns, parts = data["columns"], LAYOUT.split_outputs(data["targets"])
    x = torch.zeros(64, head.channels, LEVELS + 1)
    if head_class is FreeHead:
        for channel, (name, values) in enumerate(parts.items()):
            scale = LAYOUT.split_outputs(head.scale[None])[name]
            x[:, channel, : values.shape[1]] = values / scale
    else:
        sun = incoming(columns).clamp(min=1e-3)[:, None]
        per_heating = columns["pressure_hl"].diff(dim=-1) / HEATING
        for channel, band, factor in ((0, "sw", sun), (2, "lw", torch.ones_like(sun))):
            change = parts[f"flux_dn_{band}"].diff(dim=-1) / factor
            absorbed = parts[f"hr_{band}"] * per_heating / factor
            x[:, channel, :-1] = change / head.scale[channel]
            x[:, channel + 1, :-1] = absorbed / head.scale[channel + 1]
    found = LAYOUT.split_outputs(head(x, columns).detach())
    for name, values in parts.items():
        torch.testing.assert_close(
            found[name], values, rtol=1e-3, atol=2e-5 * float(values.abs().max())
        )
