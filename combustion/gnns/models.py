"""The graph networks of this use case; those of the literature, and one that sees direction."""

from ai4sim.network_arguments import with_network
from combustion.models import FlameModule


@with_network("GCN")
class LitGCN(FlameModule):
    """Graph convolutional network (Kipf and Welling 2017, arXiv 1609.02907)."""


@with_network("GIN")
class LitGIN(FlameModule):
    """Graph isomorphism network (Xu et al. 2019, arXiv 1810.00826)."""


@with_network("GAT")
class LitGAT(FlameModule):
    """Graph attention network (Velickovic et al. 2018, arXiv 1710.10903)."""


@with_network("GraphUNet")
class LitGraphUNet(FlameModule):
    """Graph U-Net (Gao and Ji 2019, arXiv 1905.05178).

    It keeps the nodes of highest score on each coarser graph, whichever these are in the whole
    graph: large fields cannot be evaluated in parts, and a field's blocks see other coarse graphs
    than the field itself.
    """


@with_network("EdgeConditionedNet")
class LitEdgeConditioned(FlameModule):
    """Encode-process-decode network whose messages depend on the relative position of two nodes."""
