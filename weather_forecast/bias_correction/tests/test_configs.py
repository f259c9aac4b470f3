"""What the configurations of this use case have in common."""

import pytest
import torch
import yaml

from weather_forecast.bias_correction import config, models

CONFIGS = sorted(set(config.USE_CASE.configs.glob("*.yaml")) - {config.USE_CASE.space})


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_networks_of_all_levels_learn_the_share_of_the_effect(path):
    model = yaml.safe_load(path.read_text())["model"]
    module = getattr(models, model["class_path"].rpartition(".")[2])(**model["init_args"])
    # The error is a share of the effect, see CorrectionModule.
    assert module.layout.levels == 137 and isinstance(module.loss, torch.nn.L1Loss)
