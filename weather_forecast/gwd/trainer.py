"""Command line of the use case: ``python trainer.py fit --config configs/demo.yaml``."""

from ai4sim.cli import main
from weather_forecast.gwd import config, models
from weather_forecast.gwd.data import ColumnDataModule

if __name__ == "__main__":
    main(models.DragModule, ColumnDataModule, root=config.ROOT, experiments_path=config.EXPERIMENTS)
