"""Every configuration is one that the command line takes."""

import pytest
import yaml

from ai4sim.tests.use_case import resolved
from weather_forecast.gwd import config, models
from weather_forecast.gwd.data import ColumnDataModule

CONFIGS = sorted(config.USE_CASE.configs.glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration_is_valid_and_complete(path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["trainer.py"])
    found = resolved(models.DragModule, ColumnDataModule, config, path, capsys)
    package, _, name = found["model"]["class_path"].rpartition(".")
    assert package == "weather_forecast.gwd.models"
    arguments = found["model"]["init_args"]
    orographic = name == "LitStressNet" or arguments.get("scheme") == "ogwd"
    assert arguments["levels"] == (91 if orographic else 63)
    # Each scheme has a folder of its own, and only one of them needs the latitude.
    assert found["data"]["data_path"].endswith("ogwd") == orographic
    needed = not orographic and arguments["launch_flux"] == "latitude"
    assert found["data"]["latitude"] == needed
    module = getattr(models, name)(**arguments)
    assert module.layout.scheme == ("ogwd" if orographic else "nogwd")


def test_every_model_has_a_configuration_and_there_is_a_demo():
    used = {
        yaml.safe_load(path.read_text(encoding="utf-8"))["model"]["class_path"] for path in CONFIGS
    }
    names = {model.__name__ for model in models.DragModule.__subclasses__()}
    assert {name.rpartition(".")[2] for name in used} == names
    assert "demo" in {path.stem for path in CONFIGS}
