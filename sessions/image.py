"""The session that builds the container image and runs tests of a use case inside."""

from __future__ import annotations

import shutil
import subprocess

import nox

from sessions.registry import ROOT, use_cases

ENGINES = ("docker", "podman", "buildah", "apptainer")
TAG = "ai4sim"


def find_engine() -> str | None:
    """Return the first program that can build an image here; docker must answer, too."""
    for engine in ENGINES:
        if shutil.which(engine) and (engine != "docker" or _answers(engine)):
            return engine
    return None


def _answers(engine: str) -> bool:
    return subprocess.run([engine, "info"], capture_output=True, check=False).returncode == 0


def build_and_try(session: nox.Session) -> None:
    """Build the image with the options after ``--``; run tests of the first use case inside."""
    engine = find_engine()
    if engine is None:
        session.error(
            f"no program that can build an image: looked for {', '.join(ENGINES)} on the PATH "
            "(docker counts only if its daemon answers)"
        )

    trial = (next(iter(use_cases())), "tests", "--", "-k", "cli")

    def run(*command: str, silent: bool = False) -> str:
        return str(session.run(engine, *command, external=True, silent=silent))

    with session.chdir(ROOT):
        if engine == "apptainer":
            run("build", "--force", *session.posargs, f"{TAG}.sif", "ai4sim.def")
            run("run", "--writable-tmpfs", f"{TAG}.sif", *trial)
            return
        run("build", "--tag", TAG, *session.posargs, ".")
        if engine != "buildah":
            run("run", "--rm", TAG, "./script.sh", *trial)
            return
        container = run("from", TAG, silent=True).split()[-1]
        try:
            run("run", container, "--", "./script.sh", *trial)
        finally:
            run("rm", container)
