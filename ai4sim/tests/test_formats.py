"""A file that is not whole, or of another format, is refused at opening, with the reason."""

import gzip

import h5py
import netCDF4
import numpy as np
import pytest

from ai4sim.io.formats import format_of
from ai4sim.io.raw import open_raw

CLASSIC = ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA")


def write(path, form, records=3, fixed=("a",), repeated=("b", "c")):
    """Write a small netCDF file, and return the values by name."""
    rng, values = np.random.default_rng(0), {}
    with netCDF4.Dataset(path, "w", format=form) as file:
        file.createDimension("time", None)
        file.createDimension("x", 5)
        file.title = "odd length"
        for name in fixed:
            values[name] = rng.normal(size=5).astype("f4")
            file.createVariable(name, "f4", ("x",))[:] = values[name]
        for name in repeated:
            values[name] = rng.integers(-9, 9, (records, 5)).astype("i2")
            file.createVariable(name, "i2", ("time", "x"))[:] = values[name]
    return values


@pytest.mark.parametrize("form", [*CLASSIC, "NETCDF4", "NETCDF4_CLASSIC"])
@pytest.mark.parametrize("repeated", [(), ("b",), ("b", "c")])
def test_whole_files_are_read_as_the_netcdf_library_reads_them(tmp_path, form, repeated):
    values = write(tmp_path / "x.nc", form, repeated=repeated)
    with open_raw(tmp_path / "x.nc") as file:
        assert sorted(file) == sorted(values)
        for name in values:
            np.testing.assert_array_equal(file[name].read(), values[name])
            assert file[name].dimensions[-1] == "x"


@pytest.mark.parametrize("form", CLASSIC)
def test_a_classic_file_that_was_cut_short_is_refused_at_every_length(tmp_path, form):
    path = tmp_path / "x.nc"
    write(path, form)
    whole = path.read_bytes()
    # The padding behind the last value may be missing: two of the last twelve bytes.
    for size in range(4, len(whole) - 2):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=rf"x\.nc: the file has {size} bytes"):
            format_of(path)


def test_the_message_says_how_long_the_file_should_be(tmp_path):
    path = tmp_path / "x.nc"
    write(path, CLASSIC[0], repeated=())
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match=f"has {size - 8} bytes, its header says {size}: .*a is"):
        format_of(path)


@pytest.mark.parametrize("form", CLASSIC)
def test_a_damaged_classic_header_is_an_error_or_harmless(tmp_path, form):
    path = tmp_path / "x.nc"
    values = write(path, form)
    whole = path.read_bytes()
    for place in range(4, whole.index(values["a"].astype(">f4").tobytes())):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x11]) + whole[place + 1 :])
        try:
            format_of(path)
        except ValueError as error:
            assert "x.nc" in str(error)


def test_hdf5_that_was_cut_short_says_both_lengths(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(1000.0)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=f"has {size - 100} bytes, its header says {size}"):
        with open_raw(path):
            pass


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file: 0 bytes"),
        (b"  <!DOCTYPE html><html><title>Log in</title>", "a web page .*login"),
        (gzip.compress(b"CDF", mtime=0), "compressed by gzip: gunzip it"),
        (b"GRIB\0\0\1\2", "a GRIB file: convert it"),
        (b"PK\3\4....", "a zip archive"),
        (b"\0" * 4096, "zeros at its start"),
        (b"station,value\n1,2\n", "begins with 'station,value"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (bytes(range(128, 200)), r"begins with b'\\x80"),
    ],
)
def test_other_formats_are_named(tmp_path, content, words):
    (tmp_path / "x.nc").write_bytes(content)
    with pytest.raises(
        ValueError, match=r"x\.nc: expected a netCDF or HDF5 file, found .*" + words
    ):
        format_of(tmp_path / "x.nc")


def test_an_absent_file_names_the_nearest(tmp_path):
    (tmp_path / "croco_his_1.nc").touch()
    with pytest.raises(FileNotFoundError, match="croco_his_1"):
        format_of(tmp_path / "croco_hist_1.nc")


def test_a_file_that_is_being_written_says_so(tmp_path):
    with netCDF4.Dataset(tmp_path / "x.nc", "w") as writer:
        writer.createDimension("x", 2)
        writer.sync()
        with pytest.raises(ValueError, match="is another program writing it"):
            with open_raw(tmp_path / "x.nc"):
                pass


def test_hdf5_behind_a_block_of_the_user_is_found(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w", userblock_size=1024) as file:
        file["x"] = [1.0]
    with open_raw(tmp_path / "x.h5") as file:
        assert file["x"].read() == [1.0]
