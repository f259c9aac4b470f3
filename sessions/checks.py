"""The nox sessions of every use case, defined once.

The ``noxfile.py`` of a use case calls :func:`define_sessions`, the one in the repository root calls
:func:`define_sessions_of_all`. Nothing but the standard library and nox is needed here, so that
``nox --list`` works before anything is installed.

All sessions of a use case share one virtualenv, ``.nox/<name>`` in the repository root: the first
session that needs it makes it, the others reuse it until ``pyproject.toml`` or ``constraints.txt``
changes. The root's sessions use ``.nox/all``, which has the extras of every use case.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import nox
import nox.command

from ai4sim.data.scheduling import cores

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = ROOT / "pyproject.toml"
CONSTRAINTS = ROOT / "constraints.txt"
REPORTS = ROOT / ".ci-reports"
COVERAGE_FLOOR = 85  # per cent of the lines
MOST_TEST_WORKERS = 8  # each takes a gigabyte or two
DEVELOPMENT_EXTRAS = ("test", "lint", "docs")
PATIENCE = 120.0  # seconds from CTRL-C until nox kills: training saves a resumable checkpoint first


def use_cases() -> dict[str, Path]:
    """Return the folder of every use case that ``pyproject.toml`` lists, landed or not."""
    table = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["ai4sim"]["use-cases"]
    return {name: ROOT / folder for name, folder in table.items()}


def landed_use_cases() -> dict[str, Path]:
    """Return the folder of every use case that is in this checkout: it has a ``noxfile.py``."""
    return {n: folder for n, folder in use_cases().items() if (folder / "noxfile.py").is_file()}


# --- the environment ---------------------------------------------------------------------------


def uv_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Translate pip's settings into uv's, which ignores them.

    Parameters
    ----------
    environ : Mapping[str, str]
        Environment variables. ``PIP_FIND_LINKS`` (separated by blanks) names wheelhouses, folders
        or addresses, of which missing folders are dropped because uv stops at them;
        ``PIP_INDEX_URL`` names the package index, ``PIP_CERT`` the certificates to trust.

    Returns
    -------
    dict[str, str]
        Variables to set for uv. Bytecode is compiled at once: importing torch and Lightning takes
        three times as long without, in every process where Python may not write it. A site's own
        certificate authority is found in the system's store.
    """
    settings = {"UV_COMPILE_BYTECODE": "1"}
    if Path("/etc/ssl/certs").is_dir():
        settings["UV_SYSTEM_CERTS"] = "1"
    wheelhouses = [
        place
        for place in environ.get("PIP_FIND_LINKS", "").split()
        if "://" in place or Path(place).is_dir()
    ]
    if wheelhouses:
        settings["UV_FIND_LINKS"] = ",".join(wheelhouses)
    if "PIP_INDEX_URL" in environ:
        settings["UV_DEFAULT_INDEX"] = environ["PIP_INDEX_URL"]
    if "PIP_CERT" in environ:
        settings["SSL_CERT_FILE"] = environ["PIP_CERT"]
    return settings


def fingerprint(extras: Iterable[str]) -> str:
    """Return a hash of all that decides what an environment contains.

    The repository's own place is part of it: an environment that was moved or copied with it has
    scripts and an editable install that point to the old one.
    """
    digest = hashlib.sha256()
    for part in (PYPROJECT.read_bytes(), CONSTRAINTS.read_bytes(), str(ROOT).encode()):
        digest.update(part)
    digest.update(",".join(sorted(extras)).encode())
    return digest.hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time in: two sessions started together make an environment once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def environment(session: nox.Session, name: str, extras: Iterable[str]) -> Callable[..., None]:
    """Make or reuse the virtualenv ``.nox/<name>``.

    Parameters
    ----------
    session : nox.Session
        Session whose commands shall run there; its ``PATH`` and ``VIRTUAL_ENV`` are set to it.
    name : str
        Name of the use case, or ``all``.
    extras : Iterable[str]
        Extras of this distribution to install beside the core.

    Returns
    -------
    Callable[..., None]
        ``run(program, *arguments, **environment_variables)`` runs a program of the virtualenv.
    """
    extras = sorted(extras)
    venv = ROOT / ".nox" / name
    stamp = venv / ".installed"
    if not _is_current(venv, stamp, extras):
        with _locked(venv.parent / f"{name}.lock"):
            if not _is_current(venv, stamp, extras):  # another session may have made it meanwhile
                _install(session, venv, stamp, extras)
    session.env["VIRTUAL_ENV"] = str(venv)
    session.env["PATH"] = os.pathsep.join([str(venv / "bin"), os.environ.get("PATH", os.defpath)])

    def run(program: str, *arguments: str, **variables: str) -> None:
        session.run(
            venv / "bin" / program,
            *arguments,
            env=variables,
            interrupt_timeout=PATIENCE,
            terminate_timeout=PATIENCE,
        )

    return run


def _is_current(venv: Path, stamp: Path, extras: Iterable[str]) -> bool:
    """Tell whether an environment is whole (its Python too) and up to date."""
    return (
        (venv / "bin" / "python").exists()
        and stamp.is_file()
        and stamp.read_text(encoding="utf-8") == fingerprint(extras)
    )


def _install(session: nox.Session, venv: Path, stamp: Path, extras: Iterable[str]) -> None:
    """Install this distribution, editable, with the pinned versions: by uv if there is one."""
    python = str(venv / "bin" / "python")
    anew = not (stamp.is_file() and Path(python).exists())
    stamp.unlink(missing_ok=True)  # a killed installation is not mended but started anew
    target = f"{ROOT}[{','.join(extras)}]"
    request = ["--constraint", str(CONSTRAINTS), "--editable", target]
    beside_nox = str(Path(sys.executable).parent)
    uv = shutil.which("uv", path=beside_nox) or shutil.which("uv")
    if uv is not None:
        settings = uv_settings(os.environ)
        if anew:
            make = ["venv", "--seed", "--clear", "--python", sys.executable, str(venv)]
            session.run(uv, *make, env=settings)
        session.run(uv, "pip", "install", "--python", python, *request, env=settings)
    else:
        if anew:  # virtualenv comes with nox; venv is missing from some distributions' Python
            session.run(sys.executable, "-m", "virtualenv", "--clear", str(venv))
        session.run(python, "-m", "pip", "install", *request)
    stamp.write_text(fingerprint(extras), encoding="utf-8")


# --- what the sessions run ---------------------------------------------------------------------


def _parts(folder: Path) -> list[Path]:
    """Return what a use case stands on: the core, its domain's own modules and tests, its folder.

    The other use cases of the domain are left out, so the domain is listed part by part.
    """
    domain = folder.parent
    if domain == ROOT:  # a use case that is its own domain
        return [ROOT / "ai4sim", folder]
    others = set(use_cases().values()) - {folder}
    modules = [path for path in sorted(domain.glob("*.py")) if path.stem != "__init__"]
    wings = [path.parent for path in sorted(domain.glob("*/__init__.py"))]
    return [ROOT / "ai4sim", *modules, *(path for path in wings if path not in others)]


def _relative(paths: Iterable[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def _run_tests(
    session: nox.Session, run: Callable[..., None], name: str, parts: Iterable[Path]
) -> None:
    """Run pytest with coverage; the reports go to ``.ci-reports/``.

    Arguments after ``--`` are pytest's. They may select some of the tests, so the coverage floor
    holds only without them.
    """
    REPORTS.mkdir(exist_ok=True)
    folders = [path for path in parts if path.is_dir()]
    covered = [path for path in parts if path.name != "tests"]
    with session.chdir(ROOT):
        run(
            "pytest",
            # The files of tests run side by side, each in one process and on one thread.
            f"--numprocesses={min(cores(), MOST_TEST_WORKERS)}",
            "--dist=loadfile",
            *_relative(folders),
            *(f"--cov={path.removesuffix('.py').replace('/', '.')}" for path in _relative(covered)),
            "--cov-report=term",
            f"--cov-report=xml:{REPORTS / f'coverage_{name}.xml'}",
            f"--junitxml={REPORTS / f'junit_{name}.xml'}",
            *(session.posargs or [f"--cov-fail-under={COVERAGE_FLOOR}"]),
            COVERAGE_FILE=str(REPORTS / f".coverage_{name}"),
            OMP_NUM_THREADS="1",
        )


def _run_lint(session: nox.Session, run: Callable[..., None], parts: Iterable[Path]) -> None:
    """Check style, docstrings, names, likely bugs, format, types, import rules; report all."""
    paths = _relative(parts)
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


def _run_docs(session: nox.Session, run: Callable[..., None]) -> None:
    """Build the documentation, warnings as errors."""
    build = ROOT / "docs" / "_build" / "html"
    shutil.rmtree(
        ROOT / "docs" / "api" / "generated", ignore_errors=True
    )  # pages of renamed modules
    options = ["-W", "--keep-going", "-b", "html", *session.posargs]
    run("sphinx-build", *options, str(ROOT / "docs"), str(build))
    session.log(f"The documentation is in {build / 'index.html'}")


def _install_hooks(session: nox.Session) -> None:
    """Install the pre-commit hooks where this is a git checkout that takes them."""
    if shutil.which("git") and (ROOT / ".git").exists():
        with session.chdir(ROOT):
            hooks = f"{session.env['VIRTUAL_ENV']}/bin/pre-commit"
            session.run(hooks, "install", success_codes=[0, 1])
    session.log(f"Activate the environment with: source {session.env['VIRTUAL_ENV']}/bin/activate")


def _renew_constraints(session: nox.Session, run: Callable[..., None]) -> None:
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


# --- the sessions ------------------------------------------------------------------------------


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
            f"found {sorted(_relative(use_cases().values()))}. Add a line for it."
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
        _run_tests(session, environment(session, name, extras), name, _parts(folder))

    @nox.session(venv_backend="none")
    def lint(session: nox.Session) -> None:
        """Check style, docstrings, format, types and import rules."""
        _run_lint(session, environment(session, name, extras), _parts(folder))

    @nox.session(venv_backend="none", default=False)
    def docs(session: nox.Session) -> None:
        """Build the documentation into docs/_build/html, warnings as errors."""
        _run_docs(session, environment(session, name, extras))

    @nox.session(venv_backend="none", default=False)
    def download_data(session: nox.Session) -> None:
        """Make the demo data, or with options after -- fetch real archives, into data/raw."""
        run = environment(session, name, extras)
        run("python", "-m", download, "--data-path", "data", *session.posargs)

    @nox.session(venv_backend="none", default=False)
    def dev_dependencies(session: nox.Session) -> None:
        """Prepare the environment for development, with the pre-commit hooks."""
        environment(session, name, extras)
        _install_hooks(session)


def define_sessions_of_all() -> None:
    """Define the sessions of the repository root: over every use case that has landed.

    Tests, lint and docs run once over everything, in the environment ``.nox/all``: the core is not
    tested once per use case. Training and downloading run each use case's own session.
    """
    landed = landed_use_cases()
    extras = (*landed, *DEVELOPMENT_EXTRAS)
    domains = sorted({path.split("/")[0] for path in _relative(landed.values())})
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
        _run_tests(session, run, "all", [*packages, ROOT / "tests"])

    @nox.session(venv_backend="none")
    def lint(session: nox.Session) -> None:
        """Check style, docstrings, format, types and import rules of everything."""
        others = [ROOT / name for name in ("benchmarks", "docs", "tests", "noxfile.py")]
        parts = [*packages, *(path for path in others if path.exists())]
        _run_lint(session, environment(session, "all", extras), parts)

    @nox.session(venv_backend="none", default=False)
    def docs(session: nox.Session) -> None:
        """Build the documentation into docs/_build/html, warnings as errors."""
        _run_docs(session, environment(session, "all", extras))

    @nox.session(venv_backend="none", default=False)
    def download_data(session: nox.Session) -> None:
        """Make the demo data of every use case, or pass options after -- to each."""
        each(session, "download_data")

    @nox.session(venv_backend="none", default=False)
    def dev_dependencies(session: nox.Session) -> None:
        """Prepare one environment for everything, with the pre-commit hooks."""
        environment(session, "all", extras)
        _install_hooks(session)

    @nox.session(venv_backend="none", default=False)
    def constraints(session: nox.Session) -> None:
        """Renew constraints.txt: the newest versions of everything but torch."""
        _renew_constraints(session, environment(session, "all", extras))
