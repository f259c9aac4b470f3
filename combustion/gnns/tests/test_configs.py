"""Every configuration is one that the command line takes."""

import pytest

from ai4sim.tests.use_case import resolved
from combustion.gnns import config, models
from combustion.gnns.data import GraphDataModule
from combustion.models import FlameModule

CONFIGS = sorted(config.USE_CASE.configs.glob("*.yaml"))


@pytest.fixture(autouse=True)
def no_arguments(monkeypatch):
    monkeypatch.setattr("sys.argv", ["trainer.py"])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration_is_valid_and_its_network_can_be_built(path, capsys):
    found = resolved(FlameModule, GraphDataModule, config, path, capsys)["model"]
    package, name = found["class_path"].rsplit(".", 1)
    assert package == "combustion.gnns.models"
    model = getattr(models, name)(**found["init_args"])
    assert [v.name for v in model.surrogate.outputs] == ["flame_surface_density"]


def test_fine_tuning_continues_the_network_of_the_transfer(capsys):
    transfer, tuned = (
        resolved(FlameModule, GraphDataModule, config, config.USE_CASE.configs / name, capsys)[
            "model"
        ]
        for name in ("r2_to_r3.yaml", "r3_finetuned.yaml")
    )
    for name in ("hidden_channels", "num_layers", "kernels", "symmetric"):
        assert transfer["init_args"][name] == tuned["init_args"][name]
