"""Command line of the use case: ``python trainer.py fit --config configs/demo.yaml``."""

from ai4sim.cli import main
from wmed import config, models
from wmed.data import CouplingDataModule

if __name__ == "__main__":
    main(
        models.CouplingModule,
        CouplingDataModule,
        root=config.ROOT,
        experiments_path=config.EXPERIMENTS,
    )
