"""What a SLURM job step says about its processes."""

from __future__ import annotations

import re
from collections.abc import Mapping


def layout(environ: Mapping[str, str]) -> tuple[int, int] | None:
    """Return tasks per node and nodes of the job step that this process is a task of, else None.

    Lightning refuses ``devices`` and ``num_nodes`` that differ from these, so they are the
    defaults.

    Parameters
    ----------
    environ : mapping
        Environment variables. Without ``SLURM_PROCID`` and ``SLURM_STEP_ID`` the process was not
        started by srun; an interactive shell (``srun --pty bash``) counts as one task that is none.
    """
    if not {"SLURM_PROCID", "SLURM_STEP_ID", "SLURM_NTASKS"} <= environ.keys():
        return None
    if environ.get("SLURM_JOB_NAME") in ("bash", "interactive"):
        return None
    nodes = int(environ.get("SLURM_STEP_NUM_NODES") or environ.get("SLURM_NNODES") or 1)
    # "4", or "4(x2)" for two nodes of four tasks
    per_node = re.match(r"\d+", environ.get("SLURM_STEP_TASKS_PER_NODE", ""))
    tasks = int(per_node.group()) if per_node else int(environ["SLURM_NTASKS"]) // nodes
    return tasks, nodes
