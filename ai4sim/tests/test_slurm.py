"""Devices and nodes as SLURM has laid them out."""

import pytest

from ai4sim import launch
from ai4sim.slurm import layout

STEP = {"SLURM_PROCID": "3", "SLURM_STEP_ID": "0", "SLURM_NTASKS": "8", "SLURM_NNODES": "2"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        # A batch script that calls python without srun is not a task.
        ({"SLURM_JOB_ID": "1", "SLURM_NTASKS": "8"}, None),
        (STEP, (4, 2)),
        (STEP | {"SLURM_STEP_NUM_NODES": "1", "SLURM_STEP_TASKS_PER_NODE": "4"}, (4, 1)),
        (STEP | {"SLURM_STEP_TASKS_PER_NODE": "4(x2)", "SLURM_STEP_NUM_NODES": "2"}, (4, 2)),
        (STEP | {"SLURM_JOB_NAME": "bash"}, None),
    ],
)
def test_layout(environ, expected):
    assert layout(environ) == expected


def test_torchrun_says_how_many_processes_there_are():
    environ = {"LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8"}
    assert launch.layout(environ) == (4, 2)
    assert launch.layout({}) is None
    step = {"SLURM_PROCID": "0", "SLURM_STEP_ID": "0", "SLURM_NTASKS": "2"}
    assert launch.layout(step) == layout(step) == (2, 1)
