"""Where a training set was: a guard that flags the samples on which a network is not to be trusted.

A sample is a column, a point, or a cell of a field with its neighbours. It is flagged if one of two
tests says that the training set has nothing like it:

* **box**: an input lies outside its range. The range is that between two quantiles of the training
  set, the same share wider on both sides;
* **distance**: the Mahalanobis distance from the nearest of some clusters of training samples is
  too large. Clusters live in the leading principal components of the standardised inputs, each with
  a covariance of its own: between two regimes of the weather there is nothing, though the mean of
  both is there, and one ellipsoid would hold it all.

Both limits are calibrated: each is exceeded by a given share of the samples of the training or of
the validation set, of that which exceeds it more often. An error that does not come from the inputs
being new is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from ai4sim.evaluation.clusters import nearest_distance, whitening_clusters
from ai4sim.evaluation.reservoir import Reservoir, thinning
from ai4sim.evaluation.ridge import inverse_std, principal_components
from ai4sim.nets.graph import Graph
from ai4sim.normalization import full_precision
from ai4sim.weights import GUARD

COMPONENTS, CLUSTERS = 12, 8
"""The numbers of principal components and of clusters, at most. Of 1 to 64 clusters in 8 to 32
components, these found most of the large errors of another season and of a storm left out, for the
least time."""
SAMPLES, VALUES = 16384, 2**23
"""The numbers of samples, and of their values, that the statistics are taken from, at most."""
SAMPLES_OF_BATCH = 4096
"""The number of cells of a batch of fields, or columns, that are offered, about."""
TAIL = 1e-3
"""The share of the training set below and above the quantiles of the box."""
BEYOND_BOX, BEYOND_CLUSTERS = 0.005, 0.01
"""The shares of the training or validation samples that each of the two tests flags."""
RARE = 0.1
"""The range between the quantiles, relative to the whole range, up to which the latter counts."""
CONSTANT = 1e-5
"""Half the range, relative to the value, up to which an input is constant; it stays so near."""
SIDE = 3
"""The number of cells along a side of the neighbourhood of a cell."""
TENSORS = ("low", "high", "projection", "offset", "whitening", "shift")


class Verdict(NamedTuple):
    """The verdict of a guard on samples.

    Attributes
    ----------
    flag : Tensor, bool
        Whether a sample is unlike the training set.
    score : Tensor
        Distance from the nearest cluster over the largest one that is allowed [1].
    """

    flag: Tensor
    score: Tensor

    @property
    def named(self) -> dict[str, Tensor]:
        """Both as outputs of a surrogate: ``guard_flag`` and ``guard_score``."""
        return {f"guard_{name}": x for name, x in self._asdict().items()}


class Guard(nn.Module):
    """The box and the clusters of a training set.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        The attributes, as :meth:`state` gives them.

    Attributes
    ----------
    low, high : (channel,)
        The box of the inputs, physical units.
    projection, offset : (row, component), (component,)
        From a sample, the row of its inputs, to its principal components.
    whitening, shift : (component, cluster component), (cluster component,)
        From the components to the deviation from each cluster, in units of the allowed distance.
    """

    low: Tensor
    high: Tensor
    projection: Tensor
    offset: Tensor
    whitening: Tensor
    shift: Tensor

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        if set(tensors) != set(TENSORS):
            raise ValueError(f"guard: expected {', '.join(TENSORS)}, found {', '.join(tensors)}")
        for name in TENSORS:
            # Not among the weights: a checkpoint without a guard is whole.
            self.register_buffer(name, tensors[name].detach().float(), persistent=False)

    def state(self) -> dict[str, Tensor]:
        """Return the tensors by name, for a file."""
        return {name: buffer.cpu() for name, buffer in self.named_buffers()}

    @classmethod
    def fit(
        cls,
        training: Tensor,
        validation: Tensor,
        channels: int | None = None,
        *,
        components: int = COMPONENTS,
        clusters: int = CLUSTERS,
    ) -> Self:
        """Fit to samples of the training set; samples of the validation set calibrate, too.

        Parameters
        ----------
        training, validation : (sample, row)
            Rows of :func:`samples_of`.
        channels : int, optional
            The number of channels of the inputs, as many as the row has by default.
        components, clusters : int
            The largest numbers of either; few samples have fewer.

        Raises
        ------
        ValueError
            Fewer than two samples to fit to, none to calibrate with, NaN or infinite ones.
        """
        x, other = training.double().cpu(), validation.double().cpu()
        if len(x) < 2 or not len(other):
            raise ValueError(
                f"a guard needs two samples of the training set and one of the validation set, "
                f"found {len(x)} and {len(other)}"
            )
        if not (x.isfinite().all() and other.isfinite().all()):
            raise ValueError("the inputs of the training or validation set are NaN or infinite")
        own = _own(x.shape[1], channels or x.shape[1])
        low, high = _box(x[:, own], other[:, own])

        mean = x.mean(0)
        scale = inverse_std(mean, x.std(0))
        z = (x - mean) * scale
        directions = principal_components(z, components)
        projection = scale[:, None] * directions
        offset = -mean @ projection
        points, others = x @ projection + offset, other @ projection + offset
        whitening, shift = whitening_clusters(points, clusters)
        allowed = _limit(
            nearest_distance(points, whitening, shift),
            nearest_distance(others, whitening, shift),
            BEYOND_CLUSTERS,
        )
        tensors = (low, high, projection, offset, whitening / allowed, shift / allowed)
        return cls(dict(zip(TENSORS, tensors, strict=True)))

    def misfit(self, inputs: Tensor, graph: Graph | None = None) -> str:
        """Return why inputs are none that it was fitted to; nothing where they are."""
        rows, channels = len(self.projection), len(self.low)
        found = _row_length(inputs, graph)
        if inputs.shape[1] == channels and found == rows:
            return ""
        return (
            f"the guard was fitted to samples of {channels} channels and {rows} values, these have "
            f"{inputs.shape[1]} and {found}"
        )

    def forward(self, inputs: Tensor, graph: Graph | None = None) -> Verdict:
        """Judge inputs, physical units.

        Parameters
        ----------
        inputs : (sample, channel), (batch, channel, *space), or with a graph (node, channel)
        graph : Graph, optional

        Returns
        -------
        Verdict
            Of shape (sample,), (batch, *space) or (node,).

        Raises
        ------
        ValueError
            Inputs of other channels, or of another number of axes, than in the training.
        """
        wrong = self.misfit(inputs, graph)
        if wrong:
            raise ValueError(wrong)
        x = full_precision(inputs).to(self.low.dtype)
        outside = ~((x - self.clip(x)).abs().amax(1) <= 0)  # of NaN, too
        if graph is None and x.ndim > 2:
            places, points = self._of_cells(x)
        else:
            rows = x if graph is None else _with_neighbours(x, graph)
            places, points = x.shape[:1], torch.addmm(self.offset, rows, self.projection)
        score = nearest_distance(points, self.whitening, self.shift).reshape(places)
        return Verdict(outside | ~(score <= 1), score)

    def clip(self, inputs: Tensor) -> Tensor:
        """Clip inputs, (..., channel) or (batch, channel, *space), to the box."""
        shape = (-1, *(1,) * (inputs.ndim - 2))
        return torch.clamp(inputs, self.low.reshape(shape), self.high.reshape(shape))

    def _of_cells(self, x: Tensor) -> tuple[tuple[int, ...], Tensor]:
        """Return the shape of the places of fields, and the components of all cells."""
        space = x.ndim - 2
        convolve = (nn.functional.conv1d, nn.functional.conv2d, nn.functional.conv3d)[space - 1]
        kernels = self.projection.T.reshape(-1, x.shape[1], *(SIDE,) * space)
        found = convolve(_padded(x), kernels, self.offset).movedim(1, -1)
        return tuple(found.shape[:-1]), found.flatten(0, -2)


# ---- samples -------------------------------------------------------------------------------------


def samples_of(inputs: Tensor, graph: Graph | None = None, most: int | None = None) -> Tensor:
    """Return the samples that inputs are made of, as rows.

    Parameters
    ----------
    inputs : (sample, channel), (batch, channel, *space), or with a graph (node, channel)
    graph : Graph, optional
    most : int, optional
        The number of samples, about, evenly spread; by default all.

    Returns
    -------
    (sample, row)
        Of columns and points the row is that of their inputs; of a cell those of its 3 x 3 x 3
        neighbourhood, edges repeated; of a node its own, the mean of its neighbours, and the root
        mean square of the differences from them.
    """
    x = full_precision(inputs)
    if graph is not None:
        x = _with_neighbours(x, graph)
    if x.ndim == 2:
        return x[:: thinning(len(x), most or len(x))]
    space = x.ndim - 2
    cells = x[:, 0].numel()
    # Odd, so that the cells chosen do not keep to planes of an even number of cells.
    chosen = torch.arange(0, cells, thinning(cells, most or cells) | 1)
    place = torch.unravel_index(chosen, (len(x), *x.shape[2:]))
    windows = _padded(x)
    for axis in range(2, x.ndim):
        windows = windows.unfold(axis, SIDE, 1)
    return windows.movedim(1, space + 1)[place].flatten(1)


def offer(kept: Reservoir, rows: Tensor) -> None:
    """Offer samples to a reservoir, whose choice is the same however the batches are divided.

    Parameters
    ----------
    kept : Reservoir
    rows : (sample, row)
        A batch.
    """
    rows = rows.float().cpu().contiguous()
    # A hash of the row and, to tell equal ones apart, of its place in the batch.
    odd = 2 * torch.arange(1, rows.shape[1] + 2) + 1
    bits = rows.view(torch.int32).long() * odd[:-1] * 0x9E3779B9
    mixed = (bits.sum(1) + torch.arange(len(rows)) * odd[-1]) * 0x5851F42D4C957F2D
    key = ((mixed ^ (mixed >> 29)) * 0x2545F4914F6CDD1D >> 11 & (2**53 - 1)).double()
    kept.offer(key, {"row": rows})


def _own(rows: int, channels: int) -> slice:
    """Return where a row has the inputs of the sample itself."""
    around = rows // channels
    if rows % channels == 0 and around == SIDE ** round(math.log(around, SIDE)):
        return slice(around // 2, None, around)
    return slice(0, channels)


def _row_length(inputs: Tensor, graph: Graph | None) -> int:
    if graph is not None:
        return (2 + 1) * inputs.shape[1] + 1
    return int(inputs.shape[1]) * SIDE ** (inputs.ndim - 2)


def _padded(x: Tensor) -> Tensor:
    return nn.functional.pad(x, (SIDE // 2, SIDE // 2) * (x.ndim - 2), mode="replicate")


def _with_neighbours(x: Tensor, graph: Graph) -> Tensor:
    """Return (node, 3 channel + 1): own inputs, mean and spread around, number of neighbours."""
    sender, receiver = graph.edge_index.to(x.device)
    count = torch.zeros_like(x[:, :1]).index_add_(0, receiver, torch.ones_like(x[sender, :1]))
    least = count.clamp(min=1)
    mean = torch.zeros_like(x).index_add_(0, receiver, x[sender]) / least
    differences = (x[sender] - x[receiver]).square()
    spread = torch.zeros_like(x).index_add_(0, receiver, differences) / least
    return torch.cat([x, mean, spread.sqrt(), count], dim=1)


# ---- statistics ----------------------------------------------------------------------------------


def _limit(training: Tensor, validation: Tensor, share: float) -> Tensor:
    """Return the value that at most this share of either set exceeds."""
    return torch.stack([torch.quantile(x, 1 - share) for x in (training, validation)]).max()


def _box(training: Tensor, validation: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lower and the upper limits of inputs (sample, channel)."""
    shares = torch.tensor([TAIL, 1 - TAIL], dtype=training.dtype)
    low, high = torch.quantile(training, shares, dim=0)
    least, most = training.aminmax(dim=0)
    # What is nearly always the same, such as no cloud, has a range all the same.
    rare = high - low < RARE * (most - least)
    low, high = torch.where(rare, least, low), torch.where(rare, most, high)
    middle, half = (low + high) / 2, (high - low) / 2
    varies = half > CONSTANT * middle.abs()

    def excess(x: Tensor) -> Tensor:
        found = ((x - middle).abs() / half)[:, varies]
        return found.amax(1) if found.shape[1] else x.new_zeros(len(x))

    wider = _limit(excess(training), excess(validation), BEYOND_BOX).clamp(min=1)
    half = torch.where(varies, wider * half, CONSTANT * middle.abs())
    return middle - half, middle + half


def required(guard: Guard | None, source: object) -> Guard:
    """Return a guard; raise ValueError, which names its source, if there is none."""
    if guard is None:
        raise ValueError(
            f"{source} has no statistics of its training set for a guard: it was trained before "
            "there were any. Expected a newer one: train again, or for one epoch with --start_from"
        )
    return guard


def split_state(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Guard | None]:
    """Divide the tensors of a file into the weights and the guard, if there is one."""
    weights = {name: x for name, x in state.items() if not name.startswith(GUARD)}
    of_guard = {name.removeprefix(GUARD): x for name, x in state.items() if name not in weights}
    return weights, Guard(of_guard) if of_guard else None


def fit_to_batches(
    training: Iterable[Tensor],
    validation: Iterable[Tensor],
    channels: int,
    merged: Callable[[Reservoir], Reservoir] = lambda kept: kept,
) -> Guard:
    """Fit a guard to batches of samples, of which a bounded number is kept.

    Parameters
    ----------
    training, validation : iterables of Tensor (sample, row)
    channels : int
        The number of channels of the inputs.
    merged : callable
        Merges the reservoirs of several processes.
    """
    sets: list[Tensor] = []
    for batches in (training, validation):
        kept = Reservoir(SAMPLES)
        for rows in batches:
            kept.size = min(SAMPLES, VALUES // rows.shape[1])
            offer(kept, rows)
        sets.append(merged(kept).rows.get("row", torch.zeros(0, channels)))
    training_rows, validation_rows = sets
    return Guard.fit(training_rows, validation_rows, channels)
