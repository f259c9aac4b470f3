"""A trained surrogate: physical fields in and out, with torch and numpy, without Lightning."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ai4sim.nets import build
from ai4sim.nets.graph import Graph
from ai4sim.nets.graph_net import GraphNet
from ai4sim.nets.tiling import in_pieces
from ai4sim.normalization import Normalizer, full_precision
from ai4sim.variables import Periods, Variable, split_channels
from ai4sim.weights import read_checkpoint, read_folder, require_same_spec, write_folder

PERIODIC_HALO = 2  # cells of a U-Net's coarsest grid by which periodic fields are continued


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

    Attributes
    ----------
    max_nodes : int or None
        Cells or nodes evaluated at once: in evaluation, larger fields are cut into pieces that
        overlap, with the same result and without gradients (`ai4sim.nets.tiling`). None, the
        default, means all at once. A setting of this object, not saved with it.
    """

    def __init__(
        self,
        net: Mapping[str, Any],
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        input_shape: tuple[int, ...] | None = None,
        output_shape: tuple[int, ...] | None = None,
        reflections: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.spec: dict[str, Any] = {
            "net": dict(net),
            "inputs": [_plain(v) for v in inputs],
            "outputs": [_plain(v) for v in outputs],
            "input_shape": list(input_shape or (sum(v.channels for v in inputs),)),
            "output_shape": list(output_shape or (sum(v.channels for v in outputs),)),
            "reflections": list(reflections),
        }
        self.inputs, self.outputs = list(inputs), list(outputs)
        self.net = build(dict(net))
        self.input_norm = Normalizer(tuple(self.spec["input_shape"]))
        self.output_norm = Normalizer(tuple(self.spec["output_shape"]))
        self.facts: dict[str, Any] = {}
        self.max_nodes: int | None = None

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
            Physical units.

        Raises
        ------
        ValueError
            A graph together with periods, or for a network that takes grids only.
        """
        return self.denormalize(self.normalized(inputs, periods, graph), output_scale)

    def normalized(
        self, inputs: Tensor, periods: Periods | None = None, graph: Graph | None = None
    ) -> Tensor:
        """Return the network's own output, which the loss sees."""
        if graph is not None:
            if any(periods or ()):
                raise ValueError(f"periods {tuple(periods or ())}: a graph has none of its own")
            if not isinstance(self.net, GraphNet):
                raise ValueError(f"{type(self.net).__name__} takes fields on grids, not on a graph")
            return self._symmetric(self.input_norm(inputs), graph)
        halo = self.periodic_halo
        axes = [(axis, p) for axis, p in enumerate(periods or (), start=2) if p]
        for axis, period in axes:
            n = inputs.shape[axis]
            around = torch.arange(-halo, n + halo, device=inputs.device) % period
            inputs = inputs.index_select(axis, around)
        prediction = self._symmetric(self.input_norm(inputs), None)
        for axis, _ in axes:
            prediction = prediction.narrow(axis, halo, prediction.shape[axis] - 2 * halo)
        return prediction

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
        axes = self.spec["reflections"]
        reflections = [c for n in range(len(axes) + 1) for c in itertools.combinations(axes, n)]
        if graph is not None:
            predictions = [self._network(x, graph.reflected(chosen)) for chosen in reflections]
        else:
            flips = [[axis + 2 for axis in chosen] for chosen in reflections]
            predictions = [self._network(x.flip(f), None).flip(f) for f in flips]
        return torch.stack(predictions).mean(0)

    def _network(self, x: Tensor, graph: Graph | None) -> Tensor:
        """Apply the network, in evaluation to at most `max_nodes` cells or nodes at once."""
        if self.max_nodes is not None and not self.training:
            return in_pieces(self.net, x, self.max_nodes, graph)
        prediction: Tensor = self.net(x) if graph is None else self.net(x, graph)
        return prediction

    def denormalize(self, outputs: Tensor, output_scale: Tensor | None = None) -> Tensor:
        """Turn the network's output into physical units."""
        # Whatever precision the network ran in.
        physical = self.output_norm.inverse(full_precision(outputs))
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

        Returns
        -------
        dict of str to ndarray
            One float32 array per output variable, physical units, of the same form.

        Raises
        ------
        ValueError
            An input is missing, the arrays do not fit together, or do not fit the graph.
        """
        missing = [v.name for v in self.inputs if v.name not in fields]
        if missing:
            expected = ", ".join(f"{v.name} [{v.units}]" for v in self.inputs)
            raise ValueError(
                f"missing input {missing}: expected {expected}, found {sorted(fields)}"
            )
        arrays = [np.asarray(fields[v.name], dtype=np.float32) for v in self.inputs]
        x, batched = self._columns(arrays) if self._of_columns else self._fields(arrays, graph)
        if output_scale is None:
            output_scale = self.facts.get("output_scale", 1.0)
        if output_scale is None:
            raise ValueError(
                "the training set had several values of output_scale "
                f"({self.facts.get('output_scale_meaning', 'see its documentation')}): give one"
            )
        scale = torch.as_tensor(output_scale, dtype=torch.float32).expand(len(x))
        device = self.input_norm.mean.device
        before = self.training, self.max_nodes
        self.eval()
        self.max_nodes = self.max_nodes if max_nodes is None else max_nodes
        if graph is not None and self.max_nodes is None:
            graph = graph.to(device)
        try:
            y = self(x.to(device), scale.to(device), periods, graph).cpu().numpy()
        finally:
            self.train(before[0])
            self.max_nodes = before[1]
        y = y if batched else y[0]
        if self._of_columns:
            parts = split_channels(torch.from_numpy(y), self.outputs)
            return {name: part.numpy() for name, part in parts.items()}
        channels = np.moveaxis(y, 1 if batched else 0, 0)
        return {v.name: channel for v, channel in zip(self.outputs, channels, strict=True)}

    @property
    def _of_columns(self) -> bool:
        return any(v.levels is not None for v in (*self.inputs, *self.outputs))

    def _columns(self, arrays: Sequence[NDArray]) -> tuple[Tensor, bool]:
        """Put the variables of columns side by side: (column, channel), and if there were many."""
        profile = next((i for i, v in enumerate(self.inputs) if v.levels is not None), 0)
        batched = arrays[profile].ndim > (self.inputs[profile].levels is not None)
        columns = arrays[profile].shape[:1] if batched else ()
        for v, a in zip(self.inputs, arrays, strict=True):
            expected = columns if v.levels is None else (*columns, v.levels)
            if a.shape != expected:
                raise ValueError(
                    f"input {v.name} has shape {a.shape}, expected {expected}: "
                    f"(column, level) or (level,) with levels {v.levels}, alike in all inputs"
                )
        parts = [a.reshape(-1, v.channels) for v, a in zip(self.inputs, arrays, strict=True)]
        return torch.from_numpy(np.concatenate(parts, axis=1)), batched

    def _fields(self, arrays: Sequence[NDArray], graph: Graph | None) -> tuple[Tensor, bool]:
        """Stack fields: (batch, channel, *space), and whether they came with a batch axis."""
        if len({a.shape for a in arrays}) > 1:
            shapes = {v.name: a.shape for v, a in zip(self.inputs, arrays, strict=True)}
            raise ValueError(f"input fields differ in shape: {shapes}")
        shape = arrays[0].shape
        if graph is not None and shape != (graph.nodes,):
            raise ValueError(f"input fields have shape {shape}, the graph has {graph.nodes} nodes")
        # Space has three axes at most: where the network does not say, a fourth one is the batch.
        dimensions = self.spec["net"].get("dimensions", min(len(shape), 3))
        batched = graph is not None or len(shape) > dimensions
        x = torch.from_numpy(np.stack(arrays, axis=1 if batched else 0))
        return (x if batched else x[None]), batched

    def save(self, folder: str | Path) -> None:
        """Write ``model.safetensors`` and ``surrogate.json`` into a folder."""
        write_folder(Path(folder), {**self.spec, "facts": self.facts}, self.state_dict())

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
        """
        path = Path(path)
        description, state = read_folder(path, device) if path.is_dir() else read_checkpoint(path)
        surrogate = cls(
            net=description["net"],
            inputs=[Variable(**v) for v in description["inputs"]],
            outputs=[Variable(**v) for v in description["outputs"]],
            input_shape=tuple(description["input_shape"]),
            output_shape=tuple(description["output_shape"]),
            reflections=description["reflections"],
        )
        surrogate.facts = description["facts"]
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
        require_same_spec(found, self.spec, path)
        self._take(state, path)
        self.facts = found["facts"]

    def _take(self, state: Mapping[str, Tensor], source: str | Path) -> None:
        expected = self.state_dict()
        if {k: v.shape for k, v in state.items()} != {k: v.shape for k, v in expected.items()}:
            differing = sorted(set(state) ^ set(expected)) or "shapes"
            raise ValueError(f"{source}: its weights do not fit its description: {differing}")
        self.load_state_dict(state)


def _plain(variable: Variable) -> dict[str, Any]:
    """Describe a variable; without levels as in the files of surrogates that know none."""
    return {name: value for name, value in asdict(variable).items() if value is not None}


def _per_sample(scale: Tensor, field: Tensor) -> Tensor:
    return scale.to(field.dtype).reshape(-1, *(1,) * (field.ndim - 1))
