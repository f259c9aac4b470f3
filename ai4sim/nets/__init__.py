"""Networks by name: plain ``torch.nn.Module`` classes, and how a config builds them."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from torch import nn

from ai4sim.nets.tiling import tiled
from ai4sim.nets.unet import UNet

__all__ = ["NETS", "UNet", "build", "tiled"]

NETS = {
    "UNet": "ai4sim.nets.unet",
    "MLP": "ai4sim.nets.mlp",
    "ColumnCNN": "ai4sim.nets.column_cnn",
    "AttentionCNN": "ai4sim.nets.column_attention",
    "BiRNN": "ai4sim.nets.column_rnn",
    "GAT": "ai4sim.nets.gat",
    "GCN": "ai4sim.nets.gnn",
    "GIN": "ai4sim.nets.gnn",
    "GraphUNet": "ai4sim.nets.graph_unet",
    "EdgeConditionedNet": "ai4sim.nets.edge_conditioned",
}
"""Every network that a config can name, and its module: imported when it is built, since some need
packages that only their use cases install."""

HOUSE = ("ai4sim", "combustion", "weather_forecast", "wmed")
"""Packages whose networks are also found by their full name, ``package.module.Class``: those that
know the physics of one use case. A file can name no other code."""


def build(spec: Mapping[str, Any]) -> nn.Module:
    """Build a network from its specification.

    Parameters
    ----------
    spec : mapping
        ``{"name": "UNet", **arguments}``: a key of `NETS`, or the full name of a network of one of
        this distribution's packages, and the keyword arguments of that class.
        A network's own ``spec`` has this form: ``build(net.spec)`` is the same network, untrained.

    Returns
    -------
    torch.nn.Module
        The network, with new random weights.

    Raises
    ------
    ValueError
        Where the name is missing or unknown, or an argument is missing or unknown to that network.
    """
    arguments = dict(spec)
    name = arguments.pop("name", None)
    if name is None:
        raise ValueError(f"network: no 'name' in {dict(spec)}; expected one of {sorted(NETS)}")
    net = _find(str(name))
    parameters = inspect.signature(net).parameters
    for argument in arguments:
        if argument not in parameters:
            raise ValueError(
                f"network {name}: unexpected argument {argument!r}"
                f"{_nearest(argument, parameters)}; {name} takes {', '.join(parameters)}"
            )
    for argument, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and argument not in arguments:
            raise ValueError(f"network {name}: argument {argument!r} is missing")
    return net(**arguments)


def _find(name: str) -> type[nn.Module]:
    """Return the class of a network by its name."""
    module, _, plain = name.rpartition(".")
    if name in NETS:
        module = NETS[name]
    elif module.split(".")[0] not in HOUSE:
        raise ValueError(
            f"network: unknown name {name!r}{_nearest(name, NETS)}; known: {sorted(NETS)}"
        )
    try:
        net = getattr(import_module(module), plain)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"network: {name!r} cannot be imported: {error}") from error
    if not (isinstance(net, type) and issubclass(net, nn.Module)):
        raise ValueError(f"network: {name!r} is not a torch.nn.Module")
    return net


def _nearest(word: str, known: Iterable[str]) -> str:
    """Suggest the known word that `word` was probably meant to be, if any comes near."""
    by_lower_case = {k.lower(): k for k in known}
    matches = difflib.get_close_matches(word.lower(), by_lower_case, n=1)
    return f" (did you mean {by_lower_case[matches[0]]!r}?)" if matches else ""
