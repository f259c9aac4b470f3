"""Raw files of many origins: read as they say, or refused by file, dataset and row."""

from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest
import xarray as xr

from ai4sim.tests.forms import Stored, write
from ai4sim.tests.reference import REFERENCE, needs_reference
from ai4sim.variables import Variable
from weather_forecast.gwd.data import ColumnDataModule
from weather_forecast.gwd.io.layout import read_layout, write_columns, write_like
from weather_forecast.gwd.io.raw_files import open_columns
from weather_forecast.gwd.io.rows import bounds_of
from weather_forecast.gwd.tests.contents import LAYOUT, as_rows, contents, read

ROWS = as_rows(contents())


@pytest.fixture
def path(tmp_path):
    """A file as this repository writes it."""
    file = tmp_path / "raw" / "2015-01-01.h5"
    write_columns(file, LAYOUT, ROWS["inputs"], ROWS["targets"], ROWS["latitude"], (4, 5))
    return file


def change(path, name, values=lambda v: v, **attributes):
    """Replace a dataset, and give it these attributes besides those that it has."""
    with h5py.File(path, "a") as file:
        kept = dict(file[name].attrs)
        changed = values(file[name][...])
        del file[name]
        file[name] = changed
        file[name].attrs.update({**kept, **attributes})


def assert_read(path, rtol=1e-6, atol=0.0, **expected):
    found = read(path)
    for name, values in {**ROWS, **expected}.items():
        np.testing.assert_allclose(found[name], values, rtol, atol, err_msg=name)


# --- Packing, fills, storage ---


def test_packed_files_are_unpacked_before_a_training(tmp_path):
    content = contents()
    forms = {
        name: Stored("i4", tuple(range(variable.values.ndim)), (variable.units, 1, 0))
        for name, variable in content.items()
    }
    (tmp_path / "raw").mkdir()
    write(tmp_path / "raw" / "2015-01-01.h5", content, forms)
    data = ColumnDataModule(str(tmp_path), split="all-test")
    (batch,) = data.test_dataloader()
    np.testing.assert_allclose(batch["inputs"], ROWS["inputs"], atol=0.01)
    np.testing.assert_allclose(batch["targets"], ROWS["targets"], atol=1e-9)


@pytest.mark.parametrize(
    ("value", "attributes"),
    [
        (9.96921e36, {"_FillValue": np.float32(9.96921e36)}),
        (9.96921e36, {}),
        (-9999.0, {"missing_value": np.float32(-9999)}),
        (np.nan, {}),
    ],
)
@pytest.mark.parametrize(
    ("name", "place", "row"),
    [
        ("x", (7, 2, 3), "row 7 (temperature, level 2), "),
        ("y", (5, 2, 3), "row 5 (v_tendency, level 3), "),
        ("lat", (2, 3), ""),
    ],
)
def test_values_that_were_never_written_are_located(path, name, place, row, value, attributes):
    def some(values):
        values[place] = value
        return values

    change(path, name, some, **attributes)
    data = ColumnDataModule(str(path.parent.parent), split="all-test")
    with pytest.raises(ValueError, match=f"2015-01-01.h5: {name} is NaN, or was never") as error:
        data.prepare_files(data.files("test"))
    assert f"at {row}grid point [2, 3]" in str(error.value)


def test_a_marker_that_no_attribute_names_is_out_of_range(path):
    change(path, "x", lambda x: np.where(np.arange(5) < 2, np.float32(-999), x))
    with pytest.raises(
        ValueError,
        match=r"x is -999 m/s at row 0 \(u, level 1\), grid point .* expected -400 ... 400 m/s",
    ):
        read(path)


def test_space_that_was_never_written_is_refused(path):
    with h5py.File(path, "a") as file:
        x, y = file["x"][...], file["y"][...]
        del file["y"]
        file.create_dataset("y", y.shape, "f4", chunks=(1, 2, 5))[:, :2] = y[:, :2]
    with pytest.raises(ValueError, match="2015-01-01.h5: y: 6 of 12 chunks were never written"):
        read(path)
    change(path, "y", lambda _: y * (np.arange(4) < 2)[:, None])
    with pytest.raises(
        ValueError, match=r"y is 0 in all rows at grid point \[2, 0\], .*never written"
    ):
        read(path)
    with h5py.File(path, "a") as file:
        del file["x"], file["y"]
        file["x"] = x * (np.arange(4) < 2)[:, None]
    with pytest.raises(ValueError, match="x is 0 K at row 6 .temperature, level 1., grid point .2"):
        read(path)


def test_virtual_data_sets_need_their_sources(path, tmp_path):
    part = tmp_path / "part.h5"
    with h5py.File(path, "a") as file, h5py.File(part, "w") as other:
        other["x"] = file["x"][...]
        whole = h5py.VirtualLayout(file["x"].shape, "f4")
        whole[...] = h5py.VirtualSource(part, "x", file["x"].shape)
        units = file["x"].attrs["units"]
        del file["x"]
        file.create_virtual_dataset("x", whole).attrs["units"] = units
    assert_read(path)
    write_like(path, tmp_path / "out" / path.name, ROWS["targets"])
    part.unlink()
    with pytest.raises(ValueError, match="x is a virtual data set of .*part.h5, which does not"):
        read(path)
    assert_read(tmp_path / "out" / path.name)


def test_groups_and_links_in_a_file(path, tmp_path):
    with h5py.File(path, "a") as file:
        file.create_group("meta")["note"] = [1, 2]
        file["gone"] = h5py.ExternalLink("/nowhere.h5", "x")
    assert_read(path)
    with h5py.File(path, "a") as file, h5py.File(tmp_path / "lat.h5", "w") as other:
        file.copy("lat", other)
        del file["lat"]
        file["lat"] = h5py.ExternalLink(tmp_path / "lat.h5", "lat")
    assert_read(path)
    write_like(path, tmp_path / "out" / path.name, ROWS["targets"])
    (tmp_path / "lat.h5").unlink()
    with pytest.raises(ValueError, match=r"2015-01-01.h5: lat is a link to .*lat.h5:lat, which"):
        read(path)
    assert_read(tmp_path / "out" / path.name)
    with h5py.File(tmp_path / "out" / path.name) as copy:
        assert copy["meta/note"][...].tolist() == [1, 2]
        assert copy.get("gone", getlink=True).filename == "/nowhere.h5"
    with h5py.File(path, "a") as file:
        del file["y"]
        file.create_group("y")
    with pytest.raises(ValueError, match="2015-01-01.h5: no variable y; .* y: groups"):
        read(path)


def test_rows_are_made_anew_when_what_a_link_leads_to_changes(path, tmp_path):
    with h5py.File(path, "a") as file, h5py.File(tmp_path / "lat.h5", "w") as other:
        file.copy("lat", other)
        del file["lat"]
        file["lat"] = h5py.ExternalLink("../lat.h5", "lat")
    data = ColumnDataModule(str(tmp_path), split="all-test")
    np.testing.assert_array_equal(data.processed(path)[0]["latitude"], ROWS["latitude"])
    change(tmp_path / "lat.h5", "lat", lambda lat: -lat)
    np.testing.assert_array_equal(data.processed(path)[0]["latitude"], -ROWS["latitude"])


@pytest.mark.parametrize(
    ("calendar", "expected"),
    [("standard", ["2015-01-01T06", "2015-01-01T12"]), ("noleap", ["2015-01-01"])],
)
def test_times_are_those_of_a_variable_or_of_the_name(path, calendar, expected):
    with h5py.File(path, "a") as file:
        file["time"] = [6.0, 12.0]
        file["time"].attrs.update(units="hours since 2015-01-01", calendar=calendar)
    times = ColumnDataModule(str(path.parent.parent)).times_of(path)
    assert (times == np.array(expected, "datetime64[s]")).all() and len(times) == len(expected)


# --- Units and ranges ---


def test_units_are_converted_per_variable(path):
    def other(x):
        x[6:9] -= 273.15
        x[9] /= 100
        return x

    change(path, "x", other, units="m/s, m s**-1, degC, hPa, J kg-1")
    change(path, "y", lambda y: y * 86400, units="m s-1 day-1")
    change(path, "lat", np.radians, units="radian")
    assert_read(path, rtol=2e-6)


@pytest.mark.parametrize(
    ("name", "units", "message"),
    [
        ("x", "m/s, m/s, K, K, m2/s2", 'of surface_pressure "K", expected "Pa"'),
        ("x", "m/s, m/s, K, Pa, m", 'of geopotential "m", expected "m2/s2"'),
        ("x", "m/s, m/s, K, Pa", r'4 units, "m/s, m/s, K, Pa", expected 5, "m/s, m/s, K'),
        ("x", "m/s", 'of temperature "m/s", expected "K"'),
        ("y", "K/day", 'of u_tendency "K/day", expected "m/s2"'),
        ("y", "whatever", 'the units "whatever"'),
        ("lat", "m", 'of latitude "m", expected "degrees_north"'),
    ],
)
def test_units_of_other_quantities_are_refused_at_once(path, name, units, message):
    change(path, name, units=units)
    with pytest.raises(ValueError, match=f"2015-01-01.h5: {name} has .*{message}"):
        read_layout(path)


def test_units_may_be_of_each_row_or_absent(path):
    listed = [*["m s-1"] * 6, *["K"] * 3, "Pa", "m2 s-2"]
    change(path, "x", units=np.array(listed, h5py.string_dtype()))
    change(path, "y", units="")
    assert_read(path)
    listed[7] = "degC"
    change(path, "x", units=", ".join(listed))
    with pytest.raises(ValueError, match='of temperature "K and degC", expected "K"'):
        read(path)


def test_rows_go_by_name(path):
    order = [9, *range(3, 6), *range(3), *range(6, 9), 10]
    text = "surface_pressure 1, v 3, u 3, temperature 3, geopotential"
    units = "Pa, m/s, m/s, K, m2/s2"
    change(path, "x", lambda x: x[order], rows=text, units=units)
    assert_read(path)
    change(path, "x", rows=text.split(", "))  # a list of texts
    assert_read(path)
    change(path, "x", rows=np.array([1, 3]))
    with pytest.raises(ValueError, match='x has the attribute rows "1,3", expected "u 3'):
        read(path)
    change(path, "x", rows="u 3, v 3, temperature 3, surface_pressure 1, humidity 1")
    with pytest.raises(ValueError, match='x has the attribute rows ".*humidity 1", expected "u 3'):
        read(path)


@pytest.mark.parametrize(
    ("name", "change_of", "message"),
    [
        ("x", lambda x: np.where(np.arange(11)[:, None, None] == 9, x / 100, x), "Pa at row 9 "),
        ("x", lambda x: np.where((np.arange(11) // 3 == 2)[:, None, None], x - 273, x), "K at row"),
        ("y", lambda y: y * 86400, r"m/s2 at row \d \(u_tendency, level .*expected -0.5 ... 0.5"),
        (
            "lat",
            lambda lat: lat + 180,
            r"degrees_north at grid point \[.*expected -90.01 ... 90.01",
        ),
        ("lat", lambda lat: np.radians(lat), "lat has no units, and .*degrees or radians"),
    ],
)
def test_impossible_values_are_refused(path, name, change_of, message):
    change(path, name, change_of)
    with h5py.File(path, "a") as file:
        del file[name].attrs["units"]
    with pytest.raises(ValueError, match=f"2015-01-01.h5: .*{message}"):
        read(path)


@pytest.mark.parametrize(
    ("variable", "lowest", "highest"),
    [
        ("u", -250, 250),  # the mesosphere
        ("temperature", 110, 340),
        ("surface_pressure", 31500, 108500),  # the highest summit, the strongest anticyclone
        ("geopotential", 30, 110),  # of the lowest level of L91 or L137
        ("orography_angle", -np.pi / 2, np.pi / 2),
        ("orography_anisotropy", 0, 1),
        ("blocking_u_tendency", -0.1, 0.1),  # 90 m/s stopped within 900 s
        ("latitude", -90, 90),
    ],
)
def test_extremes_of_the_atmosphere_are_within_the_bounds(variable, lowest, highest):
    low, high = bounds_of(Variable(variable, ""))
    assert low <= lowest < highest <= high


@needs_reference
@pytest.mark.parametrize("subfolder", ["", "ogwd"])
def test_all_reference_files_are_within_the_bounds(subfolder):
    for file in sorted(Path(REFERENCE, "gwd", subfolder, "raw").glob("*.h5"))[::5]:
        with open_columns(file) as columns:
            for field in columns.fields.values():
                field.columns([slice(0, n) for n in columns.grid])


# --- Axes and levels ---


@pytest.mark.parametrize("form", ["NETCDF4", "NETCDF3_CLASSIC", "NETCDF3_64BIT"])
def test_named_axes_are_turned(tmp_path, form):
    x, y, latitude = ROWS["inputs"], ROWS["targets"], ROWS["latitude"]
    names = {"x": ("column", "row"), "y": ("row_y", "column"), "lat": ("column",)}
    xr.Dataset(
        {"x": (names["x"], x), "y": (names["y"], y.T), "lat": (names["lat"], latitude)}
    ).to_netcdf(tmp_path / "2015-01-01.h5", format=form)
    assert_read(tmp_path / "2015-01-01.h5")


def test_a_latitude_of_one_axis_is_that_of_all_longitudes(tmp_path):
    x = np.moveaxis(ROWS["inputs"].reshape(4, 5, 11), -1, 0)
    lat = np.linspace(-60, 60, 4, dtype=np.float32)
    xr.Dataset({"x": (("row", "lat", "lon"), x), "lat": ("lat", lat)}).to_netcdf(tmp_path / "a.nc")
    np.testing.assert_array_equal(read(tmp_path / "a.nc")["latitude"], np.repeat(lat, 5))


def test_columns_first_without_names_are_refused_with_the_way_out(tmp_path):
    x, y = np.repeat(ROWS["inputs"], 2, axis=0)[:26], np.zeros((26, 6))  # 26 = 3 * 8 + 2
    for datasets in ({"x": x}, {"x": x[:21]}, {"x": x, "y": y}):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            for name, values in datasets.items():
                file[name] = values
        with pytest.raises(ValueError, match="a.h5: [xy] .*(expected|name the dimensions)"):
            read(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("values", "attributes", "upward"),
    [
        ([1, 2, 3], {}, False),
        ([3, 2, 1], {}, True),
        ([1, 2, 3], {"positive": "up"}, True),
        ([10, 200, 500], {"units": "hPa"}, False),
        ([500, 200, 10], {"units": "hPa"}, True),
        ([1, 5, 10], {"units": "km"}, True),
    ],
)
def test_the_direction_of_the_levels_is_respected(path, tmp_path, values, attributes, upward):
    with h5py.File(path, "a") as file:
        file["level"] = np.array(values, "f4")
        file["level"].attrs.update(attributes)
    if upward:
        order = [2, 1, 0, 5, 4, 3]
        change(path, "x", lambda x: x[[*order, 8, 7, 6, 9, 10]])
        change(path, "y", lambda y: y[order])
    assert_read(path)
    write_like(path, tmp_path / "copy.h5", ROWS["targets"] / 2)
    assert_read(tmp_path / "copy.h5", targets=ROWS["targets"] / 2)


# --- Copies ---


def test_attributes_of_the_storage_are_not_copied_to_predictions(tmp_path):
    content = contents()
    forms = {"y": Stored("i2", (1, 2, 0), ("m s-1 day-1", 86400, 0), "_FillValue")}
    forms["x"] = Stored("i4", (2, 0, 1), (content["x"].units, 1, 0), "missing_value")
    write(tmp_path / "a.nc", content, forms, attributes={"source": "IFS"})
    with netCDF4.Dataset(tmp_path / "a.nc", "a") as file:
        file["y"].long_name = "drag"
        file["y"].valid_range = np.array([0, 1], "i2")
    prediction = np.full_like(ROWS["targets"], 0.25)
    expected = as_rows(content, (1, 0))
    write_like(tmp_path / "a.nc", tmp_path / "b.nc", prediction)
    found = read(tmp_path / "b.nc")
    np.testing.assert_array_equal(found["targets"], prediction)
    np.testing.assert_allclose(found["inputs"], expected["inputs"], atol=0.01)
    with xr.open_dataset(tmp_path / "b.nc", engine="netcdf4") as copy:
        assert copy.y.max() == 0.25 and copy.y.attrs["units"] == "m/s2, m/s2"
        assert copy.y.attrs["long_name"] == "drag" and copy.attrs["source"] == "IFS"
        assert copy.y.dims == ("row_y", "axis_1", "axis_0") and copy.x.dims[0] == "axis_1"
        assert "valid_range" not in copy.y.attrs and "_FillValue" not in copy.y.encoding


@pytest.mark.parametrize("form", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_DATA", "NETCDF4_CLASSIC"])
def test_predictions_of_any_netcdf_are_netcdf(tmp_path, form):
    content = contents()
    del content["y"]
    write(tmp_path / "a.nc", content, {}, form)
    write_like(tmp_path / "a.nc", tmp_path / "b.nc", ROWS["targets"])
    assert_read(tmp_path / "b.nc")
    with netCDF4.Dataset(tmp_path / "b.nc") as copy:
        assert copy["y"].dimensions == ("y_row", "axis_0", "axis_1")
        assert copy["lat"].dimensions == ("axis_0", "axis_1")


@pytest.mark.parametrize("form", ["NETCDF4", "NETCDF3_CLASSIC"])
def test_texts_coordinates_and_groups_come_along(tmp_path, form):
    x = np.moveaxis(ROWS["inputs"].reshape(4, 5, 11), -1, 0)
    content = xr.Dataset(
        {
            "x": (("row", "lat", "lon"), x),
            "lat": ("lat", np.linspace(-60, 60, 4, dtype="f4")),
            "lon": ("lon", 10.0 * np.arange(5)),
            "member": ((), 3),
            "names": ("row", np.array([f"row {i}" for i in range(11)], object)),
        }
    )
    content.to_netcdf(tmp_path / "a.nc", format=form)
    if form == "NETCDF4":
        more = xr.Dataset({"place": ("station", np.array(["Toulouse", "Reading"], object))})
        more.to_netcdf(tmp_path / "a.nc", "a", group="stations")
    for source, copy in (("a", "b"), ("b", "c")):  # a prediction is a raw file, too
        write_like(tmp_path / f"{source}.nc", tmp_path / f"{copy}.nc", ROWS["targets"])
        with xr.open_dataset(tmp_path / f"{copy}.nc", engine="netcdf4") as found:
            assert found.y.dims == ("y_row", "lat", "lon")
            xr.testing.assert_equal(found.drop_vars("y").load(), content)
    if form == "NETCDF4":
        found = xr.load_dataset(tmp_path / "c.nc", group="stations", engine="netcdf4")
        xr.testing.assert_equal(found, more)
