"""The experiment folder: everything that one run read, was and wrote."""

from __future__ import annotations

import getpass
import os
import platform
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

CHECKPOINT_SUFFIX = ".ckpt"


class Experiment:
    """The rooms of ``experiments/<name>/``, made by whoever writes into them first.

    Lightning puts the event files for TensorBoard beside them, into ``logs``.

    Parameters
    ----------
    path : Path
        The folder itself.

    Attributes
    ----------
    config : Path
        The resolved configuration; ``fit --config`` of it reproduces the run.
    environment : Path
        Versions, commit, command, seed.
    checkpoints : Path
        ``best.ckpt`` and ``last.ckpt``.
    artifacts : Path
        ``results.json``, weights as safetensors, exported model.
    plots : Path
        The figures of the test set.
    predictions : Path
        One file per raw file, in the raw format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.environment = path / "environment.json"
        self.checkpoints = path / "checkpoints"
        self.artifacts = path / "artifacts"
        self.plots = path / "plots"
        self.predictions = path / "predictions"


def _job_identity() -> str | None:
    """Return a name that all processes of one distributed job share and no other job has."""
    for variables in (("SLURM_JOB_ID", "SLURM_STEP_ID"), ("TORCHELASTIC_RUN_ID",), ("LSB_JOBID",)):
        values = [os.environ.get(v, "") for v in variables]
        if all(values) and values != ["none"]:
            return "job" + "-".join(values)
    return None


def create(root: Path, title: str) -> Experiment:
    """Make a new folder ``<date>_<time>_<title>``, with a counter where that name is taken.

    Making the folder is what reserves the name, so runs that start in the same second never share
    one. The processes of one distributed run do share it: children started by Lightning inherit the
    name through the environment, those started by SLURM or torchrun derive it from the job.

    Parameters
    ----------
    root : Path
        The ``experiments`` folder of the use case.
    title : str
        What the run is, e.g. the stem of its config file.
    """
    inherited = os.environ.get("AI4SIM_EXPERIMENT_PATH")
    if inherited and "LOCAL_RANK" in os.environ:
        return Experiment(Path(inherited))
    title = re.sub(r"[^A-Za-z0-9.-]+", "-", title).strip("-") or "run"
    root = root.resolve()
    root.mkdir(parents=True, exist_ok=True)
    job = _job_identity()
    if job:
        path = root / f"{job}_{title}"
        path.mkdir(exist_ok=True)
        return Experiment(path)
    stem = f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{title}"
    for counter in range(1, 10_000):
        path = root / (stem if counter == 1 else f"{stem}_{counter}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        os.environ["AI4SIM_EXPERIMENT_PATH"] = str(path)
        return Experiment(path)
    raise RuntimeError(f"no free experiment name left for {stem} in {root}")


def find_checkpoint(root: Path, which: str, name: str | None = None) -> Path:
    """Return ``best`` or ``last`` checkpoint of an experiment, by default of the newest one.

    Raises
    ------
    FileNotFoundError
        There is none; the message lists the experiments that have one.
    """
    having = sorted(
        (p for p in root.glob(f"*/checkpoints/{which}{CHECKPOINT_SUFFIX}")),
        key=lambda p: p.stat().st_mtime,
    )
    chosen = [p for p in having if name is None or p.parents[1].name == name]
    if not chosen:
        names = ", ".join(p.parents[1].name for p in having) or "none has"
        wanted = f"experiment {name}" if name else "any experiment"
        raise FileNotFoundError(
            f"no {which}{CHECKPOINT_SUFFIX} in {wanted} under {root}; those that have one: {names}"
        )
    return chosen[-1]


def _git(*arguments: str) -> str | None:
    here = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", "-C", str(here), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def provenance(seed: Any) -> dict[str, Any]:
    """Return what is needed to tell, years later, where a result comes from."""
    import torch

    status = _git("status", "--porcelain")
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
        "working_directory": str(Path.cwd()),
        "user": getpass.getuser(),
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "seed": seed,
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": None if status is None else bool(status),
        "cpu_threads": torch.get_num_threads(),
        "gpus": gpus,
        "packages": dict(
            sorted(
                {
                    d.metadata["Name"]: d.version for d in distributions() if d.metadata["Name"]
                }.items()
            )
        ),
    }
