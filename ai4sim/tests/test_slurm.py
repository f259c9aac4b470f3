"""Devices and nodes as SLURM has laid them out."""

import os
import pty
import subprocess
import sys

import pytest

from ai4sim import launch, slurm
from ai4sim.slurm import layout

STEP = {
    "SLURM_PROCID": "3",
    "SLURM_STEP_ID": "0",
    "SLURM_NTASKS": "8",
    "SLURM_NNODES": "2",
    "SLURM_TASK_PID": str(os.getpid()),
}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        # A batch script that calls python without srun is not a task.
        ({"SLURM_JOB_ID": "1", "SLURM_NTASKS": "8"}, None),
        (STEP, (4, 2)),
        (STEP | {"SLURM_STEP_NUM_NODES": "1", "SLURM_STEP_TASKS_PER_NODE": "4"}, (4, 1)),
        (STEP | {"SLURM_STEP_TASKS_PER_NODE": "4(x2)", "SLURM_STEP_NUM_NODES": "2"}, (4, 2)),
        # Tasks of srun within salloc, whose jobs have this name.
        (STEP | {"SLURM_JOB_NAME": "interactive"}, (4, 2)),
    ],
)
def test_layout(environ, expected):
    assert layout(environ) == expected


def test_torchrun_says_how_many_processes_there_are():
    environ = {"LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8"}
    assert launch.layout(environ) == (4, 2)
    assert launch.layout({}) is None
    step = STEP | {"SLURM_NTASKS": "2", "SLURM_NNODES": "1"}
    assert launch.layout(step) == layout(step) == (2, 1)


def test_what_is_typed_into_the_shell_of_a_step_is_no_task():
    """It has the variables of the shell, and a terminal."""
    code = (
        "import os; from ai4sim.launch import job, layout as l; e = os.environ; print(l(e), job(e))"
    )
    variables = {**STEP, "SLURM_JOB_ID": "7", "SLURM_TASK_PID": "1", "MASTER_ADDR": ""}
    line = [sys.executable, "-c", code]
    found = []

    def read(terminal):
        found.append(os.read(terminal, 1024))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        assert pty.spawn(line, read) == 0
        without = subprocess.check_output(line, text=True, start_new_session=True)
    assert b"".join(found).split() == [b"None", b"None"]
    assert without.split() == ["(4,", "2)", "7-0"]


def test_a_batch_script_of_several_tasks_needs_srun():
    code = "import os; from ai4sim import slurm; slurm.require_srun({'SLURM_NTASKS': '8'})"
    line = [sys.executable, "-c", code]
    done = subprocess.run(
        line, stderr=subprocess.PIPE, text=True, start_new_session=True, check=False
    )
    assert "SLURM_NTASKS=8: the job has 8 tasks, and nothing has started them" in done.stderr
    slurm.require_srun({"SLURM_NTASKS": "1"})
    slurm.require_srun(STEP)


def test_a_job_is_queued_again_by_its_number_or_that_of_its_array_task(
    tmp_path, monkeypatch, caplog
):
    """As ``scontrol requeue`` takes it; what that says otherwise is told."""
    monkeypatch.setenv("PATH", str(tmp_path))
    job = {"SLURM_JOB_ID": "9"}
    assert not slurm.requeue({}) and not caplog.messages
    assert not slurm.requeue(job)
    assert "job 9 is not queued again" in caplog.text and "scontrol" in caplog.text
    scontrol = tmp_path / "scontrol"
    scontrol.write_text(f"#!/bin/sh\necho $@ >> {tmp_path}/asked\n")
    scontrol.chmod(0o755)
    assert slurm.requeue(job)
    assert slurm.requeue({**job, "SLURM_ARRAY_JOB_ID": "8", "SLURM_ARRAY_TASK_ID": "3"})
    assert (tmp_path / "asked").read_text().split() == ["requeue", "9", "requeue", "8_3"]
    scontrol.write_text("#!/bin/sh\necho 'Job is not requeueable' >&2; exit 1\n")
    assert not slurm.requeue(job)
    assert "job 9 is not queued again (scontrol requeue: Job is not requeueable)" in caplog.text
