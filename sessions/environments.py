"""The virtualenvs that the sessions share: made when needed, renewed when their contents change."""

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

from sessions.registry import ROOT

PYPROJECT = ROOT / "pyproject.toml"
CONSTRAINTS = ROOT / "constraints.txt"
DEVELOPMENT_EXTRAS = ("test", "lint", "docs")
COUPLER = "coupler"
PATIENCE = 120.0  # seconds from CTRL-C until nox kills: training saves a resumable checkpoint first


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


def extras_of(names: Iterable[str]) -> list[str]:
    """Return the extras of use cases, where they have one, and those of the tools."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    own = set(names) & project["optional-dependencies"].keys()
    return sorted(own | set(DEVELOPMENT_EXTRAS))


def environment(session: nox.Session, name: str, *use_cases: str) -> Callable[..., None]:
    """Make or reuse the virtualenv ``.nox/<name>``.

    Parameters
    ----------
    session : nox.Session
        Session whose commands shall run there; its ``PATH`` and ``VIRTUAL_ENV`` are set to it.
    name : str
        Name of the use case, or ``all``.
    *use_cases : str
        Use cases whose requirements are installed, by default the one of that name.

    Returns
    -------
    Callable[..., None]
        ``run(program, *arguments, **environment_variables)`` runs a program of the virtualenv.
    """
    extras = extras_of(use_cases or (name,))
    venv = ROOT / ".nox" / name
    stamp = venv / ".installed"
    if not _is_current(venv, stamp, extras):
        with _locked(venv.parent / f"{name}.lock"):
            if not _is_current(venv, stamp, extras):  # another session may have made it meanwhile
                _install(session, venv, stamp, extras)
    return _runner(session, venv)


def _runner(session: nox.Session, venv: Path) -> Callable[..., None]:
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


def _find_uv() -> str | None:
    beside_nox = str(Path(sys.executable).parent)
    return shutil.which("uv", path=beside_nox) or shutil.which("uv")


def oldest_environment(session: nox.Session) -> Callable[..., None]:
    """Make ``.nox/oldest`` anew: the lower bounds of ``pyproject.toml``; return what runs in it.

    torch alone is the pinned one. Each of its releases brings a gigabyte or two of CUDA.
    """
    uv = _find_uv()
    if uv is None:
        session.error("needs uv: pip, which the other sessions make do with, takes no lower bounds")
    venv, settings = ROOT / ".nox" / "oldest", uv_settings(os.environ)
    torch = Path(session.create_tmp()) / "torch.txt"
    pins = CONSTRAINTS.read_text(encoding="utf-8").splitlines(keepends=True)
    torch.write_text("".join(x for x in pins if x.startswith("torch==")), encoding="utf-8")
    session.run(
        uv, "venv", "--seed", "--clear", "--python", sys.executable, str(venv), env=settings
    )
    request = ["--resolution=lowest-direct", f"--override={torch}", "--editable", f"{ROOT}[test]"]
    python = str(venv / "bin" / "python")
    session.run(uv, "pip", "install", "--python", python, *request, env=settings)
    return _runner(session, venv)


def _install(session: nox.Session, venv: Path, stamp: Path, extras: Iterable[str]) -> None:
    """Install this distribution, editable, with the pinned versions: by uv if there is one."""
    python = str(venv / "bin" / "python")
    anew = not (stamp.is_file() and Path(python).exists())
    stamp.unlink(missing_ok=True)  # a killed installation is not mended but started anew
    target = f"{ROOT}[{','.join(extras)}]"
    request = ["--constraint", str(CONSTRAINTS), "--editable", target]
    uv = _find_uv()
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


def add_coupler(session: nox.Session) -> None:
    """Make ``.nox/coupler``: the extra "coupler" alone, to be used on top of another environment.

    Tests run the programs of ``examples/coupler`` in it. Within the others mpi4py would make every
    training start MPI.
    """
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    venv, extra = ROOT / ".nox" / COUPLER, project["optional-dependencies"][COUPLER]
    request = ["--constraint", str(CONSTRAINTS), "--no-deps", *extra]
    session.run(sys.executable, "-m", "virtualenv", "--clear", str(venv))
    session.run(str(venv / "bin" / "python"), "-m", "pip", "install", *request)
