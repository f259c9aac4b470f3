"""The compiled loops of the non-orographic scheme: the same numbers as in PyTorch."""

import inspect
from pathlib import Path
from typing import Any

import h5py
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from ai4sim.tests.reference import REFERENCE, needs_reference
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.physics import nogwd
from weather_forecast.gwd.physics.nogwd import WaveDrag, WaveSpectrum, nonorographic_drag
from weather_forecast.gwd.tests.made_up import smooth_columns

FIELDS = ("u", "v", "temperature", "surface_pressure")
REFERENCE_DRAG = inspect.unwrap(nogwd.column_drag)
SPECTRA = [(16, 100), (4, 20), (16, 8), (6, 7), (40, 2)]


def air(count: int, levels: int = 63) -> list[torch.Tensor]:
    """Arguments of the scheme: jets and waves in a standard atmosphere."""
    layout = DragLayout("nogwd", levels)
    inputs, latitude = smooth_columns(layout, count)
    rows = layout.split_inputs(inputs)
    return [*(rows[name] for name in FIELDS), latitude]


@pytest.fixture
def in_torch(monkeypatch):
    """Return the scheme without its loops."""

    def drag(*arguments: Any) -> WaveDrag:
        with monkeypatch.context() as patch:
            patch.setattr(nogwd, "column_drag", REFERENCE_DRAG)
            return nonorographic_drag(*arguments)

    return drag


def error(found: WaveDrag, expected: WaveDrag, flux_too: bool = True) -> float:
    """Return the largest error, relative to the maximum of each field."""
    pairs = list(zip(found, expected, strict=True))[: 4 if flux_too else 2]
    return max(float((f - e).abs().max() / e.abs().max()) for f, e in pairs)


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_the_loops_give_the_numbers_of_the_scheme(spectrum, in_torch):
    case, spectrum = air(70, 66), WaveSpectrum(*spectrum)
    expected = in_torch(*case, spectrum)
    assert error(nonorographic_drag(*case, spectrum), expected) < 1e-10
    single = nonorographic_drag(*(field.float() for field in case), spectrum)
    assert {field.dtype for field in single} == {torch.float32}
    assert [field.shape for field in single] == [field.shape for field in expected]
    assert error(single, expected, flux_too=False) < 1e-5
    assert error(single, expected) < 2e-4  # a wave that just passes its critical level


class Given(WaveSpectrum):
    """A spectrum of given phase speeds."""

    def quadrature(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return phase speeds below the slowest, too."""
        c = torch.tensor([80.0, 20.0, 5.0, 0.6, 0.4, 0.3]).double()
        return (c if self.stretching else c.flip(0)), c / 2


def test_waves_slower_than_the_slowest_are_gone_above_the_launch(in_torch):
    case, spectrum = air(70), Given(8, 6)
    assert error(nonorographic_drag(*case, spectrum), in_torch(*case, spectrum)) < 1e-10
    with pytest.raises(ValueError, match="phase speeds: expected them from the fastest on"):
        nonorographic_drag(*case, Given(8, 6, stretching=0.0))


@needs_reference
def test_on_columns_of_the_ifs_too(in_torch):
    with h5py.File(Path(REFERENCE, "gwd", "raw", "2017-07-19.h5")) as file:
        x, latitude = (torch.from_numpy(file[name][()]).double() for name in ("x", "lat"))
    rows = DragLayout("nogwd", 63).split_inputs(x.flatten(1).T[::5])
    case = [*(rows[name] for name in FIELDS), latitude.flatten()[::5]]
    expected = in_torch(*case)
    assert error(nonorographic_drag(*case), expected) < 1e-10
    single = nonorographic_drag(*(field.float() for field in case))
    assert error(single, expected, flux_too=False) < 1e-5


@settings(max_examples=25, deadline=None)
@given(
    factor=some.floats(0, 1e3),
    gust=some.floats(-1e5, 1e5),
    level=some.integers(0, 62),
    heat=some.floats(0.5, 1.5),
    flux=some.sampled_from([0.0, 1e-12, 3.75e-3, 10.0]),
    speeds=some.integers(2, 40),
)
def test_whatever_the_wind(factor, gust, level, heat, flux, speeds):
    u, v, temperature, surface_pressure, latitude = air(5)
    u, v = factor * u, v.clone()
    v[2, level] += gust
    temperature = temperature * torch.linspace(heat, 1, 63)
    case = (u, v, temperature, surface_pressure, latitude, WaveSpectrum(8, speeds, flux))
    found = nonorographic_drag(*case)
    expected = nogwd.WaveDrag(
        *REFERENCE_DRAG(
            *case[:4],
            case[5].launch_momentum_flux(latitude),
            nogwd.hybrid_coefficients(63),
            case[5],
            (nogwd.R, nogwd.GRAVITY, nogwd.HEAT_CAPACITY, nogwd.THIN),
            64,
        )
    )
    for one, other in zip(found, expected, strict=True):
        assert one.isfinite().all()
        # Still air has no drag but round-off of the launched flux.
        atol = 1e-8 * float(other.abs().max()) + 1e-12 * flux
        torch.testing.assert_close(one, other, rtol=0, atol=atol)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("place", range(5))
def test_a_missing_number_makes_its_column_missing_and_no_other(place, number, in_torch):
    case = air(40, 66)
    whole = nonorographic_drag(*case)
    case[place] = case[place].clone()
    case[place][7 if place > 2 else (7, 20)] = number
    other = torch.arange(40) != 7
    for drag in (nonorographic_drag, in_torch):
        if place == 4 and number == float("inf"):  # a latitude that is none has the flux of a pole
            continue
        for found, expected in zip(drag(*case), whole, strict=True):
            used = found.shape[1] - 3
            assert found[7, :used].isnan().all()
            torch.testing.assert_close(found[other], expected[other], rtol=1e-9, atol=1e-18)


def test_a_missing_number_below_the_launch_level_does_not_matter(in_torch):
    case = air(3, 66)
    expected = nonorographic_drag(*case)
    case[0][1, 63] = torch.nan
    for drag in (nonorographic_drag, in_torch):
        for found, other in zip(drag(*case), expected, strict=True):
            torch.testing.assert_close(found, other, rtol=1e-9, atol=1e-18)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_columns_have_the_same_bits_in_any_company(dtype):
    case = [field.to(dtype) for field in air(200)]
    whole = nonorographic_drag(*case)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        for one, other in zip(nonorographic_drag(*case), whole, strict=True):
            assert torch.equal(one, other)
    finally:
        torch.set_num_threads(before)
    for start, stop in ((5, 6), (17, 20), (100, 150)):
        part = nonorographic_drag(*(field[start:stop] for field in case))
        for one, other in zip(part, whole, strict=True):
            assert torch.equal(one, other[start:stop])


@pytest.mark.parametrize(
    ("place", "name"), [(1, "v"), (2, "temperature"), (3, "surface_pressure"), (4, "latitude")]
)
def test_fields_that_do_not_fit_each_other_are_refused(place, name, in_torch):
    case = air(4)
    case[place] = case[place][:3]
    for drag in (nonorographic_drag, in_torch):
        with pytest.raises(ValueError, match=rf"{name}: expected the shape \(4,.* found \(3,"):
            drag(*case)


def test_no_columns_have_no_drag(in_torch):
    for drag in (nonorographic_drag, in_torch):
        found = drag(*(field[:0] for field in air(2, 66)))
        assert [tuple(field.shape) for field in found] == [(0, 66), (0, 66), (0, 67), (0, 67)]


def test_strided_columns_and_parameters_are_served(in_torch):
    case = air(9)
    wide = torch.cat(case[:3], dim=1)
    strided = [*wide.split(63, dim=1), *case[3:]]
    expected = in_torch(*case)
    assert error(nonorographic_drag(*strided), expected) < 1e-10
    strided[0] = strided[0].clone().requires_grad_()
    with torch.no_grad():
        assert error(nonorographic_drag(*strided), expected) < 1e-10
    assert nonorographic_drag(*strided).u_tendency.requires_grad
