"""What the configurations of this use case have in common."""

import pytest
import yaml

from weather_forecast.gwd import config, models
from weather_forecast.gwd.data import ColumnDataModule

CONFIGS = sorted(set(config.USE_CASE.configs.glob("*.yaml")) - {config.USE_CASE.space})


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_scheme_data_and_network_belong_together(path):
    content = yaml.safe_load(path.read_text())
    name = content["model"]["class_path"].rpartition(".")[2]
    module = getattr(models, name)(**content["model"]["init_args"])
    orographic = module.layout.scheme == "ogwd"
    assert module.layout.levels == (91 if orographic else 63)
    # Each scheme has a folder of its own, and only one of them needs the latitude.
    assert content["data"]["data_path"].endswith("/ogwd}") == orographic
    assert ColumnDataModule(**content["data"]).latitude == module.scaled
