"""The bulk algorithms in compiled loops: the same fluxes as in PyTorch, point by point."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wmed.physics import coare_loops, ecmwf_loops, ncar_loops
from wmed.physics.coare import COARE30, COARE36, NOAA36, coare, coare36
from wmed.physics.ecmwf import ecmwf
from wmed.physics.ncar import ncar
from wmed.physics.skin import Radiation
from wmed.physics.surface_layer import BulkState
from wmed.physics.surface_layer_loops import BLOCK, THREAD
from wmed.physics.thermodynamics import saturation_specific_humidity
from wmed.tests.test_bulk import states

SCHEMES = {
    "coare36": (coare, coare_loops.coare, {"version": COARE36}),
    "coare30": (coare, coare_loops.coare, {"version": COARE30}),
    "noaa36": (coare, coare_loops.coare, {"version": NOAA36}),
    "noaa36 with a skin": (coare, coare_loops.coare, {"version": NOAA36, "radiation": True}),
    "ecmwf": (ecmwf, ecmwf_loops.ecmwf, {}),
    "ecmwf of a storm": (ecmwf, ecmwf_loops.ecmwf, {"roughest": math.inf}),
    "ncar": (ncar, ncar_loops.ncar, {}),
}
EVERY = pytest.mark.parametrize("name", SCHEMES)


def forms(name, radiation):
    """Return a scheme in PyTorch and in loops, as functions of a state."""
    scheme, loops, options = SCHEMES[name]
    if "radiation" in options:
        options = {**options, "radiation": radiation}
    return (partial(form, **options) for form in (scheme.__wrapped__.__wrapped__, loops))


def weather(count, dtype=torch.float64, seed=0):
    """Draw states from calm to hurricane, over ice water and hot sea, from dry air to fog."""
    rng = torch.Generator().manual_seed(seed)

    def between(low, high):
        return low + (high - low) * torch.rand(count, generator=rng, dtype=torch.float64)

    speed = 80 * between(0, 1) ** 3 * (between(0, 1) > 0.05)
    wind = torch.polar(speed, between(0, 2 * math.pi))
    sst, pressure = between(268, 310), between(92_000, 105_000)
    air = sst + between(-30, 20)
    humidity = between(0, 1.1) * saturation_specific_humidity(air.clamp_max(312), pressure)
    every = (wind.real, wind.imag, air, humidity, pressure, sst, between(-20, 1000), between(0, 1))
    *state, sun, cloud = (value.to(dtype).contiguous() for value in every)
    return BulkState(*state), Radiation(sun, 200 + 200 * cloud)


def relative(found, expected):
    """Return the largest error of each field, over its size and a thousandth of its spread."""
    errors = {}
    for name, a, b in zip(expected._fields, found, expected, strict=True):
        # A hurricane measured 2 m above its waves is beyond the formulae, in both forms.
        assert torch.equal(a.isnan(), b.isnan()), name
        a, b = a.double()[~a.isnan()], b[~b.isnan()]
        errors[name] = ((a - b).abs() / (b.abs() + 1e-3 * b.std() + 1e-30)).max().item()
    return errors


@EVERY
@pytest.mark.parametrize("z_air", [10.0, 2.0])
def test_fluxes_in_double_precision_are_those_of_pytorch(name, z_air):
    state, radiation = weather(5000)
    reference, loops = forms(name, radiation)
    errors = relative(loops(state, z_air=z_air), reference(state, z_air=z_air))
    assert max(errors.values()) < 1e-11, errors


@EVERY
def test_single_precision_is_as_exact_as_in_pytorch(name):
    state, radiation = weather(5000, torch.float32)
    reference, loops = forms(name, radiation)
    found, other = loops(state), reference(state)
    exact, _ = forms(name, Radiation(*(x.double() for x in radiation[:2])))
    expected = exact(BulkState(*(value.double() for value in state)))
    for field, error in relative(other, expected).items():
        assert relative(found, expected)[field] < 1.5 * error + 2e-6, field
    assert all(value.dtype == torch.float32 for value in found)


def test_latent_heat_in_single_precision_over_an_ordinary_sea():
    inputs = states(8809, dtype=torch.float32)
    found = coare36(**inputs).latent.double()
    double = BulkState(**{name: value.double() for name, value in inputs.items()})
    expected = coare.__wrapped__.__wrapped__(double).latent
    assert (found - expected).abs().max() < 2e-3


@EVERY
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), iterations=st.integers(1, 12), z_wind=st.floats(2, 60))
def test_any_weather_height_and_number_of_iterations(name, seed, iterations, z_wind):
    state, radiation = weather(20, seed=seed)
    reference, loops = forms(name, radiation)
    options = {"iterations": iterations, "z_wind": z_wind, "z_air": 8.0}
    errors = relative(loops(state, **options), reference(state, **options))
    assert max(errors.values()) < 1e-10, errors


@EVERY
@pytest.mark.parametrize("field", BulkState._fields)
def test_nan_stays_in_its_point(name, field):
    state, radiation = weather(40, torch.float32)
    _, loops = forms(name, radiation)
    expected = loops(state)
    getattr(state, field)[7] = math.nan
    found = loops(state)
    others = torch.arange(40) != 7
    for name, a, b in zip(found._fields, found, expected, strict=True):
        assert torch.equal(a[others], b[others]), name
    assert found.latent[7].isnan() and found.tau_x[7].isnan()


@EVERY
def test_a_point_has_the_same_bits_wherever_it_lies_and_with_any_number_of_threads(name):
    count = 3 * THREAD * BLOCK + 37
    state, radiation = weather(count, torch.float32)
    _, loops = forms(name, radiation)
    expected = loops(state, iterations=3)
    threads = torch.get_num_threads()
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            found = loops(state, iterations=3)
            assert all(map(torch.equal, found, expected)), number
    finally:
        torch.set_num_threads(threads)
    for i in (0, 300, count - 1):
        some = Radiation(*(x[i : i + 1] for x in radiation[:2]))
        _, alone = forms(name, some)
        found = alone(BulkState(*(x[i : i + 1] for x in state)), iterations=3)
        assert all(a == b[i] for a, b in zip(found, expected, strict=True)), i


def test_fields_of_any_form():
    state, _ = weather(24)
    expected = coare36(**state._asdict())
    grid = BulkState(*(value.view(4, 6) for value in state))
    turned = BulkState(*(value.t().contiguous().t() for value in grid))
    mixed = grid._replace(pressure=grid.pressure.float())
    conjugate = torch.complex(grid.wind_x, -grid.wind_y).conj()
    views = grid._replace(wind_x=conjugate.real, wind_y=conjugate.imag)
    for form in (grid, turned, views):
        found = coare36(**form._asdict())
        assert all(torch.equal(a, b.view(4, 6)) for a, b in zip(found, expected, strict=True))
    assert coare36(**mixed._asdict()).latent.dtype == torch.float64
    assert coare36(**{k: v[0] for k, v in state._asdict().items()}).latent == expected.latent[0]
    assert coare36(**{k: v[:0] for k, v in state._asdict().items()}).latent.shape == (0,)
    half = coare36(**{k: v.bfloat16() for k, v in state._asdict().items()})
    assert half.latent.dtype == torch.bfloat16


def test_gradients_are_those_of_pytorch():
    state, _ = weather(6)
    needs = {name: value.requires_grad_() for name, value in state._asdict().items()}
    found = coare36(**needs)
    expected = coare.__wrapped__.__wrapped__(BulkState(**needs))
    assert torch.equal(found.latent, expected.latent)
    assert all(
        gradient.isfinite().all() for gradient in torch.autograd.grad(found.latent.sum(), state)
    )
    with torch.no_grad():
        torch.testing.assert_close(coare36(**needs).latent, expected.latent.detach())
