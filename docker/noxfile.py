"""Session that makes the environments of use cases before their code is there: an image's layer."""

import sys
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from sessions.environments import DEVELOPMENT_EXTRAS, environment  # noqa: E402


@nox.session(venv_backend="none")
def environments(session: nox.Session) -> None:
    """Make the environment of each use case named after --."""
    for name in session.posargs:
        environment(session, name, (name, *DEVELOPMENT_EXTRAS))
