"""SLURM as a process of a job sees it: its tasks, its job, how often that began, the queue."""

from __future__ import annotations

import logging
import os
import re
import subprocess
from collections.abc import Mapping

log = logging.getLogger(__name__)

TASK = frozenset({"SLURM_PROCID", "SLURM_STEP_ID"})
"""Variables that each task of a job step has, and the processes that it starts too."""
REQUEUE_TIMEOUT = 60.0
"""Time [s] in which ``scontrol`` must have answered."""


def is_task(environ: Mapping[str, str]) -> bool:
    """Return whether this process is one of the tasks that srun started.

    The shell of ``srun --pty bash`` hands its variables to all commands that are typed into it.
    These have a terminal, which tasks have not. The name of the job, ``bash`` or ``interactive``,
    tells nothing: tasks that srun starts within such a job have it too.

    Parameters
    ----------
    environ : mapping
        Environment variables.
    """
    itself = environ.get("SLURM_TASK_PID") == str(os.getpid())
    return environ.keys() >= TASK and (itself or not _has_terminal())


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def layout(environ: Mapping[str, str]) -> tuple[int, int] | None:
    """Return tasks per node and nodes of the job step that this process is a task of, else None.

    Lightning refuses ``devices`` and ``num_nodes`` that differ from these, so they are the
    defaults.

    Parameters
    ----------
    environ : mapping
        Environment variables.
    """
    if not is_task(environ) or "SLURM_NTASKS" not in environ:
        return None
    nodes = int(environ.get("SLURM_STEP_NUM_NODES") or environ.get("SLURM_NNODES") or 1)
    # "4", or "4(x2)" for two nodes of four tasks
    per_node = re.match(r"\d+", environ.get("SLURM_STEP_TASKS_PER_NODE", ""))
    tasks = int(per_node.group()) if per_node else int(environ["SLURM_NTASKS"]) // nodes
    return tasks, nodes


def require_srun(environ: Mapping[str, str]) -> None:
    """Refuse a process that a batch script of several tasks started without srun.

    Raises
    ------
    ValueError
        It would train alone, on one device of the many that the job holds.
    """
    tasks = environ.get("SLURM_NTASKS", "1")
    if tasks == "1" or "SLURM_STEP_ID" in environ or _has_terminal():
        return
    raise ValueError(
        f"SLURM_NTASKS={tasks}: the job has {tasks} tasks, and nothing has started them. Expected "
        "'srun python trainer.py ...' in the batch script, or a job of one task"
    )


def job(environ: Mapping[str, str]) -> dict[str, str | int] | None:
    """Return cluster and number of the job, and how often it was queued again; None outside one."""
    number = environ.get("SLURM_JOB_ID")
    if not number:
        return None
    name = f"{environ.get('SLURM_CLUSTER_NAME', 'cluster')}-{number}"
    return {"job": name, "restart": int(environ.get("SLURM_RESTART_COUNT") or 0)}


def requeue(environ: Mapping[str, str]) -> bool:
    """Put the job of this process into the queue again; return whether SLURM has done so.

    SLURM then ends what is left of the job.
    """
    array, number = environ.get("SLURM_ARRAY_JOB_ID"), environ.get("SLURM_JOB_ID")
    if not number:
        return False
    # The number of an array's last task is that of the array, which has other tasks.
    name = f"{array}_{environ['SLURM_ARRAY_TASK_ID']}" if array else number
    try:
        done = subprocess.run(
            ["scontrol", "requeue", name],
            capture_output=True,
            text=True,
            timeout=REQUEUE_TIMEOUT,
            check=False,
        )
        complaint = done.stderr.strip() if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        complaint = str(error)
    if complaint:
        log.warning("job %s is not queued again (scontrol requeue: %s)", name, complaint)
        return False
    log.info("job %s is in the queue again", name)
    return True
