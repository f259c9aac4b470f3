"""Ridge regression from the moments of a training set, and the principal components of rows."""

from __future__ import annotations

import torch
from torch import Tensor

from ai4sim.evaluation.moments import CrossMoments

CONSTANT = 1e-6
"""Standard deviation, relative to the size of the mean, up to which an input is constant."""


def inverse_std(mean: Tensor, std: Tensor) -> Tensor:
    """Return what standardises inputs, 1 / std; 0 of a constant one, which gets no weight.

    Parameters
    ----------
    mean, std : (input,), float64
    """
    size = mean.abs().clamp(min=torch.finfo(torch.float32).tiny)
    return torch.where(std > CONSTANT * size, 1 / std, 0.0)


def ridge_weights(moments: CrossMoments, penalty: float, scale: Tensor | None = None) -> Tensor:
    """Return the weights of a ridge regression of every output on all inputs.

    With z the deviation of the inputs from their mean times `scale`, and y that of the outputs, the
    weights w of z solve ``(z'z + penalty) w = z'y`` (Hoerl & Kennard 1970, Technometrics 12, eq.
    2.1). The prediction is ``y_mean + (x - x_mean) @ weights``.

    Parameters
    ----------
    moments : CrossMoments
        Of inputs (row, input) and outputs (row, output).
    penalty : float
        In rows: of standardised inputs, a prior as strong as this many rows.
    scale : (input,), optional
        By default that of standardised inputs, see :func:`inverse_std`: the prediction is then the
        same whatever the units of the inputs.

    Returns
    -------
    (input, output), float64
        From the deviation of an input to the deviation of an output, both in their own units.
    """
    mean, xx, xy = (torch.from_numpy(a).double() for a in (moments.x_mean, moments.xx, moments.xy))
    if scale is None:
        scale = inverse_std(mean, (xx.diagonal() / moments.count).sqrt())
    scale = scale.to(xx)[:, None]
    system = scale * xx * scale.T + penalty * torch.eye(len(xx), dtype=xx.dtype)
    return scale * torch.linalg.solve(system, scale * xy)


def principal_components(z: Tensor, components: int, iterations: int = 3) -> Tensor:
    """Return the leading directions of rows by subspace iteration (Halko et al. 2011, 4.4).

    Unlike :func:`torch.pca_lowrank` it leaves the random numbers of the training alone.

    Parameters
    ----------
    z : (row, channel)
        Of mean zero.
    components : int
        Number of directions, at most: no more than the rows differ in.
    iterations : int
        Number of iterations. The more, the sharper the last components are told from the next.

    Returns
    -------
    (channel, component)
        Orthonormal, the strongest first.
    """
    wide = min(components + 20, *z.shape)
    generator = torch.Generator().manual_seed(0)
    basis = torch.randn(z.shape[1], wide, generator=generator, dtype=z.dtype).to(z.device)
    for _ in range(iterations):
        basis = torch.linalg.qr(z.T @ torch.linalg.qr(z @ basis).Q).Q
    _, strength, turned = torch.linalg.svd(z @ basis, full_matrices=False)
    kept = strength[:components] > 1e-6 * strength[0]
    return basis @ turned[:components][kept].T
