"""The declaration of a use case, from which its command line, sessions, tests and pages follow."""

from __future__ import annotations

import inspect
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class UseCase:
    """A use case as its ``config.py`` declares it. Declaring it imports none of its modules.

    Attributes
    ----------
    name : str
        The short name: ``./script.sh NAME``, ``.nox/NAME``, the extra of its requirements.
    title : str
        The physics that is learned, in a line.
    root : Path
        The folder of the use case.
    module_path, datamodule_path : str
        The base class of its models and its data module, ``package.module:Class``. The module of
        the first one defines or imports every model that a configuration names.
    download : str
        The module that makes the demo data or fetches archives: ``python -m MODULE --data-path
        data``. Without further options it makes the demo data, continues where it was interrupted
        and returns at once where the data are there.
    routine_path : str
        The function that describes a trained surrogate as a call of a host program, a
        :class:`ai4sim.native.routine.Routine`; empty where there is none.
    in_loop_path : str
        The function that runs a closed loop with a trained network: ``scores(trained, data_path)``,
        of a checkpoint or a folder of artifacts and the folder of the data, returns ``{"model":
        {score: value}, "baselines": {name: {score: value}}}``. It raises ArithmeticError where the
        loop becomes unstable. Empty where there is none.
    """

    name: str
    title: str
    root: Path
    module_path: str
    datamodule_path: str
    download: str
    routine_path: str = ""
    in_loop_path: str = ""

    @property
    def data(self) -> Path:
        """The folder of raw and processed data, ``${use_case:data}`` in a configuration."""
        return self.root / "data"

    @property
    def configs(self) -> Path:
        """The folder of the configurations, one experiment each."""
        return self.root / "configs"

    @property
    def space(self) -> Path:
        """The space of the demo's sweep, beside the configurations."""
        return self.configs / "sweep.yaml"

    @property
    def experiments(self) -> Path:
        """The folder of the experiments, unless ``AI4SIM_EXPERIMENTS`` names another one."""
        return self.root / "experiments"

    @property
    def module(self) -> type[Any]:
        """The base class of the models, a SurrogateModule; imported when asked for."""
        found: type[Any] = pkgutil.resolve_name(self.module_path)
        return found

    @property
    def datamodule(self) -> type[Any]:
        """The data module; imported when asked for."""
        found: type[Any] = pkgutil.resolve_name(self.datamodule_path)
        return found

    def routine(self, surrogate: Any, on: str | None = None) -> Any:
        """Return a trained surrogate as a call of a host program.

        Parameters
        ----------
        surrogate : Surrogate
        on : str, optional
            Where the host has its fields, such as ``mesh``, for a use case that knows several.

        Raises
        ------
        ValueError
            No network of this use case can be called so.
        """
        if not self.routine_path:
            raise ValueError(f"no network of {self.name} can be coupled: it declares no routine")
        make = pkgutil.resolve_name(self.routine_path)
        if on is None:
            return make(surrogate)
        if "on" not in inspect.signature(make).parameters:
            raise ValueError(f"--on {on}: {self.name} has no fields there, leave this option out")
        return make(surrogate, on)
