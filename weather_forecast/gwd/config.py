"""The declaration of the use case."""

from pathlib import Path

from ai4sim.use_case import UseCase

USE_CASE = UseCase(
    name="wf_gwd",
    title="gravity-wave drag",
    root=Path(__file__).resolve().parent,
    module_path="weather_forecast.gwd.models:DragModule",
    datamodule_path="weather_forecast.gwd.data:ColumnDataModule",
    download="weather_forecast.gwd.synthetic.download",
    routine_path="weather_forecast.gwd.nets.routine:routine",
    in_loop_path="weather_forecast.gwd.online.qbo:scores",
)
