"""The contract that every use case keeps, from its configurations to its exported network."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import pkgutil
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from signal import SIGTERM
from typing import Any

import h5py
import lightning.pytorch as pl
import numpy as np
import pytest
import torch
import yaml
from lightning.pytorch.utilities.exceptions import SIGTERMException

from ai4sim.cli import main
from ai4sim.ensemble import make_experiment
from ai4sim.module import SurrogateModule
from ai4sim.native import network
from ai4sim.native.couple import samples_of
from ai4sim.native.derivatives import derivative_of
from ai4sim.native.onnx import write_onnx
from ai4sim.native.routine import Columns, Mesh, Routine
from ai4sim.nets.graph_net import GraphNet
from ai4sim.surrogate import Surrogate
from ai4sim.surrogate_cli import SurrogateCLI
from ai4sim.sweep.objectives import options_of
from ai4sim.sweep.options import require_options
from ai4sim.sweep.space import read_space
from ai4sim.tests.alike import alike
from ai4sim.tests.bench import Bench, Tiny, checkpoint, curves, printed, results, state
from ai4sim.use_case import UseCase
from sessions.registry import package_of, use_cases

CHOSEN = os.environ.get("CONTRACT_OF")
"""The one use case that is tested, in whose environment the others cannot be imported."""
USE_CASES = {name: found for name, found in use_cases().items() if CHOSEN in (None, "", name)}
LAST_EPOCH = 2


def tiny_of(name: str) -> Tiny:
    tiny: Tiny = importlib.import_module(f"{package_of(USE_CASES[name])}.tests.tiny").TINY
    return tiny


@pytest.fixture(scope="module", params=USE_CASES)
def bench(request, tmp_path_factory):
    """A folder with the tiny data of a use case."""
    return Bench.make(tiny_of(request.param), tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def trained(bench):
    """The experiment of one training run."""
    return bench.run("fit", figures=True, program=True)


@pytest.fixture
def elsewhere(bench, trained, tmp_path):
    """A folder with the data and the best checkpoint alone, of which no other path is known."""
    shutil.copytree(bench.root / bench.tiny.data["data_path"] / "raw", tmp_path / "copy" / "raw")
    shutil.copy(checkpoint(trained), tmp_path / "copy.ckpt")
    return tmp_path


def test_fit_leaves_a_complete_experiment_and_prints_model_beside_baselines(trained):
    for name in ("config.yaml", "environment.json", "artifacts/surrogate.json"):
        assert (trained / name).is_file(), name
    assert trained.name.endswith("_tiny")
    assert state(trained)["epoch"] == LAST_EPOCH
    found = results(trained)
    assert found["baselines"] and set(found["headline"]) <= set(found["model"])
    assert list((trained / "plots").glob("*.png")) and list((trained / "logs").iterdir())
    for word in ("model", *found["baselines"], str(trained), str(trained / "plots")):
        assert word in printed(trained)


def test_cost_of_the_model_and_of_its_rivals_stands_beside_their_skill(bench, trained, monkeypatch):
    monkeypatch.setenv("CXX", "no-compiler")  # compiling takes a minute or two
    checkpoint_of_it = ("--ckpt_path", checkpoint(trained))
    measured = bench.run("test", *checkpoint_of_it, "--cost=true", figures=True)
    found = results(measured)
    cost = found.pop("cost")
    assert found == results(trained)
    times = cost["microseconds"]
    assert cost["threads"] == 1 and len(times) >= 3 and times["model"] > 0
    assert list(times.values()) == sorted(times.values())
    shown = printed(measured)
    assert f"µs per {cost['unit']}" in shown and all(name in shown for name in times)
    assert (measured / "plots/skill_cost.png").is_file()
    with pytest.raises(ValueError, match="--cost: fit and test measure it, predict does not"):
        bench.run("predict", *checkpoint_of_it, "--cost=true")


@pytest.mark.compiled
def test_cost_of_the_compiled_network(bench, trained):
    measured = bench.run("test", "--ckpt_path", checkpoint(trained), "--cost=true", figures=True)
    times = results(measured)["cost"]["microseconds"]
    assert 0 < times["model_compiled"] < 3 * times["model"]


def test_check_reads_everything_and_leaves_nothing_behind(bench, elsewhere):
    before = sorted(bench.root.rglob("*"))
    code, report = bench.check("--data.data_path", elsewhere / "copy")
    assert (code, report["errors"]) == (0, [])
    assert sorted(bench.root.rglob("*")) == before and not (elsewhere / "copy/processed").exists()
    assert all(report["sets"][name]["files"] for name in ("train", "val", "test"))
    for path, facts in report["files"].items():
        assert facts["samples"] > 0 and facts["error"] is None, path
    for name, facts in report["variables"].items():
        (low, high), missing = facts["range"], facts["missing"]
        least, greatest = facts["expected"] or (low, high)
        assert least <= low <= high <= greatest and missing < 1, name


def test_a_file_that_was_cut_short_stops_check_and_fit_before_training(bench, elsewhere):
    file = sorted(file for file in (elsewhere / "copy/raw").iterdir() if "his" in file.name) or (
        sorted((elsewhere / "copy/raw").iterdir())
    )
    whole = file[0].read_bytes()
    file[0].write_bytes(whole[: len(whole) // 2])
    folder = ("--data.data_path", elsewhere / "copy")
    code, report = bench.check(*folder)
    assert code == 1 and any(file[0].name in message for message in report["errors"])
    with pytest.raises(ValueError, match=re.escape(file[0].name)):
        bench.run("fit", *folder)


def test_no_command_changes_a_raw_file(bench, elsewhere):
    raw = elsewhere / "copy/raw"
    before = {}
    for file in sorted(raw.iterdir()):  # each a link to a file that nobody may write
        kept = elsewhere / "archive" / file.name
        kept.parent.mkdir(exist_ok=True)
        file.rename(kept)
        kept.chmod(0o444)
        file.symlink_to(kept)
        before[kept] = (kept.read_bytes(), kept.stat().st_mtime_ns)
    checkpoint_of_it = ("--ckpt_path", elsewhere / "copy.ckpt")
    for command in ("predict", "test"):
        bench.run(command, *checkpoint_of_it, "--data.data_path", elsewhere / "copy")
    assert {kept: (kept.read_bytes(), kept.stat().st_mtime_ns) for kept in before} == before
    assert sorted(raw.iterdir()) == [raw / kept.name for kept in sorted(before)]


def test_the_saved_config_reproduces_the_run(bench, trained):
    again = bench.run("fit", config=trained / "config.yaml")
    assert again != trained
    assert results(again) == results(trained)


def test_a_checkpoint_gives_the_same_numbers_in_another_folder(bench, trained, elsewhere):
    tested = bench.run(
        "test",
        *("--ckpt_path", elsewhere / "copy.ckpt", "--data.data_path", elsewhere / "copy"),
        cwd=elsewhere,
    )
    alike(results(tested), results(trained), rel=1e-6)


def test_double_precision_gives_the_numbers_of_single_precision(bench, trained):
    double = ("--trainer.precision=64-true", "--trainer.limit_train_batches=2")
    best = ("--ckpt_path", checkpoint(trained))
    alike(results(bench.run("test", *best, double[0])), results(trained), rel=2e-2, tiny=1e-4)
    found = state(bench.run("fit", *double, "--trainer.max_epochs=1"))["state_dict"]
    assert {value.dtype for value in found.values() if value.is_floating_point()} == {torch.float64}


def test_overfitting_takes_the_same_batches_in_each_epoch(bench, trained, monkeypatch):
    seen = []

    def keep(module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        seen.append(batch["inputs"])

    monkeypatch.setattr(SurrogateModule, "on_train_batch_start", keep)
    experiment = bench.run("fit", "--trainer.overfit_batches=1", "--trainer.max_epochs=2")
    assert state(experiment)["global_step"] == len(seen) == 2
    torch.testing.assert_close(seen[0], seen[1], rtol=0, atol=0)
    assert results(experiment).keys() == results(trained).keys()


@pytest.mark.parametrize("command", ["fit", "test", "predict"])
def test_an_option_that_contradicts_the_weights_is_refused_by_name(bench, trained, command):
    name = bench.tiny.other.rpartition(".")[2].partition("=")[0]
    with pytest.raises(ValueError, match=rf"best.ckpt differs from the model.*\b{name}: found"):
        bench.run(command, "--ckpt_path", checkpoint(trained), bench.tiny.other)


def test_a_folder_is_one_run(bench, trained):
    """No command changes a file of another run."""
    named = ("--experiment", trained.name)
    before = contents(trained)
    with pytest.raises(FileExistsError, match=r"holds a run.*--ckpt_path last.*--experiment NAME"):
        bench.run("fit", *named)
    tested = bench.run("test", "--ckpt_path", "best", *named)
    again = bench.run("test", "--ckpt_path", "best", *named)
    assert tested != again and tested.parent == again.parent == trained
    assert contents(trained).items() >= before.items()
    alike(results(again), results(trained), rel=1e-6)


def contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_predictions_are_those_of_the_saved_surrogate(bench, trained, tmp_path):
    raw = bench.tiny.write_unlabelled(tmp_path)
    predicted = bench.run(
        "predict",
        *("--ckpt_path", checkpoint(trained), "--data.data_path", tmp_path),
        cwd=tmp_path,
    )
    files = sorted((predicted / "predictions").iterdir())
    assert [file.name for file in files] == sorted(path.name for path in raw)
    surrogate = Surrogate.load(trained / "artifacts")
    for path, file in zip(sorted(raw), files, strict=True):
        found = bench.tiny.read_prediction(file)
        expected = bench.tiny.predict(surrogate, path)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=bench.tiny.tolerance)
        assert np.abs(found).max() > 100 * bench.tiny.tolerance


@pytest.fixture(scope="module")
def ensemble(bench, trained):
    """The experiment of an ensemble: the trained network and one of slightly other weights."""
    other = bench.experiments / "other"
    content = state(trained, "best")
    torch.manual_seed(0)
    for name, values in content["state_dict"].items():
        if name.startswith("surrogate.net.") and values.is_floating_point():
            values.mul_(1 + 0.05 * torch.randn_like(values))
    (other / "checkpoints").mkdir(parents=True)
    torch.save(content, checkpoint(other))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ai4sim.export.export_program", lambda *arguments, **options: None)
        members = (trained.name, "other")
        made = make_experiment(bench.tiny.use_case, bench.experiments, members, "ensemble")
    return made.path


def test_an_ensemble_is_judged_and_writes_mean_and_spread(bench, ensemble, tmp_path):
    raw = bench.tiny.write_unlabelled(tmp_path)
    best = ("--ckpt_path", checkpoint(ensemble))
    made = bench.run("predict", *best, "--data.data_path", tmp_path) / "predictions"
    surrogate = Surrogate.load(ensemble / "artifacts")
    for path in raw:
        found = bench.tiny.read_prediction(made / path.name)
        expected = bench.tiny.predict(surrogate, path)
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2 * bench.tiny.tolerance)
        spreads = spreads_in(made / path.name)
        assert spreads
        for name, values in spreads.items():
            known = values[np.isfinite(values)]
            assert (known >= 0).all() and (known > 0).any(), name
    scores = results(bench.run("test", *best))["calibration"]
    assert scores["members"] == 2 and scores["outputs"]
    for found in scores["outputs"].values():
        assert found["units"] and found["count"] > 0 and found["coverage_90"] <= 1


def spreads_in(path: Path) -> dict[str, np.ndarray]:
    """Return the standard deviations in a file."""
    found: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[...]})
                if "_spread" in name and isinstance(item, h5py.Dataset)
                else None
            )
        )
    return found


def test_the_exported_program_gives_the_numbers_of_the_surrogate(bench, trained):
    program = torch.export.load(trained / "artifacts" / "model.pt2").module()
    surrogate = Surrogate.load(trained / "artifacts")
    inputs = torch.cat([bench.example, bench.example[:1]])  # of another number than in training
    scale = 0.5 + torch.rand(len(inputs))
    with torch.no_grad():
        found, expected = program(inputs, scale), surrogate(inputs, scale)
    # To the round-off of the largest value of each channel: the program has other operations.
    others = [axis for axis in range(expected.ndim) if axis != 1]
    size = expected.abs().amax(others, keepdim=True).clamp(min=1e-30)
    torch.testing.assert_close(found / size, expected / size)


def test_a_library_would_be_called_with_the_samples_of_the_test_set(bench, trained):
    artifacts = trained / "artifacts"
    surrogate = Surrogate.load(artifacts)
    require_library(bench.tiny.use_case.routine(surrogate), artifacts)
    if isinstance(surrogate.net, GraphNet):
        require_library(bench.tiny.use_case.routine(surrogate, "mesh"), artifacts)
    else:
        with pytest.raises(ValueError, match="--on mesh: "):
            bench.tiny.use_case.routine(surrogate, "mesh")


def require_library(routine: Routine, artifacts: Path) -> None:
    """Compare the program that a library is made of with PyTorch, on samples of the test set."""
    samples = samples_of(routine, artifacts)
    program = network.traced(routine).module()
    with torch.inference_mode():
        if isinstance(routine, Mesh):
            samples = routine.arguments(samples)
            found = program(*samples)
        elif isinstance(routine, Columns):
            found = program(*samples)
        else:
            fields, parameters = (part[:1] for part in samples)
            # A solver's grid has any size, and periodic fields are continued.
            samples = (fields.repeat(1, 1, 1, 1, 2)[..., :-1], parameters)
            found = program(*samples)
        expected = routine.answers(*samples)
    assert found.shape[1] == sum(v.channels for v in routine.outputs)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    lowest = [routine.bounds_of(v).low for v in routine.inputs]
    assert max(lowest) > -math.inf  # values in other units are refused
    if isinstance(routine, Columns):
        require_derivatives(routine, samples[0][:8].double())


def require_derivatives(routine: Columns, columns: torch.Tensor) -> None:
    """Compare the adjoint with the transpose of the tangent linear."""
    tangent, adjoint = (derivative_of(routine, kind) for kind in ("tangent_linear", "adjoint"))
    dx = torch.randn_like(columns) * columns.std(0)
    y_ad = torch.randn(len(columns), sum(v.channels for v in routine.outputs)).double()
    dy = tangent.module.double()(torch.cat([columns, dx], -1))
    x_ad = adjoint.module.double()(torch.cat([columns, y_ad], -1))
    torch.testing.assert_close((dy * y_ad).sum(-1), (dx * x_ad).sum(-1), rtol=1e-9, atol=1e-30)


def test_onnxruntime_has_the_numbers_of_a_library(bench, trained, tmp_path):
    """On samples of the test set; a model that differs is refused."""
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    artifacts = trained / "artifacts"
    routine = bench.tiny.use_case.routine(Surrogate.load(artifacts))
    write_onnx(routine, tmp_path / "model.onnx", samples_of(routine, artifacts))
    assert (tmp_path / "model.onnx").is_file()


def test_a_training_that_broke_off_gives_the_same_numbers_in_the_end(bench, trained, monkeypatch):
    """As after SIGKILL or a power cut, it goes on from the last epoch that was finished."""
    with stopping_at(monkeypatch, epoch=1, batch=1, how=None), pytest.raises(ZeroDivisionError):
        bench.run("fit", "--experiment", "broken")
    stopped = bench.experiments / "broken"
    assert state(stopped)["epoch"] == 0 and not (stopped / "artifacts").exists()
    assert bench.run("fit", "--ckpt_path", "last", "--experiment", stopped.name) == stopped
    require_same_training(stopped, trained)
    assert results(stopped) == results(trained)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_training_that_was_stopped_has_the_curve_of_one_that_was_not(
    bench, trained, monkeypatch, processes
):
    """To the bit: after SIGTERM to the last process in the middle of an epoch, and at its end."""
    monkeypatch.setattr(SurrogateCLI, "after_fit", lambda _: None)
    options: tuple[Any, ...] = ("--trainer.max_epochs=2", "--trainer.log_every_n_steps=1")
    options += ("--trainer.devices", processes)
    whole, name = f"whole-{processes}", f"stopped-{processes}"
    assert bench.codes(processes, "fit", "--experiment", whole, *options) == [0] * processes
    steps = state(bench.experiments / whole)["global_step"]
    for batch, done in ((0, 1), (-1, steps // 2)):
        with stopping_at(monkeypatch, 0, batch, processes - 1):
            codes = bench.codes(processes, "fit", "--experiment", name, *options)
        assert codes == [128 + SIGTERM] * processes
        assert state(bench.experiments / name)["global_step"] == done
        options = (*options, "--ckpt_path", "last")
    assert bench.codes(processes, "fit", "--experiment", name, *options) == [0] * processes
    require_same_training(bench.experiments / name, bench.experiments / whole)


def require_same_training(found: Path, expected: Path) -> None:
    """Compare what was logged and the whole state in the end, to the bit."""
    assert curves(found) == curves(expected)
    ours, theirs = state(found), state(expected)
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "extra_state"):
        assert_equal(ours[part], theirs[part])


def assert_equal(found: Any, expected: Any) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


@contextlib.contextmanager
def stopping_at(
    monkeypatch: pytest.MonkeyPatch,
    epoch: int,
    batch: int,
    rank: int = 0,
    how: int | None = SIGTERM,
) -> Iterator[None]:
    """Send a signal to a process in a step of training, or raise an error; -1 is the last batch."""

    def stop(module: pl.LightningModule, optimizer: torch.optim.Optimizer) -> None:
        loop = module.trainer.fit_loop
        wanted = loop.max_batches - 1 if batch < 0 else batch
        if (module.current_epoch, loop.batch_idx, module.global_rank) == (epoch, wanted, rank):
            if how is None:
                raise ZeroDivisionError
            os.kill(os.getpid(), how)

    with monkeypatch.context() as patch:
        patch.setattr(SurrogateModule, "on_before_optimizer_step", stop)
        yield


def test_sigterm_ends_a_prediction_and_leaves_whole_files(bench, trained, tmp_path, monkeypatch):
    def stop(module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        os.kill(os.getpid(), SIGTERM)

    monkeypatch.setattr(SurrogateModule, "on_predict_batch_start", stop)
    bench.tiny.write_unlabelled(tmp_path)
    best = ("--ckpt_path", checkpoint(trained), "--experiment", "stopped-prediction")
    with pytest.raises(SIGTERMException) as ended:
        bench.run("predict", *best, "--data.data_path", tmp_path, "--data.eval_batch_size=1")
    assert isinstance(ended.value, SystemExit) and ended.value.code == 128 + SIGTERM
    # Of the first batch; a file of rows that are not all predicted is not there, hidden or not.
    for file in (bench.experiments / "stopped-prediction" / "predictions").glob("*"):
        assert np.isfinite(bench.tiny.read_prediction(file)).any()


def test_two_processes_give_the_numbers_of_one(bench, trained):
    tested = bench.run(
        *("test", "--ckpt_path", checkpoint(trained)),
        # Processes that begin as copies of this one: they have imported all they need.
        *("--trainer.devices", 2, "--trainer.strategy", "ddp_fork"),
    )
    # Only the first process writes, into one folder.
    alike(results(tested), results(trained), rel=1e-5, tiny=1e-9)


# ---- configurations ---------------------------------------------------------------------------


def configurations(use_case: UseCase) -> list[Path]:
    return sorted(path for path in use_case.configs.glob("*.yaml") if path != use_case.space)


CONFIGS = [
    pytest.param(use_case, path, id=f"{name}-{path.stem}")
    for name, use_case in USE_CASES.items()
    for path in configurations(use_case)
]


@pytest.mark.parametrize(("use_case", "path"), CONFIGS)
def test_a_configuration_is_complete_and_builds(use_case, path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["trainer.py"])
    with pytest.raises(SystemExit) as ended:
        main(use_case, ["fit", "--config", str(path), "--print_config"])
    assert ended.value.code == 0
    found = yaml.safe_load(capsys.readouterr().out)
    # Data lie in the use case, whatever folder the command is run from.
    assert found["data"]["data_path"].startswith(str(use_case.root))
    assert sum(found["data"]["ratios"]) == pytest.approx(1)
    # No configuration asks for a device that a machine may not have.
    assert found["trainer"]["accelerator"] == found["trainer"]["devices"] == "auto"
    model = pkgutil.resolve_name(found["model"]["class_path"])
    assert model.__module__ == f"{package_of(use_case)}.models"
    assert isinstance(model(**found["model"]["init_args"]), use_case.module)
    use_case.datamodule(**found["data"])


@pytest.mark.parametrize("use_case", USE_CASES.values(), ids=USE_CASES)
def test_the_space_of_the_demo_is_one_of_options_that_there_are(use_case):
    space = read_space(use_case.space)
    line = [f"--config={use_case.configs / 'demo.yaml'}", *options_of(space.objectives)]
    assert require_options(use_case, line, space.parameters, use_case.space)


@pytest.mark.parametrize("use_case", USE_CASES.values(), ids=USE_CASES)
def test_every_model_has_a_configuration_and_there_is_a_demo(use_case):
    paths = configurations(use_case)
    assert "demo" in {path.stem for path in paths}
    used = {yaml.safe_load(path.read_text("utf-8"))["model"]["class_path"] for path in paths}
    module = use_case.module_path.partition(":")[0]
    models = {
        name
        for name, value in vars(importlib.import_module(module)).items()
        if isinstance(value, type) and issubclass(value, use_case.module) and "Lit" in name
    }
    assert {path.rpartition(".")[2] for path in used} == models
