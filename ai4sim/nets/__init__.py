"""Networks by short names: plain ``torch.nn.Module`` classes, and how a config builds them.

Every package named ``nets`` beside or below the core's top-level packages declares its networks in
a table ``NETS`` of its ``__init__.py``, as this one does: the name of each class and the module of
the package that defines it. The table is read without running any code of the package; the module
of a network is imported when that network is built.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import logging
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import nn

from ai4sim.nets.tiling import tiled
from ai4sim.nets.unet import UNet

log = logging.getLogger(__name__)

__all__ = ["NETS", "UNet", "build", "completed", "find", "known", "tiled", "widened"]

NETS = {
    "UNet": "unet",
    "MLP": "mlp",
    "ColumnCNN": "column_cnn",
    "AttentionCNN": "column_attention",
    "BiRNN": "column_rnn",
    "GAT": "gat",
    "GCN": "gnn",
    "GIN": "gnn",
    "GraphUNet": "graph_unet",
    "EdgeConditionedNet": "edge_conditioned",
}
"""The networks of this package, each with its module."""

ROOT = Path(__file__).parents[2]
"""The folder of the core's package: a checkout, or the place of installed packages."""


def build(spec: Mapping[str, Any]) -> nn.Module:
    """Build a network from its specification.

    Parameters
    ----------
    spec : mapping
        ``{"name": "UNet", **arguments}``: the short name of a network, see :func:`known`, and the
        keyword arguments of its class.
        A network's own ``spec`` has this form: ``build(net.spec)`` is the same network, untrained.

    Returns
    -------
    torch.nn.Module
        The network, with new random weights.

    Raises
    ------
    ValueError
        The name is missing or unknown, or an argument is missing or unknown to that network.
    """
    arguments = dict(spec)
    name = arguments.pop("name", None)
    if name is None:
        raise ValueError(f"network: no 'name' in {dict(spec)}; expected one of {sorted(known())}")
    net = find(str(name))
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


def completed(net: str | Mapping[str, Any], **sizes: Any) -> dict[str, Any]:
    """Complete a specification by the sizes that follow from the data.

    Parameters
    ----------
    net : str or mapping
        The name of a network, or its specification, see :func:`build`.
    **sizes
        Arguments such as ``in_channels``. The network gets the ones that it takes.

    Returns
    -------
    dict
        The specification with these sizes.

    Raises
    ------
    ValueError
        The name is unknown.
    """
    spec = {"name": net} if isinstance(net, str) else dict(net)
    takes = inspect.signature(find(spec["name"])).parameters if "name" in spec else {}
    return {**spec, **{name: size for name, size in sizes.items() if name in takes}}


def widened(net: Mapping[str, Any]) -> dict[str, Any]:
    """Return the specification of a network with twice as many outputs: of each a spread, too.

    Parameters
    ----------
    net : mapping
        A specification, see :func:`build`. The argument ``spread`` of its class is set, else
        ``outputs``, a number of profiles, or ``out_channels`` is doubled.

    Raises
    ------
    ValueError
        The class has none of these: what it predicts follows from physics, and has no second half.
    """
    takes = inspect.signature(find(net["name"])).parameters
    if "spread" in takes:
        return {**net, "spread": True}
    for argument in ("outputs", "out_channels"):
        if argument in takes:
            return {**net, argument: 2 * net[argument]}
    raise ValueError(
        f"loss crps or nll: a {net['name']} predicts no spread, since physics binds its outputs to "
        "each other. Choose another network, or train an ensemble of several seeds"
    )


def find(name: str) -> type[nn.Module]:
    """Return the class of a network by its short name; ValueError unless just one has it."""
    modules = [module for module, names in _tables().items() if name in names]
    if not modules:
        raise ValueError(
            f"network: unknown name {name!r}{_nearest(name, known())}; known: {sorted(known())}"
        )
    if len(modules) > 1:
        raise ValueError(f"network: {name!r} is declared by {' and by '.join(modules)}; rename one")
    net: type[nn.Module] = getattr(import_module(modules[0]), name)
    return net


def known() -> dict[str, str]:
    """Return the full name of the module of each network, by the network's short name."""
    return {name: module for module, names in _tables().items() for name in names}


@cache
def _tables() -> dict[str, list[str]]:
    """Return the networks of each module; folders that are no packages are left out."""
    found: dict[str, list[str]] = {}
    for path in sorted([*ROOT.glob("*/nets/__init__.py"), *ROOT.glob("*/*/nets/__init__.py")]):
        parts = path.parent.relative_to(ROOT).parts
        if all((folder / "__init__.py").is_file() for folder in path.parents[1 : len(parts)]):
            for name, module in declared(path).items():
                found.setdefault(".".join((*parts, module)), []).append(name)
    return found


def declared(path: Path) -> dict[str, str]:
    """Read the table ``NETS`` of a package's ``__init__.py``, empty where there is none.

    Among installed packages a stranger's file may hold anything, another table or no valid Python.
    """
    try:
        for node in ast.parse(path.read_bytes()).body:
            match node:
                case ast.Assign(targets=[ast.Name(id="NETS")], value=ast.Dict() as table):
                    found = ast.literal_eval(table)
                    strings = all(isinstance(x, str) for pair in found.items() for x in pair)
                    return found if strings else {}
    except (SyntaxError, TypeError, ValueError):
        log.debug("%s: no table of networks can be read", path)
    return {}


def _nearest(word: str, words: Iterable[str]) -> str:
    """Suggest the word that `word` was probably meant to be, if any comes near."""
    by_lower_case = {w.lower(): w for w in words}
    matches = difflib.get_close_matches(word.lower(), by_lower_case, n=1)
    return f" (did you mean {by_lower_case[matches[0]]!r}?)" if matches else ""
