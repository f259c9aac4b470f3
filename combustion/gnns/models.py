"""The graph networks of this use case; those of the literature, and one that sees direction."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from ai4sim.surrogate import Surrogate
from ai4sim.variables import Batch
from combustion.models import INPUTS, OUTPUTS, FlameModule

JumpingKnowledge = Literal["last", "cat", "max"]


def stack(
    name: str, hidden_channels: int, num_layers: int, dropout: float, jk: str | None
) -> dict[str, Any]:
    """Describe a network of equal layers, see :class:`LitGCN`, to :func:`ai4sim.nets.build`."""
    return {
        "name": name,
        "hidden_channels": hidden_channels,
        "num_layers": num_layers,
        "dropout": dropout,
        "jk": jk,
        "act": "silu",
    }


class GraphFlameModule(FlameModule):
    """A graph network from the filtered progress variable to the flame surface density.

    Parameters
    ----------
    net : dict
        Name and arguments of a network of :mod:`ai4sim.nets`.
    symmetric : bool
        In evaluation, average over the reflections of y and z.
    **kwargs
        Optimiser, loss and size of the parts, see :class:`ai4sim.module.SurrogateModule`.
    """

    def __init__(self, net: dict[str, Any], symmetric: bool = False, **kwargs: Any) -> None:
        channels = {"in_channels": len(INPUTS), "out_channels": len(OUTPUTS)}
        reflections = (1, 2) if symmetric else ()
        surrogate = Surrogate({**net, **channels}, INPUTS, OUTPUTS, reflections=reflections)
        super().__init__(surrogate, **kwargs)

    def normalized_prediction(self, batch: Batch) -> Tensor:
        """Return the network's own output, of a mesh patch without the nodes of its halo."""
        prediction = super().normalized_prediction(batch)
        return prediction[batch["inner"]] if "inner" in batch else prediction


class LitGCN(GraphFlameModule):
    """Graph convolutional network (Kipf and Welling 2017, arXiv 1609.02907).

    Parameters
    ----------
    hidden_channels : int
        Features of a node.
    num_layers : int
        Layers, each of which looks one neighbour further.
    dropout : float
        Share of the features dropped in training.
    jk : {"last", "cat", "max"}, optional
        Jumping knowledge (Xu et al. 2018, arXiv 1806.03536): the output sees the last layer, all
        layers side by side, or their maximum. None: the last convolution is the output.
    **kwargs
        Optimiser and loss, see :class:`ai4sim.module.SurrogateModule`.
    """

    def __init__(
        self,
        hidden_channels: int = 32,
        num_layers: int = 4,
        dropout: float = 0.0,
        jk: JumpingKnowledge | None = "last",
        **kwargs: Any,
    ) -> None:
        super().__init__(stack("GCN", hidden_channels, num_layers, dropout, jk), **kwargs)
        self.save_hyperparameters()


class LitGIN(GraphFlameModule):
    """Graph isomorphism network (Xu et al. 2019, arXiv 1810.00826); parameters as for `LitGCN`."""

    def __init__(
        self,
        hidden_channels: int = 32,
        num_layers: int = 4,
        dropout: float = 0.0,
        jk: JumpingKnowledge | None = "last",
        **kwargs: Any,
    ) -> None:
        super().__init__(stack("GIN", hidden_channels, num_layers, dropout, jk), **kwargs)
        self.save_hyperparameters()


class LitGAT(GraphFlameModule):
    """Graph attention network (Velickovic et al. 2018, arXiv 1710.10903).

    Parameters
    ----------
    heads : int
        Attention heads, which share the features.
    hidden_channels, num_layers, dropout, jk
        See :class:`LitGCN`; dropout acts on the attention too.
    **kwargs
        Optimiser and loss, see :class:`ai4sim.module.SurrogateModule`.
    """

    def __init__(
        self,
        hidden_channels: int = 32,
        num_layers: int = 4,
        heads: int = 8,
        dropout: float = 0.0,
        jk: JumpingKnowledge | None = "last",
        **kwargs: Any,
    ) -> None:
        net = stack("GAT", hidden_channels, num_layers, dropout, jk)
        super().__init__({**net, "heads": heads}, **kwargs)
        self.save_hyperparameters()


class LitGraphUNet(GraphFlameModule):
    """Graph U-Net (Gao and Ji 2019, arXiv 1905.05178).

    It keeps the nodes of highest score on each coarser graph, whichever these are in the whole
    graph: large fields cannot be evaluated in parts, and a field's blocks see other coarse graphs
    than the field itself.

    Parameters
    ----------
    hidden_channels : int
        Features of a node.
    depth : int
        Coarser graphs below the first one.
    pool_ratios : float or list of float
        Share of the nodes that each coarser graph keeps.
    **kwargs
        Optimiser and loss, see :class:`ai4sim.module.SurrogateModule`.
    """

    def __init__(
        self,
        hidden_channels: int = 32,
        depth: int = 4,
        pool_ratios: float | list[float] = 0.5,
        **kwargs: Any,
    ) -> None:
        net = {
            "name": "GraphUNet",
            "hidden_channels": hidden_channels,
            "depth": depth,
            "pool_ratios": pool_ratios,
            "act": "silu",
        }
        super().__init__(net, **kwargs)
        self.save_hyperparameters()


class LitEdgeConditioned(GraphFlameModule):
    """Encode-process-decode network whose messages depend on the relative position of two nodes.

    See :class:`ai4sim.nets.edge_conditioned.EdgeConditionedNet`.

    Parameters
    ----------
    hidden_channels : int
        Features of a node.
    num_layers : int
        Message-passing steps.
    kernels : int
        Functions of the relative position that span a layer's kernel.
    symmetric : bool
        In evaluation, average over the reflections of y and z, so that the prediction of a
        reflected flame is the reflected prediction, exactly.
    **kwargs
        Optimiser and loss, see :class:`ai4sim.module.SurrogateModule`.
    """

    def __init__(
        self,
        hidden_channels: int = 32,
        num_layers: int = 6,
        kernels: int = 10,
        symmetric: bool = False,
        **kwargs: Any,
    ) -> None:
        net = {
            "name": "EdgeConditionedNet",
            "hidden_channels": hidden_channels,
            "num_layers": num_layers,
            "kernels": kernels,
        }
        super().__init__(net, symmetric, **kwargs)
        self.save_hyperparameters()
