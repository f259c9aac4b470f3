"""The declaration of the use case."""

from pathlib import Path

from ai4sim.use_case import UseCase

USE_CASE = UseCase(
    name="wmed",
    title="surface fluxes in the western Mediterranean",
    root=Path(__file__).resolve().parent,
    module_path="wmed.models:CouplingModule",
    datamodule_path="wmed.data:CouplingDataModule",
    download="wmed.synthetic.download",
    routine_path="wmed.nets.routine:routine",
    in_loop_path="wmed.online.storm:scores",
)
