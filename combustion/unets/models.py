"""The U-Nets of this use case."""

from __future__ import annotations

from typing import Any

from ai4sim.nets.unet import Activation, Norm, Padding, Upsampling
from ai4sim.surrogate import Surrogate
from combustion.models import INPUTS, OUTPUTS, FlameModule


class LitUNet3D(FlameModule):
    """3-D U-Net from the filtered progress variable to the flame surface density.

    Lapeyre et al. 2019 (arXiv 1810.03691) introduced it on a methane/air slot burner.

    Parameters
    ----------
    features : int
        Channels of the finest level; they double from level to level.
    levels : int
        Grids, each twice as coarse as the one before.
    convolutions_per_level : int
    norm, activation, upsampling, padding_mode
        See :class:`ai4sim.nets.UNet`.
    residual : bool
        Add the input of each level's convolutions to their output.
    symmetric : bool
        In evaluation, average over the reflections of y and z, so that the prediction of a
        reflected flame is the reflected prediction, exactly.
    **kwargs
        Optimiser and loss, see :class:`ai4sim.module.SurrogateModule`.
    """

    def __init__(
        self,
        features: int = 32,
        levels: int = 3,
        convolutions_per_level: int = 2,
        norm: Norm = "batch",
        activation: Activation = "relu",
        upsampling: Upsampling = "linear",
        residual: bool = False,
        padding_mode: Padding = "replicate",
        symmetric: bool = False,
        **kwargs: Any,
    ) -> None:
        net = {
            "name": "UNet",
            "dimensions": 3,
            "in_channels": len(INPUTS),
            "out_channels": len(OUTPUTS),
            "features": features,
            "levels": levels,
            "convolutions_per_level": convolutions_per_level,
            "norm": norm,
            "activation": activation,
            "upsampling": upsampling,
            "residual": residual,
            "padding_mode": padding_mode,
        }
        surrogate = Surrogate(net, INPUTS, OUTPUTS, reflections=(1, 2) if symmetric else ())
        super().__init__(surrogate, **kwargs)
        self.save_hyperparameters()
