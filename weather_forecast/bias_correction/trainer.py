"""Command line of the use case: ``python trainer.py fit --config configs/demo.yaml``."""

from ai4sim.cli import main
from weather_forecast.bias_correction import config, models
from weather_forecast.bias_correction.data import RadiationDataModule

if __name__ == "__main__":
    main(
        models.CorrectionModule,
        RadiationDataModule,
        root=config.ROOT,
        experiments_path=config.EXPERIMENTS,
    )
