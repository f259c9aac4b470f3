"""What holds the house together: the entry point, the packaging, the places that name use cases."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import grimp
import pytest

from ai4sim.use_case import UseCase
from sessions.checks import PIPELINE, with_matrix
from sessions.registry import ROOT, folder_of, package_of, use_cases

USE_CASES = use_cases()
DOMAINS = {package_of(use_case).split(".")[0] for use_case in USE_CASES.values()}
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
    for name in USE_CASES:
        assert name in answer.stderr


def test_script_without_arguments_explains_itself():
    answer = script()
    assert answer.returncode == 2
    assert "Usage: ./script.sh UC" in answer.stderr
    assert script("--help").returncode == 0


def test_script_names_the_use_cases_of_a_sparse_checkout(tmp_path):
    registry = ("ai4sim/__init__.py", "ai4sim/use_case.py", "sessions/registry.py")
    for name in ("script.sh", *registry, "combustion/unets/config.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    answer = subprocess.run(
        [str(tmp_path / "script.sh"), "wmed", "train"],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 2
    assert "unknown use case 'wmed'; in this checkout: combustion_unets all" in answer.stderr


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


@pytest.mark.parametrize(
    "folder", [ROOT, *(u.root for u in USE_CASES.values())], ids=lambda folder: folder.name
)
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
    # `nox --list` must work in an environment that has nox alone; UseCase is imported for its type.
    trees = [ast.parse(f.read_text(encoding="utf-8")) for f in (ROOT / "sessions").glob("*.py")]
    tops = {name.split(".")[0] for tree in trees for name in imported_modules(tree)}
    assert tops - set(sys.stdlib_module_names) == {"ai4sim", "nox", "sessions"}


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
    own = {"ai4sim", "sessions", *DOMAINS}
    files = [f for place in places for f in ([place] if place.is_file() else place.rglob("*.py"))]
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    tops = {module.split(".")[0] for tree in trees for module in imported_modules(tree)}
    tops -= own | set(sys.stdlib_module_names)
    return {{"yaml": "pyyaml"}.get(top, canonical(top)) for top in tops}


@pytest.mark.parametrize("name", ["core", *USE_CASES])
def test_every_import_is_declared(name):
    declared = CORE | EXTRAS["test"] | EXTRAS.get(canonical(name), set())
    folder = USE_CASES[name].root if name in USE_CASES else ROOT / "ai4sim"
    domain = folder.parent if folder.parent != ROOT else folder
    others = {use_case.root for use_case in USE_CASES.values()} - {folder}
    wings = [path.parent for path in domain.glob("*/__init__.py") if path.parent not in others]
    found = third_party_imports(folder, *domain.glob("*.py"), *wings)
    assert found <= declared, f"not in pyproject.toml: {sorted(found - declared)}"


# --- imports -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("ai4sim", *DOMAINS, cache_dir=None)


@pytest.mark.parametrize("use_case", USE_CASES.values(), ids=USE_CASES)
def test_a_use_case_is_imported_by_itself_alone(use_case, graph):
    own = {package_of(use_case), *graph.find_descendants(package_of(use_case))}
    importers = {
        other for module in own for other in graph.find_modules_that_directly_import(module)
    }
    assert importers <= own


def test_the_import_rules_cover_every_use_case():
    rules = PROJECT["tool"]["importlinter"]
    assert set(rules["root_packages"]) == {"ai4sim", *DOMAINS}
    assert any(
        set(rule.get("ancestors", ())) == {"ai4sim", *DOMAINS} for rule in rules["contracts"]
    )
    above_the_core = rules["contracts"][0]["layers"][0]
    assert set(above_the_core.split(" | ")) == DOMAINS
    covered = {container for rule in rules["contracts"] for container in rule.get("containers", ())}
    for package in map(package_of, USE_CASES.values()):
        assert any(fnmatch(package, pattern) for pattern in covered), f"no layers inside {package}"


# --- the places that name use cases ------------------------------------------------------------


EXAMPLE = re.compile(r"script\.sh|ai4sim\.sif|--bind")
"""A line that shows a command on some use case."""


def places(use_case: UseCase) -> set[str]:
    """Return the files that name a use case and are neither its own, nor prose, nor generated."""
    patterns = ["*.toml", "*.py", "*.def", "Dockerfile", "script.sh", "README.rst", "docker/*"]
    patterns += ["sessions/*.py", "docs/*.py", "docs/index.rst", "ai4sim/**/*.py"]
    names = (use_case.name, package_of(use_case), folder_of(use_case))
    word = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, names))})(?!\w)")
    found = {"config.py"}
    files = {file for pattern in patterns for file in ROOT.glob(pattern) if file.is_file()}
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        named = any(word.search(line) and not EXAMPLE.search(line) for line in lines)
        if named and "tests" not in file.parts:
            found.add(str(file.relative_to(ROOT)))
    return found


@pytest.mark.parametrize("use_case", USE_CASES.values(), ids=USE_CASES)
def test_a_use_case_is_named_in_three_places(use_case):
    assert places(use_case) <= {"config.py", "pyproject.toml", "README.rst"}
    assert f"``{use_case.name}``" in (ROOT / "README.rst").read_text(encoding="utf-8")


@pytest.mark.parametrize("use_case", USE_CASES.values(), ids=USE_CASES)
def test_a_use_case_has_its_rooms(use_case):
    for room in ("config.py", "models.py", "trainer.py", "noxfile.py", "README.rst"):
        assert (use_case.root / room).is_file(), f"the use case lacks its {room}"
    for room in ("data.py", "plotters.py"):  # what two use cases share, their domain package has
        shared = (use_case.root.parent / room).is_file()
        assert shared or (use_case.root / room).is_file(), f"the use case lacks its {room}"
    assert (use_case.configs / "demo.yaml").is_file()


def test_the_pipeline_runs_every_use_case():
    pipeline = PIPELINE.read_text(encoding="utf-8")
    assert with_matrix(pipeline) == pipeline, "run `nox -s matrix`"
    assert f"[{', '.join(USE_CASES)}]" in pipeline


def test_declaring_a_use_case_imports_the_standard_library_alone():
    (tree,) = [ast.parse((ROOT / "ai4sim" / "use_case.py").read_text(encoding="utf-8"))]
    assert {name.split(".")[0] for name in imported_modules(tree)} <= set(sys.stdlib_module_names)


OWN = "|".join(("ai4sim", "sessions", *sorted(DOMAINS)))
NAME = re.compile(rf"(?<![\w./$-])((?:{OWN})(?:\.(?!sif\b|def\b)\w+)+)")
"""The full name of something in this repository."""


def unknown_names(text: str) -> list[str]:
    """Return the full names of modules, or of what they define, that do not exist."""
    unknown = []
    for name in NAME.findall(text):
        parts, file = name.split("."), ROOT
        while parts and (file / parts[0]).is_dir():
            file /= parts.pop(0)
        if parts and (file / f"{parts[0]}.py").is_file():
            file /= f"{parts.pop(0)}.py"
        else:
            file /= "__init__.py"
        if parts and not re.search(rf"\b{parts[0]}\b", file.read_text(encoding="utf-8")):
            unknown.append(name)
    return unknown


def test_prose_names_nothing_that_is_not_there():
    patterns = ["*.rst", "docs/*.rst", *(f"{d}/**/*.{s}" for d in DOMAINS for s in ("rst", "yaml"))]
    patterns += [f"{d}/**/notebooks/*.ipynb" for d in DOMAINS]
    patterns += [f"{d}/**/*.py" for d in ("ai4sim", *DOMAINS)]
    texts = {f: f.read_text(encoding="utf-8") for p in patterns for f in ROOT.glob(p)}
    prose = {f: t for f, t in texts.items() if not {"tests", "experiments"} & set(f.parts)}
    unknown = {f.relative_to(ROOT): names for f, t in prose.items() if (names := unknown_names(t))}
    assert not unknown
    assert unknown_names("python -m wmed.synthetic.nowhere") == ["wmed.synthetic.nowhere"]


def test_sources_are_readable_files():
    # A room with more than 500 lines is two rooms.
    sources = [p for d in ("ai4sim", "sessions", *DOMAINS) for p in (ROOT / d).rglob("*.py")]
    long = {str(p): n for p in sources if (n := len(p.read_text("utf-8").splitlines())) > 500}
    assert not long
