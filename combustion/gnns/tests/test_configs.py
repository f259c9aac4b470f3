"""What the configurations of this use case have in common."""

import yaml

from combustion.gnns import config


def test_fine_tuning_continues_the_network_of_the_transfer():
    transfer, tuned = (
        yaml.safe_load((config.USE_CASE.configs / name).read_text())["model"]
        for name in ("r2_to_r3.yaml", "r3_finetuned.yaml")
    )
    assert transfer["class_path"] == tuned["class_path"]
    for name in ("hidden_channels", "num_layers", "kernels", "symmetric"):
        assert transfer["init_args"].get(name) == tuned["init_args"].get(name)
