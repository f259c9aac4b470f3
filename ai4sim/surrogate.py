"""A trained surrogate: physical fields in and out, with torch and numpy, without Lightning."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ai4sim.files import atomic_write, missing_file_error, write_json
from ai4sim.nets import build
from ai4sim.normalization import Normalizer

FORMAT = 1
PERIODIC_HALO = 2  # cells of the network's coarsest grid by which periodic fields are continued
Periods = Sequence[int | None]
WEIGHTS = "model.safetensors"
DESCRIPTION = "surrogate.json"


@dataclass(frozen=True)
class Variable:
    """A channel: its field-standard name and its unit.

    Attributes
    ----------
    name : str
        For instance ``progress_variable``.
    units : str
        For instance ``1/m``; ``1`` for a dimensionless quantity.
    """

    name: str
    units: str


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
        The channels, in order.
    input_shape, output_shape : tuple of int, optional
        Shape of the statistics where they differ per level, e.g. (channel, level); default
        (channel,).
    reflections : sequence of int, optional
        Spatial axes (0 is the first) under whose reflections the physics is unchanged. In
        evaluation the prediction is the mean over all of them, and commutes with each exactly; two
        axes make it four times as expensive.
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
            "inputs": [asdict(v) for v in inputs],
            "outputs": [asdict(v) for v in outputs],
            "input_shape": list(input_shape or (len(inputs),)),
            "output_shape": list(output_shape or (len(outputs),)),
            "reflections": list(reflections),
        }
        self.inputs, self.outputs = list(inputs), list(outputs)
        self.net = build(dict(net))
        self.input_norm = Normalizer(tuple(self.spec["input_shape"]))
        self.output_norm = Normalizer(tuple(self.spec["output_shape"]))
        self.facts: dict[str, Any] = {}

    def forward(
        self, inputs: Tensor, output_scale: Tensor | None = None, periods: Periods | None = None
    ) -> Tensor:
        """Predict in physical units.

        Parameters
        ----------
        inputs : Tensor of shape (batch, channel, ...)
            Physical units.
        output_scale : Tensor of shape (batch,), optional
            Reference value of the outputs of each sample.
        periods : sequence of int or None, optional
            For each spatial axis, the cells after which the fields repeat; None where they do not.
            A periodic field is continued beyond its edges, where the network would see none.

        Returns
        -------
        Tensor of shape (batch, output channel, ...)
            Physical units.
        """
        return self.denormalize(self.normalized(inputs, periods), output_scale)

    def normalized(self, inputs: Tensor, periods: Periods | None = None) -> Tensor:
        """Return the network's own output, which the loss sees."""
        halo = PERIODIC_HALO * int(getattr(self.net, "stride", 1))
        axes = [(axis, p) for axis, p in enumerate(periods or (), start=2) if p]
        for axis, period in axes:
            n = inputs.shape[axis]
            around = torch.arange(-halo, n + halo, device=inputs.device) % period
            inputs = inputs.index_select(axis, around)
        prediction = self._symmetric(self.input_norm(inputs))
        for axis, _ in axes:
            prediction = prediction.narrow(axis, halo, prediction.shape[axis] - 2 * halo)
        return prediction

    def _symmetric(self, x: Tensor) -> Tensor:
        """Apply the network; in evaluation, the mean over all reflections of the chosen axes."""
        if self.training or not self.spec["reflections"]:
            prediction: Tensor = self.net(x)
            return prediction
        axes = [axis + 2 for axis in self.spec["reflections"]]
        flips = [f for n in range(len(axes) + 1) for f in itertools.combinations(axes, n)]
        return torch.stack([self.net(x.flip(f)).flip(f) for f in flips]).mean(0)

    def denormalize(self, outputs: Tensor, output_scale: Tensor | None = None) -> Tensor:
        """Turn the network's output into physical units."""
        # The physical values are float32 whatever precision the network ran in.
        physical = self.output_norm.inverse(outputs.float())
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
    ) -> dict[str, NDArray]:
        """Predict from named arrays.

        Parameters
        ----------
        fields : mapping of str to ndarray
            One array per input variable, without or with a leading batch axis, physical units.
        output_scale : float or ndarray of shape (batch,), optional
            Reference value of the outputs; default: that of the training set, where it had a single
            one.
        periods : sequence of int or None, optional
            See :meth:`forward`.

        Returns
        -------
        dict of str to ndarray
            One float32 array per output variable, physical units.

        Raises
        ------
        ValueError
            An input is missing, or the arrays differ in shape.
        """
        missing = [v.name for v in self.inputs if v.name not in fields]
        if missing:
            expected = ", ".join(f"{v.name} [{v.units}]" for v in self.inputs)
            raise ValueError(
                f"missing input {missing}: expected {expected}, found {sorted(fields)}"
            )
        arrays = [np.asarray(fields[v.name], dtype=np.float32) for v in self.inputs]
        if len({a.shape for a in arrays}) > 1:
            shapes = {v.name: a.shape for v, a in zip(self.inputs, arrays, strict=True)}
            raise ValueError(f"input fields differ in shape: {shapes}")
        dimensions = self.spec["net"].get("dimensions", arrays[0].ndim)
        batched = arrays[0].ndim > dimensions
        x = torch.from_numpy(np.stack(arrays, axis=1 if batched else 0))
        x = x if batched else x[None]
        if output_scale is None:
            output_scale = self.facts.get("output_scale", 1.0)
        if output_scale is None:
            raise ValueError(
                "the training set had several values of output_scale "
                f"({self.facts.get('output_scale_meaning', 'see its documentation')}): give one"
            )
        scale = torch.as_tensor(output_scale, dtype=torch.float32).expand(len(x))
        device = self.input_norm.mean.device
        was_training = self.training
        self.eval()
        y = self(x.to(device), scale.to(device), periods).cpu().numpy()
        self.train(was_training)
        y = y if batched else y[0]
        channels = np.moveaxis(y, 1 if batched else 0, 0)
        return {v.name: channel for v, channel in zip(self.outputs, channels, strict=True)}

    def save(self, folder: str | Path) -> None:
        """Write ``model.safetensors`` and ``surrogate.json`` into a folder."""
        from safetensors.torch import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()}
        with atomic_write(folder / WEIGHTS) as temporary:
            save_file(state, temporary)
        write_json(folder / DESCRIPTION, {"format": FORMAT, **self.spec, "facts": self.facts})

    @classmethod
    def load(cls, folder: str | Path, device: str | torch.device = "cpu") -> Surrogate:
        """Read what :meth:`save` wrote; no code of the file is ever run.

        Raises
        ------
        FileNotFoundError
            The folder lacks one of the two files.
        ValueError
            A format of another version, or weights that do not fit the description.
        """
        from safetensors.torch import load_file

        folder = Path(folder)
        for name in (DESCRIPTION, WEIGHTS):
            if not (folder / name).is_file():
                raise missing_file_error(folder / name)
        description = json.loads((folder / DESCRIPTION).read_text())
        if description.get("format") != FORMAT:
            raise ValueError(
                f"{folder / DESCRIPTION}: format {description.get('format')}, expected {FORMAT}"
            )
        surrogate = cls(
            net=description["net"],
            inputs=[Variable(**v) for v in description["inputs"]],
            outputs=[Variable(**v) for v in description["outputs"]],
            input_shape=tuple(description["input_shape"]),
            output_shape=tuple(description["output_shape"]),
            reflections=description["reflections"],
        )
        surrogate.facts = description["facts"]
        state = load_file(folder / WEIGHTS, device=str(device))
        expected = surrogate.state_dict()
        if {k: v.shape for k, v in state.items()} != {k: v.shape for k, v in expected.items()}:
            differing = sorted(k for k in set(state) ^ set(expected)) or "shapes"
            raise ValueError(f"{folder / WEIGHTS} does not fit {DESCRIPTION}: {differing}")
        surrogate.load_state_dict(state)
        return surrogate.to(device).eval()


def _per_sample(scale: Tensor, field: Tensor) -> Tensor:
    return scale.to(field.dtype).reshape(-1, *(1,) * (field.ndim - 1))
