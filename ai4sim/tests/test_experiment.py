"""Experiment folders: unique, found again, with their provenance."""

import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from ai4sim.experiment import create, find_checkpoint, provenance


def test_runs_of_the_same_second_get_folders_of_their_own(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: create(tmp_path, "demo").path, range(24)))
    assert len(set(folders)) == 24
    assert all(re.match(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_demo(_\d+)?$", f.name) for f in folders)


def test_a_title_becomes_a_legal_folder_name(tmp_path):
    assert create(tmp_path, "my model / run #3").path.name.endswith("_my-model-run-3")


def test_children_of_a_distributed_run_share_the_folder(tmp_path, monkeypatch):
    first = create(tmp_path, "demo")
    monkeypatch.setenv("AI4SIM_EXPERIMENT_PATH", str(first.path))
    assert create(tmp_path, "demo").path != first.path
    monkeypatch.setenv("AI4SIM_EXPERIMENT_PATH", str(first.path))
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert create(tmp_path, "demo").path == first.path


def test_all_tasks_of_a_slurm_step_share_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    monkeypatch.setenv("SLURM_STEP_ID", "0")
    assert create(tmp_path, "cnf").path == create(tmp_path, "cnf").path
    assert create(tmp_path, "cnf").path.name == "job77-0_cnf"


def test_last_means_the_newest_experiment_or_the_named_one(tmp_path):
    for age, name in enumerate(["new", "old"]):
        path = tmp_path / name / "checkpoints" / "last.ckpt"
        path.parent.mkdir(parents=True)
        path.touch()
        os.utime(path, (1e9 - age, 1e9 - age))
    assert find_checkpoint(tmp_path, "last").parents[1].name == "new"
    assert find_checkpoint(tmp_path, "last", "old").parents[1].name == "old"
    with pytest.raises(FileNotFoundError, match="no best.ckpt in any experiment .* none has"):
        find_checkpoint(tmp_path, "best")
    with pytest.raises(FileNotFoundError, match="experiment oldest .*: old, new"):
        find_checkpoint(tmp_path, "last", "oldest")


def test_provenance_tells_versions_command_and_seed(monkeypatch):
    monkeypatch.setattr("sys.argv", ["trainer.py", "fit", "--config", "demo.yaml"])
    facts = provenance(seed=5)
    assert facts["seed"] == 5
    assert {"torch", "lightning"} <= set(facts["packages"])
    assert facts["command"].endswith("trainer.py fit --config demo.yaml")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in (
        "AI4SIM_EXPERIMENT_PATH",
        "LOCAL_RANK",
        "SLURM_JOB_ID",
        "SLURM_STEP_ID",
        "TORCHELASTIC_RUN_ID",
    ):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
