"""A trained surrogate: physical fields in and out, with torch and numpy, without Lightning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ai4sim.checkpoints import find_weights
from ai4sim.forecast import forecast_of, spread_of
from ai4sim.guard import Guard, required, split_state
from ai4sim.named_arrays import batch_of_columns, batch_of_fields, inputs_of
from ai4sim.nets import build, widened
from ai4sim.nets.fields import on_periodic, over_reflections
from ai4sim.nets.graph import Graph
from ai4sim.nets.graph_net import GraphNet
from ai4sim.nets.tiling import in_pieces
from ai4sim.normalization import Normalizer, full_precision
from ai4sim.variables import Periods, Variable, plain, split_channels
from ai4sim.weights import (
    GUARD,
    read_checkpoint,
    read_folder,
    require_alike,
    require_same_spec,
    write_folder,
)

PERIODIC_HALO = 2  # cells of a U-Net's coarsest grid by which periodic fields are continued
LEAST_SPREAD = 1e-3
"""Smallest predicted standard deviation, in units of the normalised output."""


class Surrogate(nn.Module):
    """Normalise, apply the network, denormalise.

    The network sees ``(inputs - mean) / std`` and its output times ``std`` plus ``mean`` is the
    prediction in units of `output_scale`: a reference value that a use case takes from the sample
    itself (one over the grid spacing for a flame surface density, say), so that one network serves
    every grid. Without one it is 1.

    Parameters
    ----------
    net : dict
        Name and keyword arguments of a network of `ai4sim.nets`, e.g. ``{"name": "UNet",
        "dimensions": 3}``.
    inputs, outputs : sequence of Variable
        The channels, in order. Where a variable has levels, the network takes columns, (batch,
        channel), in which each profile has as many channels as levels.
    input_shape, output_shape : tuple of int, optional
        Shape of the statistics where they differ per level, e.g. (channel, level); default
        (channel,).
    reflections : sequence of int, optional
        Spatial axes (0 is the first) under whose reflections the physics is unchanged. In
        evaluation the prediction is the mean over all of them, and commutes with each exactly; two
        axes make it four times as expensive.
    spread : bool
        Whether the network gives twice as many channels as there are `outputs`: a mean and, from
        the other half, a standard deviation of each, which is ``softplus(x)`` and not less than
        :data:`LEAST_SPREAD` of the output's scale. See :meth:`with_spread`.

    Attributes
    ----------
    targets : list of Variable
        The `outputs` that it was given.
    outputs : list of Variable
        All that it predicts: the targets and, behind them, with a spread, ``NAME_spread`` of each.
    max_nodes : int or None
        Cells or nodes evaluated at once: in evaluation, larger fields are cut into pieces that
        overlap, with the same result and without gradients (`ai4sim.nets.tiling`). None, the
        default, means all at once. A setting of this object, not saved with it.
    guard : Guard or None
        The guard of its training set, None of one that was trained before there were any.
    """

    def __init__(
        self,
        net: Mapping[str, Any],
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        input_shape: tuple[int, ...] | None = None,
        output_shape: tuple[int, ...] | None = None,
        reflections: Sequence[int] = (),
        spread: bool = False,
    ) -> None:
        super().__init__()
        self.spec: dict[str, Any] = {
            "net": dict(net),
            "inputs": [plain(v) for v in inputs],
            "outputs": [plain(v) for v in outputs],
            "input_shape": list(input_shape or (sum(v.channels for v in inputs),)),
            "output_shape": list(output_shape or (sum(v.channels for v in outputs),)),
            "reflections": list(reflections),
        }
        if spread:
            self.spec["spread"] = True
        self.inputs, self.targets, self.has_spread = list(inputs), list(outputs), spread
        self.outputs = [*self.targets, *(map(spread_of, self.targets) if spread else ())]
        self.net = build(dict(net))
        self.input_norm = Normalizer(tuple(self.spec["input_shape"]))
        self.output_norm = Normalizer(tuple(self.spec["output_shape"]))
        self.facts: dict[str, Any] = {}
        self.max_nodes: int | None = None
        self.guard: Guard | None = None

    @property
    def members(self) -> Sequence[Surrogate]:
        """The surrogates whose predictions are averaged: this one alone."""
        return (self,)

    @property
    def description(self) -> dict[str, Any]:
        """All but the weights: the specification and the facts."""
        return {**self.spec, "facts": self.facts}

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.input_norm.mean.device

    def with_spread(self) -> Surrogate:
        """Return a new surrogate, untrained, of a network that predicts a spread, too.

        Raises
        ------
        ValueError
            The network cannot give one.
        """
        return Surrogate(
            widened(self.spec["net"]),
            self.inputs,
            self.targets,
            tuple(self.spec["input_shape"]),
            tuple(self.spec["output_shape"]),
            self.spec["reflections"],
            spread=True,
        )

    def forward(
        self,
        inputs: Tensor,
        output_scale: Tensor | None = None,
        periods: Periods | None = None,
        graph: Graph | None = None,
    ) -> Tensor:
        """Predict in physical units.

        Parameters
        ----------
        inputs : Tensor of shape (batch, channel, ...), with a graph (nodes, channel)
            Physical units.
        output_scale : Tensor of shape (batch,), with a graph (nodes,), optional
            Reference value of the outputs of each sample, respectively node.
        periods : sequence of int or None, optional
            For each spatial axis, the cells after which the fields repeat; None where they do not.
            A periodic field is continued beyond its edges, where the network would see none.
        graph : Graph, optional
            The mesh that the fields lie on; without one they lie on a grid.

        Returns
        -------
        Tensor of shape (batch, output channel, ...), with a graph (nodes, output channel)
            Physical units; the channels of `outputs`.

        Raises
        ------
        ValueError
            A graph together with periods, or for a network that takes grids only.
        """
        return self.denormalize(self.normalized(inputs, periods, graph), output_scale)

    def normalized(
        self, inputs: Tensor, periods: Periods | None = None, graph: Graph | None = None
    ) -> Tensor:
        """Return the network's own output, which the loss sees: the mean, then the spread."""
        if graph is not None:
            if any(periods or ()):
                raise ValueError(f"periods {tuple(periods or ())}: a graph has none of its own")
            if not isinstance(self.net, GraphNet):
                raise ValueError(f"{type(self.net).__name__} takes fields on grids, not on a graph")
            return self._symmetric(self.input_norm(inputs), graph)

        def network(x: Tensor) -> Tensor:
            return self._symmetric(self.input_norm(x), None)

        return on_periodic(network, inputs, periods, self.periodic_halo)

    @property
    def periodic_halo(self) -> int:
        """Cells by which periodic fields are continued at each end.

        All that a network without coarser grids sees; of a U-Net's wide view the part that matters.
        """
        stride, reach = int(getattr(self.net, "stride", 1)), getattr(self.net, "reach", None)
        return int(reach) if stride == 1 and reach is not None else PERIODIC_HALO * stride

    def _symmetric(self, x: Tensor, graph: Graph | None) -> Tensor:
        """Apply the network; in evaluation, the mean over all reflections of the chosen axes."""
        if self.training or not self.spec["reflections"]:
            return self._network(x, graph)
        return over_reflections(self._network, x, graph, self.spec["reflections"])

    def _network(self, x: Tensor, graph: Graph | None) -> Tensor:
        """Apply the network, in evaluation to at most `max_nodes` cells or nodes at once."""
        prediction: Tensor
        if self.max_nodes is not None and not self.training:
            prediction = in_pieces(self.net, x, self.max_nodes, graph)
        else:
            prediction = self.net(x) if graph is None else self.net(x, graph)
        if not self.has_spread:
            return prediction
        mean, raw = full_precision(prediction).chunk(2, dim=1)
        return self.bounded(torch.cat([mean, functional.softplus(raw)], dim=1))

    def bounded(self, outputs: Tensor) -> Tensor:
        """Return normalised outputs whose spread, if they have one, is at least the least."""
        if not self.has_spread:
            return outputs
        mean, spread = outputs.chunk(2, dim=1)
        return torch.cat([mean, spread.clamp(min=LEAST_SPREAD)], dim=1)

    def denormalize(self, outputs: Tensor, output_scale: Tensor | None = None) -> Tensor:
        """Turn the network's output into physical units."""
        # Whatever precision the network ran in.
        outputs = full_precision(outputs)
        if self.has_spread:
            mean, spread = outputs.chunk(2, dim=1)
            both = self.output_norm.inverse(mean), self.output_norm.scaled(spread)
            physical = torch.cat(both, dim=1)
        else:
            physical = self.output_norm.inverse(outputs)
        return physical if output_scale is None else physical * _per_sample(output_scale, physical)

    def normalize_targets(self, targets: Tensor, output_scale: Tensor | None = None) -> Tensor:
        """Turn targets in physical units into what the network should output."""
        if output_scale is not None:
            targets = targets / _per_sample(output_scale, targets)
        normalized: Tensor = self.output_norm(targets)
        return normalized

    @torch.inference_mode()
    def predict(
        self,
        fields: Mapping[str, NDArray],
        *,
        output_scale: float | NDArray | None = None,
        periods: Periods | None = None,
        graph: Graph | None = None,
        max_nodes: int | None = None,
        guard: bool = False,
    ) -> dict[str, NDArray]:
        """Predict from named arrays.

        Parameters
        ----------
        fields : mapping of str to ndarray
            One array per input variable, physical units: on a grid, without or with a leading batch
            axis; with a graph of shape (nodes,); of columns (column, level) for a variable with
            levels and (column,) for the others, or a single column without that axis.
        output_scale : float or ndarray of shape (batch,), with a graph (nodes,), optional
            Reference value of the outputs; default: that of the training set, where it had a single
            one.
        periods : sequence of int or None, optional
            See :meth:`forward`.
        graph : Graph, optional
            The mesh that the fields lie on. With `max_nodes` it stays on its device, and parts of
            it go to that of the weights.
        max_nodes : int, optional
            Cells or nodes evaluated at once; default: the attribute `max_nodes`.
        guard : bool
            Whether to judge each column, cell or node by the :class:`~ai4sim.guard.Guard` of the
            training set.

        Returns
        -------
        dict of str to ndarray
            One float32 array per output variable, physical units, of the same form. With the guard
            also ``guard_flag`` and ``guard_score``, see :class:`~ai4sim.guard.Verdict`.

        Raises
        ------
        ValueError
            An input is missing, the arrays do not fit together, the graph, or the guard.
        """
        watch = required(self.guard, "the surrogate") if guard else None
        arrays = inputs_of(fields, self.inputs)
        if self._of_columns:
            x, batched = batch_of_columns(arrays, self.inputs)
        else:
            # Where the network does not say, space has three axes at most.
            dimensions = self.members[0].spec["net"].get("dimensions", min(arrays[0].ndim, 3))
            x, batched = batch_of_fields(arrays, self.inputs, dimensions, graph)
        if output_scale is None:
            output_scale = self.facts.get("output_scale", 1.0)
        if output_scale is None:
            raise ValueError(
                "the training set had several values of output_scale "
                f"({self.facts.get('output_scale_meaning', 'see its documentation')}): give one"
            )
        scale = torch.as_tensor(output_scale, dtype=torch.float32).expand(len(x))
        device = self.device
        before = self.training, self.max_nodes
        self.eval()
        self.max_nodes = self.max_nodes if max_nodes is None else max_nodes
        if graph is not None and self.max_nodes is None:
            graph = graph.to(device)
        try:
            y = self(x.to(device), scale.to(device), periods, graph).cpu()
            judged = {} if watch is None else watch(x.to(device), graph).named
        finally:
            self.train(before[0])
            self.max_nodes = before[1]
        named = split_channels(y.movedim(1, -1), self.outputs) if self._of_columns else {}
        if not self._of_columns:
            named = dict(zip((v.name for v in self.outputs), y.unbind(1), strict=True))
        found = {**named, **judged}
        return {name: (v if batched else v[0]).cpu().numpy() for name, v in found.items()}

    @property
    def _of_columns(self) -> bool:
        return any(v.levels is not None for v in (*self.inputs, *self.outputs))

    def save(self, folder: str | Path) -> None:
        """Write ``model.safetensors``, guard included, and ``surrogate.json`` into a folder."""
        of_guard = self.guard.state() if self.guard else {}
        tensors = {**self.state_dict(), **{GUARD + name: x for name, x in of_guard.items()}}
        write_folder(Path(folder), self.description, tensors)

    @classmethod
    def load(cls, path: str | Path, device: str | torch.device = "cpu") -> Surrogate:
        """Read what :meth:`save` wrote, or a checkpoint; no code of either is ever run.

        Raises
        ------
        FileNotFoundError
            There is no such checkpoint, or the folder lacks one of the two files.
        ValueError
            The file is no checkpoint of this package, a format of another version, or weights that
            do not fit the description.

        Returns
        -------
        Surrogate
            An :class:`Ensemble` where the files hold one.
        """
        path = Path(path)
        description, state = read_folder(path, device) if path.is_dir() else read_checkpoint(path)
        surrogate = surrogate_of(description)
        surrogate._take(state, path)
        return surrogate.to(device).eval()

    def load_weights(self, path: str | Path) -> None:
        """Take over weights, normalisation and facts of a trained surrogate of the same network.

        Parameters
        ----------
        path : path
            A checkpoint, or a folder that :meth:`save` wrote; no code of either is ever run.

        Raises
        ------
        FileNotFoundError
            There is no such file, or the folder lacks one of the two files.
        ValueError
            The file is no checkpoint of this package, or network or channels differ.
        """
        path = Path(path)
        found, state = read_folder(path) if path.is_dir() else read_checkpoint(path)
        if "members" in found:
            raise ValueError(f"{path} is an ensemble: expected one network, such as a member of it")
        require_same_spec(found, self.spec, path)
        self._take(state, path)
        self.facts = found["facts"]

    def _take(self, tensors: Mapping[str, Tensor], source: str | Path) -> None:
        state, guard = split_state(tensors)
        expected = self.state_dict()
        if {k: v.shape for k, v in state.items()} != {k: v.shape for k, v in expected.items()}:
            differing = sorted(set(state) ^ set(expected)) or "shapes"
            raise ValueError(f"{source}: its weights do not fit its description: {differing}")
        self.load_state_dict(state)
        self.guard = guard


class Ensemble(Surrogate):
    """Trained surrogates as one: the mean of their predictions, with their spread beside it.

    The spread of an output is the sample standard deviation of the members, see
    :func:`ai4sim.forecast.forecast_of`.

    Parameters
    ----------
    members : sequence of Surrogate
        Two or more, of the same inputs, outputs and facts. Networks may differ.
    names : sequence of str, optional
        Of the members, for messages.

    Raises
    ------
    ValueError
        There are fewer than two members, or one differs from the first.
    """

    def __init__(self, members: Sequence[Surrogate], names: Sequence[str] = ()) -> None:
        nn.Module.__init__(self)
        if len(members) < 2:
            raise ValueError(f"an ensemble has two members or more, found {len(members)}")
        first = members[0]
        for i, member in enumerate(members[1:], start=1):
            a, b = (names[0], names[i]) if names else ("member 0", f"member {i}")
            require_alike(member.description, first.description, b, a)
        self.member = nn.ModuleList(members)
        self.inputs, self.targets, self.has_spread = first.inputs, first.targets, True
        self.outputs = [*self.targets, *map(spread_of, self.targets)]
        self.spec = {"members": [member.spec for member in members]}
        self.facts, self.guard = first.facts, first.guard

    @property
    def members(self) -> Sequence[Surrogate]:
        """The surrogates whose predictions are averaged."""
        return list(self.member)  # type: ignore[arg-type]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.members[0].device

    @property
    def max_nodes(self) -> int | None:
        """Cells or nodes evaluated at once by each member."""
        return self.members[0].max_nodes

    @max_nodes.setter
    def max_nodes(self, most: int | None) -> None:
        for member in self.members:
            member.max_nodes = most

    def forward(
        self,
        inputs: Tensor,
        output_scale: Tensor | None = None,
        periods: Periods | None = None,
        graph: Graph | None = None,
    ) -> Tensor:
        """Predict mean and spread in physical units; see :meth:`Surrogate.forward`."""
        found = [member(inputs, output_scale, periods, graph) for member in self.members]
        return forecast_of(found, self.members[0].has_spread).channels

    @classmethod
    def load(
        cls, path: str | Path | Sequence[str | Path], device: str | torch.device = "cpu"
    ) -> Ensemble:
        """Make an ensemble of trained surrogates, or read one.

        Parameters
        ----------
        path : path, or sequence of paths
            Checkpoints and folders that :meth:`Surrogate.load` reads, or experiment folders, of
            which the best checkpoints are taken: of several networks, or of one ensemble.
        device : str or torch.device

        Raises
        ------
        FileNotFoundError, ValueError
            See :meth:`Surrogate.load`; or the members do not go together, see :class:`Ensemble`.
        """
        paths = [path] if isinstance(path, str | Path) else list(path)
        found = [Surrogate.load(find_weights(Path(), str(p)), device) for p in paths]
        if len(found) == 1 and isinstance(found[0], Ensemble):
            return found[0]
        members = [member for one in found for member in one.members]
        names = [str(p) for p, one in zip(paths, found, strict=True) for _ in one.members]
        return cls(members, names).eval()


def surrogate_of(description: Mapping[str, Any]) -> Surrogate:
    """Build the surrogate of a description, or the ensemble, untrained."""
    facts = description["facts"]
    if "members" in description:
        return Ensemble([surrogate_of({**one, "facts": facts}) for one in description["members"]])
    surrogate = Surrogate(
        net=description["net"],
        inputs=[Variable(**v) for v in description["inputs"]],
        outputs=[Variable(**v) for v in description["outputs"]],
        input_shape=tuple(description["input_shape"]),
        output_shape=tuple(description["output_shape"]),
        reflections=description["reflections"],
        spread=description.get("spread", False),
    )
    surrogate.facts = facts
    return surrogate


def _per_sample(scale: Tensor, field: Tensor) -> Tensor:
    return scale.to(field.dtype).reshape(-1, *(1,) * (field.ndim - 1))
