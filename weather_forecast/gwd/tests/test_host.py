"""A Fortran host with a coupled emulator in the loop: the winds of Python."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from ai4sim.native.couple import command
from ai4sim.tests.bench import Bench
from ai4sim.tests.host_programs import build_example, called, needs
from weather_forecast.gwd.config import USE_CASE
from weather_forecast.gwd.online.column import ColumnModel, simulate
from weather_forecast.gwd.online.host import main, read_winds, write_column
from weather_forecast.gwd.online.qbo import emulators
from weather_forecast.gwd.tests.tiny import TINY  # noqa: F401 (of the bench)

YEARS = 1.5


@pytest.fixture(scope="module")
def coupled(bench: Bench, trained: Path) -> Path:
    """The library of the experiment."""
    made = bench.root / "coupled"
    command(USE_CASE, bench.experiments)(made, experiment=trained.name, backend="c")
    return made


@needs("gfortran")
def test_a_fortran_column_model_blows_as_the_one_in_python(
    bench: Bench, trained: Path, coupled: Path
) -> None:
    build, model = build_example("qbo", "gwd_drag", coupled, bench.root / "qbo"), ColumnModel()
    write_column(bench.root / "column.txt", model)
    done = called(build / "qbo", bench.root / "column.txt", YEARS, bench.root / "winds.bin")
    assert done.returncode == 0, done.stderr
    found = read_winds(bench.root / "winds.bin", model)
    expected = simulate(emulators([trained])["network"], model, YEARS)
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) <= 1e-3 * float(expected.abs().max())
    # A host hears of an error of the library, in its own words.
    hot = bench.root / "hot.txt"
    text = (bench.root / "column.txt").read_text()
    hot.write_text(text.replace("surface_pressure = 101100.0", "surface_pressure = 1011.0"))
    done = called(build / "qbo", hot, YEARS, bench.root / "none.bin")
    assert done.returncode == 1
    assert "gwd_drag: surface_pressure is 1011 Pa at column 1, expected 20000" in done.stderr


@needs("gfortran", "mpifort")
def test_any_number_of_ranks_gives_the_same_results_to_the_bit(
    coupled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"):
        monkeypatch.setenv(name, "1")
    program = build_example("mpi", "gwd_drag", coupled, tmp_path / "build") / "ranks"
    # The one of the library that it is built with: another MPI may come first on the path.
    mpirun = Path(shutil.which("mpifort") or "").with_name("mpirun")
    columns, found = 200, {}  # three blocks of 64, and 8 columns
    for ranks in (1, 2, 4):
        output = tmp_path / f"{ranks}.bin"
        run = (mpirun, "--oversubscribe", "-n", ranks, program)
        done = called(*run, 63, columns, output)
        assert done.returncode == 0, done.stderr
        assert re.findall(r"^rank (\d): [1-9]\d* columns/s", done.stdout, re.MULTILINE) == [
            str(rank) for rank in range(ranks)
        ]
        found[ranks] = output.read_bytes()
    assert found[1] == found[2] == found[4]
    tendencies = np.frombuffer(found[1]).reshape(4, 2, 63, 64)
    assert tendencies[:3].any((1, 2)).all() and tendencies[3, ..., :8].any((0, 1)).all()
    assert not tendencies[3, ..., 8:].any()
    # An error of one rank ends all of them, in the library's words.
    done = called(*run, 62, columns, tmp_path / "none.bin")
    assert done.returncode == 1 and "gwd_drag: u: an array of 62 levels, expected 63" in done.stderr


def test_winds_of_a_host_are_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    column, winds = tmp_path / "column.txt", tmp_path / "winds.bin"
    main(column)
    with pytest.raises(FileExistsError, match="expected a new file"):
        main(column)
    with pytest.raises(FileNotFoundError, match=r"winds\.bin"):
        main(column, winds=winds)
    winds.write_bytes(bytes(8 * 64))
    with pytest.raises(ValueError, match="64 values, expected a multiple of 63 levels"):
        main(column, winds=winds)
    with pytest.raises(ValueError, match="expected a column that this command wrote"):
        main(winds, winds=winds)
    model = ColumnModel()
    months = torch.arange(20 * 365.25, dtype=torch.float64) / (365.25 / 12)
    period = (2 * torch.pi * (months / 28)[:, None] + model.height / 5e3).sin()
    winds.write_bytes((20 * period).numpy().tobytes())
    main(column, winds=winds)
    assert "period 28.0 months, amplitude 20." in capsys.readouterr().out
