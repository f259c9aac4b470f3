"""The command ``trainer.py submit``: a training as a job of SLURM, checked before it waits."""

from __future__ import annotations

import contextlib
import difflib
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined

from ai4sim.experiment import Experiment, create, taken
from ai4sim.io.files import missing_file_error, write_text
from ai4sim.use_case import UseCase

log = logging.getLogger(__name__)

SITE = "AI4SIM_SITE"
"""The environment variable that names the file of the site's defaults."""
SITE_FILE = Path("~/.config/ai4sim/site.yaml")
"""The file of the site's defaults where the variable is not set."""
SCRIPT = "job.sh"
CONFIG = "submitted.yaml"
"""Names of the batch script, and of the configuration as it was submitted, in the experiment."""
TEMPLATE = """\
#!/bin/bash
#SBATCH --job-name={{ name }}
#SBATCH --nodes={{ nodes }}
#SBATCH --ntasks-per-node={{ tasks_per_node }}
{% if gpus_per_node %}
#SBATCH --gpus-per-node={{ gpus_per_node }}
{% endif %}
#SBATCH --cpus-per-task={{ cpus_per_task }}
#SBATCH --time={{ time }}
{% if site.account %}
#SBATCH --account={{ site.account }}
{% endif %}
{% if site.partition %}
#SBATCH --partition={{ site.partition }}
{% endif %}
{% for option in site.sbatch %}
#SBATCH {{ option }}
{% endfor %}
# Before the time limit: the training saves its state, and queues this job again.
#SBATCH --signal=USR1@{{ site.warning }}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output={{ folder }}/%x-%j.out

export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"
export AI4SIM_EXPERIMENTS={{ experiments }}
{% for module in site.modules %}
module load {{ module }}
{% endfor %}
{% for line in site.setup %}
{{ line }}
{% endfor %}
cd {{ cwd }}
srun --kill-on-bad-exit=1 {{ container }}{{ python }} {{ trainer }} fit {{ arguments }}
"""


@dataclass(frozen=True)
class Site:
    """The settings that all jobs of a site share; the entries of its YAML file.

    Attributes
    ----------
    account, partition : str
        As sbatch takes them; empty: its own defaults.
    modules : list of str
        Environment modules to load.
    setup : list of str
        Lines of shell before the training, such as ``source .../bin/activate``.
    container : str
        An image of Apptainer in which the training runs.
    bind : list of str
        Folders that the container sees, beside the working directory and the experiments.
    python : str
        The interpreter; by default the one that submits, in a container ``python``.
    cpus_per_task : int
        Cores of each process.
    warning : int
        Time [s] before the time limit at which a training saves its state.
    sbatch : list of str
        Further options of sbatch, ``--qos=long`` for instance.
    """

    account: str = ""
    partition: str = ""
    modules: list[str] = field(default_factory=list)
    setup: list[str] = field(default_factory=list)
    container: str = ""
    bind: list[str] = field(default_factory=list)
    python: str = ""
    cpus_per_task: int = 4
    warning: int = 120
    sbatch: list[str] = field(default_factory=list)


def read_site(path: Path | None) -> Site:
    """Read the defaults of a site.

    Parameters
    ----------
    path : Path, optional
        By default the file that :data:`SITE` names, else :data:`SITE_FILE` if it exists.

    Raises
    ------
    FileNotFoundError
        The file that is named does not exist.
    ValueError
        It holds something else.
    """
    named = path or (Path(os.environ[SITE]) if os.environ.get(SITE) else None)
    file = (named or SITE_FILE).expanduser()
    if not file.is_file():
        if named:
            raise missing_file_error(file)
        return Site()
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"{file}: no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{file}: expected entries such as 'account: NAME', found {content!r}")
    known = {one.name: getattr(Site(), one.name) for one in fields(Site)}
    for name, value in content.items():
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected {', '.join(known)}"
            raise ValueError(f"{file}: unknown entry {name!r}: {hint}")
        kind = type(known[name])
        of_text = kind is not list or all(isinstance(item, str) for item in value or [])
        if type(value) is not kind or not of_text:
            expected = {str: "a text", int: "an integer", list: "a list of texts"}[kind]
            raise ValueError(f"{file}: {name}: expected {expected}, found {value!r}")
    return Site(**content)


def script_of(site: Site, **entries: Any) -> str:
    """Return the batch script; `entries` fill :data:`TEMPLATE`."""
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string(TEMPLATE).render(site=site, **entries)


def command(
    use_case: UseCase, experiments: Path, options: Sequence[str] = ()
) -> Callable[..., None]:
    """Return the command ``submit`` of a use case.

    Parameters
    ----------
    use_case : UseCase
    experiments : Path
        The folder of the experiment folders.
    options : sequence of str
        Options of ``fit``, which followed ``--`` on the command line.
    """

    def submit(
        config: Path,
        nodes: int = 1,
        gpus_per_node: int = 1,
        tasks_per_node: int | None = None,
        cpus_per_task: int | None = None,
        time: str = "04:00:00",
        experiment: str | None = None,
        site: Path | None = None,
        unchecked: bool = False,
        dry_run: bool = False,
    ) -> None:
        """Submit a training to SLURM.

        Configuration and data are checked first, as by the command check. The batch script and the
        configuration as it is now are kept in the experiment's folder. Shortly before its time
        limit the training saves its state and queues its job again, until it has ended. Options of
        fit follow two dashes. SLURM alone is supported: jobs of PBS and LSF are written by hand.

        Parameters
        ----------
        config : Path
            The configuration of the training.
        nodes : int
            Number of nodes.
        gpus_per_node : int
            Number of GPUs of each node, with a process each; 0 trains on processors.
        tasks_per_node : int
            Number of processes of each node, by default one per GPU.
        cpus_per_task : int
            Number of cores of each process, by default as in the site's file, or 4.
        time : str
            Time limit of each part of the training, as sbatch takes it.
        experiment : str
            The name of the experiment folder, by default date, time and name of the configuration.
        site : Path
            The file of the site's defaults: account, partition, modules, container and more. By
            default the one of the environment variable AI4SIM_SITE, or ~/.config/ai4sim/site.yaml.
        unchecked : bool
            Submit without reading the data.
        dry_run : bool
            Print the batch script; write and submit nothing.

        Examples
        --------
        python trainer.py submit --config configs/demo.yaml --nodes 2 --gpus-per-node 4 --dry-run
        python trainer.py submit --config configs/demo.yaml -- --trainer.max_epochs=100
        """
        if not config.is_file():
            raise missing_file_error(config)
        for name, value, least in (("nodes", nodes, 1), ("gpus-per-node", gpus_per_node, 0)):
            if value < least:
                raise ValueError(f"--{name}: expected at least {least}, found {value}")
        if not re.fullmatch(r"\d+(:\d\d){0,2}|\d+-\d+(:\d\d){0,2}", time):
            raise ValueError(f"--time: expected MINUTES, HH:MM:SS or D-HH:MM:SS, found {time!r}")
        if not dry_run and shutil.which("sbatch") is None:
            raise FileNotFoundError(
                "sbatch is not on the PATH: submit on a machine of the cluster, or look at the "
                "script with --dry-run"
            )
        defaults = read_site(site)
        root = experiments.resolve()
        if experiment:
            named = Experiment(root / experiment)
            if named.holds_run or (named.path / SCRIPT).exists():
                raise taken(named)
        if not unchecked:
            _check(use_case, experiments, config, options)
        title = experiment or config.stem
        if dry_run or experiment:
            folder = root / (experiment or f"DATE_TIME_{title}")
        else:
            folder = create(root, title).path
        container = ""
        if defaults.container:
            seen = [str(Path.cwd()), str(root), *defaults.bind]
            words = ["apptainer", "exec", "--nv", *(f"--bind={path}" for path in seen)]
            container = shlex.join([*words, defaults.container]) + " "
        words = ["--config", str(folder / CONFIG), "--experiment", folder.name, *options]
        script = script_of(
            defaults,
            name=re.sub(r"\W+", "-", title),
            nodes=nodes,
            tasks_per_node=tasks_per_node or max(gpus_per_node, 1),
            gpus_per_node=gpus_per_node,
            cpus_per_task=cpus_per_task or defaults.cpus_per_task,
            time=time,
            folder=folder,
            experiments=shlex.quote(str(root)),
            container=container,
            python=defaults.python or ("python" if container else shlex.quote(sys.executable)),
            trainer=shlex.quote(str(Path(sys.argv[0]).resolve())),
            cwd=shlex.quote(str(Path.cwd())),
            arguments=shlex.join(words),
        )
        if dry_run:
            sys.stdout.write(script)
            return
        write_text(folder / CONFIG, config.read_text(encoding="utf-8"))
        write_text(folder / SCRIPT, script)
        _submit(folder)

    return submit


def _check(use_case: UseCase, experiments: Path, config: Path, options: Sequence[str]) -> None:
    """Read configuration and data as a training would, and print what was found to stderr.

    Raises
    ------
    SystemExit
        A training would stop at an error, which is told.
    """
    from ai4sim.surrogate_cli import run

    # The machine that submits has neither the nodes nor the GPUs.
    here = ["--trainer.accelerator=cpu", "--trainer.devices=1", "--trainer.num_nodes=1"]
    words = ["check", "--config", str(config), *options, *here]
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="LightningCLI's args parameter")
        run(use_case, experiments, words)


def _submit(folder: Path) -> None:
    """Hand a script to sbatch.

    Raises
    ------
    ValueError
        SLURM refuses it; the folder is removed.
    """
    done = subprocess.run(
        ["sbatch", "--parsable", str(folder / SCRIPT)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        shutil.rmtree(folder)
        raise ValueError(f"SLURM refuses the job: {' '.join(done.stderr.split())}")
    log.info("job %s: %s", done.stdout.strip(), folder / SCRIPT)
