"""The trained surrogate as one file for other programs: a graph of tensor operations, no Python."""

from __future__ import annotations

import copy
import logging
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.overrides import TorchFunctionMode

from ai4sim.io.files import atomic_write
from ai4sim.nets.graph import Graph
from ai4sim.nets.unet import plain_strides
from ai4sim.surrogate import Surrogate

PROGRAM = "model.pt2"
CHECKING = {"aot_inductor.check_lowerbound": False}
"""Options of AOTInductor for a library that checks its inputs and takes a batch of one, too."""
MOST_COLUMNS, MOST_FIELDS, MOST_CELLS = 2**20, 2**14, 2**14
"""Columns or fields at once, and cells along an axis, at most: their product has 64 bits."""
MOST_NODES, MOST_EDGES = 2**26, 2**30
"""The number of nodes of a graph that a program takes, and of its directed edges, at most."""
log = logging.getLogger(__name__)


def export_program(
    surrogate: Surrogate, inputs: Tensor, path: str | Path, on_graph: bool = False
) -> None:
    """Write a surrogate as a ``torch.export`` program: physical units in, physical units out.

    ``torch.export.load(path).module()(inputs, output_scale)`` runs it in Python without this
    repository; ``torch._inductor.aoti_compile_and_package`` turns it into a library that C++ and
    Fortran programs link. Inputs are float32, output_scale too. The batch size is free, up to
    2**20 columns or 2**14 fields. So is the size of a two- or three-dimensional grid, in multiples
    of the network's coarsest cell (at least two, at most 2**14 cells); columns keep their number of
    levels. On a graph ``module()(inputs, output_scale, edge_index, offsets)`` takes
    (node, channel), (node,), (2, edge) int64 and (edge, 3), of any size: see
    :class:`ai4sim.nets.graph.Graph`.

    Operations that ONNX lacks are replaced, see :class:`PortableOperations`:
    ``torch.onnx.export(torch.export.load(path), dynamo=True)`` makes an ONNX model of it.

    A compiled library does not check what it is given: from float64 values, or another number of
    channels, it makes wrong numbers. It checks types and shapes where it is compiled with
    ``inductor_configs=CHECKING`` and the environment variable ``AOTI_RUNTIME_CHECK_INPUTS`` is 1.

    Where the network says that it cannot be traced (an attribute ``exportable = False``), none is
    written, and the log says why.

    Parameters
    ----------
    surrogate : Surrogate
    inputs : Tensor, shape (batch, channel, ...)
        An example of the right number of channels and axes; columns may be (batch, channel).
    path : path
        The file to write, named ``.pt2``.
    on_graph : bool
        Whether the program takes fields on a graph, rather than on a grid or columns.
    """
    path = Path(path)
    for net in (member.net for member in surrogate.members):
        if not getattr(net, "exportable", True):
            log.info("no %s: torch.export cannot trace a %s", path.name, type(net).__name__)
            return
    surrogate = copy.deepcopy(surrogate).cpu().float().eval()
    surrogate.max_nodes = None
    make_compilable(surrogate)
    if on_graph:
        write_program(OnGraph(surrogate), *small_graph(inputs.shape[1]), path)
        return
    stride = math.lcm(*(int(getattr(m.net, "stride", 1)) for m in surrogate.members))
    free_axes = range(2, inputs.ndim) if inputs.ndim > 3 else range(0)
    # A size of 1, or two equal sizes, would be taken for a rule: hence two samples and these axes.
    space = [
        (axis + 2) * stride if axis in free_axes else inputs.shape[axis]
        for axis in range(2, inputs.ndim)
    ]
    example = torch.zeros(2, inputs.shape[1], *space)
    free: dict[int, Any] = {
        0: torch.export.Dim("batch", min=1, max=MOST_FIELDS if free_axes else MOST_COLUMNS)
    }
    for axis in free_axes:
        free[axis] = stride * torch.export.Dim(f"coarse{axis - 2}", min=2, max=MOST_CELLS // stride)
    write_program(surrogate, (example, torch.ones(2)), (free, {0: free[0]}), path)


class OnGraph(nn.Module):
    """A surrogate with the graph as arguments.

    Parameters
    ----------
    surrogate : Surrogate
    """

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate

    def forward(
        self, inputs: Tensor, output_scale: Tensor, edge_index: Tensor, offsets: Tensor
    ) -> Tensor:
        """Map (node, channel), (node,), (2, edge), (edge, 3) to (node, output channel)."""
        graph = Graph.unplaced(edge_index, offsets, inputs.shape[0])
        outputs: Tensor = self.surrogate(inputs, output_scale, graph=graph)
        return outputs


def small_graph(channels: int) -> tuple[tuple[Tensor, ...], tuple[dict[int, Any], ...]]:
    """Return arguments of :class:`OnGraph`, and which of their sizes are free."""
    nodes = torch.export.Dim("nodes", min=2, max=MOST_NODES)
    edges = torch.export.Dim("edges", min=2, max=MOST_EDGES)
    ring = Graph.from_edges(torch.combinations(torch.arange(5)), torch.rand(5, 3))
    example = torch.zeros(5, channels), torch.ones(5), ring.edge_index, ring.offsets
    return example, ({0: nodes}, {0: nodes}, {1: edges}, {0: edges})


def write_program(
    module: nn.Module, example: tuple[Tensor, ...], free: tuple[Any, ...], path: Path
) -> None:
    """Write a module, in evaluation mode, as a program; see :func:`torch.export.export`."""
    logging.getLogger("torch.export").setLevel(logging.ERROR)
    with warnings.catch_warnings(), PortableOperations():
        warnings.simplefilter("ignore")
        program = torch.export.export(module, example, dynamic_shapes=free)
        drop_derived_ranges(program)
        with atomic_write(path) as temporary:
            torch.export.save(program, temporary)


def drop_derived_ranges(program: torch.export.ExportedProgram) -> None:
    """Remove the ranges of sizes that are made of others, such as twice a symbol.

    Such a range would be loaded as the range of a symbol, and the program could not be decomposed,
    as ONNX needs it.
    """
    for size in [size for size in program.range_constraints if not size.is_Symbol]:
        del program.range_constraints[size]


def make_compilable(module: nn.Module) -> None:
    """Change the form of a module, not its numbers, to one that AOTInductor compiles correctly.

    Weights are contiguous: with the channel as the fastest axis, libraries with a free batch size
    are wrong for a batch of one (torch 2.13). Fields are continued beyond their edges by
    :class:`_Continued`.
    """
    for values in (*module.parameters(), *module.buffers()):
        # Of a single channel, contiguous() would keep the strides.
        values.data = values.data.clone(memory_format=torch.contiguous_format)
    for name, layer in list(module.named_modules()):
        if not isinstance(layer, _ConvNd) or isinstance(layer.padding, str):
            continue
        if layer.padding_mode != "zeros":
            continued = _Continued(layer.padding_mode, layer.padding)
            layer.padding, layer.padding_mode = (0,) * len(layer.padding), "zeros"
            module.set_submodule(name, nn.Sequential(continued, layer))


class _Continued(nn.Module):
    """Continue fields beyond their edges, in a form that Inductor compiles.

    Where the three sizes of a grid are free, it cannot compare the strides of what
    ``torch.nn.functional.pad`` makes: products of sums (torch 2.13, ValueRangeError).

    Parameters
    ----------
    mode : {"replicate", "reflect", "circular"}
        As ``padding_mode`` of ``torch.nn.Conv3d``.
    margins : sequence of int
        Cells to add at both ends of each axis.
    """

    def __init__(self, mode: str, margins: Sequence[int]) -> None:
        super().__init__()
        self.mode, self.margins = mode, tuple(margins)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channel, *space) to the same with larger space."""
        for axis, margin in enumerate(self.margins, start=2):
            n = x.shape[axis]
            cells = torch.arange(-margin, n + margin, device=x.device)
            if self.mode == "replicate":
                cells = cells.clamp(0, n - 1)
            elif self.mode == "circular":
                cells = cells % n
            else:
                cells = (n - 1) - ((n - 1) - cells.abs()).abs()
            x = x.index_select(axis, cells)
        return plain_strides(x)


class _Values(NamedTuple):
    values: Tensor


def _running(operation: Callable[[Tensor, Tensor], Tensor], x: Tensor, dim: int) -> Tensor:
    """Combine each entry with all before it along an axis of fixed length, by doubling."""
    n, reach = x.shape[dim], 1
    while reach < n:
        later = operation(x.narrow(dim, reach, n - reach), x.narrow(dim, 0, n - reach))
        x = torch.cat([x.narrow(dim, 0, reach), later], dim)
        reach *= 2
    return x


def _cummax(x: Tensor, dim: int) -> _Values:
    return _Values(_running(torch.maximum, x, dim))


def _cummin(x: Tensor, dim: int) -> _Values:
    return _Values(_running(torch.minimum, x, dim))


def _cumprod(x: Tensor, dim: int) -> Tensor:
    return _running(torch.mul, x, dim)


def _hypot(x: Tensor, y: Tensor) -> Tensor:
    largest = torch.maximum(x.abs(), y.abs()).clamp(min=torch.finfo(x.dtype).tiny)
    return largest * ((x / largest).square() + (y / largest).square()).sqrt()


def _log1p(x: Tensor) -> Tensor:
    small, y = x.abs() < 0.5, 1 + x
    # What rounding y leaves out, log(y) lacks as y - 1 does: their ratio is right (Kahan).
    lost = torch.where(small & (y != 1), y - 1, 1.0)
    return torch.where(small, torch.where(y == 1, x, y.log() * (x / lost)), y.log())


def _expm1(x: Tensor) -> Tensor:
    small, y = x.abs() < 0.5, x.exp()
    logarithm = torch.where(small & (y != 1), y.log(), 1.0)
    return torch.where(small, torch.where(y == 1, x, (y - 1) * (x / logarithm)), y - 1)


class PortableOperations(TorchFunctionMode):
    """Trace operations that ONNX lacks by others: same maxima and minima, the rest to round-off.

    For ``log1p`` and ``expm1``, which ONNX lacks, torch writes ``log(1 + x)`` and ``exp(x) - 1``,
    which lose the digits of small numbers.

    Of running maxima and minima there are the values, not the indices.
    """

    others: Mapping[Any, Callable[..., Any]] = {
        getattr(owner, name): function
        for owner in (torch, Tensor, torch.special)
        for name, function in (
            ("cummax", _cummax),
            ("cummin", _cummin),
            ("cumprod", _cumprod),
            ("hypot", _hypot),
            ("log1p", _log1p),
            ("expm1", _expm1),
        )
        if hasattr(owner, name)
    }

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call the other operation, if there is one."""
        return self.others.get(func, func)(*args, **(kwargs or {}))
