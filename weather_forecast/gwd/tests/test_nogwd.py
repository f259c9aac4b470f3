"""The non-orographic scheme: the IFS' own columns, analytic cases, and what waves must conserve."""

import dataclasses
import math
from pathlib import Path

import h5py
import pytest
import torch

from ai4sim.physics.constants import GRAVITY, HEAT_CAPACITY
from ai4sim.tests.reference import REFERENCE, needs_reference
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.physics.nogwd import (
    Background,
    WaveDrag,
    WaveSpectrum,
    along_azimuths,
    azimuthal_flux,
    background,
    nonorographic_drag,
)
from weather_forecast.gwd.tests.made_up import smooth_columns
from weather_forecast.levels import full_level_pressure, half_level_pressure

LAYOUT = DragLayout("nogwd", 63)
FIELDS = ("u", "v", "temperature", "surface_pressure")
STEP = 2 * math.pi / 16
M_STAR = 2 * math.pi / 2000


def air(count: int = 60, levels: int = 63) -> dict[str, torch.Tensor]:
    """Arguments of the scheme: jets and waves in a standard atmosphere."""
    layout = DragLayout("nogwd", levels)
    inputs, latitude = smooth_columns(layout, count)
    rows = layout.split_inputs(inputs)
    return {name: rows[name] for name in FIELDS} | {"latitude": latitude}


def tendencies(drag: WaveDrag) -> torch.Tensor:
    """Both tendencies side by side, (column, 2 level)."""
    return torch.cat([drag.u_tendency, drag.v_tendency], dim=-1)


def turned(case: dict[str, torch.Tensor], angle: float) -> dict[str, torch.Tensor]:
    """Turn the wind to the left."""
    cos, sin = math.cos(angle), math.sin(angle)
    return case | {
        "u": cos * case["u"] - sin * case["v"],
        "v": sin * case["u"] + cos * case["v"],
    }


def turned_drag(drag: WaveDrag, angle: float) -> torch.Tensor:
    """Turn the tendencies to the left."""
    turn = turned({"u": drag.u_tendency, "v": drag.v_tendency}, angle)
    return torch.cat([turn["u"], turn["v"]], dim=-1)


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Norm of the difference relative to that of what was expected."""
    expected = expected.double()
    return float((found.double() - expected).norm() / expected.norm())


# ---- the columns of the IFS ------------------------------------------------------------------


@needs_reference
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-4), (torch.float32, 5e-3)])
def test_columns_of_the_ifs_get_its_drag(dtype, tolerance):
    for date in ("2015-01-01", "2017-07-19"):
        with h5py.File(Path(REFERENCE, "gwd", "raw", f"{date}.h5")) as file:
            x, y, latitude = (torch.from_numpy(file[name][()]) for name in ("x", "y", "lat"))
        x, y, latitude = x.flatten(1).T[::2].to(dtype), y.flatten(1).T[::2], latitude.flatten()[::2]
        rows = LAYOUT.split_inputs(x)
        drag = nonorographic_drag(*(rows[name] for name in FIELDS), latitude.to(dtype))
        found = tendencies(drag)
        assert found.dtype == dtype
        assert difference(found, y) < tolerance, date
        # The upper levels do not hide the others.
        assert difference(found[:, 20:63], y[:, 20:63]) < 2 * tolerance, date


@needs_reference
@pytest.mark.parametrize(("azimuths", "speeds"), [(4, 20), (4, 32), (16, 20), (16, 100)])
def test_other_discretisations_are_those_of_the_ifs(azimuths, speeds):
    name = f"az{azimuths}_c{speeds}"
    with h5py.File(Path(REFERENCE, "gwd", "reference", "nogwd_variants.h5")) as file:
        x, latitude, y, flux = (
            torch.from_numpy(file[key][()].T).double()
            for key in ("x", "lat", f"y_{name}", f"flux_{name}")
        )
    rows = LAYOUT.split_inputs(x)
    spectrum = WaveSpectrum(azimuths, speeds)
    found = nonorographic_drag(*(rows[name] for name in FIELDS), latitude, spectrum)
    assert difference(tendencies(found), y) < 1e-4
    assert difference(torch.cat([found.u_flux, found.v_flux], dim=-1), flux) < 1e-5


# ---- what does not depend on any scheme ------------------------------------------------------


def test_the_waves_take_from_a_column_what_they_give_it():
    case = air()
    drag = nonorographic_drag(**case)
    mass = half_level_pressure(case["surface_pressure"], 63).diff(dim=-1) / GRAVITY
    for tendency in (drag.u_tendency, drag.v_tendency):
        assert (tendency * mass).sum(-1).abs().max() < 1e-15
        assert (tendency * mass).abs().sum(-1).mean() > 1e-4  # Pa
    for flux, tendency in ((drag.u_flux, drag.u_tendency), (drag.v_flux, drag.v_tendency)):
        assert not flux[:, [0, -1]].any()
        torch.testing.assert_close(flux.diff(dim=-1), tendency * mass, rtol=1e-9, atol=1e-18)


def test_without_shear_there_is_no_drag():
    case = air(20)
    uniform = {name: torch.full_like(case["u"], speed) for name, speed in (("u", 30), ("v", -7))}
    drag = nonorographic_drag(**case | uniform)
    # Waves of opposite azimuths break alike, to rounding.
    assert drag.u_flux.abs().max() < 1e-16 and drag.v_flux.abs().max() < 1e-16
    assert tendencies(drag).abs().max() < 1e-15


def test_a_wind_that_is_the_same_at_all_heights_changes_nothing():
    case = air()
    moved = case | {"u": case["u"] + 20, "v": case["v"] - 35}
    found = tendencies(nonorographic_drag(**moved))
    assert difference(found, tendencies(nonorographic_drag(**case))) < 1e-9


@pytest.mark.parametrize(("azimuths", "turns"), [(16, 1), (16, 5), (4, 1)])
def test_the_drag_turns_with_the_wind_from_azimuth_to_azimuth(azimuths, turns):
    case, spectrum, angle = air(), WaveSpectrum(azimuths, 30), 2 * math.pi / azimuths * turns
    plain = nonorographic_drag(**case, spectrum=spectrum)
    found = nonorographic_drag(**turned(case, angle), spectrum=spectrum)
    assert difference(tendencies(found), turned_drag(plain, angle)) < 1e-9


def test_half_an_azimuth_is_no_symmetry():
    case = air()
    plain = nonorographic_drag(**case)
    found = nonorographic_drag(**turned(case, STEP / 2))
    assert 0.02 < difference(tendencies(found), turned_drag(plain, STEP / 2)) < 0.5


@pytest.mark.parametrize(("east", "north"), [(-1, 1), (1, -1), (-1, -1)])
def test_mirrors_and_the_reversed_wind_mirror_and_reverse_the_drag(east, north):
    case = air()
    plain = nonorographic_drag(**case)
    found = nonorographic_drag(**case | {"u": east * case["u"], "v": north * case["v"]})
    expected = torch.cat([east * plain.u_tendency, north * plain.v_tendency], dim=-1)
    assert difference(tendencies(found), expected) < 1e-9


# ---- launch ----------------------------------------------------------------------------------


def test_twice_the_waves_have_twice_the_drag():
    case = air()
    plain = tendencies(nonorographic_drag(**case))
    twice = tendencies(nonorographic_drag(**case, spectrum=WaveSpectrum(launch_flux=7.5e-3)))
    assert difference(twice, 2 * plain) < 1e-3


def test_a_quarter_of_the_waves_is_missing_at_the_equator():
    latitude = torch.tensor([0.0, 20.0, -20.0, 90.0], dtype=torch.float64)
    flux = WaveSpectrum().launch_momentum_flux(latitude)
    expected = 3.75e-3 * (1 - 0.25 * (-0.5 * (latitude / 20).square()).exp())
    torch.testing.assert_close(flux, expected)
    torch.testing.assert_close(flux[0].item(), 0.75 * 3.75e-3)
    case = air()
    at_equator, at_pole = (
        tendencies(nonorographic_drag(**case | {"latitude": torch.full((60,), x).double()}))
        for x in (0.0, 90.0)
    )
    assert difference(at_equator, 0.75 * at_pole) < 1e-3
    uniform = WaveSpectrum(tropical_reduction=0.0).launch_momentum_flux(latitude)
    assert (uniform == 3.75e-3).all()


def test_a_model_that_resolves_the_waves_leaves_them_out():
    latitude = torch.tensor([60.0], dtype=torch.float64)
    coarse, medium, fine, finest = (
        WaveSpectrum(grid_length=dx).launch_momentum_flux(latitude).item()
        for dx in (85e3, 29e3, 9e3, 1e3)
    )
    assert coarse == medium
    share = 1 - math.atan((1 / 9e3 - 1 / 29e3) / (1 / 3.5e3 - 1 / 29e3))
    torch.testing.assert_close(fine, share * coarse)
    assert finest == 0


def test_below_the_launch_level_there_is_nothing():
    case = air(40, levels=91)
    whole = nonorographic_drag(**case)
    upper = {name: field[:, :63] if field.ndim == 2 else field for name, field in case.items()}
    part = nonorographic_drag(**upper)
    for of_whole, of_part in zip(whole, part, strict=True):
        kept = of_part.shape[-1]
        assert torch.equal(of_whole[:, :kept], of_part)
        assert not of_whole[:, kept:].any()
    assert WaveSpectrum().launch_level(91) == WaveSpectrum().launch_level(63) == 63


def test_the_quadrature_integrates_the_launch_spectrum():
    """``int c / (1 + (m c / N)4) dc = (N / m)2 / 2 atan((m c / N)2)``."""
    n = 0.012

    def errors(speeds: int) -> float:
        c, dc = WaveSpectrum(phase_speeds=speeds).quadrature()
        assert c.min() == pytest.approx(0.5) and c.max() == pytest.approx(100)
        found = (c / (1 + (M_STAR * c / n) ** 4) * dc).sum()
        ends = [math.atan((M_STAR * x / n) ** 2) for x in (0.5, 100.0)]
        return abs(float(found) / ((n / M_STAR) ** 2 / 2 * (ends[1] - ends[0])) - 1)

    # End points count in full, where the trapezoidal rule counts half: first order.
    assert errors(100) < 0.01
    assert errors(800) < errors(100) / 6


# ---- propagation -----------------------------------------------------------------------------


def isothermal(wind: float, jump: int) -> tuple[Background, torch.Tensor, torch.Tensor]:
    """One column of still air below, and of a wind above the full level `jump` (from the top).

    Returns
    -------
    state : Background
    wind_full : (level, column, azimuth)
        See :func:`along_azimuths`, of 4 azimuths.
    p_full : (column, level)
    """
    p_half = half_level_pressure(torch.tensor([1e5]).double(), 63)
    u = torch.zeros(1, 63).double()
    u[:, :jump] = wind
    v, t = torch.zeros_like(u), torch.full_like(u, 250.0)
    state = background(u, v, t, p_half)
    return state, along_azimuths(u, v, state, WaveSpectrum(4)), full_level_pressure(p_half)


def flux_of(wind: float, jump: int, speeds: int = 2000) -> tuple[torch.Tensor, Background]:
    """Flux in 4 azimuths, (inner, azimuth), with a very fine spectrum."""
    spectrum = WaveSpectrum(4, speeds)
    state, wind_full, p_full = isothermal(wind, jump)
    relative = along_azimuths(state.u, state.v, state, spectrum)
    launched = torch.tensor([3.75e-3]).double()
    flux = azimuthal_flux(relative, wind_full, state, p_full, launched, spectrum)
    return flux[:, 0], state


def test_stability_of_an_isothermal_atmosphere():
    state, _, _ = isothermal(0.0, 0)
    n = GRAVITY / math.sqrt(HEAT_CAPACITY * 250.0)
    torch.testing.assert_close(
        state.buoyancy_frequency, torch.full_like(state.density, n), rtol=1e-12, atol=0
    )


def test_unstable_air_has_the_least_stability():
    p_half = half_level_pressure(torch.tensor([1e5]).double(), 63)
    t = 300 * (full_level_pressure(p_half) / 5e4) ** 0.4  # adiabatic would be 2 / 7
    state = background(torch.zeros_like(t), torch.zeros_like(t), t, p_half)
    assert (state.buoyancy_frequency == 1e-6).all()


def test_in_still_air_the_saturated_waves_carry_their_analytic_share():
    """Slow waves break and carry ``A rho / N c`` each, fast ones what they were launched with.

    They part where ``rho / rho_L = 1 / (1 + (m c / N)4)``.
    """
    flux, state = flux_of(0.0, 0)
    n = state.buoyancy_frequency[0, 0].item()
    r = state.density[0] / state.density[0, -1]
    limit = (n / M_STAR * (1 / r - 1) ** 0.25).clamp(0.5, 100.0)

    def launched(c: torch.Tensor) -> torch.Tensor:
        """Integral of the launch spectrum down to c, over that of its faster part."""
        return (n / M_STAR) ** 2 / 2 * ((M_STAR * c / n) ** 2).atan()

    ends = launched(torch.tensor([0.5, 100.0]).double())
    unbroken = ends[1] - launched(limit)
    broken = r * (limit**2 - 0.25) / 2
    expected = 3.75e-3 * (unbroken + broken) / (ends[1] - ends[0])
    torch.testing.assert_close(flux, expected[:, None].expand(-1, 4), rtol=5e-3, atol=0)
    assert flux[0, 0] < 0.05 * flux[-1, 0]


@pytest.mark.parametrize("jump", [50, 60])
def test_waves_slower_than_the_wind_leave_their_momentum_at_the_launch_level(jump):
    """They meet a critical level where the wind sets in; the faster ones saturate in it."""
    wind = 20.0
    flux, state = flux_of(wind, jump)
    n = state.buoyancy_frequency[0, 0].item()
    r = state.density[0] / state.density[0, -1]
    c = torch.linspace(0.5, 100.0, 200_001).double()
    spectrum = c / (1 + (M_STAR * c / n) ** 4)
    amplitude = 3.75e-3 / torch.trapezoid(spectrum, c)
    spectrum, dead, passed = amplitude * spectrum, 0.0, []
    # Half levels are means of full ones: first comes one with half the wind.
    for index, speed in ((jump, 0.0), (jump - 1, wind / 2), (jump - 2, wind)):
        dead += torch.trapezoid(spectrum.where(c < speed, 0.0), c).item()
        limit = amplitude * r[index] * (c - speed).square() / c
        spectrum = torch.minimum(spectrum, limit).where(c >= speed, 0.0)
        passed.append(torch.trapezoid(spectrum, c).item())
    assert flux[jump - 2, 0].item() == pytest.approx(passed[-1], rel=0.01)
    assert flux[jump, 0].item() == pytest.approx(passed[0] - dead, rel=0.01)
    assert dead > 0.4 * 3.75e-3
    # Against the wind nothing is lost but to saturation.
    still, _ = flux_of(0.0, 0)
    assert (flux[:, 2] >= still[:, 2] - 1e-12).all()


def test_what_passes_in_each_azimuth_never_grows_upward():
    case = air(100)
    spectrum = WaveSpectrum()
    p_half = half_level_pressure(case["surface_pressure"], 63)
    state = background(case["u"], case["v"], case["temperature"], p_half)
    flux = azimuthal_flux(
        along_azimuths(state.u, state.v, state, spectrum),
        along_azimuths(case["u"], case["v"], state, spectrum),
        state,
        full_level_pressure(p_half),
        torch.full((100,), 3.75e-3).double(),
        spectrum,
    )
    assert flux.shape == (62, 100, 16)
    assert flux.min() >= 0 and flux.max() <= 3.75e-3 * (1 + 1e-12)
    assert flux.diff(dim=0).min() > -1e-17


def test_the_drag_pulls_the_wind_aloft_towards_that_of_the_launch_level():
    case = air(200)
    drag = nonorographic_drag(**case)
    relative = case["u"] - case["u"][:, -1:]
    aloft = full_level_pressure(half_level_pressure(case["surface_pressure"], 63)) < 1e2
    force = drag.u_tendency[aloft]
    against = force * relative[aloft] < 0
    assert force[against].abs().sum() > 0.85 * force.abs().sum()


def test_the_time_step_hardly_matters():
    case = air()
    plain = tendencies(nonorographic_drag(**case))
    short = tendencies(nonorographic_drag(**case, spectrum=WaveSpectrum(time_step=900.0)))
    assert difference(short, plain) < 0.02


# ---- numerics --------------------------------------------------------------------------------


def test_columns_do_not_know_of_each_other():
    case = air(23)
    whole = nonorographic_drag(**case, chunk=64)
    in_chunks = nonorographic_drag(**case, chunk=5)
    alone = nonorographic_drag(**{name: field[7:8] for name, field in case.items()})
    for one, other, of_one in zip(whole, in_chunks, alone, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-19)
        torch.testing.assert_close(one[7:8], of_one, rtol=1e-11, atol=1e-19)


def test_single_precision_is_enough():
    case = air()
    single = nonorographic_drag(**{name: field.float() for name, field in case.items()})
    assert {field.dtype for field in single} == {torch.float32}
    assert difference(tendencies(single), tendencies(nonorographic_drag(**case))) < 5e-3


def test_the_adjoint_is_that_of_the_scheme():
    """Away from its kinks, at which waves begin to break or meet their critical level."""
    case = air(20)
    rng = torch.Generator().manual_seed(3)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=rng, dtype=torch.float64)

    point = [case[name].requires_grad_() for name in FIELDS]
    direction = [normal(*field.shape) for field in point]
    spectrum, latitude = WaveSpectrum(8, 20), case["latitude"]
    scale = tendencies(nonorographic_drag(*point, latitude, spectrum)).detach().std(0)
    weight = normal(20, 126) / scale

    def weighted(step: float) -> torch.Tensor:
        """Of each column one number."""
        u, v, t, surface = (x + step * d for x, d in zip(point, direction, strict=True))
        drag = nonorographic_drag(u, v, t, surface, latitude, spectrum)
        return (tendencies(drag) * weight).sum(-1)

    gradients = torch.autograd.grad(weighted(0.0).sum(), point)
    found = sum((g * d).reshape(20, -1).sum(-1) for g, d in zip(gradients, direction, strict=True))
    step = 1e-6
    with torch.no_grad():
        expected = (weighted(step) - weighted(-step)) / (2 * step)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


# ---- messages --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"azimuths": 5}, "azimuths: expected an even number >= 4, found 5"),
        ({"azimuths": 2}, "azimuths: expected an even number >= 4, found 2"),
        ({"phase_speeds": 1}, "phase_speeds: expected at least 2, found 1"),
        ({"slowest": 0.0}, "expected 0 < slowest < fastest, found 0.0 and 100.0 m/s"),
        ({"fastest": 0.2}, "expected 0 < slowest < fastest, found 0.5 and 0.2 m/s"),
    ],
)
def test_impossible_spectra_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        WaveSpectrum(**options)
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(WaveSpectrum(), **options)


def test_columns_that_end_above_the_launch_level_are_refused():
    case = air(3, levels=62)
    with pytest.raises(ValueError, match=r"columns end at 4\d\d hPa, above the launch .*450 hPa"):
        nonorographic_drag(**case)
    higher = WaveSpectrum(launch_pressure=40000.0)
    assert nonorographic_drag(**case, spectrum=higher).u_tendency.abs().max() > 0


def test_other_devices_are_served():
    case = {name: field.to("meta") for name, field in air(3).items()}
    assert {field.device.type for field in nonorographic_drag(**case)} == {"meta"}
