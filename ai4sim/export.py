"""The trained surrogate as one file for other programs: a graph of tensor operations, no Python."""

from __future__ import annotations

import copy
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ai4sim.io.files import atomic_write
from ai4sim.surrogate import Surrogate

PROGRAM = "model.pt2"
log = logging.getLogger(__name__)


def export_program(surrogate: Surrogate, inputs: Tensor, path: str | Path) -> None:
    """Write a surrogate as a ``torch.export`` program: physical units in, physical units out.

    ``torch.export.load(path).module()(inputs, output_scale)`` runs it in Python without this
    repository; ``torch._inductor.aoti_compile_and_package`` turns it into a library that C++ and
    Fortran programs link. The batch size is free. So is the size of a two- or
    three-dimensional grid, in multiples of the network's coarsest cell (at least two); columns keep
    their number of levels.

    Where the network says that it cannot be traced (an attribute ``exportable = False``), none is
    written, and the log says why.

    Parameters
    ----------
    surrogate : Surrogate
    inputs : Tensor, shape (batch, channel, ...)
        An example of the right number of channels and axes; columns may be (batch, channel).
    path : path
        The file to write, named ``.pt2``.
    """
    path = Path(path)
    if not getattr(surrogate.net, "exportable", True):
        log.info("no %s: torch.export cannot trace a %s", path.name, type(surrogate.net).__name__)
        return
    surrogate = copy.deepcopy(surrogate).cpu().eval()
    surrogate.max_nodes = None
    stride = int(getattr(surrogate.net, "stride", 1))
    free_axes = range(2, inputs.ndim) if inputs.ndim > 3 else range(0)
    # A size of 1, or two equal sizes, would be taken for a rule: hence two samples and these axes.
    space = [
        (axis + 2) * stride if axis in free_axes else inputs.shape[axis]
        for axis in range(2, inputs.ndim)
    ]
    example = torch.zeros(2, inputs.shape[1], *space)
    free: dict[int, Any] = {0: torch.export.Dim("batch", min=1, max=2**20)}
    for axis in free_axes:
        free[axis] = stride * torch.export.Dim(f"coarse{axis - 2}", min=2, max=2**20)
    scale = torch.ones(2)
    logging.getLogger("torch.export").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(
            surrogate, (example, scale), dynamic_shapes=(free, {0: free[0]})
        )
        with atomic_write(path) as temporary:
            torch.export.save(program, temporary)
