"""Options of the command line: obeyed, or refused in a line that names them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import callbacks

from ai4sim.cli import COMMANDS
from ai4sim.complaints import explained
from ai4sim.configuration import CALLBACKS
from ai4sim.surrogate_cli import SurrogateCLI
from ai4sim.tests.bench import nothing
from ai4sim.tests.test_cli import CONFIG, run, state
from ai4sim.tests.toy import write_columns


@pytest.fixture(autouse=True)
def without_programs(monkeypatch):
    """Leave out the exported program, which takes longer than all else."""
    monkeypatch.setattr("ai4sim.export.export_program", nothing)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with data, a configuration and a finished run."""
    folder = tmp_path_factory.mktemp("options")
    write_columns(folder / "warm", 300.0)
    (folder / "toy.yaml").write_text(yaml.safe_dump(CONFIG))
    run(folder, "fit", "--config", "toy.yaml", "--experiment", "done")
    return folder


def test_loggers_chosen_by_name_write_into_the_experiment_and_their_config_is_fed_back(root):
    both = ("--trainer.logger+=CSVLogger", "--trainer.logger+=TensorBoardLogger")
    run(root, "fit", "--config", "toy.yaml", "--experiment", "logged", *both)
    run(root, "fit", "--config", "experiments/logged/config.yaml", "--experiment", "logged-again")
    for name in ("logged", "logged-again"):
        logs = root / "experiments" / name / "logs"
        (table,) = logs.glob("version_0/metrics.csv")
        assert "val_loss" in table.read_text() and list(logs.glob("events.out.tfevents.*"))
    # Going on, it writes a table of its own.
    more = ("--ckpt_path", "last", "--experiment", "logged", "--trainer.max_epochs=3")
    run(root, "fit", "--config", "toy.yaml", *more, "--trainer.logger=CSVLogger")
    tables = [file.parent.name for file in (root / "experiments/logged/logs").glob("*/metrics.csv")]
    assert sorted(tables) == ["version_0", "version_1"]


def test_a_callback_with_defaults_that_no_file_holds_can_be_fed_back(root):
    timer = ("--trainer.callbacks+=Timer", "--trainer.callbacks.duration=00:01:00:00")
    run(root, "fit", "--config", "toy.yaml", "--experiment", "timer", *timer)
    run(root, "fit", "--config", "experiments/timer/config.yaml", "--experiment", "timer-again")
    assert state(root / "experiments" / "timer-again")["epoch"] == 1


OPTIONS_OF_CALLBACKS: dict[str, dict[str, Any]] = {
    "GradientAccumulationScheduler": {"scheduling": {1: 2}},
    "LambdaCallback": {"on_fit_start": "builtins.print"},
    "OnExceptionCheckpoint": {"dirpath": "elsewhere"},
    "StochasticWeightAveraging": {"swa_lrs": 0.01},
    "ThroughputMonitor": {"batch_size_fn": "builtins.len"},
    "Timer": {"duration": "00:01:00:00"},
}
ABSTRACT = {"BaseFinetuning", "BasePredictionWriter", "Callback", "Checkpoint", "ProgressBar"}


@pytest.mark.parametrize("bar", ["RichProgressBar", "TQDMProgressBar"])
def test_every_callback_of_lightning_can_be_fed_back(root, monkeypatch, bar):
    bars = {"RichProgressBar", "TQDMProgressBar"}
    names = set(callbacks.__all__) - ABSTRACT - set(CALLBACKS) - (bars - {bar})
    chosen = [
        {"class_path": name, "init_args": OPTIONS_OF_CALLBACKS.get(name, {})}
        for name in sorted(names)
    ]
    runs: list[SurrogateCLI] = []
    monkeypatch.setattr(SurrogateCLI, "_run_subcommand", lambda cli, command: runs.append(cli))
    trainer = {**CONFIG["trainer"], "enable_progress_bar": True, "callbacks": chosen}
    (root / "callbacks.yaml").write_text(yaml.safe_dump({**CONFIG, "trainer": trainer}))
    run(root, "fit", "--config", "callbacks.yaml")
    written = runs[0].save_config_kwargs["text"]
    (root / "again.yaml").write_text(written)
    run(root, "fit", "--config", "again.yaml")
    assert runs[1].save_config_kwargs["text"] == written
    kinds = [[type(c).__name__ for c in cli.trainer.callbacks] for cli in runs]
    assert kinds[0] == kinds[1] and set(kinds[0]) >= names
    found = yaml.safe_load(written)["trainer"]["callbacks"]
    for callback in found:
        name = callback["class_path"].rpartition(".")[2]
        for option, value in OPTIONS_OF_CALLBACKS.get(name, {}).items():
            kept = callback["init_args"][option]
            assert kept == ({"1": 2} if option == "scheduling" else value)


REFUSED = {
    "--trainer.precision=bf16-true": "64-true",
    "--trainer.barebones=true": "keeps checkpoints",
    "--trainer.enable_checkpointing=false": "keeps checkpoints",
    "--trainer.use_distributed_sampler=true": "data modules",
    "--trainer.default_root_dir=elsewhere": "--experiment NAME",
    "--trainer.limit_train_batches=0": "nothing to fit",
    "--trainer.num_nodes=2": "srun or torchrun",
    "--trainer.callbacks+=BackboneFinetuning": "--start_from",
    "--trainer.callbacks+=ModelPruning --trainer.callbacks.pruning_fn=l1_unstructured": "weights",
    "--trainer.callbacks+=EarlyStopping --trainer.callbacks.monitor=val_r2": "--early_stopping",
    "--trainer.callbacks+=ModelCheckpoint --trainer.callbacks.monitor=val_r2": "--checkpoint",
    "--checkpoint.monitor=train_loss": "val_loss",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_a_run_cannot_obey_is_refused_by_name_and_leaves_no_folder(root, words):
    name = words.partition("=")[0].rstrip("+")
    with pytest.raises(ValueError, match=rf"^{name}.*{REFUSED[words]}"):
        run(root, "fit", "--config", "toy.yaml", "--experiment", "refused", *words.split())
    assert not (root / "experiments" / "refused").exists()


@pytest.mark.parametrize("command", ["test", "predict", "validate"])
def test_an_untrained_network_is_not_judged(root, command):
    with pytest.raises(ValueError, match=rf"--ckpt_path: {command} needs a trained network"):
        run(root, command, "--config", "toy.yaml")


def test_a_test_that_is_refused_leaves_no_folder(root):
    before = sorted((root / "experiments").rglob("*"))
    other = ("--ckpt_path", "best", "--experiment", "done", "--model.init_args.features=7")
    with pytest.raises(ValueError, match="features: found 4, expected 7"):
        run(root, "test", "--config", "toy.yaml", *other)
    assert sorted((root / "experiments").rglob("*")) == before


def test_a_folder_whose_run_has_no_checkpoint_says_so(root, caplog):
    none = ("--experiment", "none", "--trainer.max_epochs=0")
    run(root, "fit", "--config", "toy.yaml", *none)
    assert "nothing was trained" in caplog.text
    with pytest.raises(FileExistsError, match=r"no checkpoint: remove the folder, or give"):
        run(root, "fit", "--config", "toy.yaml", *none)


def test_results_of_a_part_say_so(root, caplog):
    part = ("--experiment", "part", "--trainer.limit_test_batches=1", "--trainer.max_epochs=1")
    run(root, "fit", "--config", "toy.yaml", *part, "--data.ratios=[0.4,0.2,0.4]")
    results = json.loads((root / "experiments/part/artifacts/results.json").read_text())
    assert results["part"].startswith("1 of ") and "--trainer.limit_test_batches" in caplog.text
    untested = ("--experiment", "untested", "--trainer.limit_test_batches=0")
    run(root, "fit", "--config", "toy.yaml", *untested)
    assert "not tested: --trainer.limit_test_batches=0" in caplog.text
    assert (root / "experiments/untested/artifacts/model.safetensors").is_file()


def test_a_training_that_goes_on_with_another_measure_sets_the_best_aside(root, caplog):
    run(root, "fit", "--config", "toy.yaml", "--experiment", "measured")
    folder = root / "experiments" / "measured"
    before = state(folder)["state_dict"]
    more = ("--ckpt_path", "last", "--experiment", "measured", "--trainer.max_epochs=3")
    run(root, "fit", "--config", "toy.yaml", *more, "--model.init_args.loss=mae")
    assert "val_loss is measured otherwise" in caplog.text
    aside = state(folder, f"best-until-step-{state(folder, 'last')['global_step'] * 2 // 3}")
    for name, value in aside["state_dict"].items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert state(folder)["epoch"] == 2


MISTAKES = {
    "--trainer.max_epoch=3": r"--trainer.max_epoch=3 \(did you mean --trainer.max_epochs\?\)",
    "--trainer.max_epochs=three": r"--trainer.max_epochs: expected int, found three",
    "--model.init_args.feature=3": r"--model: LitToy takes no feature \(did you mean features\?\)",
    "--trainer.logger=CSVLoger": r"--trainer.logger: unknown class CSVLoger \(did you mean CSVL",
    "--trainer.callbacks+=Timr": r"--trainer.callbacks: unknown class Timr \(did you mean Timer\?",
    "--data.split=random": r"--data.split: expected .*'all-test'\], found random",
    "--model=LitToi": r"--model: unknown class LitToi \(did you mean LitToy\?\)",
    "--config=nothing.yaml": r"--config: File does not exist",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_on_the_command_line_is_a_line_with_the_nearest_name(root, capsys, words):
    with pytest.raises(SystemExit) as ended:
        run(root, "fit", "--config", "toy.yaml", words)
    said = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and len(said) == 2
    assert re.search(f"^error: .*{MISTAKES[words]}", said[-1]), said


def test_help_explains_every_command_without_importing_torch(tmp_path):
    code = "import sys\nfrom ai4sim.cli import main\nfrom ai4sim.use_case import UseCase\n"
    code += "from pathlib import Path\n"
    code += "case = UseCase('toy', 'Differences', Path(), 'no:Module', 'no:Data', '')\n"
    code += "try:\n    main(case, ['--help'])\nfinally:\n    assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for command in (*SurrogateCLI.subcommands(), "couple"):
        assert f"\n    {command} " in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predicts"], "error: unknown command 'predicts', did you mean predict?"),
        (["train"], "error: unknown command 'train': expected one of fit, validate, test, predict"),
        ([], f"error: no command: expected one of {', '.join(COMMANDS)}"),
    ],
)
def test_a_word_that_is_no_command_is_answered_in_a_line(root, capsys, words, message):
    with pytest.raises(SystemExit) as ended:
        run(root, *words)
    assert ended.value.code == 2 and capsys.readouterr().err.splitlines()[-1].startswith(message)


def raised(*arguments: str, root) -> BaseException:
    with pytest.raises(Exception) as caught:
        run(root, "fit", "--config", "toy.yaml", "--experiment", "wrong", *arguments)
    return caught.value


def test_errors_of_users_are_a_line_and_faults_keep_their_traceback(root, tmp_path):
    packages = {"ai4sim", "lightning"}
    wrong = raised("--model.init_args.features=0", root=root)
    assert explained(wrong, packages) == "UNet: features must be a positive integer, found 0"
    absent = raised("--data.data_path=nothing", root=root)
    assert str(explained(absent, packages)).startswith("nothing does not exist")
    with pytest.raises(RuntimeError) as fault:
        torch.ones(2) @ torch.ones(3)
    with pytest.raises(ValueError, match="could not convert") as conversion:
        float("three")
    assert explained(fault.value, packages) is explained(conversion.value, packages) is None
    with pytest.raises(OSError) as full:
        (tmp_path / "no" / "file").read_text()
    assert str(tmp_path / "no" / "file") in str(explained(full.value, packages))
