"""Files as programs really write them: the right numbers, or an error with file and dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np
import pytest
import xarray
from numpy.typing import NDArray

from weather_forecast.bias_correction.data import RadiationDataModule
from weather_forecast.bias_correction.io.layout import CHANNELS, FLUXES, TARGETS, RadiationLayout
from weather_forecast.bias_correction.io.raw_files import (
    read_columns,
    read_groups,
    read_layout,
    write_like,
)
from weather_forecast.bias_correction.tests.forms_of_columns import divided
from weather_forecast.bias_correction.tests.made_up import columns, write_file

LEVELS, COLUMNS = 5, 10
LAYOUT = RadiationLayout(LEVELS)
EXPECTED = {name: values.numpy() for name, values in columns(COLUMNS, LEVELS).items()}
NIGHT = int(np.argmax(EXPECTED["inputs"][:, 1] <= 0))
FILL = np.float32(9.96921e36)
Change = Callable[[NDArray[Any]], NDArray[Any]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "raw" / "a.nc"
    write_file(file, COLUMNS, LEVELS, extras={"base_block": np.arange(COLUMNS) // 2})
    return file


def edit(path: Path, name: str, change: Change | None = None, **attributes: Any) -> None:
    """Change the values of a dataset, and its attributes."""
    with h5py.File(path, "a") as file:
        if change:
            file[name][...] = change(file[name][...])
        file[name].attrs.update(attributes)


def replace(path: Path, name: str, values: Any, **how: Any) -> None:
    """Put another dataset in the place of one, without attributes and names of axes."""
    with h5py.File(path, "a") as file:
        del file[name]
        file.create_dataset(name, data=values, **how)


def channel(name: str, change: Change) -> Change:
    """Change one channel of inputs."""
    places = {c: i for channels in CHANNELS.values() for i, c in enumerate(channels)}

    def apply(values: NDArray[Any]) -> NDArray[Any]:
        values[..., places[name]] = change(values[..., places[name]])
        return values

    return apply


def channel_units(name: str, units: dict[str, str]) -> str:
    return ",".join(units.get(channel, unit) for channel, unit in CHANNELS[name].items())


def assert_as_meant(path: Path, rtol: float = 1e-6) -> None:
    found = read_columns(path)
    assert found.keys() == EXPECTED.keys()
    for name, values in divided(EXPECTED).items():
        np.testing.assert_allclose(
            divided(found)[name], values, rtol=rtol, atol=1e-12, err_msg=name
        )


# --- What attributes mean ---


def test_packed_values_are_unpacked(path: Path) -> None:
    with xarray.open_dataset(path, engine="netcdf4") as data:
        packed = data.load()
    path.unlink()
    hr = {"dtype": "int16", "scale_factor": 1e-3, "_FillValue": -32768}
    lat = {"dtype": "int32", "scale_factor": 1e-6, "add_offset": 1.0}
    packed.to_netcdf(path, encoding={"hr_sw": hr, "lat": lat})
    found, meant = read_columns(path), divided(EXPECTED)
    np.testing.assert_allclose(divided(found)["hr_sw"], meant["hr_sw"], atol=5.1e-4)
    np.testing.assert_allclose(found["latitude"], EXPECTED["latitude"], atol=1e-5)
    assert np.abs(divided(found)["hr_sw"]).max() > 0.05


@pytest.mark.parametrize(("marker", "value"), [("_FillValue", FILL), ("missing_value", -9999.0)])
def test_values_that_are_missing_are_refused_before_training(
    path: Path, marker: str, value: float
) -> None:
    edit(path, "hr_sw", lambda v: np.where(np.arange(COLUMNS)[:, None] == 4, value, v))
    edit(path, "hr_sw", None, **{marker: np.float32(value)})
    data = RadiationDataModule(str(path.parents[1]), split="all-test")
    with pytest.raises(ValueError, match=r"a\.nc: hr_sw is NaN, or was never written, at column 4"):
        data.prepare_files(data.raw_files())


def test_values_that_were_never_written_are_refused(path: Path) -> None:
    with h5py.File(path, "a") as file:
        shape = file["col_inputs"].shape
        values = file["col_inputs"][...]
        del file["col_inputs"]
        chunked = file.create_dataset("col_inputs", shape, "f4", chunks=(2, *shape[1:]))
        chunked[:4] = values[:4]
    with pytest.raises(ValueError, match=r"a\.nc: col_inputs: 3 of 5 chunks were never written"):
        read_columns(path)
    replace(path, "col_inputs", np.zeros(shape, np.float32))  # or written as zeros
    with pytest.raises(ValueError, match=r"a\.nc: col_inputs is 0 kg/kg at column 0, level 4, ch"):
        read_columns(path)


def test_a_virtual_data_set_whose_source_has_moved_is_refused(path: Path) -> None:
    layout = h5py.VirtualLayout((COLUMNS, LEVELS), "f4")
    layout[...] = h5py.VirtualSource("moved.h5", "hr", (COLUMNS, LEVELS))
    with h5py.File(path, "a") as file:
        del file["hr_sw"]
        file.create_virtual_dataset("hr_sw", layout)
    with pytest.raises(ValueError, match=r"a\.nc: hr_sw is a virtual data set of moved\.h5"):
        read_columns(path)


def test_a_filter_that_is_not_installed_is_named(path: Path) -> None:
    with h5py.File(path, "a") as file:
        values = file["hr_lw"][...]
        del file["hr_lw"]
        how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        how.set_chunk(values.shape)
        how.set_filter(40000, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple(values.shape)
        h5py.h5d.create(file.id, b"hr_lw", h5py.h5t.NATIVE_FLOAT, space, how)
        file["hr_lw"][...] = values
    with pytest.raises(ValueError, match=r"a\.nc: hr_lw is compressed by the filter 40000"):
        read_columns(path)


# --- Members of a file that are no datasets, and other contents ---


def test_links_groups_and_texts_are_told_with_file_and_dataset(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.create_group("meta")
        file["gone"] = h5py.ExternalLink("/gone.h5", "x")
        file["letter"] = np.array([b"b0"] * COLUMNS)
    assert_as_meant(path)
    with pytest.raises(ValueError, match=r"a\.nc: expected a variable block .*it has base_block"):
        read_groups(path, "block")
    with pytest.raises(ValueError, match=r"a\.nc: letter holds values of the type \|S2, expected"):
        read_groups(path, "letter")
    with pytest.raises(ValueError, match=r"a\.nc: gone is a link to /gone\.h5:x"):
        read_groups(path, "gone")
    with h5py.File(path, "a") as file:
        del file["hr_sw"]
        file["hr_sw"] = h5py.ExternalLink("/gone.h5", "x")
    with pytest.raises(ValueError, match=r"a\.nc: hr_sw is a link to /gone\.h5:x, which cannot"):
        read_layout(path)
    replace(path, "hr_sw", np.full((COLUMNS, LEVELS), b"1.5"))
    with pytest.raises(ValueError, match=r"a\.nc: hr_sw holds values of the type \|S3, expected"):
        read_layout(path)


def test_a_file_without_columns_and_a_block_without_number_are_told(path: Path) -> None:
    replace(path, "base_block", np.where(np.arange(COLUMNS) == 3, np.nan, 1.0))
    with pytest.raises(ValueError, match=r"a\.nc: base_block holds numbers .* nan at column 3"):
        read_groups(path, "base_block")
    replace(path, "col_inputs", np.zeros((0, LEVELS, 27)))
    with pytest.raises(ValueError, match=r"a\.nc: it has no columns; col_inputs has shape \(0, 5"):
        read_layout(path)


# --- Units ---


def test_units_that_are_told_are_converted(path: Path) -> None:
    edit(path, "pressure_hl", lambda v: v / 100, units="hPa")
    edit(path, "hr_sw", lambda v: v / 86400, units="K s-1")
    edit(path, "flux_up_lw", lambda v: v / 1000, units="kW m-2")
    edit(path, "lat", np.radians, units="radian")
    edit(path, "lon", np.radians, units="radians")
    changes: dict[str, dict[str, tuple[str, Change]]] = {
        "sca_inputs": {
            "skin_temperature": ("degC", lambda v: v - 273.15),
            "sw_albedo_1": ("%", lambda v: v * 100),
        },
        "hl_inputs": {"pressure_hl": ("hPa", lambda v: v / 100)},
        "col_inputs": {
            "q": ("g/kg", lambda v: v * 1000),
            "co2_vmr": ("ppmv", lambda v: v * 1e6),
            "re_liquid": ("um", lambda v: v * 1e6),
            "cloud_fraction": ("percent", lambda v: v * 100),
        },
    }
    for name, changed in changes.items():
        units = channel_units(name, {c: unit for c, (unit, _) in changed.items()})
        for c, (_, change) in changed.items():
            edit(path, name, channel(c, change), channel_units=units)
    assert_as_meant(path, rtol=2e-6)


@pytest.mark.parametrize(
    ("dataset", "units", "message"),
    [
        ("hr_sw", "W m-2", 'hr_sw has the units "W m-2", expected "K d-1"'),
        ("pressure_hl", "m", 'pressure_hl has the units "m", expected "Pa"'),
        ("lat", "degrees_east", 'lat has the units "degrees_east", expected "degrees_north"'),
        ("hl_inputs", {"pressure_hl": "m"}, r'channel 1 \(pressure_hl\), has the units "m"'),
        # The same number to UDUNITS, but not to physics.
        ("col_inputs", {"o3_mmr": "mol/mol"}, r'\(o3_mmr\), .* "mol/mol", expected "kg/kg"'),
        ("col_inputs", {"co2_vmr": "g/kg"}, r'\(co2_vmr\), has the units "g/kg", expected "mol/'),
        (
            "sca_inputs",
            {"cos_solar_zenith_angle": "degree"},
            'has the units "degree", expected "1"',
        ),
    ],
)
def test_units_of_something_else_are_refused(
    path: Path, dataset: str, units: str | dict[str, str], message: str
) -> None:
    attribute = "units" if isinstance(units, str) else "channel_units"
    text = units if isinstance(units, str) else channel_units(dataset, units)
    edit(path, dataset, None, **{attribute: text})
    with pytest.raises(ValueError, match=rf"a\.nc: .*{message}"):
        read_layout(path)
    edit(path, "hl_inputs", channel_units="K")
    with pytest.raises(ValueError, match=r"a\.nc: .*"):
        read_layout(path)


# --- What cannot be ---


@pytest.mark.parametrize(
    ("dataset", "change", "message"),
    [
        (
            "sca_inputs",
            channel("cos_solar_zenith_angle", lambda v: np.full_like(v, 108)),
            r"sca_inputs is 108 1 at column 0, channel 1 \(cos_solar_zenith_angle\), .*expected -1",
        ),
        ("sca_inputs", channel("skin_temperature", lambda v: v - 273.15), r"channel 0 \(skin_temp"),
        (
            "sca_inputs",
            channel("lw_emissivity_2", lambda v: 0 * v),
            r"channel 15 \(lw_emissivity_2",
        ),
        (
            "col_inputs",
            channel("cloud_fraction", lambda v: v * 100),
            r"channel 10 \(cloud_fraction",
        ),
        ("col_inputs", channel("re_ice", lambda v: v * 1e6), r"channel 26 \(re_ice\)"),
        ("hl_inputs", channel("temperature_hl", lambda v: v - 273.15), r"half_level 0, channel 0 "),
        (
            "hl_inputs",
            channel("pressure_hl", lambda v: v / 100),
            r"half_level 5, channel 1 \(press",
        ),
        ("lat", lambda v: v + 100, r"lat is .* degrees_north at column \d, .*expected -90"),
        (
            "flux_dn_sw",
            lambda v: v + 1,
            r"flux_dn_sw is 1 W/m2 at column 0, half_level 0.*absolute",
        ),
        ("flux_dn_lw", lambda v: v + 0.2, r"flux_dn_lw is 0\.2 W/m2 at column 0, half_level 0"),
        ("hr_lw", lambda v: v / 86400, r"hr_lw is .* K d-1 at column .*flux_dn_lw - flux_up_lw"),
        ("hr_sw", lambda v: -v, r"hr_sw is .* the divergence of flux_dn_sw - flux_up_sw there exp"),
        ("flux_up_lw", lambda v: v[:, ::-1], r"hr_lw is .* the divergence"),
        (
            "tripleclouds_flux_dn_sw",
            lambda v: 0.5 * v,
            r"half_level 0, .* expected solar_irradianc",
        ),
        (
            "tripleclouds_flux_up_lw",
            lambda v: -v,
            r"tripleclouds_flux_up_lw is -.* expected .* 2000",
        ),
    ],
)
def test_numbers_that_cannot_be_are_refused(
    path: Path, dataset: str, change: Change, message: str
) -> None:
    edit(path, dataset, change)
    with pytest.raises(ValueError, match=rf"a\.nc: .*{message}"):
        read_columns(path)


def test_absolute_fluxes_under_the_names_of_corrections_are_refused(path: Path) -> None:
    with h5py.File(path, "a") as file:
        for name in FLUXES:
            file[name][...] += file[f"tripleclouds_{name}"][...]
    with pytest.raises(ValueError, match=r"a\.nc: flux_\w+ is .* look like absolute fluxes"):
        read_columns(path)


def test_short_wave_at_night_is_refused(path: Path) -> None:
    edit(path, "flux_up_sw", lambda v: v + (np.arange(COLUMNS) == NIGHT)[:, None])
    with pytest.raises(
        ValueError, match=rf"a\.nc: flux_up_sw is 1 W m-2 at column {NIGHT}, .*expected 0 at night"
    ):
        read_columns(path)


# --- Axes ---


def test_axes_go_by_their_names(path: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.nc"
    with xarray.open_dataset(path, engine="netcdf4") as data:
        data.transpose("col_variable", "half_level", "level", "column", ...).to_netcdf(turned)
    assert_as_meant(turned)
    write_like(turned, tmp_path / "out.nc", EXPECTED["targets"])
    with xarray.open_dataset(tmp_path / "out.nc", engine="netcdf4") as data:
        assert data["hr_sw"].dims == ("column", "level")
    with xarray.open_dataset(path, engine="netcdf4") as data:
        values = data["hr_sw"].values
    replace(path, "hr_sw", values.T)
    with pytest.raises(
        ValueError, match=r"a\.nc: hr_sw has shape \(5, 10\), expected \(10, 5\) .*in another order"
    ):
        read_layout(path)


def test_levels_from_the_surface_upward_are_told(path: Path) -> None:
    for name in ("hl_inputs", "pressure_hl", "col_inputs", "inter_inputs", *TARGETS):
        edit(path, name, lambda v: v[:, ::-1])
    with pytest.raises(ValueError, match=r"a\.nc: hl_inputs: .*levels stand from the surface upwa"):
        read_columns(path)


# --- Predictions ---


@pytest.mark.parametrize("form", ["NETCDF4", "NETCDF3_64BIT"])
def test_predictions_are_plain_numbers_in_the_units_they_name(
    path: Path, tmp_path: Path, form: Any
) -> None:
    edit(path, "hr_sw", lambda v: v / 86400, units="K s-1", long_name="heating")
    edit(path, "lat", np.radians, units="radian")
    source = tmp_path / "packed.nc"
    with xarray.open_dataset(path, engine="netcdf4") as data:
        packed = data.load()
    packed["flux_dn_sw"].attrs["valid_range"] = np.array([0, 100], np.int16)
    flux = {"dtype": "int16", "scale_factor": 2e-3, "_FillValue": -32768}
    packed.to_netcdf(source, format=form, encoding={"flux_dn_sw": flux})
    before = source.read_bytes()
    write_like(source, tmp_path / "out.nc", np.full((COLUMNS, LAYOUT.output_channels), 3.0, "f4"))
    assert source.read_bytes() == before
    with netCDF4.Dataset(tmp_path / "out.nc") as file:
        for name in TARGETS:
            variable = file[name]
            assert variable.dtype == np.float32 and (variable[...] == 3).all()
            assert not {"scale_factor", "_FillValue", "valid_range"} & set(variable.ncattrs())
        assert (file["hr_sw"].units, file["hr_sw"].long_name) == ("K d-1", "heating")
        assert file["lat"].units == "degrees_north"
        np.testing.assert_allclose(file["lat"][...], EXPECTED["latitude"], rtol=1e-6)


def test_attributes_that_netcdf_cannot_hold_are_left_out_of_predictions(
    path: Path, tmp_path: Path
) -> None:
    with h5py.File(path, "a") as file:
        pair = np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")])
        file["hr_sw"].attrs.update(pair=pair, place=file["lat"].ref, long_name="heating")
        file.attrs.update(flag=True, half=np.float16(1.5), nothing=h5py.Empty("f4"), grid=np.eye(2))
    write_like(path, tmp_path / "out.nc", EXPECTED["targets"])
    with netCDF4.Dataset(tmp_path / "out.nc") as file:
        assert (file.flag, file.half) == (1, 1.5) and "grid" not in file.ncattrs()
        assert set(file["hr_sw"].ncattrs()) == {"long_name", "units"}
