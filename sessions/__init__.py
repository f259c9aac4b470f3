"""The nox sessions of every use case, defined once.

The ``noxfile.py`` of a use case calls :func:`define_sessions`, the one in the repository root calls
:func:`define_sessions_of_all`. Nothing but the standard library and nox is needed here, so that
``nox --list`` works before anything is installed.

All sessions of a use case share one virtualenv, ``.nox/<name>`` in the repository root: the first
session that needs it makes it, the others reuse it until ``pyproject.toml`` or ``constraints.txt``
changes. The root's sessions use ``.nox/all``, which has the extras of every use case.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nox

from sessions.checks import (
    install_hooks,
    parts_of,
    renew_constraints,
    renew_matrix,
    run_docs,
    run_lint,
    run_tests,
)
from sessions.environments import add_coupler, environment, oldest_environment
from sessions.image import build_and_try
from sessions.registry import ROOT, package_of, use_cases


def define_sessions(noxfile: str) -> None:
    """Define the sessions of one use case.

    Parameters
    ----------
    noxfile : str
        ``__file__`` of the use case's noxfile, beside its ``config.py``.

    Raises
    ------
    ValueError
        If no use case is declared in that folder.
    """
    folder = Path(noxfile).resolve().parent
    declared = use_cases()
    found = [use_case for use_case in declared.values() if use_case.root == folder]
    if not found:
        raise ValueError(f"{folder / 'config.py'}: no USE_CASE; use cases found: {list(declared)}")
    name, download = found[0].name, found[0].download

    @nox.session(venv_backend="none", default=False)
    def train(session: nox.Session) -> None:
        """Make the demo data if absent, fit configs/demo.yaml, test, print the results table."""
        run = environment(session, name)
        run("python", "-m", download, "--data-path", "data")
        run("python", "trainer.py", "fit", "--config", "configs/demo.yaml", *session.posargs)

    @nox.session(venv_backend="none", default=False)
    def sweep(session: nox.Session) -> None:
        """Make the demo data if absent, search configs/sweep.yaml; options after --, see --help."""
        run = environment(session, name)
        run("python", "-m", download, "--data-path", "data")
        files = ("--config", "configs/demo.yaml", "--space", "configs/sweep.yaml")
        run("python", "trainer.py", "sweep", *files, *session.posargs)

    @nox.session(venv_backend="none", default=False)
    def couple(session: nox.Session) -> None:
        """Make a library for Fortran, C and C++ of an experiment: options after --, see --help."""
        run = environment(session, name)
        run("python", "trainer.py", "couple", *(session.posargs or ["--help"]))

    @nox.session(venv_backend="none")
    def tests(session: nox.Session) -> None:
        """Run the tests of the use case and of all it stands on."""
        run_tests(session, environment(session, name), name, parts_of(folder))

    @nox.session(venv_backend="none", default=False)
    def coverage(session: nox.Session) -> None:
        """Run the same tests and count the lines that they run; takes half as long again."""
        run_tests(session, environment(session, name), name, parts_of(folder), coverage=True)

    @nox.session(venv_backend="none")
    def lint(session: nox.Session) -> None:
        """Check style, docstrings, format, types and import rules."""
        run_lint(session, environment(session, name), parts_of(folder))

    @nox.session(venv_backend="none", default=False)
    def docs(session: nox.Session) -> None:
        """Build the documentation into docs/_build/html, warnings as errors."""
        run_docs(session, environment(session, name))

    @nox.session(venv_backend="none", default=False)
    def download_data(session: nox.Session) -> None:
        """Make the demo data, or with options after -- fetch real archives, into data/raw."""
        run = environment(session, name)
        run("python", "-m", download, "--data-path", "data", *session.posargs)

    @nox.session(venv_backend="none", default=False)
    def dev_dependencies(session: nox.Session) -> None:
        """Prepare the environment for development, with the pre-commit hooks."""
        environment(session, name)
        install_hooks(session)


def define_sessions_of_all() -> None:
    """Define the sessions of the repository root: over every use case.

    Tests, lint and docs run once over everything, in the environment ``.nox/all``: the core is not
    tested once per use case. Training and downloading run each use case's own session.
    """
    declared = use_cases()
    domains = sorted({package_of(use_case).split(".")[0] for use_case in declared.values()})
    packages = [ROOT / package for package in ("ai4sim", *domains)]

    def each(session: nox.Session, name: str) -> None:
        for use_case in declared.values():
            choice = ["--noxfile", str(use_case.root / "noxfile.py"), "--session", name]
            session.run(sys.executable, "-m", "nox", *choice, "--", *session.posargs)

    @nox.session(venv_backend="none", default=False)
    def train(session: nox.Session) -> None:
        """Run the demo of every use case: make the data, fit, test, report."""
        each(session, "train")

    @nox.session(venv_backend="none")
    def tests(session: nox.Session) -> None:
        """Run every test of the repository once."""
        run = environment(session, "all", *declared)
        run_tests(session, run, "all", [*packages, ROOT / "tests"])

    @nox.session(venv_backend="none", default=False)
    def coverage(session: nox.Session) -> None:
        """Run the same tests and count the lines that they run; takes half as long again."""
        run = environment(session, "all", *declared)
        run_tests(session, run, "all", [*packages, ROOT / "tests"], coverage=True)

    @nox.session(venv_backend="none")
    def lint(session: nox.Session) -> None:
        """Check style, docstrings, format, types and import rules of everything."""
        others = [
            ROOT / name
            for name in (
                "sessions",
                "benchmarks",
                "docs",
                "examples",
                "tests",
                "noxfile.py",
                "setup.py",
            )
        ]
        parts = [*packages, *(path for path in others if path.exists())]
        run_lint(session, environment(session, "all", *declared), parts)

    @nox.session(venv_backend="none", default=False)
    def compiled(session: nox.Session) -> None:
        """Compile the exported programs of all networks with all their options; takes an hour."""
        run = environment(session, "all", *declared)
        with session.chdir(ROOT):
            run("pytest", "-m", "compiled", *session.posargs, OMP_NUM_THREADS="1")

    @nox.session(venv_backend="none", default=False)
    def chaos(session: nox.Session) -> None:
        """Run all random sequences of commands; takes half an hour."""
        run = environment(session, "all", *declared)
        with session.chdir(ROOT):
            chosen = ("-m", "chaos or not chaos", "tests/test_chaos.py")
            run("pytest", *chosen, *session.posargs, OMP_NUM_THREADS="1")

    @nox.session(venv_backend="none", default=False)
    def oldest(session: nox.Session) -> None:
        """Run the core's tests with the oldest versions that pyproject.toml allows, but torch's."""
        run = oldest_environment(session)
        with session.chdir(ROOT):
            run("pytest", *(session.posargs or ["ai4sim"]), OMP_NUM_THREADS="1")

    @nox.session(venv_backend="none", default=False)
    def slurm(session: nox.Session) -> None:
        """Run the tests that submit jobs, on a SLURM of this machine alone: Debian, as root."""
        environment(session, "all", *declared)
        with session.chdir(ROOT):
            command = ("pytest", "-m", "slurm", "tests/test_on_slurm.py", *session.posargs)
            session.run(".ci/slurm", *command, external=True, env={"OMP_NUM_THREADS": "1"})

    @nox.session(venv_backend="none", default=False)
    def docs(session: nox.Session) -> None:
        """Build the documentation into docs/_build/html, warnings as errors."""
        run_docs(session, environment(session, "all", *declared))

    @nox.session(venv_backend="none", default=False)
    def download_data(session: nox.Session) -> None:
        """Make the demo data of every use case, or pass options after -- to each."""
        each(session, "download_data")

    @nox.session(venv_backend="none", default=False)
    def dev_dependencies(session: nox.Session) -> None:
        """Prepare one environment for everything, with the pre-commit hooks."""
        environment(session, "all", *declared)
        install_hooks(session)

    @nox.session(venv_backend="none", default=False)
    def coupler(session: nox.Session) -> None:
        """Install YAC and its MPI beside the other environments, for the tests that need it."""
        add_coupler(session)

    @nox.session(venv_backend="none", default=False)
    def constraints(session: nox.Session) -> None:
        """Renew constraints.txt: the newest versions of everything but torch."""
        renew_constraints(session, environment(session, "all", *declared))

    @nox.session(venv_backend="none", default=False)
    def matrix(session: nox.Session) -> None:
        """Name every use case in the matrix of .gitlab-ci.yml."""
        renew_matrix()

    @nox.session(venv_backend="none", default=False)
    def image(session: nox.Session) -> None:
        """Build the container image, with options after --, and run tests of a use case inside."""
        build_and_try(session)
