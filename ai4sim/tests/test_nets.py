"""Networks by name: every package declares its own, and a file can name nothing else."""

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module

import pytest
from torch import nn

from ai4sim import nets
from ai4sim.nets import build, completed, declared, find, known

PACKAGES = [*nets.ROOT.glob("*/nets/__init__.py"), *nets.ROOT.glob("*/*/nets/__init__.py")]


def test_every_declared_network_is_found_by_a_name_of_its_own():
    names = [name for path in PACKAGES for name in declared(path)]
    assert len(set(names)) == len(names) > len(nets.NETS)
    assert set(names) <= known().keys()
    for name in names:
        net = find(name)
        assert issubclass(net, nn.Module)
        assert (net.__name__, net.__module__) == (name, known()[name])


def test_a_network_is_imported_when_it_is_built():
    lines = [
        "import sys; from ai4sim import nets",
        "unseen = set(nets.known().values()) - {'ai4sim.nets.unet'}",
        f"assert len(nets.known()) == {sum(len(declared(path)) for path in PACKAGES)}",
        "assert not unseen & set(sys.modules)",
    ]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)
    for path in PACKAGES:
        package = ".".join(path.parent.relative_to(nets.ROOT).parts)
        assert import_module(package).NETS == declared(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("torch.nn.Linear", "unknown name 'torch.nn.Linear'; known:"),
        ("ai4sim.nets.unet.UNet", "unknown name 'ai4sim.nets.unet.UNet'.*; known:"),
        ("EdgeConditionedConv", r"did you mean 'EdgeConditionedNet'\?"),
        ("build", "unknown name 'build'; known:"),
    ],
)
def test_only_declared_networks_are_built(name, message):
    with pytest.raises(ValueError, match=message):
        build({"name": name})


def test_a_network_of_a_use_case_is_suggested_too():
    (name,) = (n for path in PACKAGES if "wmed" in path.parts for n in declared(path) if "B" in n)
    with pytest.raises(ValueError, match=rf"unknown name '{name[:-1]}' \(did you mean '{name}'"):
        build({"name": name[:-1]})


def test_a_name_that_two_packages_declare_is_refused_and_no_other(tmp_path, monkeypatch):
    for package in ("air", "sea"):
        (tmp_path / package / "nets").mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
        table = {"FluxNet": "flux", package.title(): "own"}
        (tmp_path / package / "nets" / "__init__.py").write_text(f"NETS = {table}\n")
        own = f"from torch import nn\nclass {package.title()}(nn.Module): ...\n"
        (tmp_path / package / "nets" / "own.py").write_text(own)
    monkeypatch.setattr(nets, "ROOT", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    nets._tables.cache_clear()
    try:
        with pytest.raises(
            ValueError, match="'FluxNet' is declared by air.nets.flux and by sea.nets.flux"
        ):
            find("FluxNet")
        assert find("Air").__module__ == "air.nets.own"
    finally:
        nets._tables.cache_clear()


def test_sizes_go_to_the_networks_that_take_them():
    sizes = {"in_channels": 3, "out_channels": 2, "levels": 9}
    assert completed("MLP", **sizes) == {"name": "MLP", "in_channels": 3, "out_channels": 2}
    spec = {"name": "BiRNN", "features": 4, "in_channels": 1}
    assert completed(spec, **sizes) == {**spec, "in_channels": 3, "out_channels": 2}
    with pytest.raises(ValueError, match="unknown name 'mlp'.*did you mean 'MLP'"):
        completed("mlp", **sizes)


def test_packages_that_are_only_installed_beside_the_core_declare_networks(tmp_path):
    """As in site-packages: a folder with packages and nothing else, one of them a stranger's."""
    for path in PACKAGES:
        copy = shutil.copytree(path.parent, tmp_path / path.parent.relative_to(nets.ROOT))
        for folder in copy.relative_to(tmp_path).parents[:-1]:
            (tmp_path / folder / "__init__.py").touch()
    stranger = tmp_path / "stranger" / "nets"
    stranger.mkdir(parents=True)
    (stranger / "__init__.py").write_text(
        "raise RuntimeError\nNETS = dict(UNet='unet')\nNETS: dict = {}"
    )
    for name, text in {
        "old": "print 1",
        "other": "NETS = {'UNet': UNet}",
        "no": "NETS = {1: 2}",
    }.items():
        (tmp_path / name / "nets").mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
        (tmp_path / name / "nets" / "__init__.py").write_text(text)
    # A copy of a package in a folder that is none, such as somebody's backup.
    shutil.copytree(tmp_path / "wmed", tmp_path / "backup" / "wmed")
    names = {path.parts[-3]: sorted(declared(path)) for path in PACKAGES}
    code = "import json; from ai4sim import nets; print(nets.__file__, json.dumps(nets.known()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    file, _, found = done.stdout.partition(" ")
    assert file.startswith(str(tmp_path))
    assert sorted(json.loads(found)) == sorted(sum(names.values(), []))
    assert json.loads(found) == known()
