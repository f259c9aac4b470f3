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
    relative,
    renew_constraints,
    run_docs,
    run_lint,
    run_tests,
)
from sessions.environments import DEVELOPMENT_EXTRAS, environment
from sessions.image import build_and_try
from sessions.registry import PYPROJECT, ROOT, landed_use_cases, use_cases


def define_sessions(noxfile: str, *, download: str) -> None:
    """Define the sessions of one use case.

    Parameters
    ----------
    noxfile : str
        ``__file__`` of the use case's noxfile; its folder must be in the table of use cases in
        ``pyproject.toml``.
    download : str
        Module that makes or fetches the raw data: ``python -m <download> --data-path data``.
        Without further options it makes the demo data, continues where it was interrupted, and
        returns at once where the data are there.

    Raises
    ------
    ValueError
        If the folder is not a use case listed in ``pyproject.toml``.
    """
    folder = Path(noxfile).resolve().parent
    names = [name for name, place in use_cases().items() if place == folder]
    if not names:
        raise ValueError(
            f"{PYPROJECT}: no entry of [tool.ai4sim.use-cases] has the folder {folder}; "
            f"found {sorted(relative(use_cases().values()))}. Add a line for it."
        )
    name = names[0]
    extras = (name, *DEVELOPMENT_EXTRAS)

    @nox.session(venv_backend="none", default=False)
    def train(session: nox.Session) -> None:
        """Make the demo data if absent, fit configs/demo.yaml, test, print the results table."""
        run = environment(session, name, extras)
        run("python", "-m", download, "--data-path", "data")
        run("python", "trainer.py", "fit", "--config", "configs/demo.yaml", *session.posargs)

    @nox.session(venv_backend="none")
    def tests(session: nox.Session) -> None:
        """Run the tests of the use case and of all it stands on, with coverage."""
        run_tests(session, environment(session, name, extras), name, parts_of(folder))

    @nox.session(venv_backend="none")
    def lint(session: nox.Session) -> None:
        """Check style, docstrings, format, types and import rules."""
        run_lint(session, environment(session, name, extras), parts_of(folder))

    @nox.session(venv_backend="none", default=False)
    def docs(session: nox.Session) -> None:
        """Build the documentation into docs/_build/html, warnings as errors."""
        run_docs(session, environment(session, name, extras))

    @nox.session(venv_backend="none", default=False)
    def download_data(session: nox.Session) -> None:
        """Make the demo data, or with options after -- fetch real archives, into data/raw."""
        run = environment(session, name, extras)
        run("python", "-m", download, "--data-path", "data", *session.posargs)

    @nox.session(venv_backend="none", default=False)
    def dev_dependencies(session: nox.Session) -> None:
        """Prepare the environment for development, with the pre-commit hooks."""
        environment(session, name, extras)
        install_hooks(session)


def define_sessions_of_all() -> None:
    """Define the sessions of the repository root: over every use case that has landed.

    Tests, lint and docs run once over everything, in the environment ``.nox/all``: the core is not
    tested once per use case. Training and downloading run each use case's own session.
    """
    landed = landed_use_cases()
    extras = (*landed, *DEVELOPMENT_EXTRAS)
    domains = sorted({path.split("/")[0] for path in relative(landed.values())})
    packages = [ROOT / package for package in ("ai4sim", *domains)]

    def each(session: nox.Session, name: str) -> None:
        for folder in landed.values():
            choice = ["--noxfile", str(folder / "noxfile.py"), "--session", name]
            session.run(sys.executable, "-m", "nox", *choice, "--", *session.posargs)

    @nox.session(venv_backend="none", default=False)
    def train(session: nox.Session) -> None:
        """Run the demo of every use case: make the data, fit, test, report."""
        each(session, "train")

    @nox.session(venv_backend="none")
    def tests(session: nox.Session) -> None:
        """Run every test of the repository once, with coverage."""
        run = environment(session, "all", extras)
        run_tests(session, run, "all", [*packages, ROOT / "tests"])

    @nox.session(venv_backend="none")
    def lint(session: nox.Session) -> None:
        """Check style, docstrings, format, types and import rules of everything."""
        others = [
            ROOT / name
            for name in ("sessions", "benchmarks", "docs", "tests", "noxfile.py", "setup.py")
        ]
        parts = [*packages, *(path for path in others if path.exists())]
        run_lint(session, environment(session, "all", extras), parts)

    @nox.session(venv_backend="none", default=False)
    def docs(session: nox.Session) -> None:
        """Build the documentation into docs/_build/html, warnings as errors."""
        run_docs(session, environment(session, "all", extras))

    @nox.session(venv_backend="none", default=False)
    def download_data(session: nox.Session) -> None:
        """Make the demo data of every use case, or pass options after -- to each."""
        each(session, "download_data")

    @nox.session(venv_backend="none", default=False)
    def dev_dependencies(session: nox.Session) -> None:
        """Prepare one environment for everything, with the pre-commit hooks."""
        environment(session, "all", extras)
        install_hooks(session)

    @nox.session(venv_backend="none", default=False)
    def constraints(session: nox.Session) -> None:
        """Renew constraints.txt: the newest versions of everything but torch."""
        renew_constraints(session, environment(session, "all", extras))

    @nox.session(venv_backend="none", default=False)
    def image(session: nox.Session) -> None:
        """Build the container image, with options after --, and run tests of a use case inside."""
        build_and_try(session)
