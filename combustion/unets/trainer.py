"""Command line of the use case: ``python trainer.py fit --config configs/demo.yaml``."""

from ai4sim.cli import main
from combustion.crops import CropDataModule
from combustion.models import FlameModule
from combustion.unets import config, models  # noqa: F401  (makes the models known by name)

if __name__ == "__main__":
    main(FlameModule, CropDataModule, root=config.ROOT, experiments_path=config.EXPERIMENTS)
