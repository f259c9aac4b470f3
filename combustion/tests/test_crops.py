"""Crops, batches and errors of the flame data module."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from ai4sim.data.batches import BatchIndex
from combustion.baselines import Closures
from combustion.crops import CropDataModule, Crops
from combustion.io.grids import read_snapshot
from combustion.io.layouts import CNF, R2
from combustion.tests.flames import DX, write_sheets


def ramp_snapshot(tmp_path, shape=(10, 8, 8), periodic="y,z"):
    """A snapshot whose value at each cell tells where the cell is."""
    (path,) = write_sheets(tmp_path, snapshots=1, shape=shape, periodic=periodic)
    snapshot = read_snapshot(path)
    index = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    snapshot.progress_variable = index / index.size
    snapshot.flame_surface_density = index
    return snapshot


def test_inputs_and_targets_of_a_crop_come_from_the_same_cells(tmp_path):
    snapshot = ramp_snapshot(tmp_path)
    batch = Crops([snapshot], (4, 4, 4), 16, augment="cross_stream")[
        BatchIndex(list(range(16)), (0, 1))
    ]
    assert batch["inputs"].shape == batch["targets"].shape == (16, 1, 4, 4, 4)
    torch.testing.assert_close(batch["inputs"] * snapshot.progress_variable.size, batch["targets"])


def test_crops_wrap_around_periodic_axes_only(tmp_path):
    snapshot = ramp_snapshot(tmp_path)
    crops = Crops([snapshot], (4, 4, 4), 200, augment="none")
    blocks = crops[BatchIndex(list(range(200)), (0,))]["targets"][:, 0].numpy()
    x, y, z = np.unravel_index(blocks.astype(int), snapshot.progress_variable.shape)
    assert (np.diff(x, axis=1) == 1).all()
    steps = np.diff(y, axis=2)
    assert set(np.unique(steps)) == {1, -7}
    assert len(np.unique(z[:, 0, 0, 0])) == 8
    # Without the attribute nothing wraps.
    walled = ramp_snapshot(tmp_path / "walled", periodic=None)
    blocks = Crops([walled], (4, 4, 4), 200, augment="none")[BatchIndex(list(range(200)), (0,))]
    y = np.unravel_index(blocks["targets"][:, 0].numpy().astype(int), (10, 8, 8))[1]
    assert (np.diff(y, axis=2) == 1).all()


def test_augmentation_reflects_and_swaps_the_cross_stream_axes_never_the_stream(tmp_path):
    snapshot = ramp_snapshot(tmp_path)
    crops = Crops([snapshot], (4, 4, 4), 300, augment="cross_stream")
    blocks = crops[BatchIndex(list(range(300)), (0,))]["targets"][:, 0].numpy()
    x, y, z = np.unravel_index(blocks.astype(int), (10, 8, 8))
    assert (np.diff(x, axis=1) == 1).all()
    swapped = y[:, 0, 0, 0] == y[:, 0, 1, 0]
    assert 0.3 < swapped.mean() < 0.7
    reflected = np.isin((y[~swapped, 0, 1, 0] - y[~swapped, 0, 0, 0]) % 8, [7])
    assert 0.3 < reflected.mean() < 0.7


def test_isotropic_augmentation_reflects_the_stream_too(tmp_path):
    snapshot = ramp_snapshot(tmp_path)
    crops = Crops([snapshot], (4, 4, 3), 100, augment="isotropic")
    blocks = crops[BatchIndex(list(range(100)), (0,))]["targets"][:, 0].numpy()
    x = np.unravel_index(blocks.astype(int), (10, 8, 8))[0]
    steps = np.diff(x, axis=1)
    assert set(np.unique(steps)) == {-1, 1}
    assert (steps == steps[:, :1, :1, :1]).all()


def test_each_epoch_draws_other_crops_and_the_same_ones_when_repeated(tmp_path):
    write_sheets(tmp_path)
    data = CropDataModule(data_path=str(tmp_path), crop=(8, 8, 8), batch_size=4, seed=3)
    data.prepare_files(data.raw_files())

    def epoch(number):
        loader = data.loader("train")
        loader.sampler.set_epoch(number)
        return torch.cat([batch["inputs"] for batch in loader])

    first, again, second = epoch(0), epoch(0), epoch(1)
    assert torch.equal(first, again)
    assert first.shape == second.shape
    assert not torch.equal(first, second)


def test_workers_do_not_change_the_batches(tmp_path):
    write_sheets(tmp_path)
    batches = []
    for workers in (0, 2):
        data = CropDataModule(data_path=str(tmp_path), crop=(8, 8, 8), num_workers=workers)
        data.prepare_files(data.raw_files())
        batches.append(torch.cat([batch["inputs"] for batch in data.loader("train")]))
    assert torch.equal(*batches)


def test_full_fields_of_any_shape_and_both_layouts_are_served_once(tmp_path):
    write_sheets(tmp_path, "A", 3, (16, 12, 10))
    write_sheets(tmp_path, "B", 2, (9, 7, 6), layout=R2)
    data = CropDataModule(data_path=str(tmp_path), split="all-test", eval_batch_size=2)
    data.prepare_files(data.raw_files())
    batches = list(data.test_dataloader())
    assert [tuple(b["inputs"].shape) for b in batches] == [
        (2, 1, 16, 12, 10),
        (1, 1, 16, 12, 10),
        (2, 1, 9, 7, 6),
    ]
    # The R2 layout stores z, y, x: what arrives is x, y, z all the same.
    with h5py.File(tmp_path / "raw" / "B_000.h5") as file:
        assert file["c_filt"].shape == (6, 7, 9)
        np.testing.assert_array_equal(batches[2]["inputs"][0, 0], file["c_filt"][...].T)


def test_statistics_and_closures_see_the_training_set_only(tmp_path):
    write_sheets(tmp_path, "A", 6)
    write_sheets(tmp_path, "B", 6, wrinkling=3.0)
    data = CropDataModule(data_path=str(tmp_path), test_cases=["B"])
    data.prepare_files(data.raw_files())
    trained_on = [read_snapshot(f).flame_surface_density * DX for f in data.split.train]
    assert data.statistics().std.item() == pytest.approx(np.std(trained_on, dtype="f8"), rel=1e-6)
    assert all(f.name.startswith("A") for f in data.split.train + data.split.val)
    fitted = Closures.fit(data.snapshots("train"))
    assert fitted.mean == pytest.approx(np.mean(trained_on), rel=1e-5)


def test_files_without_a_spacing_take_it_from_the_user(tmp_path):
    write_sheets(tmp_path, dx_les=None)
    data = CropDataModule(data_path=str(tmp_path))
    data.prepare_files(data.raw_files())
    with pytest.raises(ValueError, match="DNS1_000.h5: the spacing of the LES grid is unknown"):
        data.snapshots("train")
    data = CropDataModule(data_path=str(tmp_path), facts={"dx_les": 5e-4})
    assert data.snapshots("train")[0].dx == 5e-4


def test_another_folder_can_be_the_test_set(tmp_path):
    write_sheets(tmp_path / "r2", "R2", 6, layout=R2)
    write_sheets(tmp_path / "r3", "R3", 2, (20, 14, 10), layout=R2)
    data = CropDataModule(
        data_path=str(tmp_path / "r2"),
        test_data_path=str(tmp_path / "r3"),
        ratios=(0.8, 0.2, 0.0),
        crop=(8, 8, 8),
    )
    for stage in ("train", "val", "test"):
        data.prepare_files(data.files(stage))
    names = [f for batch in data.test_dataloader() for f in batch["files"]]
    assert [Path(f).name for f in names] == ["R3_000.h5", "R3_001.h5"]
    assert (tmp_path / "r3" / "processed").is_dir()
    assert {f.parent.parent.name for f in data.split.train + data.split.val} == {"r2"}


def test_errors_name_folder_file_and_field(tmp_path):
    data = CropDataModule(data_path=str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="nowhere does not exist.*download_data"):
        data.raw_files()
    (tmp_path / "empty" / "raw").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="holds nothing named"):
        CropDataModule(data_path=str(tmp_path / "empty")).raw_files()
    (path, *_) = write_sheets(tmp_path)
    with h5py.File(path, "a") as file:
        file["filt_grad_8"][3, 2, 1] = np.nan
    data = CropDataModule(data_path=str(tmp_path))
    with pytest.raises(ValueError, match=r"DNS1_000.h5: filt_grad_8 is NaN"):
        data.prepare_files(data.raw_files())


def test_a_target_that_is_absent_stops_training_but_not_prediction(tmp_path):
    write_sheets(tmp_path, target=False)
    data = CropDataModule(data_path=str(tmp_path))
    data.prepare_files(data.raw_files())
    with pytest.raises(ValueError, match="DNS1_000.h5: no flame surface density"):
        data.train_dataloader()
    assert "targets" not in next(iter(data.predict_dataloader()))


def test_written_predictions_are_files_of_the_raw_layout(tmp_path):
    for case, layout in (("A", CNF), ("B", R2)):
        write_sheets(tmp_path, case, 1, (9, 7, 6), layout=layout, target=False)
    data = CropDataModule(data_path=str(tmp_path), eval_batch_size=2)
    data.prepare_files(data.raw_files())
    (batch,) = data.predict_dataloader()
    sigma = torch.arange(2 * 9 * 7 * 6, dtype=torch.float32).reshape(2, 1, 9, 7, 6)
    written = data.write_prediction(tmp_path / "out", batch, sigma)
    assert [Path(p).name for p in written] == ["A_000.h5", "B_000.h5"]
    for i, path in enumerate(written):
        back = read_snapshot(path)
        np.testing.assert_array_equal(back.flame_surface_density, sigma[i, 0])
        assert back.attributes["delta_L"] == pytest.approx(5.26e-4)
