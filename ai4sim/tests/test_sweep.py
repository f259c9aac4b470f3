"""Sweeps of the toy use case: search, seeds, and all that may happen to a trial on the way."""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import signal
import statistics
import sys
from pathlib import Path

import pytest
import yaml
from optuna.pruners import MedianPruner
from optuna.trial import TrialState

from ai4sim.cli import main
from ai4sim.experiment import Experiment
from ai4sim.io.files import write_json
from ai4sim.measures import add_in_loop, require
from ai4sim.sweep.objectives import Objective, values_of
from ai4sim.sweep.options import parsed
from ai4sim.sweep.run import _falls_behind
from ai4sim.sweep.space import read_space
from ai4sim.sweep.study import open_study
from ai4sim.sweep.trials import Trials
from ai4sim.tests.fork_server import ForkServer
from ai4sim.tests.sweeping import Forks, sweep, toy_folder
from ai4sim.use_case import UseCase

FEATURES = {"model.init_args.features": {"int": [2, 6], "step": 2}}
BEST = {"parameters": FEATURES, "objectives": {"r2": "maximize"}}


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> UseCase:
    """The toy use case with its data."""
    return toy_folder(tmp_path_factory.mktemp("sweep"))


@pytest.fixture(scope="module")
def server():
    """A process that starts trials."""
    with ForkServer(["ai4sim.tests.toy", "ai4sim.surrogate_cli"]) as started:
        yield started


@pytest.fixture
def place(server) -> Forks:
    """Where trials run."""
    return Forks(server)


def table(folder: Path) -> list[dict[str, str]]:
    """Read ``trials.csv``."""
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def results(folder: Path, number: int, name: str = "results") -> dict:
    """Read what a trial has left."""
    return json.loads((folder / f"trial_{number:04d}" / "artifacts" / f"{name}.json").read_text())


def options(use_case: UseCase, config: Path) -> dict:
    """Return the model's options of a configuration, as ``fit`` takes it."""
    return parsed(use_case, ["fit", f"--config={config}"])[1].model.init_args.as_dict()


def test_a_sweep_goes_past_a_trial_that_diverges_reports_and_goes_on(toy, place, caplog, capsys):
    rates = {"model.init_args.learning_rate": {"categorical": [0.01, 1.0e30]}}
    space = {
        "parameters": FEATURES | rates,
        "objectives": {"r2": "maximize", "peak_memory": "minimize"},
    }
    folder = sweep(toy, place, "search", space, 4)
    rows = table(folder)
    diverging = [row["model.init_args.learning_rate"] == "1e+30" for row in rows]
    assert 0 < sum(diverging) < 4
    for number, (row, fails) in enumerate(zip(rows, diverging, strict=True)):
        assert row["state"] == ("fail" if fails else "complete")
        if fails:
            assert "the training diverged" in row["reason"]
            assert re.search(f"trial_{number:04d} failed: .*the training diverged", caplog.text)
        else:
            assert float(row["r2"]) == results(folder, number)["model"]["r2"]
            assert float(row["peak_memory"]) == results(folder, number, "training")["peak_memory"]
            found = options(toy, folder / row["trial"] / "config.yaml")
            assert found["features"] == int(row["model.init_args.features"])
    complete = [row for row, fails in zip(rows, diverging, strict=True) if not fails]
    best = max(complete, key=lambda row: (float(row["r2"]), -float(row["peak_memory"])))
    assert options(toy, folder / "best.yaml") == options(
        toy, folder / best["trial"] / "config.yaml"
    )
    assert yaml.safe_load((folder / "best.yaml").read_text()).keys().isdisjoint({"experiment"})
    plots = {path.stem for path in (folder / "plots").iterdir()}
    assert {"history", "pareto_front", "parallel_coordinates"} <= plots
    assert best["trial"] in capsys.readouterr().out
    # The same command has nothing left to do; with one more trial it does one more.
    sweep(toy, place, "search", space, 4)
    assert len(place.begun) == 4
    sweep(toy, place, "search", space, 5)
    assert len(place.begun) == 5
    assert table(folder)[:4] == rows and len(table(folder)) == 5
    with pytest.raises(ValueError, match="holds a sweep with another options"):
        sweep(toy, place, "search", space, 5, "trainer.max_epochs=1")


def test_a_trial_that_is_killed_is_done_again_with_its_parameters(toy, place):
    def begun(folder: Path) -> bool:
        return True

    def kept(folder: Path) -> bool:
        return (folder / "checkpoints" / "last.ckpt").exists()

    place.kills = [begun, kept]
    folder = sweep(toy, place, "killed", BEST, 2)
    rows = table(folder)
    assert [row["attempts"] for row in rows] == ["3", "1"]
    assert [row["state"] for row in rows] == ["complete", "complete"]
    chosen = [[word for word in line if "features" in word] for line in place.begun]
    assert chosen[0] == chosen[1] == chosen[2]
    assert "--ckpt_path=last" in place.begun[2] and "--ckpt_path=last" not in place.begun[1]
    assert results(folder, 0, "training")["epochs"] == 2


def test_seeds_have_a_mean_and_a_spread(toy, place, capsys):
    folder = sweep(toy, place, "seeds", None, 2, "trainer.max_epochs=1")
    r2 = [results(folder, number)["model"]["r2"] for number in range(2)]
    found = json.loads((folder / "seeds.json").read_text())
    assert found["seeds"] == [3, 4] and len(set(r2)) == 2
    assert found["metrics"]["r2"]["mean"] == pytest.approx(sum(r2) / 2)
    assert found["metrics"]["r2"]["spread"] == pytest.approx(statistics.stdev(r2))
    assert (
        found["metrics"]["training.val_loss"]["values"][0]
        == results(folder, 0, "training")["val_loss"]
    )
    assert "2 seeds" in capsys.readouterr().out


def test_a_study_without_a_success_is_an_error_and_a_wrong_objective_ends_it(toy, place):
    with pytest.raises(ArithmeticError, match=r"none of 1 trials.*the training diverged"):
        sweep(toy, place, "none", BEST, 1, "model.init_args.learning_rate=1e30")
    wrong = {**BEST, "objectives": {"rmes": "minimize"}}
    with pytest.raises(ValueError, match=r"the results have no rmes \(did you mean rmse\?\)"):
        sweep(toy, place, "wrong", wrong, 2, "trainer.max_epochs=1")
    assert len(place.begun) == 2


def test_the_ranks_of_a_trial_have_the_same_parameters(toy, tmp_path):
    """A job of submitit on this machine, whose training Lightning runs in two processes."""
    noted = "import os, sys\nfrom pathlib import Path\n" + (
        "name = f\"rank_{os.environ.get('LOCAL_RANK', '0')}.txt\"\n"
        "Path(name).write_text(' '.join(sys.argv))\n"
    )
    script = toy.root / "trainer.py"
    two = ["--options", "trainer.devices=2", "trainer.strategy=ddp", "trainer.max_epochs=1"]
    (tmp_path / "space.yaml").write_text(yaml.safe_dump({**BEST, "jobs": {"timeout_min": 10}}))
    before = script.read_text()
    try:
        script.write_text(noted + before)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(toy.root)
            patch.setattr("sys.argv", ["trainer.py"])
            files = ["--config", "toy.yaml", "--space", str(tmp_path / "space.yaml")]
            job = ["--trials", "1", "--submit", "local", "--experiment", "ranks"]
            main(toy, ["sweep", *files, *job, *two])
    finally:
        script.write_text(before)
    lines = [(toy.root / f"rank_{rank}.txt").read_text().split() for rank in (0, 1)]
    drawn = table(toy.root / "experiments" / "ranks")[0]
    assert drawn["state"] == "complete"
    for line in lines:
        assert f"--model.init_args.features={drawn['model.init_args.features']}" in line
    environment = (toy.root / "experiments/ranks/trial_0000/log.txt").read_text()
    assert "MEMBER: 2/2" in environment


# --- What happens to the process of a sweep ---


def trials(folder: Path, storage: str | None = None, number: int = 2) -> Trials:
    """Open a study with its trials."""
    folder.mkdir(exist_ok=True)
    space = read_space(space_file(folder.parent, BEST))
    study = open_study(storage, folder, "study", space.objectives)
    return Trials(study, folder, number, dict(space.parameters), space.objectives)


def space_file(folder: Path, content: object) -> Path:
    """Write a space."""
    file = folder / "space.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def in_a_child(work) -> int:
    """Run a function in a fork of this process; return its wait status."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(9)
    return os.waitpid(child, 0)[1]


def killed() -> None:
    """Die at once."""
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("kind", ["journal", "database"])
def test_a_trial_whose_owner_is_killed_is_taken_by_another_and_none_twice(tmp_path, kind):
    folder = tmp_path / "sweep"
    url = f"sqlite:///{tmp_path / 'study.db'}" if kind == "database" else None
    status = in_a_child(lambda: (trials(folder, url).take(), killed()))
    assert os.WTERMSIG(status) == signal.SIGKILL
    found = trials(folder, url)
    (before,) = found.study.get_trials()
    first, second = found.take(), found.take()
    assert first and second and found.take() is None
    assert first.frozen.params == before.params
    assert [t.frozen.number for t in (first, second)] == [0, 1]
    assert [t.frozen.user_attrs["attempts"] for t in (first, second)] == [2, 1]
    # Another process can take neither while their owner lives.
    assert in_a_child(lambda: os._exit(trials(folder, url).take() is None)) == 256
    second.let_go()
    again = trials(folder, url).take()
    assert again and again.frozen.number == 1 and again.frozen.user_attrs["attempts"] == 2


def test_a_trial_that_dies_too_often_has_failed(tmp_path):
    found = trials(tmp_path / "sweep", number=1)
    states = []
    while (taken := found.take()) is not None:
        states.append(found.settle(taken, -signal.SIGKILL))
    assert states == [None] * 5 + [TrialState.FAIL]
    assert "killed 6 times" in found.study.trials[0].user_attrs["reason"]


def test_half_a_line_in_the_journal_is_cut_off(tmp_path):
    folder = tmp_path / "sweep"
    taken = trials(folder).take()
    assert taken
    with (folder / "study.journal").open("ab") as file:
        file.write(b'{"op_code":6,"worker_id":"x","tri')
    found = trials(folder)
    found.study.tell(taken.frozen.number, 0.5)
    assert [t.value for t in trials(folder).study.trials] == [0.5]


def test_a_full_disk_is_named_and_what_was_written_stays(tmp_path):
    folder = tmp_path / "sweep"
    taken = trials(folder).take()
    assert taken

    def on_a_full_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        size = (folder / "study.journal").stat().st_size + 20
        found = trials(folder)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        try:
            found.study.tell(0, 0.5)
        except OSError as error:
            os._exit(3 if str(error.filename).endswith("study.journal") else 4)

    assert os.waitstatus_to_exitcode(in_a_child(on_a_full_disk)) == 3
    found = trials(folder)
    assert found.study.trials[0].state == TrialState.RUNNING
    found.study.tell(0, 0.5)
    assert trials(folder).study.trials[0].value == 0.5


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:////no/such/folder/study.db", "storage sqlite:.*unable to open database file"),
        ("postgresql://me:secret@host/db", r"storage postgresql.*me:\*\*\*@host.*psycopg"),
        ("nonsense", "--storage nonsense: expected dialect"),
    ],
)
def test_an_unreachable_storage_is_one_line(tmp_path, url, words):
    with pytest.raises((OSError, ValueError), match=words) as caught:
        open_study(url, tmp_path, "study", [Objective("r2", True)])
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_sweep_whose_storage_cannot_be_reached_leaves_no_folder(toy, place):
    with pytest.raises(OSError, match="storage sqlite:.*unable to open database file"):
        sweep(toy, place, "nowhere", BEST, 1, storage="sqlite:////no/such/folder/study.db")
    assert not (toy.root / "experiments" / "nowhere").exists()


def test_what_falls_behind_the_median_is_pruned(tmp_path):
    folder = tmp_path / "sweep"
    found = trials(folder, number=4)
    found.study.pruner = MedianPruner(n_startup_trials=2, n_warmup_steps=1)
    for curve in ([0.1, 0.5, 0.8], [0.2, 0.6, 0.9], [0.0, 0.1], [0.9, 0.95]):
        taken = found.take()
        assert taken
        lines = [f"{epoch},{epoch},{1 - r2},{r2}" for epoch, r2 in enumerate(curve)]
        text = "\n".join(["epoch,step,val_loss,val_r2", *lines, "2,2,0.1"])  # half a line, too
        taken.experiment.validations.write_text(text)
        behind = _falls_behind(found, taken)
        assert behind == (curve == [0.0, 0.1])
        if not behind:
            found.study.tell(taken.frozen.number, curve[-1])
        else:
            assert found.settle(taken, 143) == TrialState.PRUNED


# --- Spaces and objectives ---

BAD_SPACES = {
    "parameters: \\{|found nothing": {"objectives": {"r2": "maximize"}},
    r"unknown objective \(did you mean objectives\?\)": {**BEST, "objective": {}},
    "objectives.r2: found 'best', expected minimize or maximize": {
        **BEST,
        "objectives": {"r2": "best"},
    },
    "pruning: found 2 objectives": {
        **BEST,
        "objectives": {"r2": "maximize", "rmse": "minimize"},
        "pruning": True,
    },
    "parameters.experiment: the sweep gives this": {
        **BEST,
        "parameters": {"experiment": {"categorical": ["a", "b"]}},
    },
}
BAD_ENTRIES = {
    "found int and float": {"int": [1, 2], "float": [1, 2]},
    "found none, expected one of int": {"log": True},
    r"unknown flaot \(did you mean float\?\)": {"flaot": [1, 2]},
    r"int: found 1.5, expected an integer": {"int": [1.5, 3]},
    r"int: found \[5, 3\], expected a lower and an upper": {"int": [5, 3]},
    "log: found the lower bound 0": {"float": [0, 1], "log": True},
    "found log and step": {"int": [1, 8], "log": True, "step": 2},
    "step: found 9, expected at most 7": {"int": [1, 8], "step": 9},
    r"categorical: found \[1, 1\]": {"categorical": [1, 1]},
    "step: a categorical option has none": {"categorical": [1, 2], "step": 1},
}


@pytest.mark.parametrize("words", BAD_SPACES)
def test_a_wrong_space_is_refused_by_name(tmp_path, words):
    with pytest.raises(ValueError, match=words) as caught:
        read_space(space_file(tmp_path, BAD_SPACES[words]))
    assert "space.yaml" in str(caught.value)


@pytest.mark.parametrize("words", BAD_ENTRIES)
def test_a_wrong_entry_is_refused_by_name(tmp_path, words):
    content = {**BEST, "parameters": {"data.batch_size": BAD_ENTRIES[words]}}
    with pytest.raises(ValueError, match=f"space.yaml: parameters.data.batch_size: {words}"):
        read_space(space_file(tmp_path, content))


@pytest.mark.parametrize(
    ("name", "entry", "words"),
    [
        ("trainer.max_epoch", {"int": [1, 2]}, r"did you mean --trainer.max_epochs\?"),
        ("model.init_args.feature", {"int": [1, 2]}, r"takes no feature.*mean features\?"),
        ("model.init_args.features", {"float": [1.5, 2.5]}, "1.5.*int"),
        ("model.init_args.loss", {"categorical": ["mse", "mea"]}, "'mea'.*mse"),
        ("nonsense.of.mine", {"int": [1, 2]}, "unknown"),
    ],
)
def test_a_space_that_the_command_line_does_not_take_is_refused_before_a_trial(
    toy, place, name, entry, words
):
    space = {**BEST, "parameters": {name: entry}}
    with pytest.raises(ValueError, match=f"refused.yaml: parameters.{name}: .*{words}"):
        sweep(toy, place, "refused", space, 2)
    assert not place.begun and not (toy.root / "experiments" / "refused").exists()


def test_objectives_are_found_in_results():
    found = {
        "model": {"r2": 0.9, "bias": None},
        "baselines": {"ridge": {"r2": 0.4}},
        "cost": {"microseconds": {"model": 20.0, "model_compiled": 8.0, "ridge": 1.0}},
        "in_loop": {"model": {"drift": 0.1}, "baselines": {"ridge": {"drift": 0.5}}},
        "training": {"peak_memory": 700.0, "val_loss": 0.2},
    }
    names = ("r2", "time_per_sample", "time_uncompiled", "in_loop.drift", "peak_memory", "val_loss")
    objectives = [Objective(name, maximize=name == "r2") for name in names]
    assert values_of(objectives, found) == [0.9, 8.0, 20.0, 0.1, 700.0, 0.2]
    of_ridge = [objective.value(found, "ridge") for objective in objectives]
    assert of_ridge == [0.4, 1.0, 1.0, 0.5, None, None]
    with pytest.raises(ArithmeticError, match="bias is not a finite number"):
        values_of([Objective("bias", False)], found)
    with pytest.raises(ArithmeticError, match="no scores: after 3 h"):
        values_of([objectives[3]], {**found, "in_loop": {"unstable": "after 3 h"}})


def loop(trained: Path, data_path: Path) -> dict:
    """A closed loop that is stable with data alone."""
    if not data_path.is_dir():
        raise FloatingPointError("after 3 h")
    return {"model": {"drift": 0.1}, "baselines": {}}


def test_scores_in_the_loop_join_the_results_or_say_that_it_was_unstable(tmp_path):
    experiment = Experiment(tmp_path)
    write_json(experiment.artifacts / "results.json", {"model": {"r2": 0.9}})
    case = UseCase("toy", "", tmp_path, "", "", "", in_loop_path=f"{__name__}:loop")
    for data_path, expected in (
        (tmp_path, {"model": {"drift": 0.1}, "baselines": {}}),
        (tmp_path / "none", {"unstable": "after 3 h"}),
    ):
        add_in_loop(case, experiment, tmp_path, data_path)
        found = json.loads((experiment.artifacts / "results.json").read_text())
        assert found == {"model": {"r2": 0.9}, "in_loop": expected}
    with pytest.raises(ValueError, match="--in_loop: toy has no closed loop"):
        require("fit", [], True, UseCase("toy", "", tmp_path, "", "", ""))
    with pytest.raises(ValueError, match="--cost: fit and test measure it, predict does not"):
        require("predict", ["--cost=true"], False, case)


def test_what_is_not_installed_is_named(toy, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    line = ["sweep", "--config", str(toy.root / "toy.yaml"), "--seeds", "3"]
    with pytest.raises(
        SystemExit, match=r"error: sweep needs optuna: pip install 'ai4sim\[sweep\]'"
    ):
        main(toy, line)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["--trials", "3"], "expected --space or --seeds, found none"),
        (["--seeds", "3", "--space", "toy.yaml"], "expected --space or --seeds, found both"),
        (["--seeds", "1"], "--seeds: expected at least 2, found 1"),
        (["--seeds", "2", "--workers", "0"], "--workers: expected at least 1, found 0"),
        (["--seeds", "2", "--options", "max_epochs"], "--options max_epochs: expected NAME=VALUE"),
    ],
)
def test_a_wrong_command_line_is_one_line(toy, monkeypatch, line, words):
    monkeypatch.chdir(toy.root)
    with pytest.raises(SystemExit, match=f"error: {words}"):
        main(toy, ["sweep", "--config", "toy.yaml", *line])
