"""The declaration of the use case."""

from pathlib import Path

from ai4sim.use_case import UseCase

USE_CASE = UseCase(
    name="combustion_gnns",
    title="flame surface density on meshes (GNNs)",
    root=Path(__file__).resolve().parent,
    module_path="combustion.gnns.models:FlameModule",
    datamodule_path="combustion.gnns.data:GraphDataModule",
    download="combustion.synthetic.download",
    routine_path="combustion.routine:routine",
)
