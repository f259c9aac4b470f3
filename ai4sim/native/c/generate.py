"""From a module to C: export, then operator by operator, then the files."""

from __future__ import annotations

import re
import warnings
from contextlib import nullcontext
from operator import getitem
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch._decomp import get_decompositions
from torch.export import ExportedProgram

from ai4sim.native.c import layers
from ai4sim.native.c.arrays import COLUMNS, Array, Buffer, Leaf
from ai4sim.native.c.loops import Program, kind_of
from ai4sim.native.c.operators import CHEAP, IN_DOUBLE, OPERATORS, as_array
from ai4sim.native.c.recurrences import WholeRecurrences
from ai4sim.native.derivatives import Differential
from ai4sim.native.network import traced
from ai4sim.native.routine import Columns, Routine

ATEN = torch.ops.aten
MANY = 10007
"""The number of columns of a program, a prime: a size is a multiple of it if columns are in it."""
KEPT = (ATEN.stack.default,)
"""Operators that stay whole: torch would join axes of columns."""
DIVIDED = (
    ATEN.gelu,
    ATEN.elu,
    ATEN.leaky_relu,
    ATEN.var,
    ATEN.native_group_norm,
    ATEN.slice_scatter,
    ATEN.select_scatter,
)
"""Operators beyond torch's own choice that become simpler ones."""
WIDTHS = (1, 16, 32, 64)
"""The numbers of columns of a block: one, a vector, and more for networks that leave them room."""
CACHE = 2**19
"""Bytes that the values of a block may take, so that they stay in a core's own cache."""
KINDS = {
    torch.float32: "float",
    torch.float64: "double",
    torch.int64: "int",
    torch.int32: "int",
    torch.bool: "int",
}


def program_of(routine: Routine) -> ExportedProgram:
    """Return the module of a routine as a program of few operators."""
    # The derivative of a recurrence is known level by level only.
    whole = nullcontext() if isinstance(routine.module, Differential) else WholeRecurrences()
    with warnings.catch_warnings(), whole:
        warnings.simplefilter("ignore")
        table = torch.export.default_decompositions()
        for operator in KEPT:
            table.pop(operator, None)
        table.update(get_decompositions(DIVIDED))
        return traced(routine, columns=MANY).run_decompositions(table)


class Translation:
    """The values of a program as constants of torch, arrays, or lists of arrays.

    Parameters
    ----------
    exported : torch.export.ExportedProgram
        Of one input, (column, channel), and one output, (column, channel), of :data:`MANY` columns.
    network : str
        Its name in messages.

    Raises
    ------
    ValueError
        An operator, or a use of it, that cannot be expressed.
    """

    def __init__(self, exported: ExportedProgram, network: str) -> None:
        self.program, self.network = Program(), network
        self.values: dict[Any, Any] = {}
        signature = exported.graph_signature
        known: dict[str, Tensor] = {**exported.state_dict, **exported.constants}
        names = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        for node in exported.graph.nodes:
            if node.op == "placeholder":
                if node.name in names:
                    self.values[node] = known[names[node.name]].detach()
                else:
                    channels = int(node.meta["val"].shape[1])
                    self.input = Buffer(channels, "float")
                    leaf = Leaf(self.input, 0, (0, 1))
                    self.values[node] = Array(((COLUMNS,), (channels,)), leaf)
            elif node.op == "call_function":
                self.values[node] = self._value(node)
            elif node.op == "output":
                (result,) = node.args[0]
                found = self._array(self.values[result])
                axes = ((COLUMNS,), (int(result.meta["val"].shape[1]),))
                stored = self.program.stored(found.expand(axes), [0, 1]).expression
                assert isinstance(stored, Leaf)
                self.output = stored.buffer

    # ---- Values ----

    def _value(self, node: Any) -> Any:
        meta = node.meta.get("val")
        target = node.target
        if meta is None:
            return meta
        if not isinstance(target, torch._ops.OpOverload):
            return self.values[node.args[0]][node.args[1]]
        arguments, options = torch.fx.node.map_arg((node.args, node.kwargs), self._known)
        first = meta[0] if isinstance(meta, list | tuple) else meta
        if self._is_constant(arguments, options):
            return target(*arguments, **options)
        if first.dtype not in KINDS:
            raise self._refusal(node, f"in {str(first.dtype).removeprefix('torch.')}")
        try:
            return self._settled(node, self._applied(node, first, arguments, options))
        except NotImplementedError as error:
            raise self._refusal(node, str(error)) from error

    def _applied(self, node: Any, meta: Tensor, arguments: Any, options: Any) -> Any:
        name = str(node.target).split(".")[1]
        if name == "as_strided" and _same_memory(node.args[0].meta["val"], meta):
            return arguments[0]
        if name not in OPERATORS:
            raise NotImplementedError("")
        if KINDS[meta.dtype] == "double" and name not in IN_DOUBLE:
            raise NotImplementedError("in float64")
        if name not in layers.WITH_CONSTANTS:
            arguments, options = torch.utils._pytree.tree_map_only(
                Tensor, self._array, (arguments, options)
            )
        found = OPERATORS[name](
            self.program,
            *arguments,
            kind=KINDS[meta.dtype],
            result_shape=[_size(n) for n in meta.shape],
            wanted={user.args[1] for user in node.users if user.target is getitem},
            **self._options(options),
        )
        if name == "full":
            return layers.Filled(found, float(arguments[1]))
        return found

    @staticmethod
    def _options(options: dict[str, Any]) -> dict[str, Any]:
        if options.get("rounding_mode") is not None:
            raise NotImplementedError(f"with rounding_mode {options['rounding_mode']}")
        return options

    def _settled(self, node: Any, value: Any) -> Any:
        """Compute now what is needed more than once and costs something."""
        users = [u for u in node.users if u.meta.get("val") is not None]
        if isinstance(value, Array) and len(users) > 1 and value.expression.cost > CHEAP:
            return self.program.stored(value)
        return value

    def _known(self, node: Any) -> Any:
        return self.values[node]

    def _is_constant(self, *given: Any) -> bool:
        leaves = torch.utils._pytree.tree_leaves(given)
        return not any(isinstance(x, Array) or _has_columns(x) for x in leaves)

    def _array(self, value: Any) -> Any:
        """Return a constant as an array."""
        if not isinstance(value, Tensor):
            return value
        if value.dtype not in KINDS and value.dim():
            raise NotImplementedError(f"with {str(value.dtype).removeprefix('torch.')}")
        if value.dim() == 0:
            return as_array(float(value), kind_of(value))
        return layers.constant(self.program, value)

    def _refusal(self, node: Any, reason: str) -> ValueError:
        name = re.sub(r"\.\w+$", "", str(node.target))
        return ValueError(
            f"backend c cannot express {name}{f' {reason}' if reason else ''} of {self.network}: "
            "use --backend aoti"
        )


def _same_memory(given: Tensor, found: Tensor) -> bool:
    """Say whether two tensors of one memory are the same: no view, but a rule about strides."""
    same: bool = (given.shape, given.stride()) == (found.shape, found.stride())
    return same and found.storage_offset() == given.storage_offset()


def _has_columns(n: Any) -> bool:
    """Say whether something is a size with columns in it."""
    return isinstance(n, int) and n > 0 and n % MANY == 0


def _size(n: int) -> tuple[int, bool]:
    """Return a size as a number, and whether it is that number of columns."""
    if n and n % MANY**2 == 0:
        raise NotImplementedError("of all pairs of columns")
    return (n // MANY, True) if _has_columns(n) else (n, False)


# ---- Files ----


def write_network(routine: Routine, folder: Path) -> None:
    """Write C of a routine's network, and its constants.

    Parameters
    ----------
    routine : Columns
    folder : Path
        Where ``network_block.h``, a ``network_N.c`` for each size of a block, ``network_forms.c``
        and ``network_constants.bin`` go.

    Raises
    ------
    ValueError
        An operator, or a use of it, that cannot be expressed; a network of grids or meshes.
    """
    if not isinstance(routine, Columns):
        raise ValueError(  # noqa: TRY004
            f"backend c takes networks of columns and points, {routine.name} is one of grids "
            "or meshes: use --backend aoti"
        )
    made = Translation(program_of(routine), routine.name)
    program = made.program
    offsets, rows = program.share([made.input, made.output])
    widest = max(w for w in WIDTHS if w == WIDTHS[1] or rows * w * 4 <= CACHE)
    widths = [w for w in WIDTHS if w <= widest]
    steps = [f"STEP void {step}{text}" for text, step in program.functions.items()]
    calls = [
        f"    {step}({', '.join(program.address(place, offsets) for place in places)});"
        for step, places in program.calls
    ]
    block = SOURCE.format(
        steps="\n".join(steps),
        calls="\n".join(calls),
        input=offsets[made.input],
        inputs=made.input.rows,
        output=offsets[made.output],
        outputs=made.output.rows,
    )
    arguments = "(int64_t count, const float *inputs, float *outputs, float *scratch);"
    forms = FORMS.format(
        declared="\n".join(f"void network_run_{n}{arguments}" for n in widths),
        forms="\n".join(f"    {{{n}, network_run_{n}}}," for n in widths),
        count=len(widths),
        scratch=rows * widest,
    )
    texts = {"network_block.h": block, "network_forms.c": forms}
    texts |= {f"network_{n}.c": f'#define B {n}\n#include "network_block.h"\n' for n in widths}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    constants = torch.cat(program.constants) if program.constants else torch.zeros(16)
    constants.numpy().astype("<i4").tofile(folder / "network_constants.bin")


SOURCE = """\
/* The network over a block of B columns, the fastest axis of all values. Generated by ai4sim. */
#include "network.h"
#include "layers.h"

/* All in one function would take minutes to compile. */
#define STEP static __attribute__((noinline))

{steps}
#define JOINED(name, columns) name##_##columns
#define NAMED(name, columns) JOINED(name, columns)

void NAMED(network_run, B)(int64_t count, const float *inputs, float *outputs, float *scratch)
{{
    /* The last column is repeated where there are fewer. */
    for (int c = 0; c < B; ++c) {{
        const float *row = inputs + (c < count ? c : count - 1) * {inputs};
        for (int channel = 0; channel < {inputs}; ++channel)
            scratch[({input} + channel) * B + c] = row[channel];
    }}
{calls}
    for (int64_t c = 0; c < count; ++c)
        for (int channel = 0; channel < {outputs}; ++channel)
            outputs[c * {outputs} + channel] = scratch[({output} + channel) * B + c];
}}
"""
FORMS = """\
/* The forms of the network that were compiled. Generated by ai4sim. */
#include "network.h"

{declared}

const struct network_form network_forms[] = {{
{forms}
}};
const int network_form_count = {count};
const int64_t network_scratch = {scratch};
"""
