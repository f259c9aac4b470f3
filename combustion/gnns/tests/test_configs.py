"""Every configuration is one that the command line takes."""

import pytest
import yaml

from ai4sim.cli import main
from combustion.gnns import config, models
from combustion.gnns.data import GraphDataModule
from combustion.module import FlameModule

CONFIGS = sorted(config.CONFIGS.glob("*.yaml"))


def resolved(path, capsys) -> dict:
    with pytest.raises(SystemExit) as ended:
        main(
            FlameModule,
            GraphDataModule,
            root=config.ROOT,
            experiments_path=config.EXPERIMENTS,
            args=["fit", "--config", str(path), "--print_config"],
        )
    assert ended.value.code == 0
    return yaml.safe_load(capsys.readouterr().out)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration_is_valid_and_complete(path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["trainer.py"])
    found = resolved(path, capsys)
    module, name = found["model"]["class_path"].rsplit(".", 1)
    assert module == "combustion.gnns.models"
    # What the configuration says is a network that can be built, the right way round.
    model = getattr(models, name)(**found["model"]["init_args"])
    assert [v.name for v in model.surrogate.outputs] == ["flame_surface_density"]
    # Data lie in the use case, whatever folder the command is run from.
    assert found["data"]["data_path"].startswith(str(config.ROOT))
    assert sum(found["data"]["ratios"]) == pytest.approx(1)
    # No configuration asks for a device that a machine may not have.
    assert found["trainer"]["accelerator"] == found["trainer"]["devices"] == "auto"


def test_fine_tuning_continues_the_network_of_the_transfer(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["trainer.py"])
    transfer = resolved(config.CONFIGS / "r2_to_r3.yaml", capsys)["model"]
    tuned = resolved(config.CONFIGS / "r3_finetuned.yaml", capsys)["model"]
    for name in ("hidden_channels", "num_layers", "kernels", "symmetric"):
        assert transfer["init_args"][name] == tuned["init_args"][name]
