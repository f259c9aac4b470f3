"""What holds the house together: the entry point, the packaging, the places that name use cases."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sessions.registry import ROOT, landed_use_cases

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def canonical(name: str) -> str:
    """Return a distribution's name as the package index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonical(name): version for name, version in pairs}


def requirements(group: list[str]) -> set[str]:
    """Return the names of distributions in a list such as ``["h5py>=3", "nox[uv]>=2025"]``."""
    return {canonical(re.split(r"[\[<>=!~ ;]", requirement)[0]) for requirement in group}


EXTRAS = {
    canonical(name): requirements(group)
    for name, group in PROJECT["project"]["optional-dependencies"].items()
}
CORE = requirements(PROJECT["project"]["dependencies"])


def script(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "script.sh"), *arguments],
        env={**os.environ, "PYTHON": sys.executable, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


# --- script.sh ---------------------------------------------------------------------------------


def test_script_lists_the_valid_use_cases_for_an_unknown_one():
    answer = script("combustion_unet", "train")
    assert answer.returncode == 2
    assert "unknown use case 'combustion_unet'" in answer.stderr
    for name in ("combustion_gnns", "combustion_unets", "wf_gwd", "wf_bias_correction", "wmed"):
        assert name in answer.stderr


def test_script_without_arguments_explains_itself():
    answer = script()
    assert answer.returncode == 2
    assert "Usage: ./script.sh UC" in answer.stderr
    assert script("--help").returncode == 0


def test_script_says_that_a_use_case_is_not_in_a_sparse_checkout(tmp_path):
    for name in ("script.sh", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    answer = subprocess.run(
        [str(tmp_path / "script.sh"), "wmed", "train"],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 2
    assert "'wmed' is not in this checkout" in answer.stderr


def test_script_works_from_any_folder(tmp_path):
    command = [str(ROOT / "script.sh"), "nowhere"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2
    assert "combustion_unets" in answer.stderr


def test_script_needs_a_recent_python(tmp_path):
    for name in ("python", "python3", *(f"python3.{minor}" for minor in range(11, 15))):
        old = tmp_path / name
        old.write_text("#!/bin/sh\nexit 1\n")  # as if the version were below 3.11
        old.chmod(0o755)
    answer = script("all", "lint", PATH=f"{tmp_path}:/usr/bin:/bin", PYTHON="")
    assert answer.returncode == 1
    assert "no Python >= 3.11" in answer.stderr


# --- nox ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", [ROOT, *landed_use_cases().values()], ids=lambda f: f.name)
def test_nox_describes_every_session_in_a_line(folder):
    listing = subprocess.run(
        [sys.executable, "-m", "nox", "--noxfile", str(folder / "noxfile.py"), "--list"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    described = dict(re.findall(r"^[*-] (\w+) -> (\S.*\.)$", listing, flags=re.MULTILINE))
    expected = {"train", "tests", "lint", "docs", "download_data", "dev_dependencies"}
    assert expected <= described.keys()


def test_sessions_are_defined_without_the_scientific_packages():
    # `nox --list` must work in an environment that has nox alone, without the package.
    trees = [ast.parse(f.read_text(encoding="utf-8")) for f in (ROOT / "sessions").glob("*.py")]
    tops = {name.split(".")[0] for tree in trees for name in imported_modules(tree)}
    assert tops - set(sys.stdlib_module_names) == {"nox", "sessions"}


# --- packaging ---------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", ["core", *EXTRAS])
def test_everything_that_is_named_is_pinned(extra):
    assert (CORE if extra == "core" else EXTRAS[extra]) <= pins().keys()


def test_pins_are_exact_and_install_with_and_without_cuda():
    for name, version in pins().items():
        assert re.fullmatch(r"\d[\w.!]*", version), f"{name}=={version}: a local version or a range"
    assert pins()["torch"] == "2.13.0"


def test_nothing_must_be_compiled_or_is_abandoned():
    # No wheels for the pinned torch, or no release in years.
    unwanted = {"torch-scatter", "torch-sparse", "torch-cluster", "torch-spline-conv", "pyg-lib"}
    unwanted |= {
        "torchvision",
        "h5pickle",
        "dotmap",
        "pkg-resources",
        "nose",
        "jsonargparse-lightning",
    }
    assert not unwanted & pins().keys()


def imported_modules(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def third_party_imports(*places: Path) -> set[str]:
    """Return the distributions that Python files, or those of a folder, import from elsewhere."""
    own = {"ai4sim", "sessions", "combustion", "weather_forecast", "wmed"}
    files = [f for place in places for f in ([place] if place.is_file() else place.rglob("*.py"))]
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    tops = {module.split(".")[0] for tree in trees for module in imported_modules(tree)}
    tops -= own | set(sys.stdlib_module_names)
    return {{"yaml": "pyyaml"}.get(top, canonical(top)) for top in tops}


@pytest.mark.parametrize("name", ["core", *landed_use_cases()])
def test_every_import_is_declared(name):
    declared = CORE | EXTRAS["test"] | EXTRAS.get(canonical(name), set())
    folder = landed_use_cases().get(name, ROOT / "ai4sim")
    domain = folder.parent if folder.parent != ROOT else folder
    others = set(landed_use_cases().values()) - {folder}
    wings = [path.parent for path in domain.glob("*/__init__.py") if path.parent not in others]
    found = third_party_imports(folder, *domain.glob("*.py"), *wings)
    assert found <= declared, f"not in pyproject.toml: {sorted(found - declared)}"


# --- the places that name use cases ------------------------------------------------------------


@pytest.mark.parametrize(("name", "folder"), landed_use_cases().items())
def test_a_use_case_is_named_everywhere(name, folder):
    package = ".".join(folder.relative_to(ROOT).parts)
    assert canonical(name) in EXTRAS
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    named = {module for contract in contracts for key in contract for module in contract[key]}
    assert package in named, "no import rule protects it"
    for file in (".gitlab-ci.yml", "Dockerfile", "ai4sim.def", "README.rst"):
        assert name in (ROOT / file).read_text(encoding="utf-8"), f"{file} does not name it"
    assert (ROOT / "docs" / "use_cases" / f"{name}.rst").is_file()
    for room in ("config.py", "models.py", "trainer.py", "README.rst"):
        assert (folder / room).is_file(), f"the use case lacks its {room}"
    for room in ("data.py", "plotters.py"):  # what two use cases share, their domain package has
        shared = (folder.parent / room).is_file()
        assert shared or (folder / room).is_file(), f"the use case lacks its {room}"
    assert (folder / "configs" / "demo.yaml").is_file()


def test_sources_are_readable_files():
    # A room with more than 500 lines is two rooms.
    sources = [
        p
        for d in ("ai4sim", "combustion", "weather_forecast", "wmed")
        for p in (ROOT / d).rglob("*.py")
    ]
    long = {str(p): n for p in sources if (n := len(p.read_text("utf-8").splitlines())) > 500}
    assert not long
