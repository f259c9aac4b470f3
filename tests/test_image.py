"""The container definitions: their steps up to the environments, with the files copied so far.

Nothing is installed: ``python3 -m venv`` gives an environment that has nox already, and a ``uv``
that only writes down its arguments.
"""

import os
import re
import shlex
import shutil
import site
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sessions import image
from sessions.registry import ROOT, use_cases

VENV = f"""#!/bin/sh
[ "$1 $2" = "-m venv" ] || exit 2
{sys.executable} -m venv --without-pip "$3"
packages="$(echo "$3"/lib/python*/site-packages)"
echo '{site.getsitepackages()[0]}' >"$packages/nox.pth"
touch "$packages/pip.py"
cp "$(dirname "$0")/uv" "$3/bin/"
"""
UV = """#!/bin/sh
for target; do :; done
echo "$*" >>"$UV_LOG"
[ "$1" = pip ] || { mkdir -p "$target/bin" && touch "$target/bin/python"; }
"""


def copy(source: Path, pattern: str, target: Path, *, contents: bool) -> None:
    """Copy what a pattern matches; of a folder its contents, or the folder itself."""
    for found in [source] if pattern == "." else sorted(source.glob(pattern)):
        if found.is_dir():
            place = target if contents else target / found.name
            shutil.copytree(found, place, dirs_exist_ok=True)
        else:
            into = target.is_dir()
            (target if into else target.parent).mkdir(parents=True, exist_ok=True)
            shutil.copy(found, target)


def docker_steps(checkout: Path, work: Path) -> tuple[Path, list[str]]:
    """Copy as the Dockerfile does until the environments; return their folder and commands."""
    text = re.sub(r"\\\n", " ", (checkout / "Dockerfile").read_text(encoding="utf-8"))
    arguments: dict[str, str] = {}
    stages: dict[str, Path] = {}
    root = folder = work
    for line in text.splitlines():
        instruction, _, rest = line.strip().partition(" ")
        rest = re.sub(r"\$\{(\w+)\}", lambda match: arguments.get(match[1], ""), rest)
        if instruction == "ARG":
            name, _, value = rest.partition("=")
            arguments[name] = value.strip('"')
        elif instruction == "FROM":
            root = folder = work / str(len(stages))
            root.mkdir()
            stages[rest.split()[-1]] = root
        elif instruction == "WORKDIR":
            folder = root / rest.strip("/")
            folder.mkdir(parents=True)
        elif instruction == "COPY":
            *sources, target = [word for word in rest.split() if not word.startswith("--")]
            chosen = re.search(r"--from=(\S+)", rest)
            origin = stages[chosen[1]] if chosen else checkout
            place = root / target.strip("/") if target.startswith("/") else folder / target
            if target.endswith("/"):
                place.mkdir(parents=True, exist_ok=True)
            for source in sources:
                assert source == "." or list(origin.glob(source.strip("/"))), f"no {source}"
                copy(origin, source.strip("/") or ".", place, contents=True)
        elif instruction == "RUN":
            if "environments.sh" in rest:
                return folder, [rest]
            if "system.sh" in rest:  # needs root
                assert (root / "tmp" / "system.sh").is_file()
            else:
                subprocess.run(["sh", "-ec", rest], cwd=folder, check=True)
    raise AssertionError("the Dockerfile makes no environments")


def apptainer_steps(checkout: Path, work: Path) -> tuple[Path, list[str]]:
    """Copy as ai4sim.def does; return the folder and the commands of %post."""
    parts = re.split(r"^%(\w+)\n", (checkout / "ai4sim.def").read_text("utf-8"), flags=re.M)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    arguments = dict(
        line.strip().split("=", 1) for line in sections["arguments"].split("\n") if line.strip()
    )
    folder = work / "opt" / "ai4sim"
    folder.mkdir(parents=True)
    for line in sections["files"].splitlines():
        if line.strip():
            source, target = line.split()
            copy(checkout, source, work / target.strip("/"), contents=False)
    post = re.sub(r"\{\{ (\w+) \}\}", lambda match: arguments[match[1]], sections["post"])
    post = post.replace("/opt/ai4sim", shlex.quote(str(folder)))
    return folder, [line for line in post.splitlines() if "system.sh" not in line]


@pytest.mark.parametrize("steps", [docker_steps, apptainer_steps])
def test_environments_are_made_with_the_files_copied_so_far(steps, checkout, tmp_path):
    folder, commands = steps(checkout, tmp_path)
    programs, log = tmp_path / "programs", tmp_path / "uv.log"
    programs.mkdir()
    for name, text in {"python3": VENV, "uv": UV}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL", "COV"))}
    done = subprocess.run(
        ["sh", "-euc", "\n".join(commands)],
        cwd=folder,
        env={**kept, "PATH": f"{programs}:/usr/bin:/bin", "UV_LOG": str(log)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in use_cases():
        assert re.search(rf"^venv .*{re.escape(f'{folder}/.nox/{name}')}$", log.read_text(), re.M)
        assert (folder / ".nox" / name / ".installed").is_file()
    assert re.search(
        rf"--editable {re.escape(str(folder))}\[.*\bwf_bias_correction\]", log.read_text()
    )
    # The installation reads these to describe the package.
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    version = project["tool"]["setuptools"]["dynamic"]["version"]["attr"]
    package = version.split(".")[0]
    for file in (
        project["project"]["readme"],
        *project["project"]["license-files"],
        f"{package}/__init__.py",
    ):
        assert (folder / file).is_file()


def engine(folder: Path, name: str, code: int = 0) -> None:
    """Put a program there that writes down how it is called."""
    (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"{folder}/log"\nexit {code}\n')
    (folder / name).chmod(0o755)


def run_image(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nox", "--noxfile", str(ROOT / "noxfile.py"), "-s", "image"]
    return subprocess.run(
        [*command, "--", *options],
        env={**os.environ, "PATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_session_image_builds_with_what_is_there_and_tries_the_result(tmp_path):
    engine(tmp_path, "docker", 1)  # its daemon does not answer
    done = run_image(tmp_path)
    assert done.returncode != 0
    assert all(name in done.stderr for name in image.ENGINES)
    engine(tmp_path, "podman")
    done = run_image(tmp_path, "--build-arg", "BASE=debian")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "log").read_text().splitlines()[-2:] == [
        "podman build --tag ai4sim --build-arg BASE=debian .",
        "podman run --rm ai4sim ./script.sh combustion_gnns tests -- -k cli",
    ]
