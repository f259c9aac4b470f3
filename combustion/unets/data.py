"""The data of this use case: random blocks of filtered flames, see :mod:`combustion.crops`."""

from combustion.crops import CropDataModule

__all__ = ["CropDataModule"]
