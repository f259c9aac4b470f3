"""Every configuration is one that the command line takes."""

import pytest
import yaml

from ai4sim.cli import main
from combustion.module import FlameModule
from combustion.unets import config, models  # noqa: F401
from combustion.unets.data import CropDataModule

CONFIGS = sorted(config.CONFIGS.glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration_is_valid_and_complete(path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["trainer.py"])
    with pytest.raises(SystemExit) as ended:
        main(
            FlameModule,
            CropDataModule,
            root=config.ROOT,
            experiments_path=config.EXPERIMENTS,
            args=["fit", "--config", str(path), "--print_config"],
        )
    assert ended.value.code == 0
    resolved = yaml.safe_load(capsys.readouterr().out)
    assert resolved["model"]["class_path"] == "combustion.unets.models.LitUNet3D"
    # Data lie in the use case, whatever folder the command is run from.
    assert resolved["data"]["data_path"].startswith(str(config.ROOT))
    assert sum(resolved["data"]["ratios"]) == pytest.approx(1)
