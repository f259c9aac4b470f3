"""Session that makes the environments of use cases before their code is there: an image's layer."""

import sys
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from sessions.environments import environment  # noqa: E402
from sessions.registry import use_cases  # noqa: E402


@nox.session(venv_backend="none")
def environments(session: nox.Session) -> None:
    """Make the environment of each use case named after --; ``all`` means every one."""
    known = use_cases()
    names = list(known) if session.posargs == ["all"] else session.posargs
    unknown = set(names) - known.keys()
    if unknown:
        session.error(f"unknown use case {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    for name in names:
        environment(session, name)
