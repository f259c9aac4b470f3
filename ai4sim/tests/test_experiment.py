"""Experiment folders: unique, found again, with their provenance."""

import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from ai4sim import launch, slurm
from ai4sim.experiment import begun_by_job, create, find_checkpoint, provenance
from ai4sim.io.files import write_json


def test_runs_of_the_same_second_get_folders_of_their_own(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: create(tmp_path, "demo").path, range(24)))
    assert len(set(folders)) == 24
    assert all(re.match(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_demo(_\d+)?$", f.name) for f in folders)


def test_a_title_becomes_a_legal_folder_name(tmp_path):
    assert create(tmp_path, "my model / run #3").path.name.endswith("_my-model-run-3")


def test_children_of_a_distributed_run_share_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("AI4SIM_EXPERIMENT_PATH", "")
    launch.pass_on("/runs/a")
    code = "import os; from ai4sim import launch; print(launch.inherited(os.environ))"
    line = [sys.executable, "-c", code]
    assert subprocess.check_output(line, text=True).strip() == "/runs/a"
    # Neither this process, in a later run, nor one of another parent.
    assert launch.inherited(os.environ) is None
    later = [sys.executable, "-c", f"import subprocess; subprocess.run({line!r})"]
    assert subprocess.check_output(later, text=True).strip() == "None"


SLURM = {"SLURM_JOB_ID": "77", "SLURM_STEP_ID": "0", "SLURM_TASK_PID": str(os.getpid())}
LSF = {"LSB_JOBID": "77"}
TORCHRUN = {"TORCHELASTIC_RUN_ID": "77"}
STATIC = {"TORCHELASTIC_RUN_ID": "none", "MASTER_ADDR": "n1", "MASTER_PORT": "29500"}
BY_HAND = {"MASTER_ADDR": "n1", "MASTER_PORT": "29500"}


@pytest.mark.parametrize(
    ("job", "rank", "name"),
    [
        (SLURM, "SLURM_PROCID", "job77-0_cnf"),
        (SLURM | {"SLURM_RESTART_COUNT": "2"}, "SLURM_PROCID", "job77-0-2_cnf"),
        (LSF, "JSM_NAMESPACE_RANK", "job77_cnf"),
        (LSF | {"LSB_JOBINDEX": "3"}, "OMPI_COMM_WORLD_RANK", "job77-3_cnf"),
        (TORCHRUN, "RANK", "job77_cnf"),
        (STATIC, "RANK", "jobn1-29500_cnf"),
        (BY_HAND, "NODE_RANK", "jobn1-29500_cnf"),
    ],
)
def test_all_processes_of_a_job_share_a_folder_and_each_run_has_one(
    tmp_path, monkeypatch, job, rank, name
):
    """Runs follow one another in a job; the processes of each come in any order."""
    for variable, value in job.items():
        monkeypatch.setenv(variable, value)
    found = {}
    for run, process in ((1, 1), (1, 0), (2, 0), (3, 0), (2, 1), (3, 1)):
        monkeypatch.setenv(rank, str(process))
        found[run, process] = create(tmp_path, "cnf").path.name
    for run, expected in ((1, name), (2, f"{name}_2"), (3, f"{name}_3")):
        assert found[run, 0] == found[run, 1] == expected


def test_all_processes_of_torchrun_learn_the_folder_from_its_store(tmp_path):
    code = (
        "from pathlib import Path; from ai4sim.experiment import create; "
        f"create(Path({str(tmp_path)!r}), 'a'); create(Path({str(tmp_path)!r}), 'b')"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    run = ["--nnodes=1", "--node_rank=0", "--master_addr=127.0.0.1", "--nproc_per_node=3"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [sys.executable, "-m", "torch.distributed.run", *run, f"--master_port={port}"]
    subprocess.run([*line, str(script)], check=True, timeout=120)
    names = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert len(names) == 2
    assert names[0].endswith("_a") and names[1].endswith("_b")


def test_a_job_that_runs_again_finds_what_the_same_command_began(tmp_path, monkeypatch):
    """Not what another command, another job or the same part of the job did."""
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    began = {}
    for job, option in (("77", "--a"), ("77", "--b"), ("78", "--a")):
        monkeypatch.setattr("sys.argv", ["trainer.py", "fit", option])
        monkeypatch.setenv("SLURM_JOB_ID", job)
        path = began[job, option] = tmp_path / f"{job}{option}"
        write_json(path / "environment.json", provenance(seed=1))
    monkeypatch.setattr("sys.argv", ["trainer.py", "fit", "--a"])
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    assert begun_by_job(tmp_path, os.environ) is None
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert begun_by_job(tmp_path, os.environ).path == began["77", "--a"]
    # The same command once more in the same part: it is another run.
    write_json(began["77", "--a"] / "environment_2.json", provenance(seed=1))
    assert begun_by_job(tmp_path, os.environ) is None
    monkeypatch.setenv("SLURM_RESTART_COUNT", "2")
    write_json(
        tmp_path / "twin" / "environment.json", {**provenance(1), "slurm": slurm_of("77", 1)}
    )
    with pytest.raises(ValueError, match="2 runs by the same command: 77--a, twin. Expected one"):
        begun_by_job(tmp_path, os.environ)


def slurm_of(job, restart):
    return slurm.job({"SLURM_JOB_ID": job, "SLURM_RESTART_COUNT": str(restart)})


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
    with pytest.raises(FileNotFoundError, match=r"in experiment new \(it holds last.ckpt\)"):
        find_checkpoint(tmp_path, "best", "new")


def test_provenance_tells_versions_command_and_seed(monkeypatch):
    monkeypatch.setattr("sys.argv", ["trainer.py", "fit", "--config", "demo.yaml"])
    facts = provenance(seed=5)
    assert facts["seed"] == 5
    assert {"torch", "lightning"} <= set(facts["packages"])
    assert facts["command"].endswith("trainer.py fit --config demo.yaml")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    known = {name for names in launch.JOBS for name in names}
    others = {"TORCHELASTIC_USE_AGENT_STORE", "SLURM_CLUSTER_NAME"}
    for name in {*known, *launch.RANKS, launch.INHERITED, *others}:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.parametrize("warning", [signal.SIGUSR1, signal.SIGUSR2])
def test_warnings_of_batch_systems_end_a_run_as_sigterm_does(warning):
    code = "import signal; from ai4sim import launch; launch.heed_warnings(again=False); "
    code = f"{code}signal.raise_signal({warning:d}); signal.pause()"
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert done.returncode == -signal.SIGTERM


def test_a_handler_of_the_user_stays():
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        launch.heed_warnings(again=True)
        assert signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGUSR1, before)
