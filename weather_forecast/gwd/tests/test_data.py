"""From raw files to batches: the right numbers, whatever the grid, its chunks and the memory."""

import os
import pickle
import shutil
from pathlib import Path
from types import SimpleNamespace

import h5py
import lightning.pytorch as pl
import numpy as np
import pytest
import torch

from ai4sim.callbacks import PredictionFiles
from ai4sim.normalization import Normalizer
from ai4sim.tests.bench import quiet_trainer
from ai4sim.tests.reference import REFERENCE, needs_reference
from weather_forecast.gwd import data as module
from weather_forecast.gwd.data import ColumnDataModule
from weather_forecast.gwd.io.layout import read_layout, write_columns
from weather_forecast.gwd.io.rows import DragLayout

LAYOUT = DragLayout("nogwd", 3)
GRID = (4, 6)
NUMBER = 9  # the row that says which column it is
DATES = [f"2015-0{month}-01.h5" for month in range(1, 10)]
ALL_TRAIN = {"ratios": (1.0, 0.0, 0.0), "gap": 0}


def columns(date, count=24):
    """Columns of a date; the surface pressure is 2e4 + 1000 date + column, the last row fixed."""
    rng = np.random.default_rng(date)
    x = rng.normal(250, 10, (count, LAYOUT.input_channels)).astype(np.float32)
    x[:, NUMBER] = 2e4 + 1000 * date + np.arange(count)
    x[:, -1] = 98.0665
    y = (1e-5 * np.tanh(x[:, 1:7] - 250) + 1e-7).astype(np.float32)
    return x, y, np.linspace(-90, 90, count, dtype=np.float32)


@pytest.fixture
def folder(tmp_path):
    for date, name in enumerate(DATES):
        write_columns(tmp_path / "raw" / name, LAYOUT, *columns(date), GRID)
    return tmp_path


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 5 columns, which is no whole row of the grid."""
    monkeypatch.setattr(
        module, "BLOCK_BYTES", 5 * 4 * (LAYOUT.input_channels + LAYOUT.output_channels)
    )


def prepared(folder, **options):
    data = ColumnDataModule(str(folder), **options)
    data.prepare_files(data.files("train"))
    return data


def numbers(batches):
    return torch.cat([batch["inputs"][:, NUMBER] - 2e4 for batch in batches]).int().tolist()


def rewrite(path, names="xy", **how):
    """Write datasets of a file anew, with other HDF5 options."""
    with h5py.File(path, "a") as file:
        for name in names:
            values = file[name][...]
            del file[name]
            file.create_dataset(name, data=values, **how)


@pytest.mark.parametrize("grid", [(4, 6), (24,), (2, 3, 4)])
@pytest.mark.parametrize(
    "how",
    [{}, {"chunks": True, "compression": "gzip"}, {"names": "x", "chunks": True}, {"dtype": ">f8"}],
)
def test_columns_keep_their_order_on_any_grid(tmp_path, small_blocks, grid, how):
    x, y, latitude = columns(0)
    path = tmp_path / "raw" / "2015-01-01.h5"
    write_columns(path, LAYOUT, x, y, latitude, grid)
    rewrite(path, **how)
    data = ColumnDataModule(str(tmp_path), split="all-test", eval_batch_size=7)
    batches = list(data.test_dataloader())
    assert [batch["rows"] for batch in batches] == [(0, 7), (7, 14), (14, 21), (21, 24)]
    for name, expected in (("inputs", x), ("targets", y), ("latitude", latitude)):
        found = torch.cat([batch[name] for batch in batches])
        assert found.dtype == torch.float32
        np.testing.assert_array_equal(found, expected)
    assert os.listdir(tmp_path / "processed" / "columns-3") != [".lock"]
    assert not list((tmp_path / "processed").rglob("unpacked.h5"))


def test_statistics_of_one_pass_are_those_of_the_whole_training_set(folder, small_blocks):
    data = prepared(folder)
    files = [DATES.index(path.name) for path in data.files("train")]
    x, y = (np.concatenate([columns(i)[k] for i in files]).astype(np.float64) for k in (0, 1))
    of_x, of_y = data.statistics()
    np.testing.assert_allclose(of_x.mean, x.mean(0), rtol=1e-14)
    np.testing.assert_allclose(of_x.std[:-1], x.std(0)[:-1], rtol=1e-12)
    np.testing.assert_allclose(of_y.mean, y.mean(0), rtol=1e-12)
    np.testing.assert_allclose(of_y.std, y.std(0), rtol=1e-12)
    gram, dx, dy = data.gram(), x - x.mean(0), y - y.mean(0)
    assert gram.count == len(x)
    np.testing.assert_allclose(gram.xx, dx.T @ dx, rtol=1e-11, atol=1e-8)
    np.testing.assert_allclose(gram.xy, dx.T @ dy, rtol=1e-11, atol=1e-15)


def test_a_constant_row_does_not_divide_by_zero(folder):
    statistics, _ = prepared(folder).statistics()
    norm = Normalizer((LAYOUT.input_channels,))
    norm.set(statistics.mean, statistics.std)
    normalized = norm(torch.from_numpy(columns(0)[0]))
    assert normalized.isfinite().all() and normalized[:, -1].abs().max() < 1e-5


def test_dates_are_cut_into_blocks_of_time_with_a_gap(folder):
    data = ColumnDataModule(str(folder), ratios=(0.6, 0.2, 0.2), gap=1)
    names = [[path.name for path in data.files(stage)] for stage in ("train", "val", "test")]
    assert names == [DATES[:4], DATES[5:7], DATES[8:]]
    (folder / "filenames-split.yaml").write_text(
        f"train: [{DATES[8]}]\nvalid: [{DATES[0]}]\ntest: [{DATES[1]}]\n"
    )
    assert [path.name for path in data.files("val")] == [DATES[0]]
    (folder / "filenames-split.yaml").write_text("train: [2014-01-01.h5]\n")
    with pytest.raises(ValueError, match="filenames-split.yaml: train: no raw file is named '2014"):
        data.files("train")


@pytest.mark.parametrize("memory_limit", [1.0, 5e-6])
def test_training_serves_each_column_once_from_memory_or_from_pools(folder, memory_limit):
    data = prepared(folder, memory_limit=memory_limit, pool_rows=64, batch_size=10, **ALL_TRAIN)
    loader = data.train_dataloader()
    assert loader.in_memory == (memory_limit == 1.0)
    batches = list(loader)
    everything = [1000 * date + i for date in range(len(DATES)) for i in range(24)]
    assert sorted(numbers(batches)) == everything
    batch = batches[3]
    for i, number in enumerate(numbers([batch])):
        x, y, latitude = columns(number // 1000)
        np.testing.assert_array_equal(batch["inputs"][i], x[number % 1000])
        np.testing.assert_array_equal(batch["targets"][i], y[number % 1000])
        assert batch["latitude"][i] == latitude[number % 1000]
    loader.set_epoch(1)
    assert numbers(loader) != numbers(batches)


def test_extra_folders_only_train(folder, tmp_path):
    for date in (20, 21):
        path = tmp_path / "own" / "raw" / f"2020-01-{date}.h5"
        write_columns(path, LAYOUT, *columns(date, 30), (30,))
    data = prepared(folder, extra_data_path=[str(tmp_path / "own")])
    train = numbers(data.train_dataloader())
    assert {number // 1000 for number in train} >= {20, 21}
    assert len(train) == 24 * len(data.split.train) + 60 == data.gram().count
    some = data.columns(50)
    chosen = numbers([{"inputs": some}])
    assert len(some) <= 50 and set(chosen) < set(train)
    assert {number // 1000 for number in chosen} >= {0, 20, 21}
    assert data.count("test") == 24 * len(data.files("test"))
    for stage in ("val", "test", "predict"):
        assert not {"2020-01-20.h5", "2020-01-21.h5"} & {path.name for path in data.files(stage)}
    # Where only the test files are, that is enough.
    for path in data.files("train"):
        path.unlink()
    testing = ColumnDataModule(
        str(folder), split="all-test", extra_data_path=[str(tmp_path / "own")]
    )
    assert numbers(testing.test_dataloader())


def test_a_killed_preprocessing_is_made_again(folder):
    path = folder / "raw" / DATES[0]
    data = ColumnDataModule(str(folder), split="all-test")
    data.prepare_files([path])
    done = folder / "processed" / "columns-3" / path.stem
    # What a kill may leave: a hidden half of a folder, or one whose manifest never came.
    half = done.with_name(f".tmp-elsewhere-1-00000000-{path.stem}")
    done.rename(half)
    (half / "inputs.npy").write_bytes((half / "inputs.npy").read_bytes()[:200])
    done.mkdir()
    shutil.copy(half / "inputs.npy", done)
    np.testing.assert_array_equal(
        torch.cat([b["inputs"] for b in data.test_dataloader()])[:24], columns(0)[0]
    )


def test_other_schedulers_are_sent_what_they_need(folder):
    data = ColumnDataModule(str(folder), scheduler="processes", workers=2)
    cache = pickle.loads(pickle.dumps(data.cache_of(folder / "raw" / DATES[0])))
    assert (cache.scheduler, cache.workers) == ("processes", 2)
    cache.scheduler = "threads"  # starting a process takes seconds
    arrays, facts = cache.load(folder / "raw" / DATES[0])
    np.testing.assert_array_equal(arrays["inputs"], columns(0)[0])
    assert facts == {"layout": {"scheme": "nogwd", "levels": 3}}


def predict(data, folder, batches):
    """Write twice the negative wind tendencies of the batch's first inputs."""
    return [
        data.write_prediction(folder, batch, -2e-6 * batch["inputs"][:, :6])
        for batch in batches
        if not batch["repeated"]
    ]


def test_predictions_come_as_raw_files_once_they_are_whole(folder, tmp_path):
    with h5py.File(folder / "raw" / DATES[1], "a") as file:
        del file["y"]
    data = ColumnDataModule(str(folder), eval_batch_size=10)
    data.prepare_files(data.files("predict"))
    out = tmp_path / "predictions"
    written = predict(data, out, data.predict_dataloader())
    assert written[:4] == [[], [], [out / DATES[0]], []]
    assert sorted(os.listdir(out)) == DATES
    for date in (0, 1):
        assert read_layout(out / DATES[date]) == LAYOUT
        with h5py.File(out / DATES[date]) as file:
            x, _, latitude = columns(date)
            found = file["y"][...].reshape(6, -1).T
            np.testing.assert_allclose(found, -2e-6 * x[:, :6], rtol=1e-6)
            np.testing.assert_array_equal(file["x"][...], x.T.reshape(-1, *GRID))
            np.testing.assert_array_equal(file["lat"][...], latitude.reshape(GRID))


def test_each_process_predicts_whole_files(folder, tmp_path):
    written = []
    for rank in range(2):
        data = ColumnDataModule(str(folder), eval_batch_size=10)
        data.trainer = SimpleNamespace(global_rank=rank, world_size=2)
        batches = list(data.predict_dataloader())
        assert len(batches) == 15  # 5 files of 3 batches; the second process has one file less
        parts = predict(data, tmp_path / "predictions", batches)
        written.append({path.name for part in parts for path in part})
    assert written[0] | written[1] == set(DATES) and not written[0] & written[1]


class Linear(pl.LightningModule):
    """The least that Lightning trains."""

    def __init__(self):
        super().__init__()
        self.net = torch.nn.Linear(LAYOUT.input_channels, LAYOUT.output_channels)
        self.seen, self.validated = [], []

    def training_step(self, batch, batch_idx):
        self.seen.append(numbers([batch]))
        return (self.net(batch["inputs"] / 250) - batch["targets"]).square().mean()

    def validation_step(self, batch, batch_idx):
        self.validated += numbers([batch])

    def predict_step(self, batch, batch_idx):
        return self.net(batch["inputs"])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1e-3)


@pytest.mark.parametrize("memory_limit", [1.0, 5e-6])
def test_lightning_trains_and_predicts(folder, memory_limit):
    data = ColumnDataModule(str(folder), batch_size=32, memory_limit=memory_limit)
    model = Linear()
    trainer = quiet_trainer(
        folder, max_epochs=2, num_sanity_val_steps=0, callbacks=[PredictionFiles()]
    )
    trainer.fit(model, datamodule=data)
    half = len(model.seen) // 2
    first, second = sum(model.seen[:half], []), sum(model.seen[half:], [])
    assert first != second and sorted(first) == sorted(second)
    assert len(first) == 24 * len(data.split.train)
    assert sorted(set(model.validated)) == sorted(numbers(data.val_dataloader()))
    trainer.predict(model, datamodule=data, return_predictions=False)
    assert sorted(os.listdir(folder / "predictions")) == DATES


def test_latitude_is_asked_for_or_nan(folder):
    with h5py.File(folder / "raw" / DATES[-1], "a") as file:
        del file["lat"]
    with pytest.raises(ValueError, match=r"2015-09-01.h5: no dataset /lat .*data.latitude false"):
        ColumnDataModule(str(folder)).test_dataloader()
    data = ColumnDataModule(str(folder), split="all-test", latitude=False)
    latitude = torch.cat([batch["latitude"] for batch in data.test_dataloader()])
    assert latitude[:-24].isfinite().all() and latitude[-24:].isnan().all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_located(folder, value):
    with h5py.File(folder / "raw" / DATES[0], "a") as file:
        file["x"][4, 2, 5] = value
        file["x"][7, 1, 0] = value
    with pytest.raises(
        ValueError,
        match=r"2015-01-01.h5: x is NaN.* at row 4 \(v, level 2\), grid point \[2, 5\]",
    ):
        prepared(folder)
    assert DATES[0].removesuffix(".h5") not in os.listdir(folder / "processed" / "columns-3")


def test_files_of_another_layout_or_without_targets_are_refused(folder, tmp_path):
    other = DragLayout("nogwd", 2)
    x, y, latitude = (
        torch.tensor([0, 0, 0, 0, 250, 250, 1e5, 98]).repeat(4, 1),
        torch.ones(4, other.output_channels) / 100,
        torch.zeros(4),
    )
    write_columns(tmp_path / "own" / "raw" / "2020-01-01.h5", other, x, y, latitude)
    data = ColumnDataModule(str(folder), extra_data_path=[str(tmp_path / "own")])
    with pytest.raises(
        ValueError, match=r"2020-01-01.h5: DragLayout\(.*levels=2\), expected .*=3\)"
    ):
        data.train_dataloader()
    with h5py.File(folder / "raw" / DATES[-1], "a") as file:
        del file["y"]
    with pytest.raises(ValueError, match="2015-09-01.h5: no dataset /y: .*only predicted"):
        data.test_dataloader()
    assert list(data.predict_dataloader())
    write_columns(folder / "raw" / "2015-10-01.h5", other, x, y, latitude)
    with pytest.raises(ValueError, match=r"2015-10-01.h5: DragLayout\(.*levels=2\), expected"):
        ColumnDataModule(str(folder)).count("test")


@needs_reference
@pytest.mark.parametrize(("scheme", "subfolder"), [("nogwd", ""), ("ogwd", "ogwd")])
def test_reference_files_are_read_as_they_are(tmp_path, scheme, subfolder):
    reference = Path(REFERENCE, "gwd", subfolder)
    (tmp_path / "raw").mkdir()
    for name in ("2015-01-01.h5", "2016-02-25.h5"):
        (tmp_path / "raw" / name).symlink_to(reference / "raw" / name)
    data = ColumnDataModule(str(tmp_path), split="all-test")
    assert data.layout.scheme == scheme
    batch = next(iter(data.test_dataloader()))
    with h5py.File(reference / "raw" / "2015-01-01.h5") as file:
        shape = file["lat"].shape
        column = np.ravel_multi_index((7, 3), shape)
        np.testing.assert_array_equal(batch["inputs"][column], file["x"][:, 7, 3])
        np.testing.assert_array_equal(batch["targets"][column], file["y"][:, 7, 3])
        assert batch["latitude"][column] == file["lat"][7, 3]
    parts = data.layout.split_inputs(batch["inputs"])
    assert 4e4 < parts["surface_pressure"].min() < parts["surface_pressure"].max() < 1.1e5
    assert 140 < parts["temperature"].min() < parts["temperature"].max() < 340
