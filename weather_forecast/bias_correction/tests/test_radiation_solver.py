"""Columns: what radiation must do in them, with and without transport through cloud sides."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from ai4sim.physics.constants import STEFAN_BOLTZMANN
from weather_forecast.bias_correction.io.layout import RadiationLayout
from weather_forecast.bias_correction.physics import regions as regions_module
from weather_forecast.bias_correction.physics.adding import longwave_fluxes, shortwave_fluxes
from weather_forecast.bias_correction.physics.heating import HEATING
from weather_forecast.bias_correction.physics.layers import (
    DIFFUSE_TANGENT,
    exchange_rates,
    shortwave_layer,
    sun_tangent,
)
from weather_forecast.bias_correction.physics.regions import Regions, regions
from weather_forecast.bias_correction.physics.solver import (
    RadiativeFluxes,
    radiative_fluxes,
    three_dimensional_effect,
)
from weather_forecast.bias_correction.physics.two_stream import (
    Emission,
    longwave_slab,
    shortwave_slab,
)

LEVELS = 24


def made_up_columns(mu0: Tensor, fraction: float = 0.4) -> dict[str, Tensor]:
    """Return columns of a midlatitude summer with cumulus at 800 hPa and cirrus at 300 hPa."""
    number = len(mu0)
    half = torch.linspace(0.0, 1.0, LEVELS + 1).double() ** 1.5 * 1e5
    full = 0.5 * (half[1:] + half[:-1])
    column = torch.zeros(number, LEVELS).double()
    cumulus = ((full > 7e4) & (full < 8.8e4)).double()
    cirrus = ((full > 2.5e4) & (full < 3.5e4)).double()
    named: dict[str, Tensor] = {v.name: column for v in RadiationLayout(LEVELS).inputs}
    named |= {
        "skin_temperature": torch.full((number,), 295.0).double(),
        "cos_solar_zenith_angle": mu0.double(),
        "solar_irradiance": torch.full((number,), 1361.0).double(),
        "temperature_hl": column.new_tensor(295.0) * (half / 1e5).clamp(min=0.2) ** 0.19
        + torch.zeros(number, 1),
        "pressure_hl": half.expand(number, -1),
        "q": (0.012 * (full / 1e5) ** 3 + 3e-6).expand(number, -1),
        "o3_mmr": (8e-6 * torch.exp(-((full.log() - 7.5) ** 2))).expand(number, -1),
        "co2_vmr": column + 4e-4,
        "cloud_fraction": (fraction * cumulus + 0.5 * fraction * cirrus).expand(number, -1),
        "q_liquid": (fraction * 2e-4 * cumulus).expand(number, -1),
        "q_ice": (fraction * 2e-5 * cirrus).expand(number, -1),
        "re_liquid": column + 1e-5,
        "re_ice": column + 4e-5,
        "overlap_param": torch.full((number, LEVELS - 1), 0.8).double(),
    }
    for i in range(1, 7):
        named[f"sw_albedo_{i}"] = named[f"sw_albedo_direct_{i}"] = torch.full(
            (number,), 0.1
        ).double()
    for i in range(1, 3):
        named[f"lw_emissivity_{i}"] = torch.full((number,), 0.97).double()
    return named


@pytest.fixture(scope="module")
def suns() -> Tensor:
    """Return cosines of the solar zenith angle from overhead to below the horizon."""
    return torch.tensor([1.0, 0.8, 0.5, 0.2, 0.05, 1e-4, 0.0, -0.3]).double()


@pytest.fixture(scope="module")
def effect(suns: Tensor) -> Iterator[dict[str, Tensor]]:
    """Return the 3-D effect under these suns by name."""
    targets, _ = three_dimensional_effect(made_up_columns(suns))
    yield RadiationLayout(LEVELS).split_outputs(targets)


def test_columns_without_cloud_have_no_effect(suns: Tensor) -> None:
    """Exactly zero, next to cloudy columns as well, and both solvers agree to the last bit."""
    columns = made_up_columns(suns)
    for name in ("cloud_fraction", "q_liquid", "q_ice"):
        columns[name] = columns[name].clone()
    columns["cloud_fraction"][1] = 0.0
    columns["q_liquid"][2] = columns["q_ice"][2] = 0.0
    targets, _ = three_dimensional_effect(columns)
    assert (targets[[1, 2]] == 0.0).all()
    assert (targets[0] != 0.0).any()
    plain, exchanging = (radiative_fluxes(columns, transport=t) for t in (False, True))
    for a, b in zip(plain, exchanging, strict=True):
        assert (a[1] == b[1]).all()


def test_no_sun_at_night(suns: Tensor, effect: dict[str, Tensor]) -> None:
    """Zero or negative cosine: exactly no sunlight. A low sun: hardly any."""
    fluxes = radiative_fluxes(made_up_columns(suns), transport=True)
    night = suns <= 0.0
    for flux in (fluxes.flux_dn_sw, fluxes.flux_up_sw):
        assert (flux[night] == 0.0).all()
        assert (flux[~night] >= 0.0).all()
        assert (flux[5] < 1361.0 * suns[4]).all()
    for name in ("flux_dn_sw", "flux_up_sw", "hr_sw"):
        assert (effect[name][night] == 0.0).all()
        assert effect[name][5].abs().max() < effect[name][4].abs().max()
    torch.testing.assert_close(fluxes.flux_dn_sw[:, 0], 1361.0 * suns.clamp(min=0.0))


def test_signs_of_the_effect(suns: Tensor, effect: dict[str, Tensor]) -> None:
    """Cloud sides shade the ground of a low sun, leak light under a high one, warm the ground."""
    surface = effect["flux_dn_sw"][:, -1]
    assert surface[0] > 0.5
    assert surface[3] < -0.5
    # Sides reflect a low sun; a high one loses less to space.
    assert effect["flux_up_sw"][3, 0] > 0.5
    assert effect["flux_up_sw"][0, 0] < -0.5
    assert (effect["flux_dn_lw"][:, -1] > 0.05).all()
    assert (effect["flux_up_lw"][:, 0] < 0.0).all()
    for name in ("flux_dn_sw", "flux_dn_lw"):
        assert effect[name][:, 0].abs().max() < 1e-10


def test_heating_is_what_the_fluxes_lose(effect: dict[str, Tensor]) -> None:
    """Heating over the mass of the layers adds up to net flux at the top minus at the ground."""
    thickness = made_up_columns(torch.ones(8))["pressure_hl"].diff(dim=1)
    for kind in ("sw", "lw"):
        net = effect[f"flux_dn_{kind}"] - effect[f"flux_up_{kind}"]
        absorbed = (effect[f"hr_{kind}"] * thickness).sum(1) / HEATING
        torch.testing.assert_close(absorbed, net[:, 0] - net[:, -1])


def test_ground_reflects_by_its_albedo_and_emissivity(suns: Tensor) -> None:
    """Surface fluxes up are albedo times down; emission and reflection in the long wave."""
    columns = made_up_columns(suns)
    for transport in (False, True):
        fluxes = radiative_fluxes(columns, transport=transport)
        torch.testing.assert_close(fluxes.flux_up_sw[:, -1], 0.1 * fluxes.flux_dn_sw[:, -1])
        emitted = 0.97 * STEFAN_BOLTZMANN * 295.0**4 * torch.ones(len(suns)).double()
        expected = emitted + 0.03 * fluxes.flux_dn_lw[:, -1]
        torch.testing.assert_close(fluxes.flux_up_lw[:, -1], expected, rtol=1e-7, atol=0.0)


def test_without_edges_transport_changes_nothing(
    suns: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clouds of infinite size have no sides: SPARTACUS is Tripleclouds."""
    columns = made_up_columns(suns)
    honest, _ = three_dimensional_effect(columns)
    monkeypatch.setattr(regions_module, "SEPARATION_TOP", 1e18)
    monkeypatch.setattr(regions_module, "SEPARATION_SURFACE", 1e18)
    targets, _ = three_dimensional_effect(columns)
    fluxes = targets[:, : 4 * (LEVELS + 1)]
    assert honest[:, : 4 * (LEVELS + 1)].abs().max() > 1.0
    assert fluxes.abs().max() < 2e-3


def test_homogeneous_overcast_has_no_effect(suns: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all regions are the same, it does not matter that light passes between them."""
    monkeypatch.setattr(regions_module, "FRACTIONAL_STD", 0.0)
    columns = made_up_columns(suns)
    cloudy = columns["cloud_fraction"] > 0.0
    columns["cloud_fraction"] = cloudy.double()
    targets, _ = three_dimensional_effect(columns)
    assert targets[:, : 4 * (LEVELS + 1)].abs().max() < 2e-3


def test_isothermal_columns_emit_as_black_bodies() -> None:
    """Over a black ground of the same temperature the upward flux is sigma T^4 at every level."""
    columns = made_up_columns(torch.zeros(2), fraction=0.0)
    columns["temperature_hl"] = torch.full_like(columns["temperature_hl"], 280.0)
    columns["skin_temperature"] = torch.full((2,), 280.0).double()
    columns["lw_emissivity_1"] = columns["lw_emissivity_2"] = torch.ones(2).double()
    fluxes = radiative_fluxes(columns, transport=True)
    black = STEFAN_BOLTZMANN * 280.0**4
    up, dn = fluxes.flux_up_lw, fluxes.flux_dn_lw
    torch.testing.assert_close(up, up[:, -1:].expand_as(up), rtol=1e-9, atol=0.0)
    torch.testing.assert_close(up, torch.full_like(up, black), rtol=1e-9, atol=0.0)
    assert (dn.diff(dim=1) > 0.0).all()
    assert dn.max() < black


def conservative(
    columns: dict[str, Tensor], transport: bool
) -> tuple[Tensor, Regions, RadiativeFluxes]:
    """Solve for sunlight without any absorption over a white and over a black ground."""
    levels_first = {k: v.mT.contiguous() if v.ndim == 2 else v for k, v in columns.items()}
    clouds = regions(levels_first)
    mu0 = columns["cos_solar_zenith_angle"]
    number = len(mu0)
    tau = torch.full((LEVELS, 1, number), 0.01).double()
    one = torch.ones_like(tau)
    clear = shortwave_slab(tau, one, 0.0 * one, mu0)
    scale = torch.tensor([0.01, 1.0, 8.0]).double()[:, None, None]
    tau = scale.expand(-1, 1, len(clouds.column))
    one, g, mu = torch.ones_like(tau), torch.full_like(tau, 0.46), mu0[clouds.column]
    tangent = sun_tangent(mu0)
    rates = (
        (exchange_rates(clouds, DIFFUSE_TANGENT), exchange_rates(clouds, tangent))
        if transport
        else tuple((torch.zeros_like(mu).expand(2, -1),) * 2 for _ in range(2))
    )
    cloudy = shortwave_layer(tau, one, g, mu, *rates)
    incoming = torch.full((1, number), 100.0).double()
    both = [
        shortwave_fluxes(
            clear,
            cloudy,
            clouds,
            incoming,
            torch.full_like(incoming, albedo),
            torch.full_like(incoming, albedo),
            tangent if transport else None,
        )
        for albedo in (1.0, 0.0)
    ]
    return incoming, clouds, RadiativeFluxes(*both[0], *both[1])


@pytest.mark.parametrize("transport", [False, True])
def test_nothing_is_lost_where_nothing_absorbs(transport: bool) -> None:
    """White ground: all comes back, the net flux is zero. Black ground: it is the same throughout.

    With overlap, exchange and entrapment between layers of partial cloud.
    """
    columns = made_up_columns(torch.tensor([1.0, 0.6, 0.3, 0.02]))
    incoming, clouds, fluxes = conservative(columns, transport)
    assert any(len(mixed) for mixed in clouds.mixed)
    white_dn, white_up, black_dn, black_up = fluxes
    torch.testing.assert_close(white_up[0], incoming[0], rtol=1e-3, atol=0.0)
    torch.testing.assert_close(white_dn, white_up, rtol=1e-3, atol=0.0)
    net = black_dn - black_up
    torch.testing.assert_close(net, net[-1:].expand_as(net), rtol=1e-3, atol=0.0)
    assert (net[-1] < 99.0).all()
    assert (net[-1] > 1.0).all()


def test_layers_add_in_any_order() -> None:
    """Transmittance of clear layers is that of the same layers upside down (reciprocity).

    Light from above over a black ground against light from the ground under black space.
    """
    tau = torch.linspace(0.05, 1.5, 6).double()[:, None, None]
    columns = made_up_columns(torch.ones(1), fraction=0.0)
    columns = {k: v[:, :7] if v.ndim == 2 else v for k, v in columns.items()}
    columns |= {"cloud_fraction": columns["cloud_fraction"][:, :6]}
    passed = []
    for order in (tau, tau.flip(0)):
        slab = longwave_slab(order, 0.6 * tau.sign(), 0.3 * tau.sign(), 0.0 * tau, 0.0 * tau)
        clouds = regions(
            {
                k: (v[:, : 6 if k in ("q_liquid", "q_ice") else 7].mT if v.ndim == 2 else v)
                for k, v in (columns | {"overlap_param": columns["overlap_param"][:, :5]}).items()
            }
        )
        nothing = torch.zeros(3, 3, 1, 0).double()
        none = Emission(nothing, nothing, nothing[0], nothing[0])
        ground = torch.full((1, 1), 100.0).double()
        _, up = longwave_fluxes(slab, none, clouds, ground, torch.zeros(1, 1).double())
        passed.append(up[0].item())
    assert passed[0] == pytest.approx(passed[1], rel=1e-12)
    assert 1.0 < passed[0] < 50.0


def test_chunks_and_precision_do_not_matter(suns: Tensor) -> None:
    """Columns do not know of each other; single precision comes back as it was given."""
    columns = made_up_columns(suns)
    whole, plain = three_dimensional_effect(columns)
    pieces, _ = three_dimensional_effect(columns, chunk=3)
    torch.testing.assert_close(pieces, whole, rtol=1e-9, atol=1e-9)
    single = {name: values.float() for name, values in columns.items()}
    rounded, _ = three_dimensional_effect(single)
    assert rounded.dtype == torch.float32
    fluxes = slice(0, 4 * (LEVELS + 1))
    torch.testing.assert_close(rounded[:, fluxes].double(), whole[:, fluxes], rtol=1e-3, atol=2e-3)
    torch.testing.assert_close(
        plain, torch.cat(list(radiative_fluxes(columns, transport=False)), 1)
    )


def test_lost_long_wave_reflection_cools_the_view_from_space(suns: Tensor) -> None:
    """What ecRad drops would have gone up; sunlight does not change."""
    columns = made_up_columns(suns, fraction=0.6)
    kept = radiative_fluxes(columns, transport=True)
    lost = radiative_fluxes(columns, transport=True, like_ecrad=True)
    assert (lost.flux_up_lw[:, 0] < kept.flux_up_lw[:, 0]).all()
    assert (lost.flux_up_lw - kept.flux_up_lw).abs().max() < 2.0
    assert (lost.flux_dn_sw == kept.flux_dn_sw).all()


def test_errors_name_the_variable() -> None:
    """What is missing or has another shape."""
    columns = made_up_columns(torch.ones(2))
    short = columns | {"q": columns["q"][:, :-1]}
    with pytest.raises(ValueError, match=r"q has shape \(2, 23\), expected \(2, 24\)"):
        three_dimensional_effect(short)
    del columns["re_ice"]
    with pytest.raises(ValueError, match="re_ice is missing"):
        radiative_fluxes(columns, transport=False)
