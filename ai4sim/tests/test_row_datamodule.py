"""What a use case gets with a few methods: rows of any folder, and predictions in whole files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ai4sim.data.row_datamodule import RowDataModule


@dataclass(frozen=True)
class Columns:
    """How many columns of numbers a file has: inputs, and as many outputs."""

    output_channels: int


class TextDataModule(RowDataModule[Columns]):
    """Raw files of text: a line is a row of inputs."""

    raw_patterns = ("*.txt",)
    recipe = "text-1"
    process = staticmethod(lambda path: {"inputs": read(path)})
    served = dict.fromkeys(("train", "val", "test", "predict"), ("inputs",))

    def read_layout(self, path: Path) -> Columns:
        return Columns(read(path).shape[1])

    def write_like(
        self, source: Path, destination: Path, outputs: NDArray, spread: NDArray | None = None
    ) -> None:
        np.savetxt(destination, outputs)


def read(path: Path) -> NDArray:
    return np.loadtxt(path, ndmin=2)


def write(folder: Path, numbers: str, rows: int = 5, columns: int = 2) -> dict[str, NDArray]:
    """Write files of random rows, one for each digit; return the rows by the names of the files."""
    (folder / "raw").mkdir(parents=True)
    content = {}
    for number in numbers:
        name = f"run_{number}.txt"
        content[name] = np.random.default_rng(int(number)).random((rows, columns)).astype("f4")
        np.savetxt(folder / "raw" / name, content[name])
    return content


def test_rows_come_from_each_folder_and_go_back_to_their_files(tmp_path: Path) -> None:
    own = write(tmp_path / "own", "12345")
    more = write(tmp_path / "more", "67")
    data = TextDataModule(
        str(tmp_path / "own"),
        extra_data_path=[str(tmp_path / "more")],
        gap=0,
        ratios=(0.4, 0.2, 0.4),
        eval_batch_size=2,
    )
    data.prepare_data()
    assert len(list(tmp_path.glob("*/processed/text-1/run_?"))) == 7
    assert [data.count(stage) for stage in ("train", "val", "test", "predict")] == [20, 5, 10, 25]
    (batch,) = data.train_dataloader()
    expected = np.concatenate([own["run_1.txt"], own["run_2.txt"], *more.values()])
    np.testing.assert_array_equal(np.unique(batch["inputs"], axis=0), np.unique(expected, axis=0))
    # Files may come in turns, and batches of a file in any order.
    batches = sorted(data.predict_dataloader(), key=lambda batch: -batch["rows"][0])
    out = tmp_path / "predictions"
    done = [data.write_prediction(out, batch, 2 * batch["inputs"]) for batch in batches]
    assert done[:-5] == [[]] * 10 and sum(done[-5:], []) == [out / name for name in own]
    assert sorted(out.iterdir()) == [out / name for name in own]
    for name, rows in own.items():
        np.testing.assert_allclose(read(out / name), 2 * rows, rtol=1e-6)


def test_folders_of_another_layout_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "own", "12")
    write(tmp_path / "test", "3", columns=3)
    data = TextDataModule(str(tmp_path / "own"), test_data_path=str(tmp_path / "test"))
    with pytest.raises(
        ValueError, match=r"run_3\.txt: Columns\(.*=3\), expected .*=2\) as in .*own/raw/run_1\.txt"
    ):
        data.layout
    batch = {"file": str(tmp_path / "own/raw/run_1.txt"), "rows": (0, 5)}
    data = TextDataModule(str(tmp_path / "own"))
    with pytest.raises(ValueError, match=r"rows 0 to 5 of \(3,\) values do not fit into \(5, 2\)"):
        data.write_prediction(tmp_path / "out", batch, torch.zeros(5, 3))


def test_extra_rows_that_are_not_there_are_named_with_the_option(tmp_path: Path) -> None:
    write(tmp_path / "own", "12345")
    data = TextDataModule(str(tmp_path / "own"), extra_data_path=[str(tmp_path / "more")], gap=0)
    assert data.files("val")  # only training needs them
    with pytest.raises(FileNotFoundError, match=r"extra_data_path: .*more.*extra_data_path='\[\]'"):
        data.files("train")


class TimedDataModule(TextDataModule):
    """The first number of a row is its time [h]."""

    times_across_cases = True

    def times_of(self, path: Path) -> NDArray[np.datetime64]:
        return np.datetime64("2015-01-01", "s") + (read(path)[:, 0] * 3600).astype("timedelta64[s]")


def test_what_is_not_read_is_named_once_for_each_folder(tmp_path: Path, caplog: Any) -> None:
    write(tmp_path / "own", "12345")
    raw = tmp_path / "own" / "raw"
    (raw / "run_1.txt").rename(raw / "run_1.TXT")
    (raw / "notes.md").touch()
    (raw / "old").mkdir()
    data = TextDataModule(str(tmp_path / "own"), gap=1, ratios=(0.4, 0.3, 0.3))
    assert [path.name for path in data.files("train")] == ["run_1.TXT"]
    for _ in range(2):
        data.prepare_data()
    assert caplog.messages == [f"{raw}: not used: notes.md, old (not named *.txt, a folder)"]
    gaps = {f"run_{i}.txt": "in the gap between two sets" for i in (2, 4)}
    assert {path.name: why for path, why in data.unused_files().items()} == {
        **gaps,
        "notes.md": "not named *.txt",
        "old": "a folder",
    }


def test_a_link_without_its_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "12345")
    (tmp_path / "raw" / "run_3.txt").unlink()
    (tmp_path / "raw" / "run_3.txt").symlink_to("/archive/run_3.txt")
    data = TextDataModule(str(tmp_path))
    for stage in ("train", "predict"):
        with pytest.raises(
            FileNotFoundError, match=r"raw/run_3\.txt is a link to /archive/run_3\.txt, which does"
        ):
            data.files(stage)


def test_sets_are_compared_by_time(tmp_path: Path, caplog: Any) -> None:
    (tmp_path / "raw").mkdir()
    for leg, hours in (("1", range(8)), ("2", range(6, 12)), ("3", range(12, 16))):
        np.savetxt(tmp_path / "raw" / f"leg{leg}_his.txt", np.array(hours)[:, None])
    data = TimedDataModule(str(tmp_path), split="case", ratios=(0.4, 0.3, 0.3))
    message = (
        rf"split 'case' of {tmp_path}: train and val have 2 times in common; the first is "
        r"2015-01-01T06:00:00, in .*/leg1_his\.txt \(train\) and .*/leg2_his\.txt \(val\)"
    )
    with pytest.raises(ValueError, match=message + r"\. Expected sets without common times"):
        data.prepare_data()
    (tmp_path / "splits.yaml").write_text("train: [leg1*]\nval: [leg2*]\ntest: [leg3*]\n")
    TimedDataModule(str(tmp_path)).prepare_data()
    (warning,) = caplog.messages
    assert re.match(
        message.replace("split 'case' of ", "").replace(": train", "/splits.yaml: train"), warning
    )


def test_the_same_date_in_two_sets_is_found_by_the_names_within_a_case(
    tmp_path: Path, caplog: Any
) -> None:
    (tmp_path / "raw").mkdir()
    for name in ("a_2015-01-01_m1", "a_2015-01-01_m2", "b_2015-01-01"):
        np.savetxt(tmp_path / "raw" / f"{name}.txt", np.ones((2, 2)))
    (tmp_path / "splits.yaml").write_text("train: ['a*m1*']\nval: [b*]\ntest: ['a*m2*']\n")
    TextDataModule(str(tmp_path)).prepare_data()
    (warning,) = caplog.messages
    assert "train and test have 1 time in common; the first is 2015-01-01T00:00:00" in warning
