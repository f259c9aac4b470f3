"""Every configuration is one that the command line takes."""

import pytest

from ai4sim.tests.use_case import resolved
from combustion.crops import CropDataModule
from combustion.models import FlameModule
from combustion.unets import config, models  # noqa: F401

CONFIGS = sorted(config.USE_CASE.configs.glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration_is_valid_and_complete(path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["trainer.py"])
    found = resolved(FlameModule, CropDataModule, config, path, capsys)
    assert found["model"]["class_path"] == "combustion.unets.models.LitUNet3D"
