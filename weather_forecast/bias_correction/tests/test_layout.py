"""Raw files: what is written is read, by names, and what is wrong is told with its place."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import xarray

from ai4sim.tests.reference import REFERENCE, needs_reference
from weather_forecast.bias_correction.io.layout import (
    CHANNELS,
    TARGETS,
    TRIPLECLOUDS,
    RadiationLayout,
)
from weather_forecast.bias_correction.io.raw_files import (
    read_columns,
    read_groups,
    read_layout,
    write_columns,
    write_like,
)
from weather_forecast.bias_correction.tests.made_up import columns, write_file

LEVELS = 6
LAYOUT = RadiationLayout(LEVELS)


@pytest.fixture
def path(tmp_path):
    write_file(tmp_path / "a.h5", 10, LEVELS)
    return tmp_path / "a.h5"


def rewrite(path, name, change=lambda values: values, **how):
    """Write a dataset anew, changed or with other HDF5 options; its attributes stay."""
    with h5py.File(path, "a") as file:
        values, attributes = change(file[name][...]), dict(file[name].attrs)
        del file[name]
        dataset = file.create_dataset(name, data=values, **how)
        for key in ("channel_names", "units"):
            if key in attributes:
                dataset.attrs[key] = attributes[key]


def test_the_reference_size_is_that_of_the_literature():
    layout = RadiationLayout()
    assert (layout.input_channels, layout.output_channels) == (4128, 826)
    assert layout.tripleclouds_channels == 552


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"dtype": ">f4"},
        {"dtype": ">f8", "chunks": True},
        {"chunks": True, "compression": "gzip", "shuffle": True},
    ],
)
def test_what_is_written_is_read_bit_by_bit(path, how):
    expected = columns(10, LEVELS)
    for name in (*CHANNELS, *TARGETS, *TRIPLECLOUDS, "pressure_hl", "lat") if how else ():
        rewrite(path, name, **how)
    assert read_layout(path) == LAYOUT
    found = read_columns(path)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], values)
    part = read_columns(path, 3, 7)
    np.testing.assert_array_equal(part["inputs"], expected["inputs"][3:7])


def test_a_file_has_each_variable_where_the_layout_says(path):
    parts = LAYOUT.split_inputs(columns(10, LEVELS)["inputs"])
    with h5py.File(path) as file:
        for name, channels in CHANNELS.items():
            for i, channel in enumerate(channels):
                np.testing.assert_array_equal(file[name][..., i], parts[channel])
        np.testing.assert_array_equal(file["pressure_hl"][..., 0], parts["pressure_hl"])
        assert file["col_inputs"].shape == (10, LEVELS, 27)
        assert file["inter_inputs"].shape == (10, LEVELS - 1, 1)
    # Made-up targets keep what must hold.
    targets = LAYOUT.split_outputs(columns(10, LEVELS)["targets"])
    night = parts["cos_solar_zenith_angle"] <= 0
    clear = parts["cloud_fraction"].sum(dim=1) == 0
    assert night.any() and clear.any()
    assert (targets["flux_dn_sw"][night] == 0).all() and (targets["flux_dn_lw"][:, 0] == 0).all()
    assert all((part[clear] == 0).all() for part in targets.values())


@pytest.mark.parametrize("separator", [",", ", ", None])
def test_channels_go_by_their_names(path, separator):
    order = np.random.default_rng(0).permutation(27)
    rewrite(path, "col_inputs", lambda values: values[..., order])
    names = [list(CHANNELS["col_inputs"])[i] for i in order]
    with h5py.File(path, "a") as file:
        file["col_inputs"].attrs["channel_names"] = separator.join(names) if separator else names
    np.testing.assert_array_equal(read_columns(path)["inputs"], columns(10, LEVELS)["inputs"])
    rewrite(path, "col_inputs", lambda values: np.where(values == 1e-5, np.nan, values))
    place = names.index("re_liquid")
    with pytest.raises(ValueError, match=rf"column 0, level 0, channel {place} \(re_liquid\)"):
        read_columns(path)


def test_optional_variables_may_be_absent(tmp_path):
    path = tmp_path / "a.h5"
    write_file(path, 4, LEVELS, targets=False, tripleclouds=False, places=False)
    with h5py.File(path, "a") as file:
        del file["pressure_hl"], file["col_inputs"].attrs["channel_names"]
    assert read_columns(path).keys() == {"inputs"}
    # Last axes of one are left out by some programs, added by others.
    rewrite(path, "inter_inputs", lambda values: values[..., 0])
    rewrite(path, "sca_inputs", lambda values: values[..., None])
    np.testing.assert_array_equal(read_columns(path)["inputs"], columns(4, LEVELS)["inputs"])


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("sca_inputs", lambda v: v[:, 1:], r"sca_inputs has shape \(10, 16\), expected \(10, 17\)"),
        (
            "col_inputs",
            lambda v: v[..., 1:],
            r"col_inputs has shape .*expected \(column, level, 27",
        ),
        (
            "hl_inputs",
            lambda v: v[:, 1:],
            r"hl_inputs has shape \(10, 6, 2\), expected \(10, 7, 2\) = \(column, half_level",
        ),
        ("hr_lw", lambda v: v[:9], r"hr_lw has shape \(9, 6\), expected \(10, 6\)"),
        (
            "flux_up_lw",
            lambda v: np.where(np.arange(7) == 4, np.inf, v),
            "flux_up_lw is infinite at column 0, half_level 4, the first of 10 such values",
        ),
        (
            "hl_inputs",
            lambda v: v[:, ::-1],
            r"hl_inputs: the pressure of column 0 .* half_level 0, .* increase",
        ),
        (
            "pressure_hl",
            lambda v: v / 100,
            r"at column 0, half_level 1, pressure_hl is .* Pa, but hl_inputs has .* Pa",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(path, name, change, message):
    rewrite(path, name, change)
    with pytest.raises(ValueError, match=rf"a\.h5: {message}"):
        read_columns(path)


def test_wrong_channels_missing_datasets_and_other_files_are_told(path, tmp_path):
    with h5py.File(path, "a") as file:
        names = file["hl_inputs"].attrs["channel_names"]
        file["hl_inputs"].attrs["channel_names"] = "temperature_hl,height_hl"
    with pytest.raises(
        ValueError,
        match=r"a\.h5: hl_inputs, .*: channel 1 is 'height_hl', expected 'pressure_hl'",
    ):
        read_layout(path)
    with h5py.File(path, "a") as file:
        file["hl_inputs"].attrs["channel_names"] = "temperature_hl"
    with pytest.raises(ValueError, match=r"1 channels, expected 2; missing \['pressure_hl'\]"):
        read_layout(path)
    with h5py.File(path, "a") as file:
        file["hl_inputs"].attrs["channel_names"] = names
        del file["hr_sw"]
    with pytest.raises(ValueError, match=r"a\.h5: of the targets it has flux_.*but not hr_sw; exp"):
        read_layout(path)
    with h5py.File(path, "a") as file:
        del file["inter_inputs"]
    with pytest.raises(
        ValueError, match=r"a\.h5: no dataset inter_inputs; expected .* found .*lat"
    ):
        read_layout(path)
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(ValueError, match=r"text\.h5: expected a netCDF or HDF5 file"):
        read_layout(tmp_path / "text.h5")
    with pytest.raises(FileNotFoundError, match=r"b\.h5 does not exist. Nearest name there: a\.h5"):
        read_layout(tmp_path / "b.h5")
    with pytest.raises(
        ValueError, match=r"c\.h5: targets has shape \(10, 3\), expected \(10, 40\)"
    ):
        write_columns(tmp_path / "c.h5", LAYOUT, columns(10, LEVELS)["inputs"], torch.zeros(10, 3))
    assert not (tmp_path / "c.h5").exists()


def test_groups_are_whole_numbers_of_a_variable_that_exists(tmp_path):
    blocks = np.array([4, 4, 2, 9], np.int16)
    write_file(tmp_path / "a.h5", 4, LEVELS, extras={"base_block": blocks, "part": blocks / 8})
    np.testing.assert_array_equal(read_groups(tmp_path / "a.h5", "base_block"), blocks)
    with pytest.raises(ValueError, match=r"a\.h5: expected a variable group \(4,\).*base_block, "):
        read_groups(tmp_path / "a.h5", "group")
    with pytest.raises(ValueError, match=r"a\.h5: part holds numbers that are not whole"):
        read_groups(tmp_path / "a.h5", "part")


def test_predictions_have_names_and_attributes_of_the_targets(path, tmp_path):
    with h5py.File(path, "a") as file:
        file["hr_sw"].attrs["long_name"] = "short-wave heating"
        file.attrs["title"] = "columns"
    rewrite(path, "lat", dtype=">f8")
    outputs = 2 * columns(10, LEVELS)["targets"]
    write_like(path, tmp_path / "out" / "a.h5", outputs)
    with h5py.File(path) as raw, h5py.File(tmp_path / "out" / "a.h5") as file:
        for name in TARGETS:
            np.testing.assert_array_equal(file[name], 2 * raw[name][...])
            assert file[name].attrs["units"] == raw[name].attrs["units"]
        np.testing.assert_array_equal(file["lat"], raw["lat"])
        assert file["lat"].dtype.kind == "f" and file["lat"].dtype.itemsize == 8
        assert "col_inputs" not in file
    with xarray.open_dataset(tmp_path / "out" / "a.h5", engine="netcdf4") as data:
        assert data["hr_sw"].attrs["long_name"] == "short-wave heating"
        assert data.attrs["title"] == "columns"
    with pytest.raises(ValueError, match=r"a\.h5: outputs has shape \(9, 40\), expected \(10, 40"):
        write_like(path, tmp_path / "b.h5", outputs[1:])


def test_other_programs_read_what_is_written(path, tmp_path):
    write_like(path, tmp_path / "b.h5", columns(10, LEVELS)["targets"])
    with xarray.open_dataset(path, engine="netcdf4") as data:
        assert data["col_inputs"].dims == ("column", "level", "col_variable")
        assert data["pressure_hl"].dims == ("column", "half_level", "p_variable")
        assert data["hr_sw"].attrs["units"] == "K d-1"
        temperature = LAYOUT.split_inputs(columns(10, LEVELS)["inputs"])["temperature_hl"]
        np.testing.assert_array_equal(data["hl_inputs"][..., 0], temperature)
    with xarray.open_dataset(tmp_path / "b.h5", engine="netcdf4") as data:
        assert data["flux_dn_sw"].dims == ("column", "half_level")
        assert set(data) == {*TARGETS, "lat", "lon"}


@needs_reference
def test_the_reference_file_is_read_as_it_is():
    path = Path(REFERENCE, "ecrad/raw/ecrad_3d_train.h5")
    assert read_layout(path) == RadiationLayout(137)
    data = read_columns(path, 100, 140)
    shapes = {name: values.shape for name, values in data.items()}
    assert shapes == {
        "inputs": (40, 4128),
        "targets": (40, 826),
        "tripleclouds": (40, 552),
        "latitude": (40,),
        "longitude": (40,),
    }
    parts = RadiationLayout(137).split_inputs(torch.from_numpy(data["inputs"]))
    with h5py.File(path) as file:
        np.testing.assert_array_equal(parts["re_ice"], file["col_inputs"][100:140, :, 26])
        np.testing.assert_array_equal(parts["overlap_param"], file["inter_inputs"][100:140, :, 0])
        np.testing.assert_array_equal(data["targets"][:, -137:], file["hr_lw"][100:140])
    assert 140 < parts["temperature_hl"].min() < parts["temperature_hl"].max() < 330
    assert (parts["pressure_hl"][:, 0] == 0).all() and parts["pressure_hl"][:, -1].min() > 4e4
