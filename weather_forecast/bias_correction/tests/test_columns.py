"""Synthetic columns: possible everywhere, hydrostatic, and with clouds of as many kinds as real."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ai4sim.physics.constants import GAS_CONSTANT, GRAVITY
from ai4sim.tests.reference import REFERENCE, needs_reference
from weather_forecast.atmosphere import DOBSON_UNIT, saturation_humidity
from weather_forecast.bias_correction.io.layout import AEROSOLS, LW_BANDS, SW_BANDS, RadiationLayout
from weather_forecast.bias_correction.synthetic import clouds
from weather_forecast.bias_correction.synthetic.columns import draw_columns
from weather_forecast.bias_correction.synthetic.generate import EUROPE, map_places, scattered_places
from weather_forecast.bias_correction.synthetic.surface import (
    SEA,
    direct_sea_albedo,
    draw_surface,
    kinds_of_surface,
)
from weather_forecast.levels import half_level_pressure

TIMES = [datetime.datetime(2019, month, 11, 3 * month % 24) for month in (1, 4, 7, 10)]
PLACES = 150


@pytest.fixture(scope="module")
def inputs() -> Tensor:
    """Return columns of four seasons, (column, channel)."""
    drawn = [draw_columns(t, *scattered_places(t, PLACES)) for t in TIMES]
    return torch.cat(drawn)


@pytest.fixture(scope="module")
def columns(inputs: Tensor) -> dict[str, Tensor]:
    """Return the same by name, in double precision."""
    return RadiationLayout(137).split_inputs(inputs.double())


def mass(columns: dict[str, Tensor]) -> Tensor:
    """Return the mass of air in each layer [kg/m2]."""
    return columns["pressure_hl"].diff(dim=-1) / GRAVITY


def temperature(columns: dict[str, Tensor]) -> Tensor:
    half = columns["temperature_hl"]
    return 0.5 * (half[:, 1:] + half[:, :-1])


def pressure(columns: dict[str, Tensor]) -> Tensor:
    half = columns["pressure_hl"]
    return 0.5 * (half[:, 1:] + half[:, :-1])


def test_every_value_is_possible(inputs: Tensor, columns: dict[str, Tensor]) -> None:
    assert inputs.shape == (len(TIMES) * PLACES, RadiationLayout(137).input_channels)
    assert inputs.dtype == torch.float32 and inputs.isfinite().all()
    ranges = {
        "skin_temperature": (190, 345),
        "cos_solar_zenith_angle": (-1, 1),
        "solar_irradiance": (1310, 1415),
        "q": (5e-7, 0.025),
        "o3_mmr": (1e-9, 2.5e-5),
        "o2_vmr": (0.2, 0.22),
        "co2_vmr": (4e-4, 4.2e-4),
        "cloud_fraction": (0, 1),
        "q_liquid": (0, 2e-3),
        "q_ice": (0, 2e-3),
        "re_liquid": (4e-6, 3e-5),
        "re_ice": (1e-5, 1.1e-4),
        "temperature_hl": (150, 335),
        "pressure_hl": (0, 1.08e5),
        "overlap_param": (0, 1),
        **{f"sw_albedo_{i + 1}": (0.02, 0.97) for i in range(SW_BANDS)},
        **{f"sw_albedo_direct_{i + 1}": (0.02, 0.97) for i in range(SW_BANDS)},
        **{f"lw_emissivity_{i + 1}": (0.88, 1) for i in range(LW_BANDS)},
        **{f"aerosol_mmr_{i + 1}": (0, 1e-6) for i in range(AEROSOLS)},
        "hcfc22_vmr": (0, 0),
        "ccl4_vmr": (0, 0),
    }
    for name, (low, high) in ranges.items():
        assert low - 1e-6 <= columns[name].min() and columns[name].max() <= high + 1e-6, name


def test_columns_are_hydrostatic_on_the_levels_of_the_ifs(columns: dict[str, Tensor]) -> None:
    p = columns["pressure_hl"]
    torch.testing.assert_close(
        half_level_pressure(p[:, -1], 137, "L137"), p, rtol=2**-23, atol=0.008
    )
    # The overlap parameter says how far apart the layers are; at the ground, some 20 m.
    latitude = torch.cat([scattered_places(t, PLACES)[0] for t in TIMES])
    length = 750 + 2149 * latitude.deg2rad().cos().square()
    found = -columns["overlap_param"].log() * length[:, None]
    t, middle = temperature(columns), pressure(columns)
    barometric = GAS_CONSTANT / GRAVITY * 0.5 * (t[:, 1:] + t[:, :-1])
    barometric = barometric * (middle[:, 1:] / middle[:, :-1]).log()
    torch.testing.assert_close(found[:, 10:], barometric[:, 10:], rtol=0.02, atol=0.5)
    assert ((found[:, -1] > 14) & (found[:, -1] < 32)).all()


def test_air_is_not_oversaturated(columns: dict[str, Tensor]) -> None:
    relative = columns["q"] / saturation_humidity(temperature(columns), pressure(columns))
    assert relative.max() < 0.995
    vapour = (columns["q"] * mass(columns)).sum(1)
    assert 12 < vapour.mean() < 35 and vapour.max() < 95  # [kg/m2]; the globe has 25
    cloudy = columns["cloud_fraction"] > 0.9
    troposphere = pressure(columns) > 4e4
    assert relative[cloudy & troposphere].median() > 0.85


def test_ozone_is_of_the_real_amount(columns: dict[str, Tensor]) -> None:
    total = (columns["o3_mmr"] * mass(columns)).sum(1) / DOBSON_UNIT
    assert total.min() > 138 and total.max() < 480 and 260 < total.mean() < 330
    vmr = columns["o3_mmr"] * 28.9644 / 47.9982
    assert (vmr.amax(1) > 1e-6).all() and 4e-6 < vmr.amax(1).median()
    assert vmr.max() < 1.5e-5


def test_a_fifth_is_night(columns: dict[str, Tensor]) -> None:
    assert (columns["cos_solar_zenith_angle"] <= 0).double().mean().item() == pytest.approx(0.2)
    by_time = columns["solar_irradiance"].view(len(TIMES), PLACES)
    assert (by_time == by_time[:, :1]).all() and by_time[0, 0] > 1.06 * by_time[2, 0]


def test_clouds_have_water_where_and_only_where_they_are(columns: dict[str, Tensor]) -> None:
    fraction, liquid, ice = (columns[n] for n in ("cloud_fraction", "q_liquid", "q_ice"))
    assert torch.equal(fraction > 0, liquid + ice > 0)
    assert (fraction[fraction > 0] >= clouds.THRESHOLD * (1 - 1e-6)).all()
    t = temperature(columns)
    assert not ice[t > 273.16].any() and not liquid[t < 250.16 - 18].any()
    assert (liquid[(t > 273.2) & (fraction > 0)] > 0).all()
    inside = (liquid + ice) / fraction.clamp(min=1e-3)
    assert inside.max() < 3e-3
    assert not fraction[pressure(columns) < 5000].any()


def test_clouds_are_as_common_as_they_should_be(columns: dict[str, Tensor]) -> None:
    """Statistics of the right order; the ranges are wide, for they are not fitted to anything."""
    fraction = columns["cloud_fraction"]
    largest = fraction.amax(1)
    assert 0.08 < (largest == 0).double().mean() < 0.2
    assert 0.1 < (largest > 0.99).double().mean() < 0.4
    broken = (fraction > 0.05) & (fraction < 0.95)
    assert broken.any(1).double().mean() > 0.7 and 0.05 < broken.double().mean() < 0.15
    for name, low, high in (("q_liquid", 0.02, 0.15), ("q_ice", 0.01, 0.15)):
        path = (columns[name] * mass(columns)).sum(1)
        assert low < path.mean() < high and path.max() < 4, name
    # Layers on top of each other are alike: few clouds begin and end within one layer.
    both = ((fraction[:, 1:] > 0) & (fraction[:, :-1] > 0)).sum()
    assert both / (fraction > 0).sum() > 0.75


@needs_reference
def test_columns_are_of_the_order_of_those_of_ecmwf(columns: dict[str, Tensor]) -> None:
    """The middle of one distribution lies well inside the other."""
    import h5py

    with h5py.File(Path(REFERENCE, "ecrad", "raw", "ecrad_3d_train.h5")) as file:
        original = file["is_original"][()] == 1
        profiles, half = file["col_inputs"][original], file["hl_inputs"][original]
        scalars = file["sca_inputs"][original]
    air = np.diff(half[..., 1], axis=1) / GRAVITY
    theirs = {
        "vapour": (profiles[..., 0] * air).sum(1),
        "ozone": (profiles[..., 1] * air).sum(1),
        "cloudiness": profiles[..., 10].mean(1),
        "skin": scalars[:, 0],
        "albedo": scalars[:, 4],
        "tropopause": half[:, 62, 0],
        "stratosphere": half[:, 21, 0],
    }
    ours = {
        "vapour": (columns["q"] * mass(columns)).sum(1),
        "ozone": (columns["o3_mmr"] * mass(columns)).sum(1),
        "cloudiness": columns["cloud_fraction"].mean(1),
        "skin": columns["skin_temperature"],
        "albedo": columns["sw_albedo_3"],
        "tropopause": columns["temperature_hl"][:, 62],
        "stratosphere": columns["temperature_hl"][:, 21],
    }
    for name, values in theirs.items():
        low, high = np.percentile(values, [5, 95])
        assert low <= np.median(ours[name].numpy()) <= high, name


def test_time_and_seed_make_the_weather() -> None:
    latitude, longitude = scattered_places(TIMES[0], 20)
    drawn = draw_columns(TIMES[0], latitude, longitude, levels=20)
    assert torch.equal(drawn, draw_columns(TIMES[0], latitude, longitude, levels=20))
    other = draw_columns(TIMES[0], latitude, longitude, seed=1, levels=20)
    later = draw_columns(TIMES[0] + datetime.timedelta(hours=1), latitude, longitude, levels=20)
    fraction = [
        RadiationLayout(20).split_inputs(x)["cloud_fraction"] for x in (drawn, other, later)
    ]
    assert not torch.equal(fraction[0], fraction[1]) and not torch.equal(fraction[0], fraction[2])


def test_a_map_has_weather_systems() -> None:
    """Neighbours share more of it than places far apart."""
    places = map_places(EUROPE)
    fields = RadiationLayout(40).split_inputs(draw_columns(TIMES[1], *places, levels=40))
    pressure_at_sea = fields["pressure_hl"][:, -1].view(EUROPE.rows, EUROPE.columns)
    flat = pressure_at_sea[2:6, :4]  # the open ocean
    assert 50 < flat.diff(dim=1).abs().mean() < 800 and flat.std() > 30
    clouds_there = fields["cloud_fraction"].amax(1).view(EUROPE.rows, EUROPE.columns)
    assert clouds_there.std() > 0.15


def test_kinds_of_clouds_have_their_places() -> None:
    latitude = torch.tensor([0.0, 25, 50, 85], dtype=torch.float64)
    at_sea, ashore = (
        clouds.kind_frequencies(latitude, torch.full_like(latitude, land)) for land in (0.0, 1.0)
    )
    for table in (at_sea, ashore):
        torch.testing.assert_close(table.sum(1), torch.ones_like(latitude))
    most = [list(clouds.KINDS)[i] for i in at_sea.argmax(1).tolist()]
    assert most == ["cumulus", "stratocumulus", "frontal", "arctic"]
    clear = list(clouds.KINDS).index("clear")
    assert (ashore[:, clear] > at_sea[:, clear]).all()


def one_deck(kind: str, **changes: float) -> clouds.Decks:
    """Return the decks of one column in the middle of their ranges."""
    frequencies = torch.zeros(1, len(clouds.KINDS), dtype=torch.float64)
    frequencies[0, list(clouds.KINDS).index(kind)] = 1
    half = torch.full((1, clouds.DECKS, 4), 0.5, dtype=torch.float64)
    tropics = torch.tensor([16e3], dtype=torch.float64)
    decks = clouds.draw_decks(frequencies, half[:, 0, 0], half, tropics)
    return decks._replace(**{k: torch.full_like(decks.base, v) for k, v in changes.items()})


@pytest.mark.parametrize("kind", list(clouds.KINDS))
def test_a_kind_has_its_decks(kind: str) -> None:
    decks, described = one_deck(kind), clouds.KINDS[kind]
    for i in range(clouds.DECKS):
        if i >= len(described):
            assert decks.fraction[0, i] == decks.water[0, i] == 0
            continue
        deck = described[i]
        assert decks.base[0, i] == pytest.approx(500 * sum(deck.base))
        assert decks.top[0, i] - decks.base[0, i] == pytest.approx(500 * sum(deck.depth))
        low, high = deck.water
        assert decks.water[0, i] == pytest.approx(1e-3 * (low * high) ** 0.5)
    assert decks.top.max() < 18e3


def test_high_clouds_stay_under_a_low_tropopause() -> None:
    cirrus = list(clouds.KINDS).index("cirrus")
    decks = clouds.draw_decks(
        torch.eye(len(clouds.KINDS), dtype=torch.float64)[cirrus, None],
        torch.full((1,), 0.5, dtype=torch.float64),
        torch.full((1, clouds.DECKS, 4), 1.0, dtype=torch.float64),
        torch.tensor([9000.0], dtype=torch.float64),
    )
    assert 7e3 < decks.top.max() < 10e3


def test_decks_fill_layers_by_their_share() -> None:
    """A deck of 300 m in layers of 200 m: one is full, the next is half full."""
    decks = one_deck("fog", base=400.0, top=700.0, fraction=0.6, taper=0.0, supercooled=0.0)
    height = torch.arange(2000, -1, -200, dtype=torch.float64)[None]
    ones = torch.ones(1, 10, dtype=torch.float64)
    filled = clouds.fill(
        decks,
        torch.zeros(1, clouds.DECKS, dtype=torch.float64),
        height,
        280 * ones,
        9e4 * ones,
        1e-2 * ones,
        100 * ones[:, 0],
        0 * ones[:, 0],
    )
    fraction = filled.fraction[0]
    assert fraction.nonzero().squeeze(-1).tolist() == [6, 7]
    assert fraction[7] == pytest.approx(0.6, rel=0.05)
    assert fraction[6] == pytest.approx(0.3, rel=0.05)
    assert not filled.q_ice.any() and (filled.re_ice == clouds.RE_ICE).all()
    # In cloudy air there is more water above than below.
    inside = filled.q_liquid[0, 6:8] / fraction[6:8]
    assert inside[0] > inside[1] > 0


def test_radii_follow_the_published_formulas() -> None:
    droplets = torch.tensor([70.0], dtype=torch.float64)
    content = torch.tensor([[0.3]], dtype=torch.float64)  # [g/m3]
    by_volume = (3 * 0.3e-6 / (4 * np.pi * 70e6)) ** (1 / 3)  # [m], of equal droplets
    found = clouds.liquid_radius(content, droplets)
    assert found.item() == pytest.approx(by_volume * 0.77 ** (-1 / 3))
    many = clouds.liquid_radius(content, clouds.droplet_number(0 * droplets + 1, 0 * droplets))
    assert many < found
    ice = clouds.ice_radius(
        torch.tensor([[0.01, 0.01, 1e-9]], dtype=torch.float64),
        torch.tensor([[223.15, 253.15, 200.0]], dtype=torch.float64),
        torch.tensor([90.0], dtype=torch.float64),
    )[0]
    # 1.2351 - 0.525 at -50 C, times 45.8966 * 0.01^0.2214 + 0.7957 * 0.01^0.2535 * 140.
    assert ice[0].item() == pytest.approx(1e-6 * 0.64952 * 0.7101 * (16.556 + 34.661), rel=2e-3)
    assert ice[1] > ice[0] and ice[2].item() == pytest.approx(1e-6 * 0.64952 * 20)


def test_the_ground_is_what_it_looks_like() -> None:
    # Atlantic, Sahara, Congo, Antarctica, Arctic Ocean.
    places = [(30.0, -40.0), (23.0, 10.0), (0.0, 22.0), (-80.0, 60.0), (87.0, 0.0)]
    latitude, longitude = torch.tensor(places, dtype=torch.float64).unbind(-1)
    air = torch.tensor([295.0, 305.0, 299.0, 240.0, 250.0], dtype=torch.float64)
    relief = torch.tensor([0.0, 300, 300, 2500, 0], dtype=torch.float64)
    shares = kinds_of_surface(latitude, longitude, air, relief)
    torch.testing.assert_close(shares.sum(1), torch.ones_like(air))
    assert shares.argmax(1).tolist() == [0, 2, 1, 3, 4]
    assert (shares.amax(1) > 0.9).all()

    def ground(sun: float, cover: float = 0.0) -> tuple[Tensor, ...]:
        zero = torch.zeros_like(air)
        return draw_surface(shares, air, zero + sun, zero + cover, torch.zeros(5, 4).double())

    _, albedo, direct, emissivity, noon = ground(0.9)
    assert (albedo[2, 3] > 3 * albedo[2, 2]) and (albedo[3, 0] > 0.9 > albedo[3, 4])
    torch.testing.assert_close(direct[1:4], albedo[1:4], rtol=0.02, atol=0.01)
    assert direct[0, 0] < albedo[0, 0] < ground(0.1)[2][0, 0]
    assert emissivity[1, 1] < emissivity[2, 1]
    assert noon[1] - air[1] > 15 and abs(noon[0] - air[0]) < 2 and noon[3] < 273.16
    assert ground(0.9, cover=1.0)[4][1] < noon[1] and ground(-0.5)[4][1] < air[1]
    assert ground(-0.5)[4][1] < ground(-0.5, cover=1.0)[4][1]
    assert shares[0, SEA] > 0.99


def test_the_sea_mirrors_a_low_sun() -> None:
    """Values of the formula by hand; night counts as the horizon."""
    found = direct_sea_albedo(torch.tensor([1.0, 0.5, 0.0, -0.7], dtype=torch.float64))
    expected = [0.037 / 1.25, 0.037 / (1.1 * 0.5**1.4 + 0.15), 0.037 / 0.15, 0.037 / 0.15]
    assert found.tolist() == pytest.approx(expected)
