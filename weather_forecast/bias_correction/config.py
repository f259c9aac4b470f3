"""The declaration of the use case."""

from pathlib import Path

from ai4sim.use_case import UseCase

USE_CASE = UseCase(
    name="wf_bias_correction",
    title="3-D cloud radiative effects",
    root=Path(__file__).resolve().parent,
    module_path="weather_forecast.bias_correction.models:CorrectionModule",
    datamodule_path="weather_forecast.bias_correction.data:RadiationDataModule",
    download="weather_forecast.bias_correction.synthetic.download",
    routine_path="weather_forecast.bias_correction.nets.routine:routine",
)
