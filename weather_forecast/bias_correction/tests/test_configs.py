"""Every configuration is one that the command line takes."""

import pytest
import yaml

from ai4sim.tests.use_case import resolved
from weather_forecast.bias_correction import config, models
from weather_forecast.bias_correction.data import RadiationDataModule

CONFIGS = sorted(config.USE_CASE.configs.glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration_is_valid_and_complete(path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["trainer.py"])
    found = resolved(models.CorrectionModule, RadiationDataModule, config, path, capsys)
    package, _, name = found["model"]["class_path"].rpartition(".")
    assert package == "weather_forecast.bias_correction.models"
    arguments = found["model"]["init_args"]
    # The error is a share of the effect, see CorrectionModule.
    assert (arguments["levels"], arguments["loss"]) == (137, "mae")
    assert isinstance(getattr(models, name)(**arguments), models.CorrectionModule)


def test_every_model_has_a_configuration_and_there_is_a_demo():
    used = {
        yaml.safe_load(path.read_text(encoding="utf-8"))["model"]["class_path"] for path in CONFIGS
    }
    names = {model.__name__ for model in models.CorrectionModule.__subclasses__()}
    assert {name.rpartition(".")[2] for name in used} == names
    assert "demo" in {path.stem for path in CONFIGS}
