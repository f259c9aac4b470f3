"""The wheel: its files, and a surrogate that is applied where nothing else is installed."""

import shutil
import subprocess
import sys
from zipfile import ZipFile

import numpy as np
import pytest
import torch

from ai4sim import Surrogate
from ai4sim.variables import Variable
from sessions.registry import ROOT, folder_of, use_cases

APPLY = """
import sys
wheel, checkout, *arguments = sys.argv[1:]
sys.path = [wheel] + [place for place in sys.path if place != checkout]
import ai4sim
assert ai4sim.__file__.startswith(wheel) and "torch" not in sys.modules
from ai4sim import Surrogate
import numpy as np
weights, fields, result = arguments
np.savez(result, **Surrogate.load(weights).predict(dict(np.load(fields))))
assert "lightning" not in sys.modules
"""


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = shutil.copytree(checkout, folder / "source")
    command = "pip wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir".split()
    subprocess.run([sys.executable, "-m", *command, folder, source], check=True)
    (file,) = folder.glob("*.whl")
    return file


def test_the_wheel_holds_the_packages_and_nothing_of_their_development(wheel):
    names = set(ZipFile(wheel).namelist())
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    folders = [folder_of(use_case) for use_case in use_cases().values()]
    assert tops == {"ai4sim"} | {folder.split("/")[0] for folder in folders}
    assert not [n for n in names if "/tests/" in n or "noxfile" in n or "notebooks" in n]
    for folder in folders:
        assert {f"{folder}/{file}" for file in ("trainer.py", "configs/demo.yaml")} <= names
    data = [p for top in tops for p in (checkout_files(top)) if p.endswith(".json")]
    assert data and set(data) <= names


def checkout_files(package: str) -> list[str]:
    """Return the tracked kinds of files of a package, without those that runs make."""
    paths = (path.relative_to(ROOT) for path in (ROOT / package).rglob("*.json"))
    made = {"experiments", "data", "tests", "lightning_logs"}
    return [str(path) for path in paths if not made & set(path.parts)]


def test_a_wheel_alone_loads_and_applies_a_surrogate(wheel, tmp_path):
    torch.manual_seed(0)
    net = {"name": "UNet", "dimensions": 2, "in_channels": 2, "out_channels": 1, "features": 4}
    inputs = [Variable("temperature", "K"), Variable("progress_variable", "1")]
    surrogate = Surrogate(net, inputs, [Variable("flame_surface_density", "1/m")]).eval()
    fields = {v.name: np.random.default_rng(1).normal(size=(16, 16)) for v in inputs}
    surrogate.save(tmp_path / "weights")
    np.savez(tmp_path / "fields.npz", **fields)
    ZipFile(wheel).extractall(tmp_path / "installed")
    arguments = [
        tmp_path / "installed",
        ROOT,
        *(tmp_path / n for n in ("weights", "fields.npz", "result.npz")),
    ]
    subprocess.run([sys.executable, "-I", "-c", APPLY, *arguments], cwd=tmp_path, check=True)
    found = np.load(tmp_path / "result.npz")
    expected = surrogate.predict(fields)
    assert found.files == list(expected)
    np.testing.assert_array_equal(found["flame_surface_density"], expected["flame_surface_density"])
