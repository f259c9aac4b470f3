"""The experiment folder: everything that one run read, was and wrote."""

from __future__ import annotations

import contextlib
import getpass
import itertools
import json
import os
import platform
import re
import resource
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from ai4sim import launch, slurm

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
    validations : Path
        The metrics of each validation of the training.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.environment = path / "environment.json"
        self.checkpoints = path / "checkpoints"
        self.artifacts = path / "artifacts"
        self.plots = path / "plots"
        self.predictions = path / "predictions"
        self.validations = path / "validation.csv"

    def set_aside(self, step: int) -> None:
        """Rename artifacts and plots, which are of a checkpoint that a better one replaces.

        Parameters
        ----------
        step : int
            The optimiser step of the better one: the new names are ``artifacts-until-step-7``.
        """
        for folder in (self.artifacts, self.plots):
            if folder.is_dir():
                # A folder replaces an empty one.
                taken_over = _first(self.path, f"{folder.name}-until-step-{step}", Path.mkdir)
                folder.replace(taken_over)

    def provenance(self, number: int) -> tuple[Path, Path]:
        """Return where the n-th part of a run keeps its configuration and its environment."""
        if number == 1:
            return self.config, self.environment
        return self.path / f"config_{number}.yaml", self.path / f"environment_{number}.json"

    @property
    def holds_run(self) -> bool:
        """Whether a command has written something here."""
        rooms = (self.config, self.checkpoints, self.artifacts, self.plots, self.predictions)
        return any(room.exists() for room in rooms)


def create(root: Path, title: str) -> Experiment:
    """Make a new folder ``<date>_<time>_<title>``, with a counter where that name is taken.

    Making the folder is what reserves the name, so runs that start in the same second never share
    one. The processes of one distributed run do share it, see :mod:`ai4sim.launch`.

    Parameters
    ----------
    root : Path
        The ``experiments`` folder of the use case.
    title : str
        What the run is, e.g. the stem of its config file.
    """
    title = _legal(title) or "run"
    root = root.resolve()
    root.mkdir(parents=True, exist_ok=True)
    job = launch.job(os.environ)
    if job and not launch.has_store(os.environ):
        rank, stem = launch.rank(os.environ), f"job{_legal(job)}_{title}"
        return Experiment(_first(root, stem, lambda path: _join(path, rank)))
    stem = f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{title}"
    return Experiment(Path(launch.agreed(lambda: str(_first(root, stem, Path.mkdir)))))


def _legal(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-")


def _first(root: Path, stem: str, take: Callable[[Path], None]) -> Path:
    """Return the first of ``stem``, ``stem_2``, ... that can be taken."""
    for counter in itertools.count(1):
        path = root / (stem if counter == 1 else f"{stem}_{counter}")
        try:
            take(path)
        except FileExistsError:
            continue
        return path
    raise AssertionError


def _join(path: Path, rank: int) -> None:
    """Enter a folder as one of the processes of a run; each rank can do so once.

    The n-th run that a job starts has the n-th folder, for all its processes.
    """
    entered = path / ".ranks" / str(rank)
    entered.parent.mkdir(parents=True, exist_ok=True)
    entered.touch(exist_ok=False)


def abandon(experiment: Experiment) -> None:
    """Remove the folder of a command that was refused, unless something was written there."""
    ranks = experiment.path / ".ranks"
    if not experiment.path.is_dir() or any(p != ranks for p in experiment.path.iterdir()):
        return
    (ranks / str(launch.rank(os.environ))).unlink(missing_ok=True)
    for folder in (ranks, experiment.path):
        # Another process of the same run has still to be refused, or there is none.
        with contextlib.suppress(OSError):
            folder.rmdir()


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
        others = sorted(root.glob(f"{name}/checkpoints/*{CHECKPOINT_SUFFIX}")) if name else []
        held = f" (it holds {', '.join(p.name for p in others)})" if others else ""
        raise FileNotFoundError(
            f"no {which}{CHECKPOINT_SUFFIX} in {wanted}{held} under {root}; "
            f"those that have one: {names}"
        )
    return chosen[-1]


def begun_by_job(root: Path, environ: Mapping[str, str]) -> Experiment | None:
    """Return the experiment that this command began when its job of SLURM ran before.

    SLURM queues a job again after a failure of a node, or when it is told to, and its script then
    begins anew.

    Parameters
    ----------
    root : Path
        Where the experiment folders are.
    environ : mapping
        Environment variables.

    Returns
    -------
    Experiment or None
        None: the job runs for the first time, or ended before there was anything in the folder.

    Raises
    ------
    ValueError
        The job has begun several runs with this command.
    """
    job = slurm.job(environ)
    if job is None or not job["restart"]:
        return None
    found: set[Path] = set()
    going_on: set[Path] = set()
    command, cwd = shlex.join(sys.argv), str(Path.cwd())
    for file in root.glob("*/environment*.json"):
        facts = json.loads(file.read_text(encoding="utf-8"))
        theirs = facts.get("slurm") or {}
        same = facts["command"] == command and facts["working_directory"] == cwd
        if same and theirs.get("job") == job["job"]:
            (going_on if theirs["restart"] == job["restart"] else found).add(file.parent)
    left = sorted(found - going_on)
    if len(left) > 1:
        raise ValueError(
            f"job {job['job']} was queued again, and began {len(left)} runs by the same command: "
            f"{', '.join(path.name for path in left)}. Expected one: give each its name, "
            "--experiment NAME"
        )
    return Experiment(left[0].resolve()) if left else None


def taken(experiment: Experiment) -> FileExistsError:
    """Return the error that says that a folder holds a run, and the ways on."""
    if not any(experiment.checkpoints.glob(f"*{CHECKPOINT_SUFFIX}")):
        return FileExistsError(
            f"{experiment.path} holds a run that has no checkpoint: remove the folder, or give the "
            "new run another name: --experiment NAME"
        )
    return FileExistsError(
        f"{experiment.path} holds a run. Go on with it by --ckpt_path last --experiment "
        f"{experiment.path.name}, or give the new run another name: --experiment NAME"
    )


def peak_memory() -> float:
    """Return the most memory that this process has had, on a GPU where it has used one  [MiB]."""
    import torch

    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 2**20
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        status = ""
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    # What getrusage says includes the process that this one was forked from.
    return int(found[1] if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024


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
        "slurm": slurm.job(os.environ),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "seed": seed,
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": None if status is None else bool(status),
        "cpu_threads": torch.get_num_threads(),
        "gpus": gpus,
        "packages": dict(sorted(_versions())),
    }


def _versions() -> Iterator[tuple[str, str]]:
    """Give name and version of each installed package, whose description is read once."""
    for found in distributions():
        described = found.metadata
        if described["Name"]:
            yield described["Name"], described["Version"]
