"""Records and files of a run as users have them: used, or left out with a reason."""

from __future__ import annotations

import logging
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from ai4sim.tests.forms import FORMATS, Content
from wmed.data import CouplingDataModule
from wmed.io import croco, croco_writer
from wmed.io.preprocess import air_of
from wmed.tests import written
from wmed.tests.changed import on_air, on_history, refused, same
from wmed.tests.grids_made_up import made_up_ocean, write_event
from wmed.tests.written import Event, Written, history, save

# --- Records and files of a run ---


def later(file: Written, first: int) -> None:
    """Keep the records from one on."""
    for name, variable in file.content.items():
        if "time" in variable.dimensions:
            file.set(name, values=variable.values[first:])


def test_the_first_record_of_a_later_file_has_fluxes(tmp_path: Path):
    same(on_history(lambda file: later(file, 1)), tmp_path)


def test_a_sequence_of_single_records(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    files = written.event()
    whole = files.pop("croco_his_20060310.nc")
    for k in range(3):
        part = Written(dict(whole.content), dict(whole.attributes))
        for name, variable in part.content.items():
            if "time" in variable.dimensions:
                part.set(name, values=variable.values[k : k + 1])
        files[f"croco_his.{k:05d}.nc"] = part
    save(files, tmp_path / "raw")
    data = CouplingDataModule(str(tmp_path), split="all-test")
    with caplog.at_level(logging.INFO):
        found = data.raw_files()
    assert [path.name for path in found] == ["croco_his.00001.nc", "croco_his.00002.nc"]
    assert "croco_his.00000.nc is not used: it holds the initial state" in caplog.text
    data.prepare_files(found)
    sst = np.concatenate([data.processed(path)[0]["sst"] for path in found])
    np.testing.assert_array_equal(sst, written.expected()["sst"])


@pytest.mark.parametrize("other", ["croco_grd.nc", "croco_his.00000.nc"])
def test_the_grid_of_a_file_beside(tmp_path: Path, other: str):
    def change(files: Event) -> None:
        file = history(files)
        grid = {name: file.content.pop(name) for name in ("lon_rho", "lat_rho", "mask_rho")}
        files[other] = Written(grid)

    same(change, tmp_path)


def test_no_grid_and_two_grids(tmp_path: Path):
    def change(files: Event, shift: float | None = None) -> None:
        file = history(files)
        grid = {name: file.content.pop(name) for name in ("lon_rho", "lat_rho", "mask_rho")}
        if shift is not None:
            files["a_grd.nc"], files["b_grd.nc"] = Written(grid), Written(dict(grid))
            files["b_grd.nc"].change("lon_rho", lambda v: v + shift)

    refused(change, "no variable lon_rho, and no file beside it", tmp_path / "none")
    refused(lambda f: change(f, 0.5), "a_grd.nc and b_grd.nc beside it differ", tmp_path / "two")
    same(lambda f: change(f, 0.0), tmp_path / "same")


def test_what_else_a_run_leaves_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    def change(files: Event) -> None:
        for name in ("croco_avg.nc", "croco_rst.nc", "croco_blk.nc"):
            files[name] = Written(dict(history(files).content), {"start_date": "2006-03-10"})
        files["MNH.000.nc"] = Written({"LES": Content(("level_les",), np.arange(3.0))})

    with caplog.at_level(logging.INFO):
        same(change, tmp_path)
    assert "croco_avg.nc is not used: it lies on the ocean's grid" in caplog.text
    assert "MNH.000.nc is not used: it has no field of the air" in caplog.text


def test_all_times_of_the_air_in_one_file(tmp_path: Path):
    def change(files: Event) -> None:
        names = sorted(name for name in files if name.startswith("ECMWF"))
        parts = [files.pop(name) for name in names]
        joined = Written(dict(parts[0].content))
        for name, variable in parts[0].content.items():
            if "time" in variable.dimensions:
                values = np.concatenate([part.content[name].values for part in parts])
                joined.set(name, values=values)
        files["ECMWF_all.nc"] = joined

    same(change, tmp_path)


def test_tiles_are_refused(tmp_path: Path):
    def tile(files: Event) -> None:
        history(files).attributes["partition"] = np.array([1, 0, 2, 2], "i4")

    refused(tile, r"tile 2 of 2 x 2 \(attribute partition\), .* ncjoin", tmp_path / "attribute")
    files = written.event()
    whole = files.pop("croco_his_20060310.nc")
    files["croco_his.0.nc"], files["croco_his.1.nc"] = whole, Written(dict(whole.content))
    files["croco_his.1.nc"].change("lon_rho", lambda v: v + 1.4)
    save(files, tmp_path)
    with pytest.raises(ValueError, match="elsewhere than croco_his.1.nc, as tiles .* ncjoin"):
        air_of(tmp_path / "croco_his.0.nc")


def test_files_split_by_level_are_refused(tmp_path: Path):
    def change(file: Written) -> None:
        file.set("THT", dimensions=(), values=np.float32(0), attributes={"split_variable": "yes"})

    refused(on_air(change), "THT is split into sub-files by level .*: join them", tmp_path)


def test_air_that_lacks_a_field_is_no_other_file(tmp_path: Path):
    refused(on_air(lambda f: f.content.pop("RVT")), "ECMWF_.*: no variable RVT; it has", tmp_path)
    refused(
        on_air(lambda f: f.content.pop("time")), "no variable time.* is taken for", tmp_path / "t"
    )


def test_air_that_arrives_later_is_found(tmp_path: Path):
    history_path = write_event(tmp_path / "raw", "2006-03-10", records=4)
    late = tmp_path / "ECMWF_20060310_12.nc"
    (tmp_path / "raw" / late.name).rename(late)
    data = CouplingDataModule(str(tmp_path), split="all-test")
    assert len(data.processed(history_path)[0]["sst"]) == 3
    late.rename(tmp_path / "raw" / late.name)
    assert len(data.processed(history_path)[0]["sst"]) == 4


def test_a_time_that_occurs_twice_is_used_once(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    def change(file: Written) -> None:
        for name, variable in file.content.items():
            if "time" in variable.dimensions:
                file.set(name, values=variable.values[[0, 1, 1, 2]])
        for name in ("sustr", "svstr"):
            file.change(name, lambda v: np.where(np.arange(4)[:, None, None] == 1, 0, v))

    with caplog.at_level(logging.WARNING):
        same(on_history(change), tmp_path)
    assert "records 1 and 2 are both of 2006-03-10T06:00:00; the later one is used" in caplog.text


def test_overlapping_legs_are_not_in_two_sets(tmp_path: Path):
    write_event(tmp_path / "raw", "2006-03-10", records=6)
    path = tmp_path / "raw" / "croco_his_20060310.nc"
    for number, part in ((1, slice(0, 5)), (2, slice(3, 7))):
        with (
            netCDF4.Dataset(path) as old,
            netCDF4.Dataset(path.with_name(f"run{number}_his.nc"), "w") as new,
        ):
            old.set_auto_maskandscale(False)
            new.setncatts({key: old.getncattr(key) for key in old.ncattrs()})
            for name, dimension in old.dimensions.items():
                new.createDimension(name, None if name == "time" else len(dimension))
            for name, variable in old.variables.items():
                made = new.createVariable(name, variable.dtype, variable.dimensions)
                made.setncatts({key: variable.getncattr(key) for key in variable.ncattrs()})
                made[...] = variable[part] if "time" in variable.dimensions else variable[...]
    path.unlink()
    data = CouplingDataModule(str(tmp_path), workers=1)
    with pytest.raises(ValueError, match="run1_his.nc.*run2_his.nc"):
        data.prepare_data()


# --- Predictions ---


@pytest.mark.parametrize("form", FORMATS)
def test_a_copy_of_every_format_holds_what_was_predicted(tmp_path: Path, form: str):
    files = written.event()
    file = history(files)
    file.form = form
    names = ("sustr", "swrad", "temp")
    file.forms = {
        name: written.Stored("i2", tuple(range(file.content[name].values.ndim)), (units, 1, 0))
        for name, units in zip(names, ("N/m2", "W/m2", "K"), strict=True)
    }
    file.rename("swrad", "radsw")
    path = save(files, tmp_path)
    before = path.read_bytes()
    grid, stored = made_up_ocean(), croco.read_record(path, 1)["sst"]
    fluxes = {
        "tau_x": np.full(grid.sea_u.shape, 0.25, "f4"),
        "shortwave": np.full(grid.sea.shape, 3.0, "f4"),
    }
    copy = tmp_path / "predictions" / path.name
    croco_writer.write_like(path, copy, [(k, fluxes) for k in (1, 2)])
    with netCDF4.Dataset(copy) as found:
        assert found.data_model == form or form == "NETCDF4"
        assert (found["radsw"][1:] == 3.0).all() and (found["sustr"][1:] == 0.25).all()
        assert found["radsw"].dtype == np.float32 and "swrad" not in found.variables
        assert not {"scale_factor", "add_offset"} & set(found["sustr"].ncattrs())
    np.testing.assert_array_equal(croco.read_record(copy, 1)["sst"], stored)
    assert path.read_bytes() == before
