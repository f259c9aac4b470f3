"""Raw files: what their rows mean, on grids of any shape, and what is wrong with them."""

import h5py
import numpy as np
import pytest
import torch

from weather_forecast.gwd.io.layout import read_layout, write_columns, write_like
from weather_forecast.gwd.io.raw_files import blocks
from weather_forecast.gwd.io.rows import DragLayout

NOGWD, OGWD = DragLayout("nogwd", 3), DragLayout("ogwd", 4)


def columns(layout, count):
    """Numbers that say where they stand: 100 column + row, and negative for the tendencies."""
    column = 100.0 * torch.arange(count)[:, None]
    return column + torch.arange(layout.input_channels), -column - torch.arange(
        layout.output_channels
    )


@pytest.mark.parametrize(
    ("input_channels", "output_channels", "expected"),
    [(191, 126, DragLayout("nogwd", 63)), (279, 364, DragLayout("ogwd", 91)), (11, 6, NOGWD)],
)
def test_the_number_of_rows_says_scheme_and_levels(input_channels, output_channels, expected):
    layout = DragLayout.of_rows(input_channels)
    assert layout == expected
    assert (layout.input_channels, layout.output_channels) == (input_channels, output_channels)


def test_rows_are_found_by_name():
    x, y = columns(OGWD, 5)
    inputs, outputs = OGWD.split_inputs(x), OGWD.split_outputs(y)
    assert inputs["v"][2].tolist() == [204, 205, 206, 207]
    assert inputs["surface_pressure"].tolist() == [12, 112, 212, 312, 412]
    assert inputs["orography_angle"][0] == 17
    assert outputs["blocking_u_tendency"][1].tolist() == [-108, -109, -110, -111]
    assert list(NOGWD.split_outputs(columns(NOGWD, 1)[1])) == ["u_tendency", "v_tendency"]
    inputs["u"][0] = 7  # views, not copies
    assert x[0, 0] == 7


@pytest.mark.parametrize("grid", [(2, 3), (6,), (1, 3, 2)])
@pytest.mark.parametrize("layout", [NOGWD, OGWD])
def test_a_file_has_its_rows_first_and_the_grid_in_c_order(tmp_path, layout, grid):
    path = tmp_path / "new" / "2015-01-01.h5"
    x, y = columns(layout, 6)
    write_columns(path, layout, x, y.numpy(), torch.arange(6.0), grid, {"date": "2015-01-01"})
    assert read_layout(path) == layout
    with h5py.File(path) as file:
        assert file["x"].shape == (layout.input_channels, *grid) and file["x"].dtype == np.float32
        where = np.unravel_index(4, grid)
        assert file["x"][(2, *where)] == 402 and file["y"][(1, *where)] == -401
        assert file["lat"][where] == 4
        assert file["x"].attrs["rows"].startswith(f"u {layout.levels}, v {layout.levels}")
        assert file.attrs["date"] == "2015-01-01"


def test_large_datasets_are_written_in_parts(tmp_path, monkeypatch):
    x, y = columns(NOGWD, 15)
    write_columns(tmp_path / "whole.h5", NOGWD, x, y, None, (3, 5))
    monkeypatch.setattr("weather_forecast.gwd.io.layout.WRITTEN_AT_ONCE", 100)
    write_columns(tmp_path / "parts.h5", NOGWD, x, y, None, (3, 5))
    with h5py.File(tmp_path / "whole.h5") as whole, h5py.File(tmp_path / "parts.h5") as parts:
        assert sorted(parts) == ["x", "y"]
        for name in whole:
            np.testing.assert_array_equal(whole[name][...], parts[name][...])


def test_a_copy_has_other_tendencies_and_all_else(tmp_path):
    source, copy = tmp_path / "a.h5", tmp_path / "out" / "a.h5"
    x, y = columns(OGWD, 6)
    write_columns(source, OGWD, x, y, torch.arange(6), (2, 3), {"n_azimuth": 16})
    with h5py.File(source, "a") as file:
        file["beta"] = np.ones((4, 2, 3))
    write_like(source, copy, 2 * y)
    with h5py.File(copy) as file:
        np.testing.assert_array_equal(file["y"][:], 2 * y.numpy().T.reshape(-1, 2, 3))
        np.testing.assert_array_equal(file["x"][:], x.numpy().T.reshape(-1, 2, 3))
        assert sorted(file) == ["beta", "lat", "x", "y"] and file.attrs["n_azimuth"] == 16
        assert "wave_u_tendency" in file["y"].attrs["rows"]
    with pytest.raises(ValueError, match=r"a.h5: y has shape \(5, 16\), expected \(6, 16\)"):
        write_like(source, tmp_path / "b.h5", y[:5])
    assert not (tmp_path / "b.h5").exists()


@pytest.mark.parametrize(("grid", "limit"), [((3, 5), 100), ((3, 5), 7), ((3, 5), 2), ((9,), 4)])
def test_boxes_of_a_grid_follow_each_other_in_c_order(grid, limit):
    number = np.arange(np.prod(grid)).reshape(grid)
    parts = [number[box].ravel() for box in blocks(grid, limit)]
    np.testing.assert_array_equal(np.concatenate(parts), number.ravel())
    assert max(map(len, parts)) <= limit


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ({"y": (6, 2)}, "no variable x; it has y"),
        ({"x": (11,)}, r"x has shape \(11,\), expected \(row, \*grid\)"),
        (
            {"x": (10, 2)},
            r"x has shape \(10, 2\): 10 rows of inputs, expected 3 n \+ 2 .*3 n \+ 6",
        ),
        ({"x": (11, 2), "y": (7, 2)}, r"y has shape \(7, 2\), expected \(6, 2\).*3 levels"),
        ({"x": (11, 2, 3), "y": (6, 3, 2)}, r"y has shape \(6, 3, 2\), expected \(6, 2, 3\)"),
        ({"x": (11, 2, 3), "lat": (2,)}, r"lat has shape \(2,\), expected \(2, 3\)"),
        ({"x": (11, 0, 3)}, r"x has shape \(11, 0, 3\): it has no columns"),
    ],
)
def test_wrong_shapes_are_named_with_the_file(tmp_path, datasets, message):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, shape in datasets.items():
            file[name] = np.zeros(shape)
    with pytest.raises(ValueError, match="a.h5: " + message):
        read_layout(tmp_path / "a.h5")


def test_files_that_are_none_are_refused(tmp_path):
    (tmp_path / "a.h5").write_text("text")
    with pytest.raises(ValueError, match="a.h5: expected a netCDF or HDF5 file"):
        read_layout(tmp_path / "a.h5")
    with pytest.raises(FileNotFoundError, match="Nearest name there: a.h5"):
        read_layout(tmp_path / "b.h5")
    x, y = columns(NOGWD, 6)
    with pytest.raises(
        ValueError, match=r"inputs has shape \(6, 11\), expected \(8, 11\) .*grid \(2, 4"
    ):
        write_columns(tmp_path / "c.h5", NOGWD, x, y, None, (2, 4))
    with pytest.raises(ValueError, match=r"targets has shape \(5, 6\), expected \(6, 6\)"):
        write_columns(tmp_path / "c.h5", NOGWD, x, y[:5], None)
    assert not (tmp_path / "c.h5").exists()
