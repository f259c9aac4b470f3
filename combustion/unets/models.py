"""The U-Nets of this use case."""

from ai4sim.network_arguments import with_network
from combustion.models import FlameModule


@with_network("UNet", features=32, padding_mode="replicate")
class LitUNet3D(FlameModule):
    """3-D U-Net from the filtered progress variable to the flame surface density.

    Lapeyre et al. 2019 (arXiv 1810.03691) introduced it on a methane/air slot burner.
    """
