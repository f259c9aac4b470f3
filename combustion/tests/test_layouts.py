"""The layouts: order of axes, round trips, and what a user is told when a file is wrong."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from ai4sim.tests.reference import REFERENCE, needs_reference
from combustion.io.facts import filter_width
from combustion.io.grids import detect, read_snapshot, write_like, write_snapshot
from combustion.io.layouts import CNF, R2, FlameLayout

SHAPE = (5, 4, 3)
FACTS = {"dx_les": 8e-4, "time": 0.25, "S_L": 0.272}


def ramp(scale: float = 1.0) -> np.ndarray:
    """Field that grows along x only, from 0 to `scale`."""
    x = np.linspace(0, scale, SHAPE[0], dtype=np.float32)
    return np.broadcast_to(x[:, None, None], SHAPE).copy()


def write_raw(path: Path, attributes: dict | None = None, **datasets: np.ndarray) -> Path:
    """File with just these datasets."""
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
        file.attrs.update(attributes or {})
    return path


@pytest.mark.parametrize("layout", [CNF, R2], ids=lambda layout: layout.name)
def test_what_is_written_is_read_in_the_same_axis_order(tmp_path: Path, layout: FlameLayout):
    fields = {"progress_variable": ramp(), "flame_surface_density": ramp(300.0)}
    path = tmp_path / "DNS1_007.h5"
    write_snapshot(path, fields, FACTS, layout)
    snapshot = read_snapshot(path)
    assert detect(path) == layout
    assert (snapshot.case, snapshot.time, snapshot.dx) == ("DNS1", 0.25, 8e-4)
    np.testing.assert_array_equal(snapshot.progress_variable, ramp())
    np.testing.assert_array_equal(snapshot.flame_surface_density, ramp(300.0))
    assert snapshot.resolved_gradient is None


def test_r2_files_hold_the_stream_last(tmp_path: Path):
    write_snapshot(tmp_path / "a.h5", {"progress_variable": ramp()}, FACTS, R2)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["c_filt"].shape == SHAPE[::-1]
        np.testing.assert_array_equal(file["c_filt"][0, 0, :], ramp()[:, 0, 0])
        assert file["c_filt"].dtype == np.float32


def test_a_prediction_replaces_the_target_and_keeps_the_rest(tmp_path: Path):
    raw = write_raw(tmp_path / "raw.h5", FACTS, c_filt=ramp().T, c_filt_grad=ramp(2.0).T)
    write_like(raw, tmp_path / "out" / "raw.h5", {"flame_surface_density": ramp(7.0)})
    snapshot = read_snapshot(tmp_path / "out" / "raw.h5")
    np.testing.assert_array_equal(snapshot.flame_surface_density, ramp(7.0))
    np.testing.assert_array_equal(snapshot.resolved_gradient, ramp(2.0))
    assert snapshot.attributes == FACTS
    assert list((tmp_path / "out").iterdir()) == [tmp_path / "out" / "raw.h5"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "a.h5"
    write_snapshot(path, {"progress_variable": ramp()}, FACTS, CNF)
    with pytest.raises(TypeError):
        write_snapshot(path, {"progress_variable": 1 - ramp()}, {"bad": object()}, CNF)
    np.testing.assert_array_equal(
        read_snapshot(path, require_target=False).progress_variable, ramp()
    )


def test_bare_archives_need_only_the_spacing(tmp_path: Path):
    path = write_raw(tmp_path / "run_a_12.h5", filt_8=ramp())
    with pytest.raises(ValueError, match=r"run_a_12.h5: the spacing .* 'dx_les' or 'dx'.*give dx"):
        read_snapshot(path, require_target=False)
    snapshot = read_snapshot(path, dx=1e-3, require_target=False)
    assert (snapshot.case, snapshot.dx) == ("run_a", 1e-3)
    assert np.isnan(snapshot.time)
    assert filter_width(snapshot.attributes, snapshot.dx) == 1e-3


def test_missing_file(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="nowhere.h5"):
        read_snapshot(tmp_path / "nowhere.h5")


@pytest.mark.parametrize("content", [b"not a flame", b""])
def test_not_hdf5(tmp_path: Path, content: bytes):
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(ValueError, match="a.h5: expected a netCDF or HDF5 file"):
        detect(tmp_path / "a.h5")


def test_truncated_hdf5(tmp_path: Path):
    write_snapshot(tmp_path / "a.h5", {"progress_variable": ramp()}, FACTS, CNF)
    whole = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "a.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="a.h5: the file has .* bytes, its header says"):
        read_snapshot(tmp_path / "a.h5")


def test_unknown_datasets_name_the_nearest_layout(tmp_path: Path):
    path = write_raw(tmp_path / "a.h5", c_filtered=ramp(), c_grad_filt=ramp())
    with pytest.raises(
        ValueError,
        match=r"Found \['c_filtered', 'c_grad_filt'\].*filt_8.*Nearest is 'r2', 'c_filt'",
    ):
        detect(path)


def test_target_needed_to_train_but_not_to_predict(tmp_path: Path):
    path = write_raw(tmp_path / "a.h5", FACTS, filt_8=ramp())
    with pytest.raises(ValueError, match=r"no dataset 'filt_grad_8'.*found \['filt_8'\]"):
        read_snapshot(path)
    assert read_snapshot(path, require_target=False).flame_surface_density is None


@pytest.mark.parametrize(
    ("sigma", "message"),
    [
        (ramp()[:-1], r"filt_grad_8 has shape \(4, 4, 3\).*filt_8 has \(5, 4, 3\)"),
        (ramp()[0], r"filt_grad_8 has shape \(4, 3\), expected three axes \(x, y, z\)"),
        (
            np.where(ramp() > 0.5, np.nan, 1),
            r"filt_grad_8 is NaN, .* at index \[3, 0, 0\], the first of 24",
        ),
    ],
)
def test_bad_fields(tmp_path: Path, sigma: np.ndarray, message: str):
    path = write_raw(tmp_path / "a.h5", FACTS, filt_8=ramp(), filt_grad_8=sigma)
    with pytest.raises(ValueError, match="a.h5: " + message):
        read_snapshot(path)


def test_progress_variable_out_of_range(tmp_path: Path):
    path = write_raw(tmp_path / "a.h5", FACTS, c_filt=300 + ramp(1700.0))
    with pytest.raises(
        ValueError, match=r"c_filt is 300 at index \[0, 0, 0\], .*; expected -0.001 ... 1.001"
    ):
        read_snapshot(path, require_target=False)
    slight = write_raw(tmp_path / "b.h5", FACTS, c_filt=ramp(1.0005))
    assert read_snapshot(slight, require_target=False).progress_variable.max() > 1


def test_writing_says_which_field_does_not_fit(tmp_path: Path):
    with pytest.raises(ValueError, match=r"'flame_surface_density' has shape \(4, 4, 3\)"):
        fields = {"progress_variable": ramp(), "flame_surface_density": ramp()[1:]}
        write_snapshot(tmp_path / "a.h5", fields, FACTS, CNF)
    with pytest.raises(ValueError, match=r"cannot write .*'sigma'"):
        write_snapshot(tmp_path / "a.h5", {"progress_variable": ramp(), "sigma": ramp()}, {}, CNF)
    assert not (tmp_path / "a.h5").exists()


def test_filter_width_is_that_of_the_box_with_the_same_variance():
    assert filter_width({"filter_width": 2e-3, "filter_npts": 31}, 8e-4) == 2e-3
    wide = {"filter_npts": 31, "filter_sigma_dx": 1e6, "dx_dns": 1e-4}
    assert filter_width(wide, 8e-4) == pytest.approx(np.sqrt(31**2 - 1) * 1e-4)  # n-point box
    narrow = {"filter_npts": 61, "filter_sigma_dx": 2.0, "dx_dns": 1e-4}
    assert filter_width(narrow, 8e-4) == pytest.approx(np.sqrt(12) * 2e-4, rel=1e-6)  # Gaussian


@needs_reference
def test_reference_layouts_show_the_same_flame():
    """CNF and R2 files of one solution: same domain, c_bar alike where the grids coincide."""
    coarse = read_snapshot(REFERENCE / "combustion" / "cnf/raw/DNS1_004.h5")
    fine = read_snapshot(REFERENCE / "combustion" / "f4/raw/DNS1_004.h5")
    assert coarse.case == fine.case == "DNS1"
    assert coarse.dx == 2 * fine.dx
    common = fine.progress_variable[::2, ::2, ::2]
    assert common.shape == coarse.progress_variable.shape
    assert np.corrcoef(common.ravel(), coarse.progress_variable.ravel())[0, 1] > 0.95
