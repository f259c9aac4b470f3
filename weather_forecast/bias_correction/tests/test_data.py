"""From raw files to batches: the right numbers, no leak between sets, whatever the memory."""

import os
import pickle
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch

from ai4sim.callbacks import PredictionFiles
from ai4sim.tests.bench import quiet_trainer
from weather_forecast.bias_correction.data import RadiationDataModule
from weather_forecast.bias_correction.io import raw_files
from weather_forecast.bias_correction.io.layout import RadiationLayout
from weather_forecast.bias_correction.io.preprocess import row_statistics
from weather_forecast.bias_correction.io.raw_files import read_columns
from weather_forecast.bias_correction.tests.made_up import write_file

LEVELS, COUNT = 5, 30
LAYOUT = RadiationLayout(LEVELS)
NAMES = [f"part_{i}.h5" for i in range(6)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Six files of 30 columns in blocks of about four, which continue in the next file."""
    monkeypatch.setattr(raw_files, "BLOCK_COLUMNS", 7)
    for i, name in enumerate(NAMES):
        blocks = (COUNT * i + np.arange(COUNT)) // 4
        write_file(
            tmp_path / "raw" / name, COUNT, LEVELS, seed=i, extras={"base_block": blocks % 40}
        )
    return tmp_path


def raw(folder, names=NAMES):
    """All columns of some files."""
    parts = [read_columns(folder / "raw" / name) for name in names]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def gathered(batches, name="inputs"):
    return torch.cat([batch[name] for batch in batches if not batch["repeated"]])


def keys(inputs):
    """One number per column: its skin temperature, which no other has."""
    return sorted(np.asarray(inputs)[:, 0].tolist())


def test_evaluation_serves_files_as_they_are(folder):
    data = RadiationDataModule(str(folder), split="all-test", eval_batch_size=8)
    batches = list(data.test_dataloader())
    assert [batch["rows"] for batch in batches[:4]] == [(0, 8), (8, 16), (16, 24), (24, 30)]
    for name, values in raw(folder).items():
        found = gathered(batches, name)
        assert found.dtype == torch.float32
        np.testing.assert_array_equal(found, values)
    assert "tripleclouds" not in next(iter(data.predict_dataloader()))


def test_what_a_file_does_not_have_is_nan(folder):
    write_file(folder / "raw" / NAMES[0], 4, LEVELS, tripleclouds=False, places=False)
    data = RadiationDataModule(str(folder), split="all-test")
    first, second, *_ = data.test_dataloader()
    assert first["latitude"].isnan().all() and first["longitude"].isnan().all()
    assert first["tripleclouds"].shape == (4, LAYOUT.tripleclouds_channels)
    assert first["tripleclouds"].isnan().all() and second["tripleclouds"].isfinite().all()
    for name in NAMES[1:]:
        (folder / "raw" / name).unlink()
    (folder / "raw" / NAMES[0]).rename(folder / "raw" / "columns.nc")
    (alone,) = RadiationDataModule(str(folder), split="all-test").test_dataloader()
    assert alone["tripleclouds"].isnan().all() and alone["targets"].isfinite().all()


@pytest.mark.parametrize("memory_limit", [1.0, 2e-5])
@pytest.mark.parametrize("split", ["time", "block"])
def test_training_serves_each_column_once(folder, split, memory_limit):
    data = RadiationDataModule(
        str(folder), split=split, memory_limit=memory_limit, pool_rows=64, batch_size=10
    )
    loader = data.train_dataloader()
    assert loader.in_memory == (memory_limit == 1.0)
    batches = list(loader)
    inputs, everything = gathered(batches), raw(folder)
    assert len(inputs) == data.count("train") == len(set(keys(inputs)))
    places = {key: i for i, key in enumerate(everything["inputs"][:, 0].tolist())}
    own = [places[key] for key in inputs[:, 0].tolist()]
    for name in ("inputs", "targets", "latitude", "longitude"):
        np.testing.assert_array_equal(gathered(batches, name), everything[name][own])
    loader.set_epoch(1)
    assert not torch.equal(gathered(loader), inputs)


@pytest.mark.parametrize("split", ["time", "block"])
def test_statistics_are_those_of_the_whole_training_set(folder, split):
    data = RadiationDataModule(str(folder), split=split)
    of_inputs, of_targets = data.statistics()
    batches = list(data.train_dataloader())
    for name, found in (("inputs", of_inputs), ("targets", of_targets)):
        values = gathered(batches, name).double().numpy()
        constant = (values == values[0]).all(axis=0)
        std = values.std(axis=0)
        assert found.count == len(values) and constant.any() and not constant.all()
        assert (found.std[constant] == 0).all()
        np.testing.assert_allclose(found.std[~constant], std[~constant], rtol=1e-5)
        assert (np.abs(found.mean - values.mean(axis=0)) <= 1e-6 * std + 1e-15).all()


def test_statistics_lose_no_digits():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1000, 5)) * [1e-3, 1e-22, 1e22, 1.0, 0] + [300, 0, 0, 1e5, 0.3]
    rows[0, 3] = 2e5  # far from all others
    rows = rows.astype(np.float32)
    found, exact = row_statistics(rows), rows.astype(np.float64)
    np.testing.assert_allclose(found.mean, exact.mean(0), rtol=1e-6, atol=1e-24)
    np.testing.assert_allclose(found.std[:4], exact.std(0)[:4], rtol=1e-5)
    assert found.std[4] == 0


def test_blocks_are_never_divided(folder):
    blocks = np.arange(COUNT * len(NAMES)) // 4 % 40  # block 0 is in the first and in the last file
    owner = dict(zip(raw(folder)["inputs"][:, 0].tolist(), blocks.tolist(), strict=True))

    def sets(**options):
        data = RadiationDataModule(str(folder), split="block", ratios=(0.6, 0.2, 0.2), **options)
        loaders = (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
        return [keys(gathered(loader)) for loader in loaders]

    first = sets()
    assert [len(part) for part in first] == [108, 36, 36]
    assert sum(first, []) and sorted(sum(first, [])) == sorted(owner)
    train, val, test = ({owner[key] for key in part} for part in first)
    assert not train & val and not train & test and not val & test
    assert sets(seed=3, eval_batch_size=7) == first
    assert sets(block_seed=1) != first
    # What lists the files wins, as everywhere.
    (folder / "splits.yaml").write_text(f"train: [{NAMES[0]}]\nval: [{NAMES[1]}]\n")
    data = RadiationDataModule(str(folder), split="block")
    assert keys(gathered(data.val_dataloader())) == keys(raw(folder, NAMES[1:2])["inputs"])


def test_blocks_need_their_variable_and_sets_some_columns(folder):
    data = RadiationDataModule(str(folder), split="block", ratios=(0.8, 0.2, 0.0))
    with pytest.raises(ValueError, match="the test set is empty .split 'block' of"):
        data.files("test")
    with pytest.raises(ValueError, match=r"part_0\.h5: expected a variable group \(30,\), the bl"):
        RadiationDataModule(str(folder), split="block", block_variable="group").files("train")


def test_another_folder_tests_and_further_ones_train(folder, tmp_path):
    write_file(tmp_path / "own" / "raw" / "x.h5", 20, LEVELS, seed=70)
    write_file(tmp_path / "other" / "raw" / "y.h5", 9, LEVELS, seed=71)
    for split in ("time", "block"):
        data = RadiationDataModule(
            str(folder),
            split=split,
            test_data_path=str(tmp_path / "other"),
            extra_data_path=[str(tmp_path / "own")],
        )
        own = keys(read_columns(tmp_path / "own/raw/x.h5")["inputs"])
        other = keys(read_columns(tmp_path / "other/raw/y.h5")["inputs"])
        train = keys(gathered(data.train_dataloader()))
        assert set(own) < set(train) and keys(gathered(data.test_dataloader())) == other
        assert not set(own) & set(keys(gathered(data.val_dataloader())))
        assert data.statistics()[0].count == len(train)
        some = data.columns(50)
        assert some["inputs"].shape == (50, LAYOUT.input_channels)
        chosen = keys(some["inputs"])
        assert set(chosen) < set(train) and set(chosen) & set(own) and set(chosen) - set(own)
        assert keys(data.columns(10**6)["inputs"]) == train


def test_chunked_and_plain_files_give_the_same_rows(folder):
    with h5py.File(folder / "raw" / NAMES[1], "a") as file:
        for name in ("col_inputs", "hl_inputs", "flux_dn_sw"):
            values = file[name][...]
            del file[name]
            chunks = (11, *values.shape[1:])
            file.create_dataset(name, data=values, chunks=chunks, compression="gzip")
    files = [folder / "raw" / name for name in NAMES]
    expected = raw(folder)
    data = RadiationDataModule(str(folder), split="all-test")
    # Other schedulers have it sent to them.
    cache = pickle.loads(pickle.dumps(data.cache_of(files[0])))
    cache.build(files)
    for i, file in enumerate(files):
        arrays, facts = cache.load(file)
        assert facts == {"layout": {"levels": LEVELS}}
        own = slice(COUNT * i, COUNT * (i + 1))
        for name, values in expected.items():
            np.testing.assert_array_equal(arrays[name], values[own])


def predict(data, folder, batches):
    """Write twice the first inputs of the batch."""
    width = LAYOUT.output_channels
    return [
        data.write_prediction(folder, batch, 2 * batch["inputs"][:, :width])
        for batch in batches
        if not batch["repeated"]
    ]


@pytest.mark.parametrize("in_order", [True, False])
def test_predictions_come_as_files_once_they_are_whole(folder, tmp_path, in_order):
    write_file(folder / "raw" / NAMES[1], COUNT, LEVELS, seed=1, targets=False)
    data = RadiationDataModule(str(folder), split="block", eval_batch_size=12)
    batches = list(data.predict_dataloader())
    out = tmp_path / "predictions"
    written = predict(data, out, batches if in_order else batches[::-1])
    assert sorted(path for part in written for path in part) == [out / name for name in NAMES]
    assert sorted(os.listdir(out)) == NAMES
    assert [len(part) for part in written[:3]] == [0, 0, 1]
    for name in NAMES[:2]:
        source = read_columns(folder / "raw" / name)
        with h5py.File(out / name) as file:
            found = [file[v.name][...] for v in LAYOUT.outputs]
            np.testing.assert_array_equal(
                np.concatenate(found, axis=1), 2 * source["inputs"][:, : LAYOUT.output_channels]
            )
            np.testing.assert_array_equal(file["lon"], source["longitude"])


def test_each_process_predicts_whole_files(folder, tmp_path):
    written = []
    for rank in range(2):
        data = RadiationDataModule(str(folder), eval_batch_size=12)
        data.trainer = SimpleNamespace(global_rank=rank, world_size=2)
        parts = predict(data, tmp_path / "predictions", data.predict_dataloader())
        written.append({path.name for part in parts for path in part})
    assert written[0] | written[1] == set(NAMES) and not written[0] & written[1]


def test_files_without_targets_or_of_other_levels_are_refused(folder, tmp_path):
    write_file(folder / "raw" / NAMES[-1], COUNT, LEVELS, targets=False)
    data = RadiationDataModule(str(folder))
    with pytest.raises(ValueError, match=r"part_5\.h5: no targets .* only predicted"):
        data.test_dataloader()
    assert list(data.predict_dataloader())
    write_file(tmp_path / "own" / "raw" / "x.h5", 4, 7)
    data = RadiationDataModule(str(folder), extra_data_path=[str(tmp_path / "own")])
    with pytest.raises(
        ValueError, match=r"x\.h5: RadiationLayout\(levels=7\), expected .*=5\) as in"
    ):
        data.train_dataloader()
    write_file(folder / "raw" / "part_6.h5", 4, 7)
    with pytest.raises(
        ValueError, match=r"part_6\.h5: RadiationLayout\(levels=7\), expected .*levels=5"
    ):
        RadiationDataModule(str(folder)).count("train")


def test_a_value_that_is_not_finite_is_located_and_the_rest_is_kept(folder):
    with h5py.File(folder / "raw" / NAMES[2], "a") as file:
        file["col_inputs"][23, 3, 10] = np.nan
    data = RadiationDataModule(str(folder), split="all-test", workers=1)
    with pytest.raises(
        ValueError,
        match=r"part_2\.h5: col_inputs is NaN, or was never written, at column 23, level 3, "
        r"channel 10 \(cloud_fraction\)",
    ):
        data.prepare_files(data.files("test"))
    made = {name for name in os.listdir(folder / "processed" / "radiation-3") if name[0] != "."}
    assert {"part_0", "part_1"} <= made and "part_2" not in made


def test_lightning_predicts_all_files(folder):
    import lightning.pytorch as pl

    class Double(pl.LightningModule):
        def predict_step(self, batch, batch_idx):
            return 2 * batch["inputs"][:, : LAYOUT.output_channels]

    trainer = quiet_trainer(folder, callbacks=[PredictionFiles()])
    data = RadiationDataModule(str(folder), split="block")
    trainer.predict(Double(), datamodule=data, return_predictions=False)
    assert sorted(os.listdir(folder / "predictions")) == NAMES
