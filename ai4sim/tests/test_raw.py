"""Values of raw files mean what their attributes say; what cannot be read is named."""

import h5py
import hdf5plugin
import netCDF4
import numpy as np
import pytest
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4sim.io.raw import open_raw


@pytest.fixture
def hdf5(tmp_path):
    """Return a function that reads a variable of a file that another one fills."""

    def read(fill, name="x", **options):
        with h5py.File(tmp_path / "x.h5", "w") as file:
            fill(file)
        with open_raw(tmp_path / "x.h5") as file:
            return file[name].read(**options)

    return read


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["i1", "i2", "i4", "u1", "u2", "f4", "f8"]),
    scale=st.sampled_from([None, 0.5, 0.01, 2.0]),
    offset=st.sampled_from([None, 0.0, 273.15, -5.0]),
    fill=st.sampled_from([None, "_FillValue", "missing_value"]),
    unsigned=st.booleans(),
    precision=st.sampled_from(["f4", "f8"]),
    form=st.sampled_from(["NETCDF3_CLASSIC", "NETCDF4"]),
)
def test_values_are_decoded_as_xarray_decodes_them(
    tmp_path_factory, kind, scale, offset, fill, unsigned, precision, form
):
    path = tmp_path_factory.mktemp("decoded") / "x.nc"
    kind = {"u1": "i1", "u2": "i2"}.get(kind, kind) if "3" in form else kind
    stored, marker = np.array([1, 2, 3, 100, 7], kind), np.array(7, kind)
    with netCDF4.Dataset(path, "w", format=form) as file:
        file.createDimension("n", 5)
        options = {"fill_value": marker} if fill == "_FillValue" else {}
        variable = file.createVariable("x", kind, ("n",), **options)
        variable.set_auto_maskandscale(False)
        for name, value in (("scale_factor", scale), ("add_offset", offset)):
            if value is not None:
                variable.setncattr(name, np.dtype(precision).type(value))
        if fill == "missing_value":
            variable.missing_value = marker
        if unsigned and kind.startswith("i"):
            variable.setncattr("_Unsigned", "true")
        variable[:] = stored
    with open_raw(path) as file, xarray.open_dataset(path, engine="netcdf4") as expected:
        found = file["x"].read()
        np.testing.assert_array_equal(found, expected["x"].values)
        np.testing.assert_array_equal(file["x"].read(slice(1, 3)), expected["x"].values[1:3])


def test_what_was_never_written_is_missing(tmp_path):
    with netCDF4.Dataset(tmp_path / "x.nc", "w") as file:
        file.createDimension("time", None)
        file.createDimension("n", 2)
        for name, kind in (("x", "f4"), ("p", "i2")):
            file.createVariable(name, kind, ("time", "n"))[:] = [[1, 2]]
        file["p"].scale_factor = 0.5
        file.createVariable("later", "f8", ("time",))[3] = 1.0
    with open_raw(tmp_path / "x.nc") as file:
        for name in ("x", "p"):
            values = file[name].read()
            assert np.isfinite(values[0]).all() and np.isnan(values[1:]).all()
        assert np.isnan(file["later"].read()[:3]).all()


def test_hdf5_space_that_was_never_written_is_refused(hdf5):
    def half(file):
        file.create_dataset("x", (4, 4), "f4", chunks=(2, 2))[:2] = 1

    with pytest.raises(ValueError, match=r"x\.h5: x: 2 of 4 chunks were never written"):
        hdf5(half)
    with pytest.raises(ValueError, match=r"x\.h5: x: 6 of 6 values were never written"):
        hdf5(lambda file: file.create_dataset("x", (6,), "f4"))


def test_a_fill_value_of_zero_is_a_number_where_the_reader_says_so(hdf5):
    def zeros(file):
        file["x"] = np.array([0.0, 1.0], "f4")
        file["x"].attrs["_FillValue"] = np.float32(0)

    np.testing.assert_array_equal(hdf5(zeros, zero_is_a_number=True), [0, 1])
    np.testing.assert_array_equal(hdf5(zeros), [np.nan, 1])


def test_valid_range_masks_nothing(hdf5):
    def narrow(file):
        file["x"] = np.array([1.0, 50.0], "f4")
        file["x"].attrs["valid_range"] = [0.0, 10.0]

    np.testing.assert_array_equal(hdf5(narrow), [1, 50])


def test_numbers_of_the_other_byte_order_arrive_in_that_of_the_machine(hdf5):
    values = hdf5(lambda file: file.create_dataset("x", data=np.arange(3, dtype=">f4")))
    assert values.dtype == np.dtype("f4") and values.dtype.isnative
    np.testing.assert_array_equal(values, [0, 1, 2])


def virtual(file):
    layout = h5py.VirtualLayout((2,), "f4")
    layout[:] = h5py.VirtualSource("moved.h5", "x", (2,))
    file.create_virtual_dataset("x", layout)


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (lambda file: file.update({"x": h5py.ExternalLink("gone.h5", "y")}), "link to gone.h5:y"),
        (lambda file: file.update({"x": h5py.SoftLink("/gone")}), "link to /gone"),
        (lambda file: file.create_group("x"), "no variable x; it has none; x: groups"),
        (lambda file: file.update({"x": "text"}), "x holds values of the type object"),
        (virtual, "x is a virtual data set of moved.h5, which does not exist"),
        (lambda file: file.update({"sst": [1.0], "sss": [1.0]}), "no variable x; it has sss, sst"),
    ],
)
def test_what_is_no_variable_is_named(hdf5, fill, words):
    with pytest.raises(ValueError, match=rf"x\.h5: .*{words}"):
        hdf5(fill)


def test_a_filter_that_is_not_installed_is_named(tmp_path):
    # A filter number that nobody has registered; what it wrote can never be decoded.
    with h5py.File(tmp_path / "x.h5", "w") as file:
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        creation.set_chunk((4,))
        creation.set_filter(511, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((4,))
        made = h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, space, creation)
        h5py.Dataset(made)[:] = 1
    with open_raw(tmp_path / "x.h5") as file:
        with pytest.raises(ValueError, match=r"x\.h5: x is compressed by the filter 511.*install"):
            file["x"].read()


def test_filters_of_hdf5plugin_are_found_without_asking(hdf5):
    values = hdf5(lambda file: file.create_dataset("x", data=np.ones(99), **hdf5plugin.LZ4()))
    assert (values == 1).all()


@pytest.mark.parametrize("name", ["scale_factor", "add_offset"])
@pytest.mark.parametrize("value", [np.inf, np.nan, "two", np.array([1.0, 2.0])])
def test_packing_by_no_number_is_named(hdf5, name, value):
    def fill(file):
        file["x"] = np.ones(3)
        file["x"].attrs[name] = value

    with pytest.raises(ValueError, match=f"x.h5: x has the attributes? .*{name}"):
        hdf5(fill)


@pytest.mark.parametrize("name", ["scale_factos", "Add_Offset", "_unsigned"])
def test_an_attribute_of_packing_that_is_misspelt_is_named(hdf5, name):
    def fill(file):
        file["x"] = np.array([1], "i2")
        file["x"].attrs[name] = 0.5

    with pytest.raises(ValueError, match=rf"x\.h5: x has the attribute {name}: is .* meant"):
        hdf5(fill)


def test_data_sets_that_overlap_are_a_damaged_file(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a"], file["b"] = np.arange(64.0), np.arange(64.0)
        places = [file[name].id.get_offset() for name in "ab"]
    content = path.read_bytes()
    first, second = (place.to_bytes(8, "little") for place in places)
    assert content.count(second) == 1
    path.write_bytes(content.replace(second, (places[0] + 8).to_bytes(8, "little")))
    with (
        pytest.raises(
            ValueError, match=r"a\.h5: a damaged HDF5 file: b begins at byte .* within a"
        ),
        open_raw(path),
    ):
        pass
    path.write_bytes(content)
    with open_raw(path) as raw:
        np.testing.assert_array_equal(raw["b"].read(), np.arange(64.0))
