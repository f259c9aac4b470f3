"""The compiled loops of the orographic scheme: the same numbers as in PyTorch, on any columns."""

import inspect
import math
from pathlib import Path

import h5py
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from ai4sim.tests.reference import REFERENCE, needs_reference
from weather_forecast.gwd.physics import ogwd
from weather_forecast.gwd.physics.ogwd import (
    MountainColumns,
    OrographicDrag,
    OrographyParameters,
    orographic_drag,
)
from weather_forecast.gwd.tests.test_ogwd import LEVELS, columns

REFERENCE_DRAG = inspect.unwrap(ogwd.mountain_drag)


def in_torch(
    case: MountainColumns, parameters: OrographyParameters | None = None
) -> OrographicDrag:
    """Return the scheme without its loops."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ogwd, "mountain_drag", REFERENCE_DRAG)
        return orographic_drag(case, parameters)


def error(found: OrographicDrag, expected: OrographicDrag) -> float:
    """Return the largest error, relative to the maximum of each field."""
    pairs = zip(found, expected, strict=True)
    return max(float((f.double() - e).abs().max() / e.abs().max()) for f, e in pairs)


def test_the_loops_give_the_numbers_of_the_scheme():
    case = MountainColumns(**columns(300))
    case = case._replace(std=case.std.where(torch.arange(300) % 3 > 0, 20.0))
    expected = in_torch(case)
    found = orographic_drag(case)
    assert error(found, expected) < 1e-10
    assert not found.stress[::3].any() and not found.blocking_coefficient[::3].any()
    rounded = MountainColumns(*(field.float() for field in case))
    single = orographic_drag(rounded)
    assert {field.dtype for field in single} == {torch.float32}
    assert error(single, in_torch(MountainColumns(*(field.double() for field in rounded)))) < 1e-6
    other = OrographyParameters(wave_drag=0.3, critical_richardson=0.5, tendency_limit=1e-3)
    assert error(orographic_drag(case, other), in_torch(case, other)) < 1e-10


@needs_reference
def test_on_columns_of_the_ifs_too():
    path = min(Path(REFERENCE, "gwd", "ogwd", "raw").glob("*.h5"))
    with h5py.File(path) as file:
        x = torch.from_numpy(file["x"][()]).flatten(1).T.double()
    case = MountainColumns.of_rows(x, LEVELS)
    expected = in_torch(case)
    assert error(orographic_drag(case), expected) < 1e-10
    assert error(orographic_drag(MountainColumns(*(f.float() for f in case))), expected) < 1e-5


@settings(max_examples=25, deadline=None)
@given(
    factor=some.floats(0, 100),
    gust=some.floats(-1e4, 1e4),
    level=some.integers(0, LEVELS - 1),
    heat=some.floats(0.6, 1.4),
    std=some.floats(0, 3000),
    anisotropy=some.floats(0, 1),
    angle=some.floats(-math.pi, math.pi),
)
def test_whatever_the_wind_and_the_mountains(factor, gust, level, heat, std, anisotropy, angle):
    case = MountainColumns(**columns(6))
    u, v = factor * case.u, case.v.clone()
    v[2, level] += gust
    case = case._replace(
        u=u,
        v=v,
        temperature=case.temperature * torch.linspace(heat, 1, LEVELS),
        std=torch.full_like(case.std, std),
        anisotropy=torch.full_like(case.std, anisotropy),
        angle=torch.full_like(case.std, angle),
    )
    for one, other in zip(orographic_drag(case), in_torch(case), strict=True):
        assert one.isfinite().all()
        torch.testing.assert_close(one, other, rtol=0, atol=1e-8 * float(other.abs().max()))


@pytest.mark.parametrize("place", range(8))
def test_a_missing_number_makes_its_column_missing_and_no_other(place):
    case = list(MountainColumns(**columns(20)))
    case[4] = case[4].where(torch.arange(20) != 7, 10.0)  # of a column without drag, too
    whole = orographic_drag(MountainColumns(*case))
    case[place] = case[place].clone()
    case[place][[3, 7] if place > 2 else ([3, 7], [20, 90])] = torch.nan
    other = (torch.arange(20) != 3) & (torch.arange(20) != 7)
    for drag in (orographic_drag, in_torch):
        for found, expected in zip(drag(MountainColumns(*case)), whole, strict=True):
            assert found[[3, 7]].isnan().all()
            torch.testing.assert_close(found[other], expected[other], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_columns_have_the_same_bits_in_any_company(dtype):
    case = MountainColumns(*(field.to(dtype) for field in columns(200).values()))
    whole = orographic_drag(case)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        for one, other in zip(orographic_drag(case), whole, strict=True):
            assert torch.equal(one, other)
    finally:
        torch.set_num_threads(before)
    part = orographic_drag(MountainColumns(*(field[17:18] for field in case)))
    for one, other in zip(part, whole, strict=True):
        assert torch.equal(one, other[17:18])


def test_no_columns_have_no_drag():
    empty = MountainColumns(*(field[:0] for field in columns(2).values()))
    for drag in (orographic_drag, in_torch):
        assert [len(field) for field in drag(empty)] == 6 * [0]


def test_gradients_flow_through_the_scheme():
    case = MountainColumns(**columns(5))
    case.u.requires_grad_()
    drag = orographic_drag(case)
    (gradient,) = torch.autograd.grad(drag.stress.sum() + drag.blocking_u_tendency.sum(), [case.u])
    assert gradient.isfinite().all() and gradient.any()
