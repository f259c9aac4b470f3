"""What the sessions run: tests, lint, documentation; hooks and pinned versions."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import nox
import nox.command

from sessions.environments import CONSTRAINTS, PYPROJECT
from sessions.registry import ROOT, use_cases

PIPELINE = ROOT / ".gitlab-ci.yml"
REPORTS = ROOT / ".ci-reports"
CONTRACT = "tests/test_contract.py"
COVERAGE_FLOOR = 85  # per cent of the lines
MOST_TEST_WORKERS = 8  # each takes a gigabyte or two


def parts_of(folder: Path) -> list[Path]:
    """Return what a use case stands on: the core, its domain's own modules and tests, its folder.

    The other use cases of the domain are left out, so the domain is listed part by part.
    """
    domain = folder.parent
    if domain == ROOT:  # a use case that is its own domain
        return [ROOT / "ai4sim", folder]
    others = {use_case.root for use_case in use_cases(ROOT).values()} - {folder}
    modules = [path for path in sorted(domain.glob("*.py")) if path.stem != "__init__"]
    wings = [path.parent for path in sorted(domain.glob("*/__init__.py"))]
    return [ROOT / "ai4sim", *modules, *(path for path in wings if path not in others)]


def relative(paths: Iterable[Path]) -> list[str]:
    """Return paths as seen from the repository root."""
    return [str(path.relative_to(ROOT)) for path in paths]


def run_tests(
    session: nox.Session,
    run: Callable[..., None],
    name: str,
    parts: Iterable[Path],
    coverage: bool = False,
) -> None:
    """Run pytest, with the coverage of the lines on request; the reports go to ``.ci-reports/``.

    Of the contract suite, which is about all use cases, a use case runs its own share. Arguments
    after ``--`` are pytest's. They may select some of the tests, so the coverage floor holds only
    without them.
    """
    REPORTS.mkdir(exist_ok=True)
    folders = relative(path for path in parts if path.is_dir())
    if "tests" not in folders and (ROOT / CONTRACT).is_file():
        folders.append(CONTRACT)
    covered = relative(path for path in parts if path.name != "tests")
    measure = [
        *(f"--cov={path.removesuffix('.py').replace('/', '.')}" for path in covered),
        "--cov-report=term",
        f"--cov-report=xml:{REPORTS / f'coverage_{name}.xml'}",
        *([] if session.posargs else [f"--cov-fail-under={COVERAGE_FLOOR}"]),
    ]
    cores = len(os.sched_getaffinity(0))  # granted by SLURM or a container
    with session.chdir(ROOT):
        run(
            "pytest",
            # Tests run side by side on one thread, those of a file in one process.
            f"--numprocesses={min(cores, MOST_TEST_WORKERS)}",
            "--dist=loadfile",
            "--no-loadscope-reorder",  # the order of conftest.py instead
            *folders,
            *(measure if coverage else []),
            f"--junitxml={REPORTS / f'junit_{name}.xml'}",
            *session.posargs,
            COVERAGE_FILE=str(REPORTS / f".coverage_{name}"),
            CONTRACT_OF="" if name == "all" else name,
            OMP_NUM_THREADS="1",
        )


def run_lint(session: nox.Session, run: Callable[..., None], parts: Iterable[Path]) -> None:
    """Check style, docstrings, names, likely bugs, format, types, import rules; report all."""
    paths = relative(parts)
    checks = (
        ["flake8", *paths],
        ["ruff", "format", "--check", *paths],
        ["mypy", *paths],
        ["lint-imports", "--no-logo"],
    )
    failed = []
    with session.chdir(ROOT):
        for check in checks:
            try:
                run(*check)
            except nox.command.CommandFailed:
                failed.append(check[0])
    if failed:
        session.error(f"failed: {', '.join(failed)}")


def run_docs(session: nox.Session, run: Callable[..., None]) -> None:
    """Build the documentation, warnings as errors."""
    build = ROOT / "docs" / "_build" / "html"
    shutil.rmtree(
        ROOT / "docs" / "api" / "generated", ignore_errors=True
    )  # pages of renamed modules
    options = ["-W", "--keep-going", "-b", "html", *session.posargs]
    run("sphinx-build", *options, str(ROOT / "docs"), str(build))
    session.log(f"The documentation is in {build / 'index.html'}")


def install_hooks(session: nox.Session) -> None:
    """Install the pre-commit hooks where this is a git checkout that takes them."""
    if shutil.which("git") and (ROOT / ".git").exists():
        with session.chdir(ROOT):
            hooks = f"{session.env['VIRTUAL_ENV']}/bin/pre-commit"
            session.run(hooks, "install", success_codes=[0, 1])
    session.log(f"Activate the environment with: source {session.env['VIRTUAL_ENV']}/bin/activate")


def renew_constraints(session: nox.Session, run: Callable[..., None]) -> None:
    """Resolve all extras anew for the oldest Python, with torch as it was, comments kept."""
    old = CONSTRAINTS.read_text(encoding="utf-8").splitlines(keepends=True)
    comments = [line for line in old if line.startswith("#")]
    torch = Path(session.create_tmp()) / "torch.txt"
    torch.write_text("".join(x for x in old if x.startswith("torch==")), encoding="utf-8")
    new = torch.with_name("constraints.txt")
    new.unlink(missing_ok=True)  # uv would keep the versions that it finds there
    options = ["--all-extras", "--python-version=3.11", "--python-platform=x86_64-manylinux_2_28"]
    options += ["--no-annotate", "--no-header", "--quiet", f"--constraint={torch}"]
    # No wheelhouse here: a local build in it ("+cpu") must not become everybody's pin.
    run("uv", "pip", "compile", *options, f"--output-file={new}", str(PYPROJECT))
    new.write_text("".join(comments) + new.read_text(encoding="utf-8"), encoding="utf-8")
    new.replace(CONSTRAINTS)


def with_matrix(pipeline: str) -> str:
    """Return the text of ``.gitlab-ci.yml`` with the name of every use case in its matrix."""
    return re.sub(r"(?<=- UC: )\[.*\]", f"[{', '.join(use_cases())}]", pipeline)


def renew_matrix() -> None:
    """Name every use case in the matrix of the pipeline."""
    PIPELINE.write_text(with_matrix(PIPELINE.read_text(encoding="utf-8")), encoding="utf-8")
