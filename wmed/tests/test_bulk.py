"""Bulk algorithms: neutral and stratified limits, invariants, gradients, precision."""

import math
from functools import partial

import pytest
import torch

from ai4sim.physics.constants import GRAVITY, VON_KARMAN
from wmed.physics.bulk import ALGORITHMS, bulk_inputs, constant_bulk
from wmed.physics.coare import NOAA36, coare, coare36
from wmed.physics.constants import SALT_FACTOR
from wmed.physics.ecmwf import ecmwf
from wmed.physics.skin import Radiation
from wmed.physics.stability import (
    psi_h_coare,
    psi_h_ecmwf,
    psi_m_coare,
    psi_m_ecmwf,
    stratify,
)
from wmed.physics.surface_layer import BLOCK, BulkState
from wmed.physics.thermodynamics import air_viscosity, saturation_specific_humidity

EVERY = pytest.mark.parametrize("name", [*ALGORITHMS, "constant"])
ITERATED = pytest.mark.parametrize("name", ALGORITHMS)
PSI = pytest.mark.parametrize("psi", [psi_m_coare, psi_h_coare, psi_m_ecmwf, psi_h_ecmwf])


def algorithm(name):
    return constant_bulk if name == "constant" else ALGORITHMS[name]


def in_pytorch(name):
    """Return the form of a scheme that no loops replace, a function of a state."""
    scheme = algorithm(name)
    function, options = getattr(scheme, "func", scheme), getattr(scheme, "keywords", {})
    return partial(function.__wrapped__.__wrapped__, **options)


def states(count=300, seed=0, dtype=torch.float64):
    """Weather over the sea: winds up to 25 m/s, air up to 8 K colder and 4 K warmer."""
    rng = torch.Generator().manual_seed(seed)

    def between(low, high):
        return (low + (high - low) * torch.rand(count, generator=rng)).to(dtype)

    sst = between(284, 301)
    return {
        "wind_x": between(-18, 18),
        "wind_y": between(-18, 18),
        "air_temperature": sst + between(-8, 4),
        "specific_humidity": between(0.003, 0.015),
        "pressure": between(99000, 103000),
        "sea_surface_temperature": sst,
    }


def neutral(wind, dtype=torch.float64):
    """Air of the sea's potential temperature and humidity, so that nothing is buoyant."""
    speed = torch.as_tensor(wind, dtype=dtype)
    sst, pressure = torch.full_like(speed, 288.0), torch.full_like(speed, 101300.0)
    humidity = saturation_specific_humidity(sst, pressure, SALT_FACTOR)
    state = BulkState(speed, torch.zeros_like(speed), sst.clone(), humidity, pressure, sst)
    for _ in range(5):
        state = state._replace(air_temperature=sst - 10 * state.lapse_rate)
    return state._asdict()


@PSI
def test_stability_functions_vanish_in_neutral_air_and_fall_with_stability(psi):
    zeta = torch.linspace(-40, 4.9, 4001, dtype=torch.float64)
    values = psi(stratify(zeta))
    assert bool((values.diff() < 0).all())
    around = psi(stratify(torch.tensor([-1e-9, 0.0, 1e-9], dtype=torch.float64)))
    assert around.abs().max() < 2e-8


@pytest.mark.parametrize(
    "psi, unstable, stable",
    [
        (psi_m_coare, -15 / 4, -(1 + 2 / 3 * (1 + 5))),
        (psi_h_coare, -15 / 2, -(1 + 2 / 3 * (1 + 5))),
        (psi_m_ecmwf, -16 / 4, -(1 + 2 / 3 * (1 + 5))),
        (psi_h_ecmwf, -16 / 2, -(1 + 2 / 3 * (1 + 5))),
    ],
)
def test_slopes_at_neutral_are_those_of_the_flux_profile_relations(psi, unstable, stable):
    step = 1e-6
    below, above = psi(stratify(torch.tensor([-step, step], dtype=torch.float64)))
    assert (-below / step).item() == pytest.approx(unstable, rel=1e-4)
    assert (above / step).item() == pytest.approx(stable, rel=1e-4)


def test_free_convection_grows_with_the_logarithm_of_instability():
    """Far from neutral psi grows as log(-zeta): 3/2 log of the square of a cube root."""
    far = psi_h_coare(stratify(torch.tensor([-1e5, -1e6], dtype=torch.float64), least=-1e9))
    assert far.diff().item() == pytest.approx(math.log(10), rel=1e-2)


@PSI
def test_stability_functions_have_finite_gradients_everywhere(psi):
    zeta = torch.tensor([-1e4, -50.0, -1.0, -0.0, 0.0, 1.0, 50.0, 1e4], requires_grad=True)
    (gradient,) = torch.autograd.grad(psi(stratify(zeta)).sum(), zeta)
    assert bool(gradient.isfinite().all())


def test_neutral_wind_profile_is_logarithmic_over_the_roughness_of_its_friction():
    fluxes = coare36(**neutral([6.0, 12.0, 25.0]), iterations=40)
    ustar = fluxes.friction_velocity
    neutral_wind = ustar / VON_KARMAN * torch.log(10 / fluxes.roughness_length)
    torch.testing.assert_close(neutral_wind, fluxes.bulk_wind, rtol=1e-4, atol=0)
    torch.testing.assert_close(
        fluxes.cd,
        (VON_KARMAN / torch.log(10 / fluxes.roughness_length)).square(),
        rtol=1e-4,
        atol=0,
    )
    charnock = (0.0017 * neutral_wind - 0.005).clamp(0, 0.028)
    viscosity = air_viscosity(torch.full_like(ustar, 288.0))
    expected = charnock * ustar.square() / GRAVITY + 0.11 * viscosity / ustar
    torch.testing.assert_close(fluxes.roughness_length, expected, rtol=1e-3, atol=0)


@pytest.mark.parametrize("height", [2.0, 5.0, 25.0])
def test_neutral_coefficients_obey_the_law_of_the_wall_at_any_height(height):
    """The same roughness seen from another height has another drag, by the logarithm alone."""
    at_10 = ecmwf(**neutral([10.0]), iterations=40)
    wind = at_10.friction_velocity / VON_KARMAN * torch.log(height / at_10.roughness_length)
    at_height = ecmwf(**neutral(wind), z_wind=height, iterations=40)
    torch.testing.assert_close(
        at_height.friction_velocity, at_10.friction_velocity, rtol=1e-3, atol=0
    )


def test_neutral_air_exchanges_momentum_only():
    fluxes = coare36(**neutral([10.0]))
    assert fluxes.tau_x.item() == pytest.approx(0.15, abs=0.05)
    assert abs(fluxes.sensible.item()) < 0.01 and abs(fluxes.latent.item()) < 0.01
    assert abs(fluxes.inverse_obukhov_length.item()) < 1e-5


@ITERATED
def test_unstable_air_takes_more_momentum_and_stable_air_less(name):
    base = neutral([6.0, 6.0, 6.0])
    base["air_temperature"] = base["air_temperature"] + torch.tensor([-5.0, 0.0, 3.0])
    fluxes = algorithm(name)(**base)
    assert bool((fluxes.cd.diff() < 0).all() and (fluxes.ch.diff() < 0).all())
    assert fluxes.inverse_obukhov_length[0] < 0 < fluxes.inverse_obukhov_length[2]
    assert bool((fluxes.sensible.diff() > 0).all())


@EVERY
def test_signs_heat_flows_from_warm_to_cold_and_stress_along_the_wind(name):
    inputs = states()
    fluxes = algorithm(name)(**inputs)
    warmer = inputs["air_temperature"] - inputs["sea_surface_temperature"] + 0.1
    assert bool((fluxes.sensible[warmer > 0.1] > 0).all())
    assert bool((fluxes.sensible[warmer < -0.1] < 0).all())
    saturation = saturation_specific_humidity(
        inputs["sea_surface_temperature"], inputs["pressure"], SALT_FACTOR
    )
    dry = inputs["specific_humidity"] < saturation
    assert bool((fluxes.latent[dry] < 0).all() and (fluxes.evaporation[dry] > 0).all())
    assert bool((fluxes.latent[~dry] >= 0).all()) and dry.sum() < len(dry)
    along = fluxes.tau_x * inputs["wind_x"] + fluxes.tau_y * inputs["wind_y"]
    across = fluxes.tau_x * inputs["wind_y"] - fluxes.tau_y * inputs["wind_x"]
    assert bool((along > 0).all()) and across.abs().max() < 1e-12


@EVERY
@pytest.mark.parametrize("degrees", [90.0, 37.0])
def test_turning_the_wind_turns_the_stress_and_leaves_the_heat(name, degrees):
    inputs = states()
    turn = torch.polar(
        torch.ones((), dtype=torch.float64),
        torch.tensor(math.radians(degrees), dtype=torch.float64),
    )
    wind = torch.complex(inputs["wind_x"], inputs["wind_y"]) * turn
    before = algorithm(name)(**inputs)
    after = algorithm(name)(**{**inputs, "wind_x": wind.real, "wind_y": wind.imag})
    stress = torch.complex(before.tau_x, before.tau_y) * turn
    torch.testing.assert_close(torch.complex(after.tau_x, after.tau_y), stress)
    torch.testing.assert_close(after.latent, before.latent)
    torch.testing.assert_close(after.sensible, before.sensible)


@EVERY
def test_only_the_difference_of_wind_and_current_matters(name):
    inputs = states()
    level = {
        "wind_x": inputs["wind_x"],
        "wind_y": inputs["wind_y"],
        "potential_temperature": inputs["air_temperature"],
        "mixing_ratio": inputs["specific_humidity"],
        "pressure": inputs["pressure"],
        "sea_surface_temperature": inputs["sea_surface_temperature"],
    }
    current = {"current_x": 0.1 * inputs["wind_y"], "current_y": -0.2 * inputs["wind_x"]}
    expected = algorithm(name)(**bulk_inputs(**level, **current))
    shift = {"wind_x": 3.0, "wind_y": -7.0, "current_x": 3.0, "current_y": -7.0}
    moved = {key: value + shift.get(key, 0.0) for key, value in {**level, **current}.items()}
    found = algorithm(name)(**bulk_inputs(**moved))
    torch.testing.assert_close(found, expected)
    calm = algorithm(name)(**bulk_inputs(**level))
    assert (calm.tau_x - expected.tau_x).abs().max() > 1e-3


def test_inputs_from_the_lowest_level_are_absolute_and_at_sea_level():
    one = torch.ones((), dtype=torch.float64)
    found = bulk_inputs(
        wind_x=5 * one,
        wind_y=0 * one,
        potential_temperature=290 * one,
        mixing_ratio=0.01 * one,
        pressure=100000 * one,
        sea_surface_temperature=291 * one,
        current_x=0.5,
    )
    assert found["wind_x"].item() == 4.5
    assert found["air_temperature"].item() == pytest.approx(290)
    assert found["specific_humidity"].item() == pytest.approx(0.01 / 1.01)
    assert found["pressure"].item() == pytest.approx(100117, abs=1)


@EVERY
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_calm_and_hurricane_are_finite_and_so_are_their_gradients(name, dtype):
    """No wind and 70 m/s, neutral, much too warm and much too cold air, dry and saturated."""
    wind = torch.tensor([0.0, 1e-3, 5.0, 70.0], dtype=dtype)
    excess = torch.tensor([-30.0, -1.0, 0.0, 1.0, 15.0], dtype=dtype)
    moisture = torch.tensor([0.0, 0.01, 0.03], dtype=dtype)
    wind, excess, moisture = (
        value.flatten() for value in torch.meshgrid(wind, excess, moisture, indexing="ij")
    )
    base = neutral(wind, dtype)
    inputs = {
        **base,
        "air_temperature": base["air_temperature"] + excess,
        "specific_humidity": base["specific_humidity"] * (excess == 0) + moisture * (excess != 0),
    }
    inputs = {key: value.clone().requires_grad_() for key, value in inputs.items()}
    fluxes = algorithm(name)(**inputs)
    # Without gusts a calm has no Obukhov length and no friction: only its fluxes are to be finite.
    checked = fluxes._fields[:5] if name == "constant" else fluxes._fields
    for field in checked:
        assert bool(getattr(fluxes, field).isfinite().all()), field
    assert bool((fluxes.tau_x[inputs["wind_x"] == 0] == 0).all())
    sum(value.sum() for value in fluxes[:5]).backward()
    for key, value in inputs.items():
        assert bool(value.grad.isfinite().all()), key


def test_gusts_keep_heat_flowing_in_a_calm_over_warm_water():
    inputs = neutral([0.0])
    inputs["air_temperature"] = inputs["air_temperature"] - 4
    for name in ("coare36", "coare30", "ecmwf"):
        fluxes = algorithm(name)(**inputs)
        assert fluxes.bulk_wind.item() > 0.5
        assert -60 < fluxes.sensible.item() < -5
    assert abs(constant_bulk(**inputs).sensible.item()) < 1e-3


def test_drag_levels_off_in_a_hurricane():
    """The Charnock parameter stops growing, so that the drag grows by less than a third."""
    drag = coare36(**neutral([20.0, 30.0, 40.0, 60.0]), iterations=30).cd
    assert bool((drag.diff() > 0).all())
    assert 2e-3 < drag[0] < drag[1] < 4e-3
    smooth = ecmwf(**neutral([20.0, 60.0])).cd
    rough = ecmwf(**neutral([20.0, 60.0]), roughest=math.inf).cd
    assert smooth.diff().abs() < 5e-5 and rough[1] > 1.5 * smooth[1]


@EVERY
@pytest.mark.parametrize("missing", list(states(1)))
def test_nan_in_is_nan_out_at_that_point_only(name, missing):
    inputs = states(3)
    expected = algorithm(name)(**inputs)
    inputs[missing][1] = math.nan
    found = algorithm(name)(**inputs)
    heat = found.latent + found.sensible + found.tau_x + found.tau_y
    assert heat.isnan().tolist() == [False, True, False]
    assert torch.equal(found.latent[::2], expected.latent[::2])


@EVERY
def test_float32_is_as_good_as_its_inputs(name):
    inputs = states(2000, dtype=torch.float32)
    single = algorithm(name)(**inputs)
    double = algorithm(name)(**{key: value.double() for key, value in inputs.items()})
    assert single.latent.dtype == torch.float32
    for field, tolerance in {
        "tau_x": 2e-6,
        "tau_y": 2e-6,
        "latent": 5e-3,
        "sensible": 5e-3,
    }.items():
        error = (getattr(single, field).double() - getattr(double, field)).abs().max()
        assert error < tolerance, field


@EVERY
@pytest.mark.parametrize("z_air", [10.0, 2.0])
def test_gradients_are_those_of_finite_differences(name, z_air):
    inputs = states(6, seed=3)
    names = list(inputs)

    def fluxes(*values):
        return algorithm(name)(**dict(zip(names, values, strict=True)), z_air=z_air)[:4]

    values = tuple(value.requires_grad_() for value in inputs.values())
    assert torch.autograd.gradcheck(fluxes, values, eps=1e-5, atol=1e-4, fast_mode=True)


@pytest.mark.parametrize(
    "name, after_5, after_10",
    [("coare36", 0.05, 3e-4), ("coare30", 0.05, 3e-4), ("ecmwf", 5e-3, 1e-5)],
)
def test_iterations_converge(name, after_5, after_10):
    inputs = states(1000)
    limit = algorithm(name)(**inputs, iterations=60).latent

    def error(iterations):
        found = algorithm(name)(**inputs, iterations=iterations).latent
        return (found - limit).square().mean().sqrt().item()

    assert error(5) < after_5
    assert error(10) < after_10
    assert error(10) < error(5) < error(2)


def test_no_iteration_is_an_error():
    with pytest.raises(ValueError, match="iterations: at least 1 expected, found 0"):
        coare36(**states(2), iterations=0)


@ITERATED
def test_blocks_of_pytorch_change_nothing(name):
    inputs = states(2 * BLOCK + 18, dtype=torch.float32)
    grid = BulkState(*(value.reshape(2, -1) for value in inputs.values()))
    found = in_pytorch(name)(grid, iterations=3)
    whole = algorithm(name)(**{**inputs, "wind_x": inputs["wind_x"].requires_grad_()}, iterations=3)
    for field, value in found._asdict().items():
        assert value.shape == (2, BLOCK + 9)
        expected = getattr(whole, field).detach()
        torch.testing.assert_close(value.flatten(), expected, rtol=1e-5, atol=1e-6, msg=field)


def test_fields_of_other_shapes_are_named():
    inputs = states(4)
    inputs["pressure"] = inputs["pressure"][:3]
    with pytest.raises(ValueError, match=r"one shape expected, found .*pressure \(3,\)"):
        coare36(**inputs)


def test_the_height_of_the_thermometer_matters_less_than_what_it_reads():
    """A profile that COARE itself extrapolates down to 2 m gives nearly the same fluxes."""
    inputs = states(200)
    at_10 = coare36(**inputs, iterations=40)
    ratio = torch.log(2 / 1e-4 * torch.ones(1, dtype=torch.float64)) / math.log(10 / 1e-4)
    low = inputs["air_temperature"] + (1 - ratio) * (
        inputs["sea_surface_temperature"] - inputs["air_temperature"]
    )
    at_2 = coare36(**{**inputs, "air_temperature": low}, z_air=2.0, iterations=40)
    correlation = torch.corrcoef(torch.stack([at_10.sensible, at_2.sensible]))[0, 1]
    assert correlation > 0.99
    difference = (at_10.sensible - at_2.sensible).abs().mean()
    assert difference < 0.1 * at_10.sensible.abs().mean()


def test_constant_coefficients_give_the_bulk_formula():
    inputs = states(50)
    fluxes = constant_bulk(**inputs, cd=1.5e-3, ch=1e-3, ce=1.2e-3)
    speed = torch.hypot(inputs["wind_x"], inputs["wind_y"])
    stress = torch.hypot(fluxes.tau_x, fluxes.tau_y)
    density = stress / (1.5e-3 * speed.square())
    assert bool(((density > 1.1) & (density < 1.4)).all())
    twice = constant_bulk(**inputs, cd=1.5e-3, ch=2e-3, ce=1.2e-3)
    torch.testing.assert_close(twice.sensible, 2 * fluxes.sensible)
    torch.testing.assert_close(twice.latent, fluxes.latent)


def test_cool_skin_is_cooler_by_night_and_takes_heat_loss_down():
    inputs = states(200)
    dark = Radiation(0 * inputs["pressure"], 0 * inputs["pressure"] + 330)
    bulk = partial(coare, version=NOAA36, **inputs)
    bare, skinned = bulk(), bulk(radiation=dark)
    depression = inputs["sea_surface_temperature"] - skinned.skin_temperature
    cold = bare.latent + bare.sensible < -50
    assert bool((depression[cold] > 0).all()) and 0.3 < depression.max() < 1.5
    assert bool((skinned.latent[cold] > bare.latent[cold]).all())
    sunny = bulk(radiation=Radiation(dark.shortwave + 800, dark.longwave))
    assert (sunny.skin_temperature - skinned.skin_temperature).max() > 0.03
    assert bool((sunny.skin_temperature > skinned.skin_temperature - 1e-9).all())
    assert torch.equal(bare.skin_temperature, inputs["sea_surface_temperature"])
