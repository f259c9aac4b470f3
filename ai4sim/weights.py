"""The files that hold a trained surrogate, and whether its weights fit another one."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ai4sim.io.files import atomic_write, missing_file_error, write_json

FORMAT = 1
WEIGHTS = "model.safetensors"
DESCRIPTION = "surrogate.json"
SAMPLES = "samples.safetensors"
"""The tensors of a batch of the test set by name, beside the weights."""
MOST, MOST_FIELDS, MOST_CELLS = 128, 4, 32
"""The numbers of columns beside the weights, of fields, and of their cells along an axis."""
MOST_NODES = 3000
"""The number of nodes of a mesh beside the weights."""
SETTINGS = {"reflections", "dropout", "channels_last"}
"""Entries of a specification that weights do not depend on: settings of evaluation and training."""
GUARD = "guard."
"""The prefix of a guard's tensors in a file of weights."""
State = dict[str, Tensor]


def write_folder(folder: Path, description: Mapping[str, Any], state: Mapping[str, Tensor]) -> None:
    """Write ``surrogate.json`` and ``model.safetensors``."""
    from safetensors.torch import save_file

    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    with atomic_write(folder / WEIGHTS) as temporary:
        save_file(tensors, temporary)
    write_json(folder / DESCRIPTION, {"format": FORMAT, **description})


def write_samples(folder: Path, batch: Mapping[str, Any]) -> None:
    """Write the tensors of a batch that have values for each sample.

    Of columns :data:`MOST` samples are kept; of fields :data:`MOST_FIELDS`, and of each at most
    :data:`MOST_CELLS` cells along an axis, from the middle.
    """
    samples = len(batch["inputs"])
    most = MOST if batch["inputs"].ndim == 2 else MOST_FIELDS
    tensors = {
        name: _middle(value[:most])
        for name, value in batch.items()
        if isinstance(value, Tensor) and value.ndim and len(value) == samples
    }
    write_tensors(folder, tensors)


def write_tensors(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write samples by name."""
    from safetensors.torch import save_file

    kept = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with atomic_write(folder / SAMPLES) as temporary:
        save_file(kept, temporary)


def write_mesh(folder: Path, batch: Mapping[str, Any]) -> None:
    """Write a part of a batch of meshes, of :data:`MOST_NODES` nodes at most, where it varies most.

    Beside the tensors of the batch that have values for each node, these are ``positions : (node,
    3)`` and ``edges : (edge, 2)``, each once. Nodes without an edge are left out.
    """
    graph, samples = batch["graph"], len(batch["inputs"])
    inputs = batch["inputs"].cpu()
    graph = graph.to("cpu")
    first = graph.induced(torch.arange(graph.sizes[0]))
    part = max(first.parts(MOST_NODES), key=lambda nodes: float(inputs[nodes].std()))
    part = part[first.induced(part).degree > 0]
    small = first.induced(part)
    sender, receiver = small.edge_index
    tensors = {
        name: value.cpu()[part]
        for name, value in batch.items()
        if isinstance(value, Tensor) and value.ndim and len(value) == samples
    }
    tensors["positions"] = small.positions
    tensors["edges"] = small.edge_index[:, sender < receiver].t()
    write_tensors(folder, tensors)


def _middle(values: Tensor) -> Tensor:
    for axis in range(2, values.ndim):
        cells = values.shape[axis]
        kept = min(cells, MOST_CELLS)
        values = values.narrow(axis, (cells - kept) // 2, kept)
    return values


def read_folder(folder: Path, device: str | torch.device = "cpu") -> tuple[dict[str, Any], State]:
    """Read what :func:`write_folder` wrote: description and weights.

    Raises
    ------
    FileNotFoundError
        The folder lacks one of the two files.
    ValueError
        A format of another version.
    """
    from safetensors.torch import load_file

    for name in (DESCRIPTION, WEIGHTS):
        if not (folder / name).is_file():
            raise missing_file_error(folder / name)
    description = json.loads((folder / DESCRIPTION).read_text())
    if description.get("format") != FORMAT:
        raise ValueError(
            f"{folder / DESCRIPTION}: format {description.get('format')}, expected {FORMAT}"
        )
    return description, load_file(folder / WEIGHTS, device=str(device))


def read_checkpoint(path: Path) -> tuple[dict[str, Any], State]:
    """Read description and weights of the surrogate from a checkpoint; no code of it is run.

    The tensors of its guard, if it has one, are among the weights, see :data:`GUARD`

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no checkpoint of :class:`ai4sim.module.SurrogateModule`.
    """
    checkpoint = read_file(path)
    if "surrogate" not in checkpoint:
        raise ValueError(f"{path} was not written by ai4sim: it has no entry 'surrogate'")
    prefix = "surrogate."
    state = {
        name.removeprefix(prefix): value
        for name, value in checkpoint["state_dict"].items()
        if name.startswith(prefix)
    }
    surrogate = checkpoint["surrogate"]
    of_guard = surrogate.get("guard") or {}
    state |= {GUARD + name: value for name, value in of_guard.items()}
    return {**surrogate["spec"], "facts": surrogate["facts"]}, state


def read_file(path: Path) -> dict[str, Any]:
    """Read all that is in a checkpoint; no code of it is run.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no checkpoint, or one that would run code.
    """
    if not path.is_file():
        raise missing_file_error(path)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} is not a checkpoint that can be read safely: {error}") from error
    if not isinstance(checkpoint, dict):
        raise ValueError(f"{path} was not written by ai4sim: it has no entry 'surrogate'")
    return checkpoint


def require_same_spec(
    found: Mapping[str, Any], expected: Mapping[str, Any], source: str | Path
) -> None:
    """Refuse weights of another network or of other channels; :data:`SETTINGS` may differ.

    Parameters
    ----------
    found, expected : mapping
        Specification that comes with the weights, and that of the surrogate that would take them.
    source : str or path
        Where the weights come from, for the message.

    Raises
    ------
    ValueError
        The message names each entry that differs.
    """
    ours = dict(_entries(expected))
    theirs = dict(_entries({name: found.get(name) for name in expected}))
    differing = [
        f"{name}: found {theirs.get(name)}, expected {ours.get(name)}"
        for name in {**ours, **theirs}
        if theirs.get(name) != ours.get(name)
    ]
    if differing:
        raise ValueError(f"{source} differs from the model. {'; '.join(differing)}")


def require_alike(
    found: Mapping[str, Any], expected: Mapping[str, Any], name: str, first: str
) -> None:
    """Refuse a member of an ensemble that predicts something else than the first one.

    Parameters
    ----------
    found, expected : mapping
        The descriptions of a member and of the first one: variables, facts, whether they predict a
        spread. Networks may differ.
    name, first : str
        What they are called in the message.

    Raises
    ------
    ValueError
        The message names the member and the field that differs.
    """
    for kind in ("inputs", "outputs"):
        theirs, ours = found[kind], expected[kind]
        for i in range(max(len(theirs), len(ours))):
            was, wanted = (_variable(part[i : i + 1]) for part in (theirs, ours))
            if was != wanted:
                raise ValueError(
                    f"{name}: number {i + 1} of its {kind} is {was}, expected {wanted} as in "
                    f"{first}"
                )
    was, wanted = ("a spread" if one.get("spread") else "no spread" for one in (found, expected))
    if was != wanted:
        raise ValueError(f"{name} predicts {was}, expected {wanted} as in {first}")
    for fact in {**expected["facts"], **found["facts"]}:
        theirs, ours = found["facts"].get(fact), expected["facts"].get(fact)
        if not _close(theirs, ours):
            raise ValueError(f"{name}: {fact} is {theirs}, expected {ours} as in {first}")


def _variable(one: Sequence[Mapping[str, Any]]) -> str:
    """Name a variable with its units and levels."""
    for v in one:
        levels = f" of {v['levels']} levels" if "levels" in v else ""
        return f"{v['name']} [{v['units']}]{levels}"
    return "none"


def _close(a: Any, b: Any) -> bool:
    """Whether two facts are equal, numbers to rounding."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_close(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-6)
    return bool(a == b)


def _entries(spec: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give the entries of a specification that its weights depend on, those of networks singly."""
    for name, value in spec.items():
        if isinstance(value, Mapping):
            yield from _entries(value, f"{prefix}{name}.")
        elif name not in SETTINGS:
            yield f"{prefix}{name}", value
