"""Command line of the use case: ``python trainer.py fit --config configs/demo.yaml``."""

from ai4sim.cli import main
from combustion.gnns import config, models  # noqa: F401  (makes the models known by name)
from combustion.gnns.data import GraphDataModule
from combustion.models import FlameModule

if __name__ == "__main__":
    main(FlameModule, GraphDataModule, root=config.ROOT, experiments_path=config.EXPERIMENTS)
