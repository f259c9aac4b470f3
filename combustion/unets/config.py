"""The declaration of the use case."""

from pathlib import Path

from ai4sim.use_case import UseCase

USE_CASE = UseCase(
    name="combustion_unets",
    title="flame surface density on grids (U-Nets)",
    root=Path(__file__).resolve().parent,
    module_path="combustion.unets.models:FlameModule",
    datamodule_path="combustion.crops:CropDataModule",
    download="combustion.synthetic.download",
    routine_path="combustion.routine:routine",
)
