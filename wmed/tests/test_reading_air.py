"""Axes and units of the air in files that users have: read right, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from wmed.io import mesonh
from wmed.io.preprocess import air_of, read_grids
from wmed.tests import written
from wmed.tests.changed import on_air, on_history, refused, same, times
from wmed.tests.written import Event, Written, air, save

# --- Axes of the air ---


def flipped(axis: str) -> Callable[[Written], None]:
    def change(file: Written) -> None:
        for name, variable in file.content.items():
            axes = [i for i, d in enumerate(variable.dimensions) if d.startswith(axis)]
            file.change(name, partial(np.flip, axis=tuple(axes)))

    return change


def after(file: Written) -> None:
    """Number faces by the mass points before them."""
    for name, axis in (("VT", 2), ("latitude_v", 0)):
        values = file.content[name].values
        last = np.take(values, [-1], axis)
        ends = 2 * last - np.take(values, [-2], axis) if name == "latitude_v" else last
        file.set(name, values=np.concatenate([np.take(values, range(1, 7), axis), ends], axis))


def reordered(file: Written) -> None:
    for name, variable in file.content.items():
        order = tuple(reversed(range(variable.values.ndim)))
        file.set(
            name,
            dimensions=tuple(variable.dimensions[i] for i in order),
            values=variable.values.transpose(order),
        )


@pytest.mark.parametrize("change", [flipped("nj"), flipped("ni"), flipped("level"), reordered])
def test_axes_of_the_air_in_other_directions_and_orders(
    tmp_path: Path, change: Callable[[Written], None]
):
    same(on_air(change), tmp_path)
    same(lambda files: change(air(files)[-1]), tmp_path / "one")


def test_faces_after_the_mass_points(tmp_path: Path):
    path = save(event_of(after), tmp_path)
    plain = save(written.event(), tmp_path / "plain")
    found, expected = (mesonh.read_state(air_of(p)[0][1].path) for p in (path, plain))
    np.testing.assert_allclose(found.wind_y[:, 1:], expected.wind_y[:, 1:], atol=1e-5)
    np.testing.assert_array_equal(found.wind_x, expected.wind_x)


def event_of(change: Callable[[Written], None]) -> Event:
    files = written.event()
    on_air(change)(files)
    return files


@pytest.mark.parametrize("turn", [360, -360])
def test_longitudes_by_other_names(tmp_path: Path, turn: float):
    same(lambda files: air(files)[-1].change("LON", lambda v: v + np.float32(turn)), tmp_path)
    same(on_history(lambda f: f.change("lon_rho", lambda v: v + turn)), tmp_path / "ocean")


def test_a_domain_across_the_meridian_of_greenwich(tmp_path: Path):
    def change(files: Event) -> None:
        for file in files.values():
            for name in {"LON", "lon_rho", "longitude_u"} & file.content.keys():
                file.change(name, lambda v: (v - 3.7) % 360)

    files = written.event()
    change(files)
    grids = read_grids(save(files, tmp_path))
    assert np.ptp(grids.ocean.lon) < 2 and np.ptp(grids.atmosphere.lon) < 2


def test_levels_in_disorder_are_refused(tmp_path: Path):
    def change(file: Written) -> None:
        file.change("PABST", lambda v: v[:, ::-1])

    refused(
        on_air(change), "PABST is .* expected heights in ZHAT, and levels in their order", tmp_path
    )


def test_pressures_in_hpa_without_units(tmp_path: Path):
    message = "PABST is 101.* Pa in the mean at 10 m, expected about 1.01e.05 Pa"
    refused(on_air(times("PABST", 0.01, units="")), message, tmp_path)


def test_a_factor_in_the_units_is_part_of_them(tmp_path: Path):
    same(on_air(times("PABST", 0.01, units="100 Pa")), tmp_path, 5)


@pytest.mark.parametrize("units", ["Pa", "N m^{-2}", "newton/m²"])
def test_spellings_of_the_units_of_stress(tmp_path: Path, units: str):
    same(on_history(lambda f: f.set("sustr", units=units)), tmp_path)
