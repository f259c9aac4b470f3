"""The figures of the test set, all those of :mod:`combustion.plotters`."""

from combustion.plotters import figures

__all__ = ["figures"]
