"""Trainings under a SLURM of two nodes on this machine; `.ci/slurm` starts it."""

import json
import os
import pty
import re
import subprocess
import sys
import time

import pytest
import torch
import yaml

from ai4sim.tests.test_cli import CONFIG
from ai4sim.tests.toy import write_columns
from sessions.registry import ROOT

pytestmark = pytest.mark.slurm
PATIENCE = 150.0
"""Seconds that a job may take."""
EPOCHS = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A use case: its trainer, its data, its configuration."""
    root = tmp_path_factory.mktemp("toy")
    write_columns(root / "warm", 300.0)
    (root / "trainer.py").write_text("from ai4sim.tests import toy\n\ntoy.run()\n")
    (root / "configs").mkdir()
    (root / "out").mkdir()
    trainer = {**CONFIG["trainer"], "max_epochs": EPOCHS}
    data = {**CONFIG["data"], "batch_size": 2}
    content = {**CONFIG, "trainer": trainer, "data": data}
    (root / "configs" / "demo.yaml").write_text(yaml.safe_dump(content))
    waiting = {"class_path": "ai4sim.tests.toy.Pause", "init_args": {"epoch": 1}}
    waiting["init_args"]["until"] = str(root / "go")
    content["trainer"] = {**trainer, "callbacks": [waiting]}
    (root / "configs" / "paused.yaml").write_text(yaml.safe_dump(content))
    return root


def readme_script(folder, **changes):
    """Return the batch script of the README with the lines that a site changes."""
    text = (ROOT / "README.rst").read_text()
    found = re.search(r"^   (#!/bin/bash\n   #SBATCH.*?)\n\n\S", text, re.DOTALL | re.MULTILINE)
    script = found[1].replace("\n   ", "\n") + "\n"
    site = {
        "source .nox/combustion_unets/bin/activate": f"export PYTHONPATH={ROOT}",
        "cd combustion/unets": f"cd {folder}",
        "--ntasks-per-node=4": "--ntasks-per-node=1",
        **changes,
    }
    for line, other in site.items():
        assert line in script
        script = script.replace(line, other)
    return script


def said(*command, **options):
    """Run a command; return what it printed."""
    options = {"text": True, "timeout": PATIENCE, "check": True} | options
    return subprocess.run(command, stdout=subprocess.PIPE, **options).stdout.strip()


def submit(folder, script, *options, name="job"):
    """Submit a script from another folder; return the number of its job."""
    file = folder / f"{name}.sh"
    file.write_text(script)
    return said("sbatch", "--parsable", *options, str(file), cwd=folder / "out")


def facts(job):
    shown = said("scontrol", "show", "job", "--oneliner", job)
    return dict(re.findall(r"(\w+)=(\S*)", shown.splitlines()[0]))


def await_state(job, *states, restarts=0):
    """Wait until a job is in one of some states, after a number of restarts; return its facts."""
    for _ in range(int(PATIENCE / 0.2)):
        found = facts(job)
        if found["JobState"] in states and int(found["Restarts"]) >= restarts:
            return found
        time.sleep(0.2)
    raise AssertionError(f"job {job}: {found}")


def wait_for(path):
    """Wait for a file."""
    for _ in range(int(PATIENCE / 0.1)):
        if path.exists():
            return
        time.sleep(0.1)
    raise AssertionError(f"{path} is not there")


def checkpoint(experiment, which="last"):
    return torch.load(experiment / "checkpoints" / f"{which}.ckpt", weights_only=True)


def scores(experiment):
    return json.loads((experiment / "artifacts" / "results.json").read_text())["model"]


def assert_same_training(ours, theirs):
    """Compare weights, optimiser, progress and scores to the last bit."""
    one, other = checkpoint(ours), checkpoint(theirs)
    assert one["global_step"] == other["global_step"] > 0 and one["epoch"] == other["epoch"]
    for name, value in other["state_dict"].items():
        assert torch.equal(one["state_dict"][name], value), name
    for ours_of, theirs_of in zip(*(c["optimizer_states"] for c in (one, other)), strict=True):
        for number, moments in theirs_of["state"].items():
            for name, value in moments.items():
                assert torch.equal(ours_of["state"][number][name], value), name
    assert scores(ours) == scores(theirs)


@pytest.fixture(scope="module")
def uninterrupted(folder):
    """The README's job: the experiment of two tasks on two nodes, and what it printed."""
    job = submit(folder, readme_script(folder))
    assert await_state(job, "COMPLETED", "FAILED")["JobState"] == "COMPLETED"
    return folder / "experiments" / f"job{job}-0_demo", (
        folder / "out" / f"unet-{job}.out"
    ).read_text()


def test_two_nodes_train_as_one_process_does(folder, uninterrupted):
    """The README's script, submitted from another folder; same gradients, same scores."""
    experiment, output = uninterrupted
    assert "Starting with 2 processes" in output and "MEMBER: 2/2" in output
    assert "srun" not in output and "sync_dist" not in output
    alone = ["fit", "--config", "configs/demo.yaml", "--experiment", "alone"]
    line = [sys.executable, "trainer.py", *alone, "--data.batch_size=4"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said(*line, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    one, other = checkpoint(experiment), checkpoint(folder / "experiments/alone")
    assert one["global_step"] == other["global_step"] > EPOCHS
    for name, value in other["state_dict"].items():
        torch.testing.assert_close(one["state_dict"][name], value, rtol=1e-4, atol=1e-6)
    assert scores(experiment) == pytest.approx(scores(folder / "experiments/alone"), rel=1e-4)


def test_a_job_goes_on_by_itself_after_its_time_limit(folder, uninterrupted):
    """Each part of the job is the same script; the end is the uninterrupted training."""
    (folder / "go").unlink(missing_ok=True)
    config = {"configs/demo.yaml": "configs/paused.yaml"}
    job = submit(folder, readme_script(folder, **config), name="paused")
    experiment, log = (
        folder / "experiments" / f"job{job}-0_paused",
        folder / "out" / f"unet-{job}.out",
    )
    wait_for(experiment / "checkpoints" / "last.ckpt")
    time.sleep(1.0)  # the second epoch takes less
    # Its time is up: SLURM sends SIGUSR1 before, and the job queues itself again.
    said("scontrol", "update", f"JobId={job}", "TimeLimit=1")
    await_state(job, "PENDING", restarts=1)
    said("scontrol", "update", f"JobId={job}", "TimeLimit=60")
    # Two epochs of two steps are done.
    assert checkpoint(experiment)["global_step"] == 4 and not (experiment / "artifacts").exists()
    (folder / "go").touch()
    wait_for(experiment / "environment_2.json")
    assert await_state(job, "COMPLETED", "FAILED", restarts=1)["JobState"] == "COMPLETED"
    assert f"the training goes on from {experiment}/checkpoints/last.ckpt" in log.read_text()
    assert not list(experiment.glob("**/hpc_ckpt*"))
    assert_same_training(experiment, uninterrupted[0])
    assert [path.name for path in (folder / "experiments").glob("*_paused*")] == [experiment.name]


def processes_of(job):
    """Return the processes of a job's tasks, by their ranks."""
    found = {}
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/environ", "rb") as file:
                variables = dict(v.partition("=")[::2] for v in file.read().decode().split("\0"))
        except OSError:
            continue
        of_task = variables.get("SLURM_TASK_PID") == process and "SLURM_STEP_ID" in variables
        if variables.get("SLURM_JOB_ID") == job and of_task:
            found[int(variables["SLURM_PROCID"])] = int(process)
    return found


def test_a_killed_rank_ends_the_job_and_requeue_goes_on(folder, uninterrupted):
    (folder / "go").unlink(missing_ok=True)
    config = {"configs/demo.yaml": "configs/paused.yaml"}
    job = submit(folder, readme_script(folder, **config), name="killed")
    experiment = folder / "experiments" / f"job{job}-0_paused"
    wait_for(experiment / "checkpoints" / "last.ckpt")
    os.kill(processes_of(job)[1], 9)
    killed = time.monotonic()
    assert await_state(job, "FAILED", "COMPLETED")["JobState"] == "FAILED"
    assert time.monotonic() - killed < 60
    assert re.search(r"n2: task 1: Killed", (folder / "out" / f"unet-{job}.out").read_text())
    (folder / "go").touch()
    said("scontrol", "requeue", job)
    assert await_state(job, "COMPLETED", "FAILED", restarts=1)["JobState"] == "COMPLETED"
    assert_same_training(experiment, uninterrupted[0])


def test_array_tasks_have_folders_of_their_own_and_one_is_queued_again_alone(folder):
    (folder / "go").unlink(missing_ok=True)
    changes = {
        "configs/demo.yaml": 'configs/paused.yaml --seed_everything="$SLURM_ARRAY_TASK_ID"',
        "--nodes=2": "--nodes=1",
    }
    array = submit(folder, readme_script(folder, **changes), "--array=1-2", name="seeds")
    # A task that waits has the number of its array.
    jobs = {s: await_state(f"{array}_{s}", "RUNNING")["JobId"] for s in (1, 2)}
    made = {seed: folder / "experiments" / f"job{job}-0_paused" for seed, job in jobs.items()}
    for experiment in made.values():
        wait_for(experiment / "checkpoints" / "last.ckpt")
    said("scancel", "--signal=USR1", f"{array}_2")
    await_state(f"{array}_2", "PENDING", restarts=1)
    (folder / "go").touch()
    for seed, restarts in ((1, 0), (2, 1)):
        state = await_state(f"{array}_{seed}", "COMPLETED", "FAILED", restarts=restarts)
        assert (state["JobState"], int(state["Restarts"])) == ("COMPLETED", restarts)
        config = yaml.safe_load((made[seed] / "config.yaml").read_text())
        assert config["seed_everything"] == seed
        assert checkpoint(made[seed])["epoch"] == EPOCHS - 1
    weights = [next(iter(checkpoint(path)["state_dict"].values())) for path in made.values()]
    assert not torch.equal(*weights)


def test_runs_of_an_interactive_step_have_folders_of_their_own(folder):
    """Typed into the shell of ``srun --pty bash``; then two tasks by srun within salloc."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    before = set((folder / "experiments").glob("*_demo*"))
    line = f"{sys.executable} trainer.py fit --config configs/demo.yaml --trainer.max_epochs=1"
    mother, daughter = pty.openpty()
    shell = subprocess.Popen(
        ["srun", "--pty", "bash"],
        stdin=daughter,
        stdout=daughter,
        stderr=daughter,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )
    os.close(daughter)
    os.write(mother, f"{line}; {line}; exit\n".encode())
    try:
        while os.read(mother, 65536):
            pass
    except OSError:  # the other end is closed
        pass
    assert shell.wait(timeout=PATIENCE) == 0
    os.close(mother)
    typed = set((folder / "experiments").glob("*_demo*")) - before
    assert len(typed) == 2
    said("salloc", "-n2", "srun", *line.split(), cwd=folder, env=environment)
    (both,) = set((folder / "experiments").glob("*_demo*")) - before - typed
    for experiment in (*typed, both):
        assert (experiment / "artifacts" / "results.json").is_file()
    assert json.loads((both / "environment.json").read_text())["slurm"]["restart"] == 0


def test_a_training_is_submitted_and_keeps_its_script_and_its_configuration(folder, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    site = f"setup: ['export PYTHONPATH={ROOT}']\ncpus_per_task: 2\npartition: all\n"
    (tmp_path / "site.yaml").write_text(site)
    options = ["--config", "configs/demo.yaml", "--gpus-per-node", "0", "--experiment", "sent"]
    line = [sys.executable, "trainer.py", "submit", *options, "--site", str(tmp_path / "site.yaml")]
    done = subprocess.run(
        [*line, "--", "--trainer.max_epochs=2"],
        cwd=folder,
        env=environment,
        text=True,
        stderr=subprocess.PIPE,
        check=True,
    )
    job = re.search(r"^job (\d+): ", done.stderr, re.MULTILINE)[1]
    assert await_state(job, "COMPLETED", "FAILED")["JobState"] == "COMPLETED"
    experiment = folder / "experiments/sent"
    assert (experiment / "job.sh").is_file() and checkpoint(experiment)["epoch"] == 1
    assert (experiment / "artifacts/results.json").is_file()
    assert (experiment / f"sent-{job}.out").is_file()
    configuration = (folder / "configs/demo.yaml").read_text()
    assert (experiment / "submitted.yaml").read_text() == configuration
    (tmp_path / "site.yaml").write_text("partition: nowhere")
    refused = subprocess.run(
        [*line[:-3], "other", *line[-2:], "--unchecked"],
        cwd=folder,
        env=environment,
        text=True,
        stderr=subprocess.PIPE,
        check=False,
    )
    assert refused.returncode == 1
    assert "error: SLURM refuses the job: sbatch: error: " in refused.stderr
    assert not (folder / "experiments/other").exists()
